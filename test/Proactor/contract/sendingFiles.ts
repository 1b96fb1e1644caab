import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { SendFileOperation, WriteAtOperation } from "../../../src/Proactor/FileOperation.js"
import type { ProactorFile, ProactorService } from "../../../src/Proactor/Proactor.js"
import { temporaryFile } from "../../support/folder.js"
import {
  attempt,
  attemptFailing,
  bytes,
  closing,
  failureOf,
  pair,
  pattern,
  perform,
  receiveExactly,
  receiveToEnd,
  type Subject,
  sendAll,
  start,
  test,
  text,
  turns
} from "../harness.js"

const TWO_TO_32 = 2 ** 32

const newFile = (proactor: ProactorService, isSparse: boolean) =>
  Effect.gen(function* () {
    const path = yield* temporaryFile
    const opening = {
      path,
      access: "readWrite",
      create: "exclusively",
      append: false,
      sparse: isSparse
    } as const
    return yield* Effect.acquireRelease(proactor.openFile({ ...opening, mode: undefined }), closing)
  })

const writeAll = (file: ProactorFile, content: Uint8Array, position = 0) =>
  Effect.gen(function* () {
    const writing = new WriteAtOperation()
    writing.bytes = content
    while (writing.offset < content.length) {
      writing.position = position + writing.offset
      yield* perform(file, writing)
      writing.offset += writing.written
    }
  })

const fileOf = (proactor: ProactorService, content: Uint8Array) =>
  Effect.tap(newFile(proactor, false), (file) => writeAll(file, content))

const sendingOf = (file: ProactorFile, position: number, length: number): SendFileOperation => {
  const operation = new SendFileOperation()
  operation.file = file
  operation.position = position
  operation.length = length
  return operation
}

/** A file that no proactor knows. */
const stranger: ProactorFile = {
  submit: () => assert.fail("nobody asks it"),
  cancel: () => {},
  close: () => {},
  abandon: () => {}
}

/** A network of its own has no kernel that could send a file: it says so, and sends nothing. */
const refusing = (subject: Subject) => {
  test(subject, "is Unsupported here, and nothing is sent", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const file = yield* fileOf(proactor, bytes("never"))
      const operation = sendingOf(file, 0, 5)
      assert.strictEqual((yield* attemptFailing(client, operation)).reason, "Unsupported")
      assert.strictEqual(operation.committed, 0)
      yield* sendAll(client, bytes("well"))
      yield* client.shutdown("write")
      assert.strictEqual(text(yield* receiveToEnd(server)), "well")
    })
  )
}

export const sendingFiles = (subject: Subject) => {
  if (subject.isIsolated === true) {
    refusing(subject)
    return
  }

  test(subject, "a file goes out by itself, piece by piece, to its end", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const all = pattern(3_000_000)
      const file = yield* fileOf(proactor, all)
      const receiving = yield* Effect.fork(receiveToEnd(server))
      const operation = sendingOf(file, 1000, all.length)
      for (;;) {
        const { sent } = yield* perform(client, operation)
        if (sent === 0) break
        operation.position += sent
      }
      assert.strictEqual(operation.position, all.length)
      yield* client.shutdown("write")
      assert.isTrue(Buffer.from(yield* receiving).equals(all.subarray(1000)))
    })
  )

  test(subject, "it sends no more than was asked for, among other bytes", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const file = yield* fileOf(proactor, bytes("0123456789"))
      yield* sendAll(client, bytes("<"))
      assert.strictEqual((yield* perform(client, sendingOf(file, 2, 3))).sent, 3)
      yield* sendAll(client, bytes(">"))
      yield* client.shutdown("write")
      assert.strictEqual(text(yield* receiveToEnd(server)), "<234>")
    })
  )

  test(subject, "beyond the end there is nothing to send", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* pair(proactor)
      const file = yield* fileOf(proactor, bytes("four"))
      for (const position of [4, 5, 5 * 2 ** 30]) {
        assert.strictEqual((yield* perform(client, sendingOf(file, position, 10))).sent, 0)
      }
    })
  )

  test(subject, "what lies beyond 4 GiB is sent from there, and so is what lies across", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const file = yield* newFile(proactor, true)
      // Where the lower half of such an offset would lead.
      yield* writeAll(file, new Uint8Array(64).fill(0x21))
      yield* writeAll(file, bytes("before, after, and beyond"), TWO_TO_32 - 8)
      for (const [position, length, expected] of [
        [TWO_TO_32 + 3, 8, "er, and "],
        [TWO_TO_32, 5, "after"],
        [TWO_TO_32 - 8, 25, "before, after, and beyond"],
        [TWO_TO_32 - 1, 100, " after, and beyond"]
      ] as const) {
        const { sent } = yield* perform(client, sendingOf(file, position, length))
        assert.strictEqual(sent, expected.length)
        assert.strictEqual(text(yield* receiveExactly(server, sent)), expected)
      }
      const beyond = sendingOf(file, TWO_TO_32 + 17, 10)
      assert.strictEqual((yield* perform(client, beyond)).sent, 0)
    })
  )

  test(subject, "it waits for room, and others go on meanwhile; what is cancelled retires once", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const file = yield* fileOf(proactor, pattern(1_000_000))
      let sent = 0
      let last = start(client, sendingOf(file, 0, 1_000_000))
      for (;;) {
        yield* turns
        if (last.retirements() === 0) break
        sent += (yield* last.retired).sent
        last = start(client, sendingOf(file, 0, 1_000_000))
      }
      // The other direction is free.
      yield* sendAll(server, bytes("ping"))
      assert.strictEqual(text(yield* receiveExactly(client, 4)), "ping")
      client.cancel(last.operation)
      const { committed, failure } = yield* last.retired
      assert.strictEqual(last.retirements(), 1)
      if (failure !== undefined) assert.strictEqual(failure.reason, "Cancelled")
      yield* turns
      assert.strictEqual(last.retirements(), 1)
      // What nobody has taken upon himself to send is not sent.
      if (committed > 0) return
      yield* client.shutdown("write")
      assert.strictEqual((yield* receiveToEnd(server)).length, sent)
    })
  )

  test(
    subject,
    "a file of another proactor's, or a closed one, is refused, and nothing is sent",
    (proactor) =>
      Effect.gen(function* () {
        const { client, server } = yield* pair(proactor)
        const file = yield* fileOf(proactor, bytes("never"))
        file.close()
        for (const other of [file, stranger]) {
          const operation = sendingOf(other, 0, 5)
          yield* attempt(client, operation)
          assert.strictEqual(failureOf(operation)._tag, "NetworkError")
          assert.strictEqual(operation.committed, 0)
        }
        yield* sendAll(client, bytes("well"))
        yield* client.shutdown("write")
        assert.strictEqual(text(yield* receiveToEnd(server)), "well")
      })
  )
}
