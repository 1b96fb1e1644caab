import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Net from "../../../src/Net/index.js"
import { readToEnd, type Subject, test, text } from "../harness.js"

const connectTo = (listener: Net.Listener) => Net.connect({ host: "127.0.0.1", port: listener.address.port })

const loopback = Net.listen({ host: "127.0.0.1", port: 0 })

/** Serves until its scope closes. */
const serving = <E>(
  listener: Net.Listener,
  handler: (connection: Net.Connection) => Effect.Effect<unknown, E>,
  options: Net.ServeOptions<E>
) => Effect.forkScoped(Effect.ignore(listener.serve(handler, options)))

export const limits = (subject: Subject) => {
  test(subject, "maxConnections: one more waits, and is served when there is a place", () =>
    Effect.gen(function* () {
      const listener = yield* loopback
      let now = 0
      let most = 0
      const handler = (connection: Net.Connection) =>
        Effect.gen(function* () {
          now += 1
          most = Math.max(most, now)
          yield* connection.writeString("your turn")
          yield* connection.read
        }).pipe(Effect.ensuring(Effect.sync(() => (now -= 1))))
      yield* serving(listener, handler, { maxConnections: 3 })
      const clients = yield* Effect.forEach(Array(10), () => connectTo(listener))
      yield* Effect.forEach(
        clients,
        (client) =>
          Effect.gen(function* () {
            assert.strictEqual(text(yield* client.read), "your turn")
            yield* Effect.sleep("5 millis")
            yield* client.close
          }),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(most, 3)
    })
  )

  for (const maxConnections of [0, -1, 1.5, Number.POSITIVE_INFINITY]) {
    test(subject, `maxConnections of ${maxConnections} is refused`, () =>
      Effect.gen(function* () {
        const listener = yield* loopback
        const failure = yield* Effect.flip(listener.serve(() => Effect.void, { maxConnections }))
        assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidArgument", operation: "serve" })
      })
    )
  }

  test(subject, "idleTimeout: a silent connection is closed", () =>
    Effect.gen(function* () {
      const listener = yield* loopback
      const outcome = yield* Deferred.make<unknown>()
      const handler = (connection: Net.Connection) =>
        Effect.tapError(connection.read, (failure) => Deferred.succeed(outcome, failure))
      yield* serving(listener, handler, { idleTimeout: "100 millis", onFailure: () => Effect.void })
      const silent = yield* connectTo(listener)
      assert.strictEqual((yield* readToEnd(silent)).length, 0)
      assert.deepInclude(yield* Deferred.await(outcome), {
        _tag: "ConnectionError",
        reason: "TimedOut",
        operation: "read"
      })
    })
  )

  test(subject, "handshakeTimeout: a byte now and then does not help, being established does", () =>
    Effect.gen(function* () {
      const listener = yield* loopback
      const outcome = yield* Deferred.make<unknown>()
      const handler = (connection: Net.Connection) =>
        Effect.gen(function* () {
          yield* connection.readLine
          yield* connection.established
          yield* connection.writeString("hello")
          yield* connection.readLine
        }).pipe(Effect.tapError((failure) => Deferred.succeed(outcome, failure)))
      yield* serving(listener, handler, { handshakeTimeout: "1500 millis", onFailure: () => Effect.void })
      const good = yield* connectTo(listener)
      const slow = yield* connectTo(listener)
      yield* good.writeString("login\n")
      assert.strictEqual(text(yield* good.read), "hello")
      const dripping = yield* Effect.fork(
        Effect.ignore(Effect.forever(Effect.zipRight(slow.writeString("a"), Effect.sleep("20 millis"))))
      )
      assert.deepInclude(yield* Deferred.await(outcome), { _tag: "ConnectionError", reason: "TimedOut" })
      yield* Fiber.join(dripping)
      yield* good.shutdown("write")
      assert.strictEqual((yield* readToEnd(good)).length, 0, "the good one was left alone")
    })
  )

  test(subject, "a drain lets handlers finish within its bound, cuts the rest, and tells the numbers", () =>
    Effect.gen(function* () {
      const listener = yield* loopback
      const started = { count: 0 }
      const handler = (connection: Net.Connection) =>
        Effect.gen(function* () {
          started.count += 1
          const line = yield* connection.readLine
          if (line._tag === "Some" && line.value === "stay") return yield* Effect.never
          yield* connection.writeString("done")
        })
      const told = yield* Deferred.make<Net.Drained>()
      const fiber = yield* Effect.fork(
        listener.serve(handler, {
          drainTimeout: "2 seconds",
          onDrained: (drained) => Deferred.succeed(told, drained)
        })
      )
      const clients = yield* Effect.forEach(Array(5), () => connectTo(listener))
      while (started.count < 5) yield* Effect.sleep("5 millis")
      const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* Effect.sleep("20 millis")
      for (const [index, client] of clients.entries())
        yield* client.writeString(index < 3 ? "go\n" : "stay\n")
      const answers = yield* Effect.forEach(clients, (client) => Effect.map(readToEnd(client), text))
      assert.deepStrictEqual(answers, ["done", "done", "done", "", ""])
      assert.deepStrictEqual(yield* Deferred.await(told), { finished: 3, cut: 2 })
      yield* Fiber.join(interrupting)
    })
  )

  test(subject, "onFailure is told of what a handler failed with, and may itself fail", () =>
    Effect.gen(function* () {
      const listener = yield* loopback
      const told: Array<string> = []
      yield* serving(listener, () => Effect.fail("on purpose"), {
        onFailure: (cause, connection) =>
          Effect.suspend(() => {
            told.push(`${cause._tag === "Fail" && cause.error} ${connection.remoteAddress.host}`)
            return told.length === 1 ? Effect.void : Effect.die("the report fails too")
          })
      })
      for (let round = 0; round < 3; round++) {
        const client = yield* connectTo(listener)
        assert.strictEqual((yield* readToEnd(client)).length, 0)
      }
      assert.deepStrictEqual(told, Array(3).fill("on purpose 127.0.0.1"))
    })
  )
}
