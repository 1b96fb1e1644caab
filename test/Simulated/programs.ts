/**
 * Programs that the tests run on simulated networks.
 */
import * as Effect from "effect/Effect"
import * as Net from "../../src/Net/index.js"

export { pattern, readExactly, readToEnd } from "../support/bytes.js"

/** A fiber that echoes on a host until the scope closes. */
export const echoServer = (host = "server", port = 7) =>
  Net.Simulated.on(host)(
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "0.0.0.0", port })
      yield* Effect.forkScoped(Effect.ignore(listener.serve(echo)))
      return listener
    })
  )

export const echo = (connection: Net.Connection) =>
  Effect.gen(function* () {
    for (;;) {
      const chunk = yield* connection.read
      if (chunk.length === 0) return yield* connection.shutdown("write")
      yield* connection.writeAll(chunk)
    }
  }).pipe(
    // An orderly close would tell the peer that this was all.
    Effect.catchAll(() => connection.abort)
  )

/** A connection to the echo server of a host. */
export const toServer = (options?: Partial<Net.ConnectOptions>) =>
  Net.connect({ host: "server", port: 7, ...options })

/** A listener on "server", a connection from "localhost" to it, and its other end. */
export const pairTo = (host: string, port = 9) =>
  Effect.gen(function* () {
    const on = Net.Simulated.on(host)
    const listener = yield* on(Net.listen({ host: "0.0.0.0", port }))
    const accepting = yield* Effect.fork(Effect.exit(listener.accept))
    const client = yield* Net.connect({ host, port })
    const server = yield* yield* accepting
    return { listener, client, server }
  })

/** How long it takes by the current clock, in milliseconds. */
export const elapsed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const before = clock.unsafeCurrentTimeMillis()
    const value = yield* effect
    return { value, millis: clock.unsafeCurrentTimeMillis() - before }
  })
