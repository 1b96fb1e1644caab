import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Future from "../../../src/Net/Future.js"
import * as Net from "../../../src/Net/index.js"
import {
  bytes,
  concat,
  finish,
  pairOf,
  pattern,
  readExactly,
  type Subject,
  test,
  testTcp,
  text
} from "../harness.js"

export const choosing = (subject: Subject) => {
  testTcp(subject, "futures: connect, accept, write and read, with callbacks, each called once", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const called: Array<string> = []
      const accepting = yield* Future.asyncAccept(listener, () => {
        called.push("accepted")
      })
      const connecting = yield* Future.asyncConnect({ host: "127.0.0.1", port: listener.address.port }, () =>
        Effect.sync(() => called.push("connected"))
      )
      const server = yield* Future.await(accepting)
      const client = yield* Future.await(connecting, "5 seconds")
      const reading = yield* Future.asyncRead(server, (exit) => {
        called.push(Exit.isSuccess(exit) ? text(exit.value) : "failed")
      })
      const writing = yield* Future.asyncWrite(client, bytes("data"), () => {
        called.push("written")
      })
      yield* Future.await(writing)
      yield* Future.await(reading)
      assert.sameMembers(called, ["accepted", "connected", "written", "data"])
    })
  )

  test(subject, "a future that is not done in time goes on, and can be awaited again", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const reading = yield* Future.asyncRead(server)
      const failure = yield* Effect.flip(Future.await(reading, "20 millis"))
      assert.deepInclude(failure, { _tag: "TimeoutError", operation: "await" })
      assert.isTrue(Option.isNone(yield* reading.poll))
      yield* client.writeString("at last")
      assert.strictEqual(text(yield* Future.await(reading, "20 seconds")), "at last")
      assert.strictEqual(text(yield* Future.await(reading)), "at last", "a future keeps its outcome")
    })
  )

  test(subject, "select over futures: the first one, and the others go on", () =>
    Effect.gen(function* () {
      const one = yield* pairOf(subject)
      const two = yield* pairOf(subject)
      const futures = [yield* Future.asyncRead(one.server), yield* Future.asyncRead(two.server)] as const
      assert.deepInclude(yield* Effect.flip(Future.select(futures, "20 millis")), { _tag: "TimeoutError" })
      yield* two.client.writeString("second")
      const first = yield* Future.select(futures)
      assert.strictEqual(first.index, 1)
      assert.isTrue(Exit.isSuccess(first.exit) && text(first.exit.value) === "second")
      yield* one.client.writeString("first")
      assert.strictEqual(text(yield* Future.await(futures[0])), "first")
    })
  )

  test(subject, "a future's failure is the failure of who awaits it", () =>
    Effect.gen(function* () {
      const { server } = yield* pairOf(subject)
      const reading = yield* Future.asyncRead(server)
      yield* server.close
      assert.deepInclude(yield* Effect.flip(Future.await(reading)), {
        _tag: "ConnectionError",
        reason: "Closed"
      })
    })
  )

  test(subject, "a future that is cancelled takes nothing", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const reading = yield* Future.asyncRead(server)
      yield* Effect.sleep("10 millis")
      yield* reading.cancel
      yield* client.writeString("kept")
      assert.strictEqual(text(yield* readExactly(server, 4)), "kept")
    })
  )

  test(subject, "select over effects: losers lose no byte, though all become ready at once", () =>
    Effect.gen(function* () {
      const pairs = yield* Effect.forEach(Array(4), () => pairOf(subject))
      const rounds = subject.isSlow ? 50 : 300
      const sent = pattern(rounds * 4)
      const received: Array<Array<Uint8Array>> = pairs.map(() => [])
      for (let round = 0; round < rounds; round++) {
        const [first, ...others] = pairs.map(({ server }, index) =>
          Effect.map(server.readWith({ maxBytes: 4 }), (chunk) => ({ index, chunk }))
        )
        if (first === undefined) return
        // All of them get four bytes a round; in this round, one of them is read.
        const writing = yield* Effect.fork(
          Effect.forEach(pairs, ({ client }) => client.writeAll(sent.subarray(round * 4, round * 4 + 4)), {
            concurrency: "unbounded"
          })
        )
        const winner = yield* Net.select([first, ...others])
        received[winner.index]?.push(winner.chunk)
        yield* Fiber.join(writing)
      }
      for (const [index, { client, server }] of pairs.entries()) {
        yield* finish(client)
        const before = concat(received[index] ?? [])
        const rest = yield* readExactly(server, sent.length - before.length)
        assert.isTrue(Buffer.from(concat([before, rest])).equals(sent), `bytes of pair ${index} were lost`)
      }
    })
  )

  testTcp(subject, "select over accepts: losers lose no connection", () =>
    Effect.gen(function* () {
      const listeners = yield* Effect.forEach(Array(3), () => Net.listen({ host: "127.0.0.1", port: 0 }))
      const connect = ({ address }: Net.Listener) => Net.connect({ host: "127.0.0.1", port: address.port })
      yield* Effect.forEach(listeners, connect, { concurrency: "unbounded" })
      const left = new Set(listeners)
      while (left.size > 0) {
        const [first, ...others] = [...left].map((listener) => Effect.as(listener.accept, listener))
        if (first === undefined) break
        left.delete(yield* Net.select([first, ...others]))
      }
    })
  )

  test(
    subject,
    "select ends as the first one ends, also if that is a failure; and interrupts the others",
    () =>
      Effect.gen(function* () {
        const { server } = yield* pairOf(subject)
        let wasInterrupted = false
        const loser = Effect.onInterrupt(server.read, () =>
          Effect.sync(() => {
            wasInterrupted = true
          })
        )
        assert.strictEqual(
          yield* Effect.flip(Net.select([loser, Effect.delay(Effect.fail("first"), "10 millis")])),
          "first"
        )
        assert.isTrue(wasInterrupted)
        const whole = yield* Effect.fork(Net.select([server.read, Effect.never]))
        yield* Effect.sleep("10 millis")
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(whole)))
      })
  )
}
