import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Net from "../../../src/Net/index.js"
import { readToEnd, type Subject, test, text } from "../harness.js"

const connectTo = (listener: Net.Listener) => Net.connect({ host: "127.0.0.1", port: listener.address.port })

/** Long enough for what was asked for to be under way. */
const someTime = Effect.sleep("10 millis")

const silently = Logger.remove(Logger.defaultLogger)

export const serving = (subject: Subject) => {
  test(subject, "serve gives each connection a handler, and closes it when the handler ends", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      yield* Effect.forkScoped(
        listener.serve((connection) => connection.writeString(`hello ${connection.remoteAddress.port}`))
      )
      const greetings = yield* Effect.forEach(
        Array(20),
        () =>
          Effect.gen(function* () {
            const client = yield* connectTo(listener)
            const { port } = yield* client.localAddress
            assert.strictEqual(text(yield* readToEnd(client)), `hello ${port}`)
          }),
        { concurrency: 5 }
      )
      assert.strictEqual(greetings.length, 20)
    })
  )

  test(subject, "a handler that fails or dies ends its own connection and nothing else", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const handler = (connection: Net.Connection) =>
        Effect.gen(function* () {
          const line = yield* connection.readLine
          if (line._tag === "Some" && line.value === "fail") return yield* Effect.fail("on purpose")
          if (line._tag === "Some" && line.value === "die") return yield* Effect.die("on purpose")
          if (line._tag === "Some" && line.value === "throw") throw new Error("on purpose")
          return yield* connection.writeString("served")
        })
      yield* Effect.forkScoped(listener.serve(handler))
      for (const [request, answer] of [
        ["fail", ""],
        ["die", ""],
        ["throw", ""],
        ["ok", "served"]
      ] as const) {
        const client = yield* connectTo(listener)
        yield* client.writeString(`${request}\n`)
        assert.strictEqual(text(yield* readToEnd(client)), answer)
      }
    }).pipe(Effect.provide(silently))
  )

  test(subject, "a handler that fails is logged, unless its peer has reset the connection", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => void logged.push(String(message)))
    return Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const isReading = yield* Effect.makeSemaphore(0)
      const handler = (connection: Net.Connection) =>
        Effect.gen(function* () {
          yield* connection.read
          yield* isReading.release(1)
          yield* connection.read
          return yield* Effect.fail("on purpose")
        })
      yield* Effect.forkScoped(listener.serve(handler))
      for (const leave of ["abort", "close"] as const) {
        const client = yield* connectTo(listener)
        yield* client.writeString("here")
        yield* isReading.take(1)
        yield* someTime
        yield* client[leave]
      }
      while (logged.length === 0) yield* someTime
      // The other one would have been logged by now.
      yield* someTime
      assert.strictEqual(logged.length, 1)
      assert.match(logged.join(), /^the handler of 127\.0\.0\.1:\d+ failed/)
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })

  test(
    subject,
    "interrupting serve interrupts the handlers, waits for them, and closes their connections",
    () =>
      Effect.gen(function* () {
        const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
        const started = yield* Deferred.make<void>()
        const ended: Array<string> = []
        const handler = (connection: Net.Connection) =>
          Effect.zipRight(Deferred.succeed(started, undefined), connection.read).pipe(
            Effect.onExit((exit) =>
              Effect.zipRight(
                Effect.sleep("20 millis"),
                Effect.sync(() => ended.push(Exit.isInterrupted(exit) ? "interrupted" : "otherwise"))
              )
            )
          )
        const serving = yield* Effect.forkScoped(listener.serve(handler))
        const client = yield* connectTo(listener)
        yield* Deferred.await(started)
        yield* Fiber.interrupt(serving)
        assert.deepStrictEqual(ended, ["interrupted"])
        assert.strictEqual((yield* client.read).length, 0)
      })
  )

  test(subject, "interrupting serve at any moment leaves no connection behind", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const rounds = subject.isSlow ? 20 : 200
      for (let round = 0; round < rounds; round++) {
        const client = yield* connectTo(listener)
        const serving = yield* Effect.fork(listener.serve((connection) => connection.read))
        yield* Effect.forEach(Array(round % 12), () => Effect.yieldNow())
        yield* Fiber.interrupt(serving)
        yield* client.close
      }
      yield* listener.close
      assert.strictEqual((yield* Net.statistics).openSockets, 0)
    })
  )

  test(subject, "serve ends with Closed when its listener closes", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const serving = yield* Effect.fork(Effect.flip(listener.serve(() => Effect.void)))
      yield* Effect.sleep("20 millis")
      yield* listener.close
      assert.deepInclude(yield* serving, { _tag: "ConnectionError", reason: "Closed", operation: "accept" })
    })
  )

  test(subject, "clients that reset before they are accepted do not end the accepting", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      for (let round = 0; round < 10; round++) {
        const vanished = yield* connectTo(listener)
        yield* vanished.abort
      }
      yield* Effect.forkScoped(listener.serve((connection) => connection.writeString("still here")))
      const client = yield* connectTo(listener)
      assert.strictEqual(text(yield* readToEnd(client)), "still here")
    }).pipe(Effect.provide(silently))
  )
}
