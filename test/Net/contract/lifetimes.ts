import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Net from "../../../src/Net/index.js"
import { openHandles } from "../../support/resources.js"
import { bytes, pair, readExactly, readToEnd, type Subject, test, text } from "../harness.js"

export const lifetimes = (subject: Subject) => {
  test(subject, "a scope closes its connections, and what waits on them fails", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const scope = yield* Scope.make()
      const client = yield* Scope.extend(
        Net.connect({ host: "127.0.0.1", port: listener.address.port }),
        scope
      )
      const server = yield* listener.accept
      const reading = yield* Effect.fork(Effect.flip(client.read))
      yield* Effect.sleep("20 millis")
      yield* Scope.close(scope, Exit.void)
      assert.deepInclude(yield* reading, { _tag: "ConnectionError", reason: "Closed" })
      assert.strictEqual((yield* readToEnd(server)).length, 0)
    })
  )

  test(subject, "an early close gives the descriptor back while the scope lives on", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const once = Effect.gen(function* () {
        const client = yield* Net.connect({ host: "127.0.0.1", port: listener.address.port })
        const server = yield* listener.accept
        yield* client.close
        yield* server.close
      })
      yield* once
      const before = openHandles()
      yield* Effect.forEach(Array(20), () => once)
      assert.isAtMost(openHandles(), before)
    })
  )

  test(subject, "closing from many fibers at once closes once", () =>
    Effect.gen(function* () {
      const { client } = yield* pair
      yield* Effect.fork(Effect.ignore(client.read))
      yield* Effect.sleep("10 millis")
      yield* Effect.forEach(Array(10), () => client.close, { concurrency: "unbounded" })
    })
  )

  test(subject, "descriptors are reused, and nobody gets a stranger's bytes", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const { port } = listener.address
      const rounds = subject.isSlow ? 30 : 300
      for (let round = 0; round < rounds; round++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const [client, server] = yield* Effect.all(
              [Net.connect({ host: "127.0.0.1", port }), listener.accept],
              {
                concurrency: 2
              }
            )
            // The reads of every other round are still waiting when their connection closes.
            const expected = `round ${round}`
            const reading = yield* Effect.fork(readExactly(server, expected.length))
            if (round % 2 === 0) return yield* Effect.yieldNow()
            yield* client.writeAll(bytes(expected))
            assert.strictEqual(text(yield* Fiber.join(reading)), expected)
          })
        )
      }
    })
  )

  test(subject, "abort is a reset for the peer", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const reading = yield* Effect.fork(Effect.flip(server.read))
      yield* Effect.sleep("20 millis")
      yield* client.abort
      assert.deepInclude(yield* reading, { _tag: "ConnectionError", reason: "Reset" })
    })
  )

  test(subject, "many connections at once, each echoing, on one port", () =>
    Effect.gen(function* () {
      const total = 1000
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const { port } = listener.address
      const echo = (connection: Net.Connection) =>
        Effect.gen(function* () {
          for (;;) {
            const chunk = yield* connection.read
            if (chunk.length === 0) return
            yield* connection.writeAll(chunk)
          }
        })
      yield* Effect.forkScoped(listener.serve(echo))
      const clients = yield* Effect.forEach(
        Array.from({ length: total }, (_, index) => index),
        () => Net.connect({ host: "127.0.0.1", port }),
        { concurrency: 50 }
      )
      for (let round = 0; round < 2; round++) {
        yield* Effect.forEach(
          clients,
          (client, index) =>
            Effect.gen(function* () {
              const message = `message ${index} of round ${round}`
              yield* client.writeString(message)
              assert.strictEqual(text(yield* readExactly(client, message.length)), message)
            }),
          { concurrency: "unbounded" }
        )
      }
      assert.isAtLeast((yield* Net.statistics).openSockets, 2 * total)
    })
  )
}
