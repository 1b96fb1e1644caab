import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { format } from "../../../src/Address/index.js"
import * as Net from "../../../src/Net/index.js"
import {
  finish,
  pairOf,
  pattern,
  readExactly,
  readToEnd,
  type Subject,
  test,
  testHalves,
  testTcp,
  text
} from "../harness.js"

export const timeouts = (subject: Subject) => {
  test(subject, "a read that times out leaves the connection usable", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const failure = yield* Effect.flip(server.readWith({ timeout: "20 millis" }))
      assert.strictEqual(failure._tag, "TimeoutError")
      assert.strictEqual(failure.operation, "read")
      assert.strictEqual(failure.address, format(yield* client.localAddress))
      assert.isTrue(failure._tag === "TimeoutError" && Duration.equals(failure.duration, "20 millis"))
      yield* client.writeString("late but here\n")
      assert.strictEqual(text(yield* readExactly(server, 13)), "late but here")
    })
  )

  test(subject, "a line that times out half-way is there when its end comes", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeString("first half, ")
      const failure = yield* Effect.flip(server.readLineWith({ timeout: "20 millis" }))
      assert.deepInclude(failure, { _tag: "TimeoutError", operation: "readLine" })
      yield* client.writeString("second half\n")
      const line = yield* server.readLineWith({ timeout: "20 seconds" })
      assert.strictEqual(line._tag === "Some" && line.value, "first half, second half")
    })
  )

  testTcp(subject, "an accept that times out leaves the listener usable", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const failure = yield* Effect.flip(listener.acceptWith({ timeout: "20 millis" }))
      assert.deepInclude(failure, { _tag: "TimeoutError", operation: "accept" })
      yield* Net.connect({ host: "127.0.0.1", port: listener.address.port })
      yield* listener.acceptWith({ timeout: "20 seconds" })
    })
  )

  test(subject, "a write that times out tells how far it came, and the caller goes on from there", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const all = pattern(30_000_000)
      const failure = yield* Effect.flip(client.writeAll(all, { timeout: "50 millis" }))
      assert.strictEqual(failure._tag, "TimeoutError")
      const sent = (failure._tag === "TimeoutError" && failure.bytesTransferred) || 0
      assert.isAbove(sent, 0)
      assert.isBelow(sent, all.length)
      const reading = yield* Effect.fork(readToEnd(server))
      yield* client.writeAll(all.subarray(sent))
      yield* finish(client)
      assert.isTrue(Buffer.from(yield* Fiber.join(reading)).equals(all))
    })
  )

  test(
    subject,
    "what a write that timed out has told to be on its way arrives, also if a close comes next",
    () =>
      Effect.gen(function* () {
        const { client, server } = yield* pairOf(subject)
        const all = pattern(30_000_000)
        const failure = yield* Effect.flip(client.writeAll(all, { timeout: "50 millis" }))
        const sent = (failure._tag === "TimeoutError" && failure.bytesTransferred) || 0
        assert.isAbove(sent, 0)
        const closing = yield* Effect.fork(client.close)
        yield* Effect.sleep("20 millis")
        const received = yield* readToEnd(server)
        assert.strictEqual(received.length, sent)
        assert.isTrue(Buffer.from(received).equals(all.subarray(0, sent)))
        yield* Fiber.join(closing)
      })
  )

  testHalves(
    subject,
    "a shutdown waits for earlier writes, and if they take too long shuts nothing down",
    () =>
      Effect.gen(function* () {
        const { client, server } = yield* pairOf(subject)
        const all = pattern(30_000_000)
        const writing = yield* Effect.fork(client.writeAll(all))
        yield* Effect.sleep("20 millis")
        const failure = yield* Effect.flip(client.shutdown("both", { timeout: "20 millis" }))
        assert.deepInclude(failure, { _tag: "TimeoutError", operation: "shutdown" })
        const reading = yield* Effect.fork(readToEnd(server))
        yield* client.shutdown("write", { timeout: "1 minute" })
        yield* Fiber.join(writing)
        assert.isTrue(Buffer.from(yield* Fiber.join(reading)).equals(all))
        yield* server.writeString("and back")
        assert.strictEqual(text(yield* readExactly(client, 8)), "and back")
      })
  )

  test(subject, "a timeout that is not needed changes nothing and ends with the operation", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeAll(pattern(10), { timeout: "1 hour" })
      assert.strictEqual((yield* server.readWith({ timeout: "1 hour" })).length, 10)
      yield* client.writeString("x\n", { timeout: "1 hour" })
      yield* server.readLineWith({ timeout: Duration.infinity })
    })
  )

  testTcp(subject, "a connect that nobody answers times out, and leaves nothing", () =>
    Effect.gen(function* () {
      // A listener that does not accept, with the smallest backlog: once that is full, the system leaves the next
      // connection unanswered (Linux), or takes it all the same, or refuses it (Windows).
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0, backlog: 1 })
      const attempt = Net.connect({ host: "127.0.0.1", port: listener.address.port, timeout: "100 millis" })
      const outcomes = yield* Effect.forEach(Array(8), () => Effect.either(attempt))
      for (const outcome of outcomes) {
        if (outcome._tag === "Right") continue
        assert.include(["TimeoutError", "ConnectionError"], outcome.left._tag)
        assert.strictEqual(outcome.left.operation, "connect")
      }
      if (subject.name !== "iocp") {
        assert.isTrue(
          outcomes.some((outcome) => outcome._tag === "Left" && outcome.left._tag === "TimeoutError")
        )
      }
    })
  )
}
