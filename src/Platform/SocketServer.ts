/**
 * `@effect/platform`'s `SocketServer` over a listener, in the place of `NodeSocketServer`.
 *
 * It listens as soon as it is made, and accepts while `run` runs: who connects before that waits in the backlog. Each
 * connection has a fiber of its own, which runs the handler, and in it the receiving too. The connection is closed when the
 * handler ends, however it ends. A handler that fails is logged at the level of `FiberRef.unhandledErrorLogLevel`, and the
 * server goes on. Interrupting `run` interrupts the handlers, at once or after `drainTimeout`, and waits for them.
 *
 * @since 0.1.0
 */
import type * as Socket from "@effect/platform/Socket"
import * as SocketServer from "@effect/platform/SocketServer"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Endpoint } from "../Address/index.js"
import type * as Net from "../Net/Net.js"
import type { ServeOptions } from "../Net/Serving.js"
import { listenAt, type PlaceOptions } from "./internal/Place.js"
import { NetConnection, overConnection } from "./Socket.js"

/**
 * Where it listens, at a host and a port or at a path, and how it serves.
 *
 * @since 0.1.0
 * @category options
 */
export type Options = PlaceOptions &
  Pick<ServeOptions, "drainTimeout" | "handshakeTimeout" | "idleTimeout" | "maxConnections">

const openError = (cause: unknown) => new SocketServer.SocketServerError({ reason: "Open", cause })
const acceptError = (cause: unknown) => new SocketServer.SocketServerError({ reason: "Unknown", cause })

/** A pipe is a path too, as it is with Node. */
const addressOf = (address: Endpoint): SocketServer.Address => {
  switch (address._tag) {
    case "SocketAddress":
      return { _tag: "TcpAddress", hostname: address.host, port: address.port }
    case "UnixAddress":
      return { _tag: "UnixAddress", path: address.path }
    case "PipeAddress":
      return { _tag: "UnixAddress", path: address.name }
  }
}

/**
 * Listens, and closes with the scope. Fails with the reason `Open`; the `cause` is the typed error of `Net.listen`, or of
 * `Unix.listen` or `NamedPipe.listen`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<
  SocketServer.SocketServer["Type"],
  SocketServer.SocketServerError,
  Net.Net | Scope.Scope
> => {
  const { drainTimeout, handshakeTimeout, idleTimeout, maxConnections } = options
  return Effect.map(Effect.mapError(listenAt(options), openError), (listener) => {
    const serving = { drainTimeout, handshakeTimeout, idleTimeout, maxConnections, onFailure: report }
    const run = <R, E, A>(handler: (socket: Socket.Socket) => Effect.Effect<A, E, R>) =>
      Effect.mapError(
        listener.serve(
          (connection) =>
            Effect.provideService(handler(overConnection(connection)), NetConnection, connection),
          serving
        ),
        acceptError
      )
    return SocketServer.SocketServer.of({ address: addressOf(listener.address), run })
  })
}

/** As `NodeSocketServer` does. */
const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.flatMap(FiberRef.get(FiberRef.unhandledErrorLogLevel), (level) =>
    Option.isSome(level)
      ? Effect.logWithLevel(level.value, "Unhandled error in SocketServer", cause)
      : Effect.void
  )

/**
 * The `SocketServer` service: listens on this host and port, or at this path.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<SocketServer.SocketServer, SocketServer.SocketServerError, Net.Net> =>
  Layer.scoped(SocketServer.SocketServer, make(options))
