/**
 * A slow reader slows its writer: what has been written and not been read is at most what the system's buffers hold,
 * however much there is to write. A peer that never reads holds up its writer and nothing else.
 */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { foreignBytesInUse } from "../../src/Foreign/Memory.js"
import * as Net from "../../src/Net/index.js"
import { pair, readToEnd, test } from "../Net/harness.js"
import { residentBytes } from "./soak/memory.js"
import { isPattern, pattern } from "./soak/random.js"
import { isSlow, subject } from "./support/subject.js"

const MEBIBYTE = 1024 * 1024
const PIECE_BYTES = 64 * 1024

/** What the sender's and the receiver's system may hold between them, at their largest, and a piece under way. */
const BUFFERED_BYTES = 16 * MEBIBYTE

const totalBytes = (isSlow ? 24 : 128) * MEBIBYTE

/** Writes piece by piece, and counts. */
const counting = (connection: Net.Connection, total: number) => {
  const progress = { written: 0 }
  const piece = pattern(PIECE_BYTES)
  const write = Effect.zipRight(
    connection.writeAll(piece),
    Effect.sync(() => {
      progress.written += piece.length
    })
  )
  const writing = Effect.zipRight(
    Effect.repeatN(write, total / PIECE_BYTES - 1),
    connection.shutdown("write")
  )
  return { progress, writing }
}

/** Waits until the writer has stopped for a while. Were that too short a while, the test would see less, not fail. */
const untilHeldUp = (progress: { readonly written: number }) =>
  Effect.gen(function* () {
    for (let before = -1; before !== progress.written; ) {
      before = progress.written
      yield* Effect.sleep("100 millis")
    }
  })

describe("backpressure", () => {
  test(subject, "a slow reader slows its writer", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const { progress, writing } = counting(client, totalBytes)
      const writer = yield* Effect.fork(writing)
      yield* untilHeldUp(progress)
      assert.isBelow(progress.written, BUFFERED_BYTES, "written before anything was read")
      let read = 0
      let most = 0
      for (;;) {
        const chunk = yield* server.readWith({ maxBytes: PIECE_BYTES })
        if (chunk.length === 0) break
        assert.isTrue(isPattern(chunk.subarray(0, PIECE_BYTES - (read % PIECE_BYTES)), read % PIECE_BYTES))
        read += chunk.length
        most = Math.max(most, progress.written - read)
        // The writer could go on by any amount now, if only the reader held it back.
        if (read % (16 * PIECE_BYTES) < chunk.length) yield* Effect.sleep("2 millis")
      }
      yield* Fiber.join(writer)
      assert.strictEqual(read, totalBytes)
      assert.isBelow(most, BUFFERED_BYTES, "written and not yet read")
    })
  )

  test(subject, "a reader that does not ask is sent no more than the system's buffers hold", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const { progress, writing } = counting(client, totalBytes)
      yield* Effect.forkScoped(Effect.ignore(writing))
      // Having read once does not mean going on: the rest stays where it is.
      yield* server.readWith({ maxBytes: 1 })
      const before = residentBytes()
      yield* untilHeldUp(progress)
      assert.isBelow(progress.written, BUFFERED_BYTES)
      assert.isBelow(residentBytes() - before, 2 * BUFFERED_BYTES)
    })
  )

  test(subject, "peers that never read: writes time out, and memory stays bounded", () =>
    Effect.gen(function* () {
      const count = isSlow ? 10 : 200
      const bytes = new Uint8Array(16 * MEBIBYTE)
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const pairs = yield* Effect.forEach(Array(count), () =>
        Effect.zip(Net.connect({ host: "127.0.0.1", port: listener.address.port }), listener.accept)
      )
      const before = residentBytes()
      const foreignBefore = foreignBytesInUse()
      let most = 0
      for (let round = 0; round < 3; round++) {
        const outcomes = yield* Effect.forEach(
          pairs,
          ([client]) => Effect.flip(client.writeAll(bytes, { timeout: "100 millis" })),
          { concurrency: "unbounded" }
        )
        for (const outcome of outcomes) assert.strictEqual(outcome._tag, "TimeoutError")
        most = Math.max(most, foreignBytesInUse() - foreignBefore)
      }
      // At most one piece of each connection's is with the system.
      assert.isAtMost(most, count * 2 * PIECE_BYTES + 8 * MEBIBYTE, "foreign memory")
      assert.isBelow(residentBytes() - before, 64 * MEBIBYTE, "resident memory")
      // The others are served, and a writer that was held up goes on once it is read from.
      const { client, server } = yield* pair
      yield* client.writeString("as ever")
      assert.strictEqual((yield* server.read).length, 7)
      const [held, peer] = pairs[0] ?? assert.fail("no pair")
      const reading = yield* Effect.fork(readToEnd(peer))
      yield* held.writeString("and on")
      yield* held.shutdown("write")
      const all = yield* Fiber.join(reading)
      assert.strictEqual(new TextDecoder().decode(all.subarray(-6)), "and on")
    })
  )

  test(
    subject,
    "a write's timeout tells how far it came, again and again, and no byte is lost or repeated",
    () =>
      Effect.gen(function* () {
        const { client, server } = yield* pair
        const all = pattern(MEBIBYTE)
        const sendAll = Effect.gen(function* () {
          let late = 0
          // So often that the system's buffers are full most of the time.
          for (let times = 0; times < (isSlow ? 8 : 40); times++) {
            for (let at = 0; at < all.length; ) {
              const write = Effect.as(
                client.writeAll(all.subarray(at), { timeout: "5 millis" }),
                all.length - at
              )
              at += yield* Effect.catchTag(write, "TimeoutError", ({ bytesTransferred }) => {
                late += 1
                return Effect.succeed(bytesTransferred ?? 0)
              })
            }
          }
          yield* client.shutdown("write")
          return late
        })
        const sending = yield* Effect.fork(sendAll)
        yield* Effect.sleep("50 millis")
        let position = 0
        for (;;) {
          const chunk = yield* server.readWith({ maxBytes: 30_000 })
          if (chunk.length === 0) break
          const at = position % all.length
          const whole = Math.min(chunk.length, all.length - at)
          assert.isTrue(isPattern(chunk.subarray(0, whole), at), `bytes out of place at ${position}`)
          assert.isTrue(isPattern(chunk.subarray(whole), 0), `bytes out of place after ${position}`)
          position += chunk.length
          if (position % 1_000_000 < chunk.length) yield* Effect.sleep("10 millis")
        }
        assert.strictEqual(position, (isSlow ? 8 : 40) * all.length)
        assert.isAbove(yield* Fiber.join(sending), 0, "no write was late: the test tested nothing")
      })
  )
})
