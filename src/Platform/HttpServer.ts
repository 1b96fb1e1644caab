/**
 * `@effect/platform`'s `HttpServer` over a listener, in the place of `NodeHttpServer`: routers and APIs run unchanged.
 *
 * The parsing of HTTP is Node's, and all that makes a service of it is `@effect/platform-node`'s: it is given a `node:http`
 * server that does not listen itself, but gets every accepted connection as a `NodeDuplex`, or as the `TLSSocket` over it. So this module needs the package
 * `@effect/platform-node`.
 *
 * Lifecycle:
 *
 *     Listening --first serve--> Accepting --scope ends--> Draining --no connection left--> Closed
 *                                                              |
 *                                                              +--drainTimeout passed--> the rest is cut off --> Closed
 *
 * Who connects before anything is served waits in the backlog. While it drains new clients are refused, connections
 * without a request under way are closed, and those with one are closed when it is answered; the answer says so
 * (`Connection: close`). A request that comes when nothing is served any more is answered with 503.
 *
 * @since 0.1.0
 */
import type { Duplex } from "node:stream"
import type * as Etag from "@effect/platform/Etag"
import type * as HttpPlatform from "@effect/platform/HttpPlatform"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerError from "@effect/platform/HttpServerError"
import type * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { Endpoint } from "../Address/index.js"
import { invalidArgument, withDetails } from "../Errors/index.js"
import type { AnyConnection } from "../Net/Connection.js"
import type { Listener } from "../Net/Listener.js"
import type * as Net from "../Net/Net.js"
import type { ServeOptions } from "../Net/Serving.js"
import { type NodeOptions, ServerElsewhere } from "./internal/HttpServerElsewhere.js"
import { listenAt, type PlaceOptions } from "./internal/Place.js"
import { handshakeOfStream } from "./internal/TlsHandshake.js"
import { closedDown } from "./NodeConnection.js"
import * as NodeDuplex from "./NodeDuplex.js"
import * as Tls from "./Tls.js"

/**
 * Where it listens, at a host and a port or at a path, and how it serves.
 *
 * @since 0.1.0
 * @category options
 */
export type Options = PlaceOptions & HttpOptions

/**
 * @since 0.1.0
 * @category options
 */
export interface HttpOptions extends Pick<ServeOptions, "idleTimeout" | "maxConnections"> {
  /** How long requests under way may take when the scope ends. 20 seconds if absent; `NodeHttpServer` waits for ever. */
  readonly drainTimeout?: Duration.DurationInput | undefined
  /** What Node's parser is told: `headersTimeout`, `requestTimeout`, `keepAliveTimeout`, `maxHeaderSize`, ... */
  readonly http?: NodeOptions | undefined
  /** Certificate and key, and the rest of what `Tls.serve` takes: HTTPS. Clients that cannot are closed, and nobody else hears of it. */
  readonly tls?: Tls.ServerOptions | Tls.ServerContext | undefined
}

const DRAIN_TIMEOUT = Duration.seconds(20)
/** How often a server that drains looks for connections whose request has been answered. */
const LOOK_EVERY = Duration.millis(20)

const serveError = (cause: unknown) => new HttpServerError.ServeError({ cause })

/**
 * Listens, and closes with the scope. Fails with `ServeError`, whose `cause` is the typed error of `Net.listen`,
 * `Unix.listen` or `NamedPipe.listen`, or `InvalidArgument` where Node's server does not take what it is told.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<HttpServer.HttpServer, HttpServerError.ServeError, Net.Net | Scope.Scope> =>
  Effect.gen(function* () {
    const { http, tls } = options
    const bring = tls === undefined ? plain : encrypted(yield* Effect.mapError(contextOf(tls), serveError))
    const listener = yield* Effect.mapError(listenAt(options), serveError)
    const server = yield* Effect.mapError(makeServer(http, listener.address), serveError)
    // Its end waits for the clients of WebSockets, and so has to come with the drain, which bounds it, and not before.
    const webSockets = yield* Scope.make()
    const service = yield* Scope.extend(
      NodeHttpServer.make(() => server, {}),
      webSockets
    )
    yield* accepting(listener, server, webSockets, bring, options)
    return service
  })

/** Browsers and curl ask whether there is HTTP/2; Node's parser has HTTP/1.1. */
const contextOf = (tls: Tls.ServerOptions | Tls.ServerContext) =>
  tls instanceof Tls.ServerContext
    ? Effect.succeed(tls)
    : Tls.serverContext({ ALPNProtocols: ["http/1.1"], ...tls })

const makeServer = (options: NodeOptions | undefined, local: Endpoint) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => new ServerElsewhere(options ?? {}, local),
      catch: (cause) => withDetails(invalidArgument("listen", `node:http: ${messageOf(cause)}`), { cause })
    }),
    (server) => Effect.sync(() => server.release())
  )

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Gives the server a stream over a connection. */
type Bring = (
  connection: AnyConnection,
  server: ServerElsewhere
) => Effect.Effect<Duplex, unknown, Scope.Scope>

const plain: Bring = (connection, server) =>
  // As Node's own server has them: a client that has ended its half is still answered.
  Effect.tap(NodeDuplex.make(connection, { allowHalfOpen: true }), (stream) =>
    server.take(stream, () => stream.bytesRead > 0)
  )

/** Node's own stream, so that handlers find what they expect of HTTPS: `encrypted`, `getPeerCertificate()`, ... */
const encrypted =
  (context: Tls.ServerContext): Bring =>
  (connection, server) =>
    handshakeOfStream(connection, context.side, ({ stream, wire }) => {
      tellAddresses(stream, wire)
      const ofHandshake = wire.bytesRead
      // At once: what comes before the parser has the stream, the parser gets after what comes later.
      server.take(stream, () => wire.bytesRead > ofHandshake)
    })

/** Node asks the handle beneath a stream for its addresses, and there is none. */
const tellAddresses = (stream: Duplex, wire: NodeDuplex.NodeDuplex): void => {
  for (const end of ["remote", "local"] as const) {
    for (const part of ["Address", "Port", "Family"] as const) {
      Object.defineProperty(stream, `${end}${part}`, { value: wire[`${end}${part}`] })
    }
  }
}

/** Hands a connection over, and waits until the stream over it is closed. */
const handOver = (server: ServerElsewhere, bring: Bring) => (connection: AnyConnection) =>
  Effect.matchEffect(bring(connection, server), {
    // A stranger who cannot do TLS, most often: nothing that the program could help.
    onFailure: (failure) => Effect.logDebug("no HTTP with a client", failure),
    onSuccess: closedDown
  }).pipe(Effect.scoped)

/** Accepts from the first `serve` on until the scope ends, and then drains. */
const accepting = (
  listener: Listener<Endpoint>,
  server: ServerElsewhere,
  webSockets: Scope.CloseableScope,
  bring: Bring,
  { drainTimeout = DRAIN_TIMEOUT, idleTimeout, maxConnections }: HttpOptions
) => {
  const serving = listener.serve(handOver(server, bring), { drainTimeout, idleTimeout, maxConnections })
  const accepting = Effect.interruptible(Effect.zipRight(served(server), serving))
  const closeUnused = Effect.sync(() => server.closeUnused())
  const closing = Effect.forever(Effect.zipRight(closeUnused, Effect.sleep(LOOK_EVERY)))
  return Effect.acquireRelease(Effect.forkDaemon(accepting), (fiber) =>
    Effect.gen(function* () {
      server.drain()
      yield* Fiber.interruptFork(fiber)
      // So that who comes now is refused, and goes elsewhere, instead of waiting for nothing.
      yield* listener.close
      // None of these is a child of this fiber: whoever interrupts it meanwhile would interrupt its children too.
      const closingUnused = yield* Effect.forkDaemon(Effect.interruptible(closing))
      const closingWebSockets = yield* Effect.forkDaemon(Scope.close(webSockets, Exit.void))
      yield* Fiber.await(fiber)
      yield* Fiber.join(closingWebSockets)
      yield* Fiber.interrupt(closingUnused)
    })
  )
}

/** Until something is served. */
const served = (server: ServerElsewhere): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (server.listenerCount("request") > 0) return resume(Effect.void)
    const look = (name: string | symbol) => {
      if (name !== "request") return
      server.off("newListener", look)
      // The listener is added after this event.
      process.nextTick(() => resume(Effect.void))
    }
    server.on("newListener", look)
    return Effect.sync(() => {
      server.off("newListener", look)
    })
  })

/**
 * The `HttpServer` service alone.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerServer = (
  options: Options
): Layer.Layer<HttpServer.HttpServer, HttpServerError.ServeError, Net.Net> =>
  Layer.scoped(HttpServer.HttpServer, make(options))

/**
 * The `HttpServer` service, with those that programs of `NodeHttpServer.layer` find beside it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<
  HttpServer.HttpServer | HttpPlatform.HttpPlatform | Etag.Generator | NodeContext.NodeContext,
  HttpServerError.ServeError,
  Net.Net
> => Layer.mergeAll(layerServer(options), NodeHttpServer.layerContext)
