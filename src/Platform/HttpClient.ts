/**
 * `@effect/platform`'s `HttpClient` over connections of this library, in the place of `NodeHttpClient`.
 *
 * The client is that of `@effect/platform-node` (its `node:http` one); the agents below it, which keep connections for the
 * next request, get theirs from `Net.connect`, `Unix.connect` or `NamedPipe.connect`. So this module needs the package
 * `@effect/platform-node`. The connections are closed with the layer.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import * as Https from "node:https"
import type { Duplex } from "node:stream"
import * as Tls from "node:tls"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { HttpAgentTypeId } from "@effect/platform-node/NodeHttpClient"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import type { SocketError, TimeoutError } from "../Errors/index.js"
import type * as Net from "../Net/Net.js"
import { afterBatch } from "./internal/AfterBatch.js"
import { ConnectingStream } from "./internal/HttpConnectingStream.js"
import { toNodeError } from "./internal/NodeErrors.js"
import { connectTo } from "./internal/Place.js"
import * as NodeDuplex from "./NodeDuplex.js"

/**
 * What the agents are told: `keepAlive` (on if absent), `maxSockets`, and for https the options of `node:tls`.
 *
 * @since 0.1.0
 * @category options
 */
export interface AgentOptions extends Https.AgentOptions {
  /**
   * The path of a Unix socket, a NUL character and an abstract name, or the name of a pipe (`\\.\pipe\app`): every request
   * goes there, whatever host its URL names.
   */
  readonly socketPath?: string | undefined
  /** What the socket of every connection has before it connects: like that of `Net.connect`. */
  readonly socketOptions?: Net.StreamSocketOptions | undefined
}

/** What an agent tells of where to. */
interface Target {
  readonly host?: string | null | undefined
  readonly hostname?: string | null | undefined
  readonly port?: number | string | null | undefined
  readonly socketPath?: string | undefined
}

/** Starts a connection. */
type Connect = (target: Target) => Duplex

/** Connections that are closed with the scope, or earlier; it keeps nothing of those that are. */
const connecting = (
  runtime: Runtime.Runtime<Net.Net>,
  scope: Scope.Scope,
  socketOptions: Net.StreamSocketOptions | undefined
): Connect => {
  const run = Runtime.runFork(runtime)
  return (target) =>
    new ConnectingStream((opened) => {
      const fiber = run(Effect.either(open({ ...placeOf(target), socketOptions }, scope)))
      fiber.addObserver((exit) => afterBatch(() => opened(openedOf(exit))))
      return () => fiber.unsafeInterruptAsFork(FiberId.none)
    })
}

type OpenError = SocketError | TimeoutError

/** A path wins over a host, as with Node. */
const placeOf = ({ host, hostname, port, socketPath }: Target) =>
  socketPath === undefined
    ? { host: host ?? hostname ?? "localhost", port: Number(port) }
    : { path: socketPath }

const open = (place: Parameters<typeof connectTo>[0], scope: Scope.Scope) =>
  Effect.flatMap(Scope.fork(scope, ExecutionStrategy.sequential), (own) =>
    connectTo(place).pipe(
      Effect.flatMap((connection) => NodeDuplex.make(connection, { allowHalfOpen: true })),
      Effect.tap((stream) =>
        Effect.sync(() => stream.once("close", () => Effect.runFork(Scope.close(own, Exit.void))))
      ),
      Scope.extend(own),
      Effect.onError(() => Scope.close(own, Exit.void))
    )
  )

const openedOf = (
  exit: Exit.Exit<Either.Either<NodeDuplex.NodeDuplex, OpenError>>
): Either.Either<NodeDuplex.NodeDuplex, Error> => {
  if (Exit.isSuccess(exit)) return Either.mapLeft(exit.value, (error) => toNodeError(error))
  return Either.left(new Error("the connection was given up", { cause: Cause.squash(exit.cause) }))
}

class PlainAgent extends Http.Agent {
  private readonly connect: Connect

  constructor(options: AgentOptions | undefined, connect: Connect) {
    super({ keepAlive: true, ...options })
    this.connect = connect
  }

  override createConnection(options: Target): Duplex {
    return this.connect(options)
  }
}

class SecureAgent extends Https.Agent {
  private readonly connect: Connect

  constructor(options: AgentOptions | undefined, connect: Connect) {
    super({ keepAlive: true, ...options })
    this.connect = connect
  }

  override createConnection(options: Target & Tls.ConnectionOptions): Duplex {
    return Tls.connect({ ALPNProtocols: ["http/1.1"], ...options, socket: this.connect(options) })
  }
}

/**
 * The agents, for the programs that give `NodeHttpClient.layerWithoutAgent` agents of their own.
 *
 * @since 0.1.0
 * @category layers
 */
export const makeAgentLayer = (
  options?: AgentOptions
): Layer.Layer<NodeHttpClient.HttpAgent, never, Net.Net> =>
  Layer.scoped(
    NodeHttpClient.HttpAgent,
    Effect.gen(function* () {
      const runtime = yield* Effect.runtime<Net.Net>()
      const connect = connecting(runtime, yield* Effect.scope, options?.socketOptions)
      return yield* Effect.acquireRelease(
        Effect.sync(
          (): NodeHttpClient.HttpAgent => ({
            [HttpAgentTypeId]: HttpAgentTypeId,
            http: new PlainAgent(options, connect),
            https: new SecureAgent(options, connect)
          })
        ),
        ({ http, https }) =>
          Effect.sync(() => {
            http.destroy()
            https.destroy()
          })
      )
    })
  )

/**
 * The `HttpClient` service.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpClient.HttpClient, never, Net.Net> = Layer.provide(
  NodeHttpClient.layerWithoutAgent,
  makeAgentLayer()
)
