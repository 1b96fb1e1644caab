import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  attempt,
  attemptFailing,
  bytes,
  closing,
  failureOf,
  open,
  pair,
  pattern,
  receive,
  receiveOperation,
  receiveToEnd,
  reset,
  type Subject,
  sendAll,
  sendOperation,
  start,
  test,
  text
} from "../harness.js"

export const endings = (subject: Subject): void => {
  test(
    subject,
    "the end of the stream comes after all bytes, and again at each further receive",
    (proactor) =>
      Effect.gen(function* () {
        const { client, server } = yield* pair(proactor)
        yield* sendAll(client, pattern(100_000))
        yield* closing(client)
        assert.strictEqual(Buffer.compare(yield* receiveToEnd(server), pattern(100_000)), 0)
        assert.strictEqual((yield* receive(server)).length, 0)
        assert.strictEqual((yield* receive(server)).length, 0)
      })
  )

  test(subject, "a receive that waits sees the end of the stream", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const receiving = start(server, receiveOperation())
      yield* client.shutdown("write")
      const { chunk, failure } = yield* receiving.retired
      assert.isUndefined(failure)
      assert.strictEqual(chunk.length, 0)
    })
  )

  test(subject, "one half ends, the other goes on", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      yield* sendAll(client, bytes("question"))
      yield* client.shutdown("write")
      assert.strictEqual(text(yield* receiveToEnd(server)), "question")
      yield* sendAll(server, bytes("answer"))
      yield* server.shutdown("write")
      assert.strictEqual(text(yield* receiveToEnd(client)), "answer")
      const failure = yield* attemptFailing(client, sendOperation(bytes("too late")))
      assert.include(["Closed", "Reset"], failure.reason)
    })
  )

  test(subject, "a reset is a failure, never the end of the stream", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const receiving = start(server, receiveOperation())
      yield* reset(client)
      const failure = failureOf(yield* receiving.retired)
      assert.strictEqual(failure._tag, "ConnectionError")
      assert.strictEqual(failure.reason, "Reset")
      assert.strictEqual(failure.operation, "receive")
    })
  )

  test(subject, "sends fail once the peer has reset the connection", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      yield* reset(client)
      for (;;) {
        const { failure } = yield* attempt(server, sendOperation(bytes("anybody there?")))
        if (failure === undefined) continue
        assert.include(["Reset", "Aborted"], failure.reason)
        return
      }
    })
  )

  test(subject, "a shutdown needs a connection", (proactor) =>
    Effect.gen(function* () {
      const socket = yield* open(proactor)
      const failure = yield* Effect.flip(socket.shutdown("both"))
      assert.strictEqual(failure.reason, "NotConnected")
      assert.strictEqual(failure.codeName, subject.codes.notConnected.codeName)
    })
  )
}
