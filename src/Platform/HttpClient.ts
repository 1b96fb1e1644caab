/**
 * `@effect/platform`'s `HttpClient` over connections of this library, in the place of `NodeHttpClient`.
 *
 * The client is that of `@effect/platform-node` (its `node:http` one); the agents below it, which keep connections for the
 * next request, get theirs from `Net.connect`. So this module needs the package `@effect/platform-node`. The connections
 * are closed with the layer.
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
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Net from "../Net/Net.js"
import { toNodeError } from "./internal/NodeErrors.js"
import * as NodeDuplex from "./NodeDuplex.js"

/**
 * What the agents are told: `keepAlive` (on if absent), `maxSockets`, and for https the options of `node:tls`.
 *
 * @since 0.1.0
 * @category options
 */
export type AgentOptions = Https.AgentOptions

type Created = (error: Error | null, stream: Duplex) => void
type Connect = (options: Target, created: Created) => void

/** What an agent tells of where to. */
interface Target {
  readonly host?: string | null | undefined
  readonly hostname?: string | null | undefined
  readonly port?: number | string | null | undefined
}

/** Connects in the scope, and calls back with a stream. */
const connecting = (runtime: Runtime.Runtime<Net.Net>, scope: Scope.Scope): Connect => {
  const run = Runtime.runCallback(runtime)
  return ({ host, hostname, port }, created) => {
    const connected = Effect.flatMap(
      Net.connect({ host: host ?? hostname ?? "localhost", port: Number(port) }),
      (connection) => NodeDuplex.make(connection)
    )
    run(Effect.either(Scope.extend(connected, scope)), {
      onExit: (exit) => {
        if (Exit.isFailure(exit)) return
        if (exit.value._tag === "Right") created(null, exit.value.right)
        else failed(created, toNodeError(exit.value.left))
      }
    })
  }
}

/** Node's types say that there is a stream even then; there is none. */
const failed = (created: Created, error: Error): void => Reflect.apply(created, undefined, [error])

/** An agent's `createConnection` may answer later, by the callback. */
class PlainAgent extends Http.Agent {
  private readonly connect: Connect

  constructor(options: AgentOptions | undefined, connect: Connect) {
    super({ keepAlive: true, ...options })
    this.connect = connect
  }

  override createConnection(options: Target, created?: Created): undefined {
    if (created !== undefined) this.connect(options, created)
  }
}

class SecureAgent extends Https.Agent {
  private readonly connect: Connect

  constructor(options: AgentOptions | undefined, connect: Connect) {
    super({ keepAlive: true, ...options })
    this.connect = connect
  }

  override createConnection(options: Target & Tls.ConnectionOptions, created?: Created): undefined {
    if (created === undefined) return
    this.connect(options, (error, socket) => {
      if (error !== null) return failed(created, error)
      created(null, Tls.connect({ ...options, socket }))
    })
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
      const connect = connecting(runtime, yield* Effect.scope)
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
