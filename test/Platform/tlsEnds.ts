/** TLS connections and servers for the tests of TLS. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type { TlsError } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import * as Tls from "../../src/Platform/Tls.js"
import { echo } from "../interop/conversations.js"
import { pair } from "../Net/harness.js"
import * as certificates from "./certificates.js"

export const host = "127.0.0.1"
const { ca, server } = certificates

/** What a client of these tests trusts, and whom it looks for. */
export const trusting: Tls.ClientOptions = { ca, servername: "localhost" }

/** Both ends of one TLS connection. */
export const tlsPair = (
  clientOptions: Tls.ClientOptions = trusting,
  serverOptions: Tls.ServerOptions | Tls.ServerContext = server
) =>
  Effect.gen(function* () {
    const beneath = yield* pair
    const [client, server] = yield* Effect.all(
      [Tls.clientOver(beneath.client, clientOptions), Tls.serverOver(beneath.server, serverOptions)],
      { concurrency: 2 }
    )
    return { beneath, client, server }
  })

/** A server that runs `handler` in the background, its port, and the causes of what failed. */
export const serving = <E, R>(
  handler: (connection: Tls.TlsConnection) => Effect.Effect<unknown, E, R>,
  options: Tls.ServerOptions | Tls.ServerContext = server
) =>
  Effect.gen(function* () {
    const listener = yield* Net.listen({ host, port: 0 })
    const failures = yield* Queue.unbounded<unknown>()
    const onFailure = (cause: Cause.Cause<unknown>) =>
      Queue.offer(failures, Option.getOrUndefined(Cause.failureOption(cause)) ?? Cause.squash(cause))
    yield* Effect.forkScoped(Tls.serve(listener, options, handler, { onFailure }))
    return { port: listener.address.port, failure: Queue.take(failures), failures }
  })

/** A server that sends back what comes. */
export const echoServer = (options?: Tls.ServerOptions | Tls.ServerContext) => serving(echo, options)

/** The first connection to a server of ours, for as long as the test has its scope. */
export const firstServed = (options?: Tls.ServerOptions) =>
  Effect.gen(function* () {
    const first = yield* Deferred.make<Tls.TlsConnection>()
    const over = yield* Deferred.make<void>()
    yield* Effect.addFinalizer(() => Deferred.succeed(over, undefined))
    const { port } = yield* serving(
      (connection) => Effect.zipRight(Deferred.succeed(first, connection), Deferred.await(over)),
      options
    )
    return { port, connection: Deferred.await(first) }
  })

export const tlsReason = (error: unknown): TlsError["reason"] | undefined => {
  const reason: unknown =
    typeof error === "object" && error !== null ? Reflect.get(error, "reason") : undefined
  const tag: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "_tag") : undefined
  return tag === "TlsError" ? (reason as TlsError["reason"]) : undefined
}
