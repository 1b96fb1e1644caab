/**
 * `@effect/platform`'s `HttpServer` over a listener, in the place of `NodeHttpServer`: routers and APIs run unchanged.
 *
 * The parsing of HTTP is Node's, and all that makes a service of it is `@effect/platform-node`'s: it is given a `node:http`
 * server that does not listen itself, but gets every accepted connection as a `NodeDuplex`. So this module needs the package
 * `@effect/platform-node`.
 *
 * Lifecycle:
 *
 *     Listening --first serve--> Accepting --scope ends--> Draining --no connection left--> Closed
 *                                                              |
 *                                                              +--drainTimeout passed--> the rest is cut off --> Closed
 *
 * Who connects before anything is served waits in the backlog. While it drains nothing is accepted, connections without a
 * request under way are closed, and those with one are closed when it is answered.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import type * as Etag from "@effect/platform/Etag"
import type * as HttpPlatform from "@effect/platform/HttpPlatform"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerError from "@effect/platform/HttpServerError"
import type * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { SocketAddress } from "../Address/index.js"
import type { Connection } from "../Net/Connection.js"
import type { Listener } from "../Net/Listener.js"
import * as Net from "../Net/Net.js"
import type { ServeOptions } from "../Net/Serving.js"
import * as NodeDuplex from "./NodeDuplex.js"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options extends Pick<ServeOptions, "idleTimeout" | "maxConnections"> {
  /** An IP address of this host, or a name for one. `0.0.0.0`, all of IPv4, if absent. */
  readonly host?: string | undefined
  /** 0 to 65535; 0 lets the system choose, and `address` tells. */
  readonly port: number
  /** How many connections may wait to be accepted. 511 if absent. */
  readonly backlog?: number | undefined
  /** How long requests under way may take when the scope ends. 20 seconds if absent; `NodeHttpServer` waits for ever. */
  readonly drainTimeout?: Duration.DurationInput | undefined
  /** What Node's parser is told: `headersTimeout`, `requestTimeout`, `keepAliveTimeout`, `maxHeaderSize`, ... */
  readonly http?: Http.ServerOptions | undefined
}

const DRAIN_TIMEOUT = Duration.seconds(20)
/** How often a server that drains looks for connections whose request has been answered. */
const LOOK_EVERY = Duration.millis(20)

const serveError = (cause: unknown) => new HttpServerError.ServeError({ cause })

/** A `node:http` server whose connections come from elsewhere: it says that it listens there, and does nothing for it. */
class ServerElsewhere extends Http.Server {
  private readonly local: SocketAddress
  private readonly streams = new Set<NodeDuplex.NodeDuplex>()

  constructor(options: Http.ServerOptions, local: SocketAddress) {
    super(options)
    this.local = local
  }

  override listen(...args: ReadonlyArray<unknown>): this {
    const listening = args.at(-1)
    process.nextTick(() => {
      // From then on Node looks for requests that take too long.
      this.emit("listening")
      if (typeof listening === "function") listening()
    })
    return this
  }

  override address() {
    const { family, host, port } = this.local
    return { address: host, family, port }
  }

  /** Serves a connection. */
  take(stream: NodeDuplex.NodeDuplex): void {
    this.streams.add(stream)
    stream.once("close", () => this.streams.delete(stream))
    this.emit("connection", stream)
  }

  /** Closes the connections on which no request is under way; to Node one that has not sent anything yet is not idle. */
  closeUnused(): void {
    this.closeIdleConnections()
    for (const stream of this.streams) if (stream.bytesRead === 0) stream.destroy()
  }
}

const makeNodeServer = (options: Http.ServerOptions | undefined, local: SocketAddress) =>
  Effect.acquireRelease(
    Effect.sync(() => new ServerElsewhere(options ?? {}, local)),
    (server) =>
      Effect.sync(() => {
        server.closeAllConnections()
        // It ends what Node started for it; that it was not listening, as it will say, is true.
        server.close(() => {})
      })
  )

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

/** Hands a connection over, and waits until the stream over it is closed. */
const handOver = (server: ServerElsewhere) => (connection: Connection) =>
  Effect.scoped(
    // As Node's own server has them: a client that has ended its half is still answered.
    Effect.flatMap(NodeDuplex.make(connection, { allowHalfOpen: true }), (duplex) =>
      Effect.async<void>((resume) => {
        duplex.once("close", () => resume(Effect.void))
        server.take(duplex)
      })
    )
  )

/** Accepts from the first `serve` on until the scope ends, and then drains. */
const accepting = (listener: Listener, server: ServerElsewhere, options: Options) => {
  const { drainTimeout = DRAIN_TIMEOUT, idleTimeout, maxConnections } = options
  const serving = listener.serve(handOver(server), { drainTimeout, idleTimeout, maxConnections })
  const accepting = Effect.interruptible(Effect.zipRight(served(server), serving))
  return Effect.acquireRelease(Effect.forkDaemon(accepting), (fiber) => {
    const closeIdle = Effect.sync(() => server.closeUnused())
    const closing = Effect.forever(Effect.zipRight(closeIdle, Effect.sleep(LOOK_EVERY)))
    return Effect.raceFirst(Fiber.interrupt(fiber), Effect.interruptible(closing))
  })
}

/**
 * Listens, and closes with the scope. Fails with `ServeError`, whose `cause` is the typed error of `Net.listen`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<HttpServer.HttpServer, HttpServerError.ServeError, Net.Net | Scope.Scope> =>
  Effect.gen(function* () {
    const { backlog, host = "0.0.0.0", port } = options
    const listener = yield* Effect.mapError(Net.listen({ host, port, backlog }), serveError)
    const server = yield* makeNodeServer(options.http, listener.address)
    yield* accepting(listener, server, options)
    return yield* NodeHttpServer.make(() => server, {})
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
