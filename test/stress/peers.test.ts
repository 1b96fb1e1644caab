/**
 * Peers in processes of their own, that are killed, stopped, or stand still: each with its typed outcome.
 *
 * SIGSTOP is Linux' alone. A peer that stands still by itself looks the same from here (its system goes on receiving
 * until its buffers are full, and nobody reads them), and that runs in every lane.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, beforeAll, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "../../src/Net/index.js"
import { bytes, concat, test, text } from "../Net/harness.js"
import { type Child, node, temporaryFolder } from "../process/child.js"
import { pattern } from "./soak/random.js"
import { isLinux, isSlow, subject } from "./support/subject.js"

const program = new URL("./programs/peer.mjs", import.meta.url)

const totalBytes = (isSlow ? 24 : 48) * 1024 * 1024

/** What is sent: the pattern again and again. */
const sent = concat(Array.from({ length: totalBytes / (1024 * 1024) }, () => pattern(1024 * 1024)))

/** Starts a peer, and accepts its connection. */
const meet = (...mode: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
    const peer = yield* node(program, String(listener.address.port), ...mode)
    const connection = yield* listener.accept
    const greeting = yield* connection.readLine
    assert.strictEqual(greeting._tag === "Some" && greeting.value, "here I am")
    return { connection, peer }
  })

const kill = (peer: Child) => Effect.zipRight(peer.signal("SIGKILL"), peer.ending)

/** A killed process's connection: ended by its system, or reset, which is what Windows does. */
const assertOver = (outcome: {
  readonly _tag: string
  readonly left?: unknown
  readonly right?: Uint8Array
}) => {
  if (outcome._tag === "Right") assert.strictEqual(outcome.right?.length, 0)
  else assert.deepInclude(outcome.left, { _tag: "ConnectionError", reason: "Reset", operation: "read" })
}

/** Writes until it fails. The first write after the peer's end may still be taken. */
const writeUntilFailure = (connection: Net.Connection) =>
  Effect.flip(Effect.forever(Effect.zipRight(connection.writeString("anybody?"), Effect.sleep("5 millis"))))

/** Both directions run out of time, and the connection is as it was; then `resume`, and all goes on. */
const outlast = (connection: Net.Connection, resume: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const late = yield* Effect.flip(connection.writeAll(sent, { timeout: "500 millis" }))
    assert.deepInclude(late, { _tag: "TimeoutError", operation: "write" })
    const gone = (late._tag === "TimeoutError" && late.bytesTransferred) || 0
    assert.isAbove(gone, 0)
    assert.isBelow(gone, sent.length)
    const nothing = yield* Effect.flip(connection.readWith({ timeout: "50 millis" }))
    assert.deepInclude(nothing, { _tag: "TimeoutError", operation: "read" })
    const full = yield* Effect.flip(connection.writeAll(sent.subarray(gone), { timeout: "50 millis" }))
    assert.strictEqual(full._tag, "TimeoutError")
    const further = gone + ((full._tag === "TimeoutError" && full.bytesTransferred) || 0)
    yield* resume
    yield* connection.writeAll(sent.subarray(further))
    yield* connection.shutdown("write")
    const counted = yield* connection.readLineWith({ timeout: "50 seconds" })
    assert.strictEqual(counted._tag === "Some" && counted.value, String(sent.length))
  })

/** The first child opens what stays open: on Windows, the job that its children belong to. */
beforeAll(() => Effect.runPromise(Effect.scoped(Effect.flatMap(node(program, "0"), ({ ending }) => ending))))

describe("a peer process", () => {
  test(subject, "that counts gets every byte in order", () =>
    Effect.gen(function* () {
      const { connection } = yield* meet("count")
      yield* connection.writeAll(sent)
      yield* connection.shutdown("write")
      const counted = yield* connection.readLine
      assert.strictEqual(counted._tag === "Some" && counted.value, String(sent.length))
    })
  )

  test(subject, "killed while a read waits for it: the read ends, and writes fail with Reset", () =>
    Effect.gen(function* () {
      const { connection, peer } = yield* meet("deaf")
      const reading = yield* Effect.fork(Effect.either(connection.read))
      yield* Effect.sleep("20 millis")
      yield* kill(peer)
      assertOver(yield* reading)
      const failure = yield* writeUntilFailure(connection)
      assert.deepInclude(failure, { _tag: "ConnectionError", operation: "write" })
      assert.include(["Reset", "Aborted"], failure.reason)
    })
  )

  test(
    subject,
    "killed with data that it has not read: Reset, for the read and for the write under way",
    () =>
      Effect.gen(function* () {
        const { connection, peer } = yield* meet("deaf")
        const writing = yield* Effect.fork(Effect.flip(connection.writeAll(sent)))
        const reading = yield* Effect.fork(Effect.flip(connection.read))
        yield* Effect.sleep("50 millis")
        yield* kill(peer)
        for (const failure of [yield* writing, yield* reading]) {
          assert.strictEqual(failure._tag, "ConnectionError")
          assert.include(["Reset", "Aborted"], failure.reason)
        }
      })
  )

  test(subject, "that closes with unread data: Reset", () =>
    Effect.gen(function* () {
      const { connection } = yield* meet("unread")
      yield* connection.writeAll(bytes("never read"))
      assert.deepInclude(yield* Effect.flip(connection.read), { _tag: "ConnectionError", reason: "Reset" })
    })
  )

  test(subject, "that stands still: writes and reads time out; when it moves again, all goes on", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryFolder, "go on")
      const { connection, peer } = yield* meet("frozen", file)
      yield* peer.line("frozen")
      yield* outlast(
        connection,
        Effect.sync(() => writeFileSync(file, ""))
      )
    })
  )

  if (isLinux) {
    test(subject, "stopped by SIGSTOP: writes and reads time out; after SIGCONT all goes on", () =>
      Effect.gen(function* () {
        const { connection, peer } = yield* meet("count")
        yield* peer.signal("SIGSTOP")
        yield* outlast(connection, peer.signal("SIGCONT"))
      })
    )

    test(subject, "stopped by SIGSTOP and killed then: Reset", () =>
      Effect.gen(function* () {
        const { connection, peer } = yield* meet("count")
        yield* peer.signal("SIGSTOP")
        const late = yield* Effect.flip(connection.writeAll(sent, { timeout: "200 millis" }))
        assert.strictEqual(late._tag, "TimeoutError")
        const reading = yield* Effect.fork(Effect.flip(connection.read))
        yield* kill(peer)
        assert.deepInclude(yield* reading, { _tag: "ConnectionError", reason: "Reset" })
      })
    )
  }

  test(subject, "that is killed ends no other's connection", () =>
    Effect.gen(function* () {
      const doomed = yield* meet("deaf")
      const other = yield* meet("count")
      yield* kill(doomed.peer)
      yield* other.connection.writeAll(pattern(1000))
      yield* other.connection.shutdown("write")
      assert.strictEqual(text(yield* other.connection.read), "1000\n")
    })
  )
})
