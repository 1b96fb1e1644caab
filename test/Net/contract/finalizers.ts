/**
 * What finalizers may rely on: within a region that cannot be interrupted a timeout passes all the same, and an
 * interruption meanwhile changes nothing.
 */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Future from "../../../src/Net/Future.js"
import * as Net from "../../../src/Net/index.js"
import { pair, pattern, readToEnd, type Subject, test, text } from "../harness.js"

/** Long enough for what was asked for to be under way. */
const someTime = Effect.sleep("10 millis")

/** More than the system keeps for a peer that does not read. */
const TOO_MUCH_BYTES = 30_000_000

/** Interrupts a fiber that cannot be interrupted, twice, and waits for its end. */
const interruptedTwice = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) =>
  Effect.gen(function* () {
    for (let time = 0; time < 2; time++) {
      yield* Fiber.interruptFork(fiber)
      yield* someTime
    }
    return yield* Fiber.await(fiber)
  })

export const finalizers = (subject: Subject) => {
  test(subject, "a write to a peer that reads nothing is late, and tells how far it came", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const all = pattern(TOO_MUCH_BYTES)
      const failure = yield* Effect.uninterruptible(
        Effect.flip(client.writeAll(all, { timeout: "50 millis" }))
      )
      assert.deepInclude(failure, { _tag: "TimeoutError", operation: "write" })
      const sent = (failure._tag === "TimeoutError" && failure.bytesTransferred) || 0
      const reading = yield* Effect.fork(readToEnd(server))
      yield* client.writeAll(all.subarray(sent))
      yield* client.shutdown("write")
      assert.isTrue(Buffer.from(yield* Fiber.join(reading)).equals(all))
    })
  )

  test(subject, "a shutdown behind such a write is late", () =>
    Effect.gen(function* () {
      const { client } = yield* pair
      yield* Effect.fork(Effect.ignore(client.writeAll(pattern(TOO_MUCH_BYTES))))
      yield* someTime
      const failure = yield* Effect.uninterruptible(
        Effect.flip(client.shutdown("write", { timeout: "20 millis" }))
      )
      assert.deepInclude(failure, { _tag: "TimeoutError", operation: "shutdown" })
    })
  )

  test(subject, "reads, accepts, and waits for futures are late", () =>
    Effect.gen(function* () {
      const { client, listener } = yield* pair
      const timeout = "20 millis"
      const future = yield* Future.start(Effect.never)
      const waits: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
        client.readWith({ timeout }),
        client.readLineWith({ timeout }),
        Effect.scoped(listener.acceptWith({ timeout })),
        Future.await(future, timeout),
        Future.select([future], timeout)
      ]
      for (const wait of waits) {
        const failure = yield* Effect.uninterruptible(Effect.flip(wait))
        assert.strictEqual(failure._tag, "TimeoutError")
      }
    })
  )

  test(subject, "an interruption meanwhile takes nothing away", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const future = yield* Future.start(Effect.delay(Effect.succeed("done"), "50 millis"))
      const answers: Array<unknown> = []
      const waits: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        Effect.map(Future.select([future, future]), ({ index }) => index),
        Future.await(future, "1 hour"),
        Effect.map(client.readWith({ timeout: "1 hour" }), text),
        client.writeString("and back", { timeout: "1 hour" })
      ]
      const finalizing = yield* Effect.fork(
        Effect.uninterruptible(
          Effect.forEach(waits, (wait) => Effect.map(wait, (answer) => answers.push(answer)))
        )
      )
      yield* someTime
      yield* Effect.fork(Effect.delay(server.writeString("there"), "100 millis"))
      yield* interruptedTwice(finalizing)
      assert.deepStrictEqual(answers, [0, "done", "there", undefined])
    })
  )

  /** A server with one client, whose handler ends when the client sends something; interrupted twice. */
  const drainedTwice = (
    drainTimeout: "1 hour" | "100 millis",
    meanwhile: (client: Net.Connection) => Effect.Effect<unknown, unknown>
  ) =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const started = yield* Deferred.make<void>()
      const events: Array<unknown> = []
      const handler = (connection: Net.Connection) =>
        Effect.zipRight(Deferred.succeed(started, undefined), connection.read).pipe(
          Effect.onExit((exit) =>
            Effect.zipRight(
              someTime,
              Effect.sync(() => events.push(Exit.isInterrupted(exit) ? "interrupted" : "ended"))
            )
          )
        )
      const onDrained = (drained: Net.Drained) => Effect.sync(() => events.push(drained))
      const serving = yield* Effect.fork(listener.serve(handler, { drainTimeout, onDrained }))
      const client = yield* Net.connect({ host: "127.0.0.1", port: listener.address.port })
      yield* Deferred.await(started)
      yield* Fiber.interruptFork(serving)
      yield* someTime
      yield* Effect.fork(Effect.delay(meanwhile(client), "50 millis"))
      yield* interruptedTwice(serving)
      return events
    })

  test(subject, "a server that drains lets its handlers end, however often it is interrupted", () =>
    Effect.gen(function* () {
      const events = yield* drainedTwice("1 hour", (client) => client.writeString("end"))
      assert.deepStrictEqual(events, ["ended", { finished: 1, cut: 0 }])
    })
  )

  test(subject, "and interrupts those that do not, and waits for them", () =>
    Effect.gen(function* () {
      const events = yield* drainedTwice("100 millis", () => Effect.void)
      assert.deepStrictEqual(events, ["interrupted", { finished: 0, cut: 1 }])
    })
  )
}
