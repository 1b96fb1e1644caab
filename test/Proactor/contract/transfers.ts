import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  bytes,
  type MakePair,
  pair,
  pattern,
  perform,
  receive,
  receiveExactly,
  receiveOperation,
  receiveToEnd,
  type Subject,
  sendAll,
  sendOperation,
  start,
  test,
  text,
  turns
} from "../harness.js"

const MEBIBYTE = 1024 * 1024

export const transfers = (subject: Subject, makePair: MakePair = pair): void => {
  test(subject, "bytes go both ways", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      yield* sendAll(client, bytes("ping"))
      assert.strictEqual(text(yield* receiveExactly(server, 4)), "ping")
      yield* sendAll(server, bytes("pong"))
      assert.strictEqual(text(yield* receiveExactly(client, 4)), "pong")
    })
  )

  test(subject, "a receive that waits gets what comes", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      const receiving = start(server, receiveOperation())
      yield* turns
      assert.strictEqual(receiving.retirements(), 0)
      assert.isTrue(receiving.operation.isInFlight)
      yield* sendAll(client, bytes("late"))
      assert.strictEqual(text((yield* receiving.retired).chunk), "late")
      assert.isFalse(receiving.operation.isInFlight)
    })
  )

  test(subject, "a receive takes no more than it was asked to", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      yield* sendAll(client, bytes("abcdef"))
      yield* client.shutdown("write")
      assert.strictEqual((yield* receive(server, 1)).length, 1)
      assert.isAtMost((yield* receive(server, 2)).length, 2)
      assert.isAtMost((yield* receiveToEnd(server)).length, 4)
    })
  )

  test(subject, "what was received is the receiver's to keep", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      const kept: Array<Uint8Array> = []
      for (let index = 0; index < 50; index++) {
        yield* sendAll(client, pattern(100, index))
        kept.push(yield* receiveExactly(server, 100))
      }
      for (const [index, chunk] of kept.entries()) assert.deepEqual([...chunk], [...pattern(100, index)])
    })
  )

  test(subject, "a send begins at its offset, and tells how far it came", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      const operation = sendOperation(bytes("skipped sent"))
      operation.offset = 8
      yield* perform(client, operation)
      assert.strictEqual(operation.sent, 4)
      assert.strictEqual(text(yield* receiveExactly(server, 4)), "sent")
    })
  )

  test(subject, "one operation object serves again and again", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      const sending = sendOperation(bytes("x"))
      const receiving = receiveOperation()
      for (let index = 0; index < 100; index++) {
        yield* perform(client, sending)
        yield* perform(server, receiving)
        assert.strictEqual(text(receiving.chunk), "x")
      }
    })
  )

  test(subject, "8 MiB arrive whole and in order, however slowly they are read", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      const sent = pattern(8 * MEBIBYTE)
      const read = Effect.gen(function* () {
        const chunks: Array<Uint8Array> = []
        for (let count = 0; ; count++) {
          // The sender runs into a full connection now and then.
          if (count % 64 === 0) yield* Effect.sleep("5 millis")
          const chunk = yield* receive(server)
          if (chunk.length === 0) return Buffer.concat(chunks)
          chunks.push(chunk)
        }
      })
      const write = Effect.zipRight(sendAll(client, sent), client.shutdown("write"))
      const [received] = yield* Effect.all([read, write], { concurrency: 2 })
      assert.strictEqual(Buffer.compare(received, sent), 0)
    })
  )

  test(subject, "both halves run at full speed at once", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      const [one, other] = [pattern(2 * MEBIBYTE), pattern(2 * MEBIBYTE, 7)]
      const [fromOne, fromOther] = yield* Effect.all(
        [
          receiveExactly(server, one.length),
          receiveExactly(client, other.length),
          sendAll(client, one),
          sendAll(server, other)
        ],
        { concurrency: "unbounded" }
      )
      assert.strictEqual(Buffer.compare(fromOne, one), 0)
      assert.strictEqual(Buffer.compare(fromOther, other), 0)
    })
  )
}
