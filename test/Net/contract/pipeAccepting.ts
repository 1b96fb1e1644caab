import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import type { SocketError } from "../../../src/Errors/index.js"
import * as Net from "../../../src/Net/index.js"
import * as NamedPipe from "../../../src/Net/NamedPipe.js"
import { freeName } from "../../support/pipes.js"
import { acceptStorm } from "../acceptStorm.js"
import { readExactly, readToEnd, type Subject, test, text } from "../harness.js"

export const pipeAccepting = (subject: Subject) => {
  test(subject, "interrupted accepts lose no connection", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      yield* acceptStorm(subject.isSlow ? 60 : 200, listener.accept, NamedPipe.connect({ name }))
    })
  )

  test(
    subject,
    "an accept that times out leaves the listener usable, and closing it ends one that waits",
    () =>
      Effect.gen(function* () {
        const name = freeName()
        const listener = yield* NamedPipe.listen({ name })
        const failure = yield* Effect.flip(listener.acceptWith({ timeout: "20 millis" }))
        assert.deepInclude({ ...failure }, { _tag: "TimeoutError", operation: "accept", address: name })
        yield* Effect.scoped(
          Effect.zipRight(NamedPipe.connect({ name }), listener.acceptWith({ timeout: "20 seconds" }))
        )
        const waiting = yield* Effect.fork(Effect.flip(listener.accept))
        yield* Effect.sleep("20 millis")
        yield* listener.close
        assert.deepInclude(
          { ...(yield* waiting) },
          { _tag: "ConnectionError", reason: "Closed", address: name }
        )
        const refused = yield* Effect.flip(NamedPipe.connect({ name }))
        assert.deepInclude({ ...refused }, { _tag: "ConnectionError", reason: "Refused" })
      })
  )

  test(subject, "clients that write and are gone before anybody accepts lose nothing", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      const total = subject.isSlow ? 40 : 200
      const clients = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: total }, (_, index) => index),
          (index) =>
            Effect.scoped(
              Effect.flatMap(NamedPipe.connect({ name }), (client) => client.writeString(`client ${index}`))
            ),
          { concurrency: 8 }
        )
      )
      const seen = new Set<string>()
      while (seen.size < total) {
        const server = yield* listener.accept
        seen.add(text(yield* readToEnd(server)))
        yield* server.close
      }
      yield* Fiber.join(clients)
      assert.isTrue(seen.has(`client ${total - 1}`))
    })
  )

  test(subject, "a client that nobody has accepted reads the end when the listener closes", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      const client = yield* NamedPipe.connect({ name })
      yield* listener.close
      assert.strictEqual((yield* client.read).length, 0)
    })
  )

  test(subject, "many clients at once, each of them served", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      const total = subject.isSlow ? 200 : 1000
      const echo = (connection: NamedPipe.Connection) =>
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
        () => NamedPipe.connect({ name }),
        { concurrency: "unbounded" }
      )
      yield* Effect.forEach(
        clients,
        (client, index) =>
          Effect.gen(function* () {
            const message = `message ${index}`
            yield* client.writeString(message)
            assert.strictEqual(text(yield* readExactly(client, message.length)), message)
          }),
        { concurrency: "unbounded", discard: true }
      )
      assert.isAtLeast((yield* Net.statistics).openSockets, 2 * total)
    })
  )

  test(
    subject,
    "serve: a handler that fails ends its own connection, and an idle one ends with TimedOut",
    () =>
      Effect.gen(function* () {
        const name = freeName()
        const listener = yield* NamedPipe.listen({ name })
        const failures: Array<string> = []
        yield* Effect.forkScoped(
          listener.serve(
            (connection) =>
              Effect.flatMap(
                connection.readLine,
                (line): Effect.Effect<void, string | SocketError> =>
                  Option.contains(line, "fail") ? Effect.fail("on purpose") : connection.writeString("served")
              ),
            {
              idleTimeout: "40 millis",
              onFailure: (cause, connection) =>
                Effect.sync(() => failures.push(`${connection.remoteAddress.name === name} ${cause}`))
            }
          )
        )
        for (const [request, answer] of [
          ["fail\n", ""],
          ["well\n", "served"],
          ["half", ""]
        ] as const) {
          const client = yield* NamedPipe.connect({ name })
          yield* client.writeString(request)
          assert.strictEqual(text(yield* readToEnd(client)), answer)
        }
        assert.lengthOf(failures, 2)
        assert.include(failures[0], "on purpose")
        assert.include(failures[1], "no byte moved for too long")
      })
  )
}

export const pipeInstances = (subject: Subject) => {
  test(subject, "with a limit, an accept too many is a typed failure, and loses no client", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name, maxInstances: 2 })
      const first = yield* NamedPipe.connect({ name })
      const server = yield* listener.accept
      const second = yield* NamedPipe.connect({ name })
      yield* second.writeString("second\n")
      const full = yield* Effect.flip(listener.accept)
      assert.deepInclude(
        { ...full },
        { _tag: "NetworkError", reason: "ResourceExhausted", operation: "accept" }
      )
      assert.include(full.message, "Close a connection, or allow for more.")
      yield* first.close
      yield* server.close
      const next = yield* listener.accept
      assert.deepStrictEqual(yield* next.readLine, Option.some("second"))
    })
  )

  test(subject, "serve keeps within the limit, and says nothing of it", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => void logged.push(message))
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name, maxInstances: 3 })
      let most = 0
      let now = 0
      const handler = (connection: NamedPipe.Connection) =>
        Effect.gen(function* () {
          now += 1
          most = Math.max(most, now)
          // The client closes first: an instance is free when both ends are.
          yield* connection.writeString("served")
          yield* Effect.ensuring(
            connection.read,
            Effect.sync(() => {
              now -= 1
            })
          )
        })
      yield* Effect.forkScoped(listener.serve(handler, { maxConnections: 100 })).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      yield* Effect.forEach(
        Array(20),
        () =>
          Effect.scoped(
            Effect.gen(function* () {
              const client = yield* NamedPipe.connect({ name })
              assert.strictEqual(text(yield* readExactly(client, 6)), "served")
            })
          ),
        { concurrency: 6 }
      )
      assert.strictEqual(most, 2)
      assert.deepStrictEqual(logged, [])
    })
  )

  test(subject, "an early close gives the handles back while the scope lives on", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      const { openSockets } = yield* Net.statistics
      for (let round = 0; round < 20; round++) {
        const client = yield* NamedPipe.connect({ name })
        const server = yield* listener.accept
        yield* client.close
        yield* server.close
      }
      // One instance waits; in the beginning there were two.
      assert.isAtMost((yield* Net.statistics).openSockets, openSockets)
    })
  )
}
