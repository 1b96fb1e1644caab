/**
 * What every listener does, whatever its connections are.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Endpoint, format } from "../../Address/index.js"
import type { SocketError, TimeoutError } from "../../Errors/index.js"
import type { AcceptOperation } from "../../Proactor/Operation.js"
import type { ProactorHandle } from "../../Proactor/Proactor.js"
import type { TimeoutOptions } from "../Connection.js"
import { type ServeOptionsOf, serve } from "../Serving.js"
import { type Accepted, AcceptQueue } from "./AcceptQueue.js"
import { timedOut } from "./Deadline.js"
import { type Half, Lifetime, type Owner } from "./Lifetime.js"
import type { LivingConnection } from "./LivingConnection.js"
import type { Source } from "./Pulling.js"

/**
 * `S`: what the proactor accepts; `C`: the connections that are made of it.
 *
 * @internal
 */
export abstract class ListenerOver<
  A extends Endpoint,
  S extends Pick<ProactorHandle<never>, "close">,
  C extends LivingConnection<A>
> implements Owner
{
  readonly address: A
  /** So many connections there can be at once; any number if `undefined`. */
  private readonly mostConnections: number | undefined
  private readonly queue: AcceptQueue<A, S>
  private readonly lifetime: Lifetime

  constructor(socket: ProactorHandle<AcceptOperation<A, S>>, address: A, mostConnections?: number) {
    this.address = address
    this.mostConnections = mostConnections
    this.queue = new AcceptQueue(socket, this.peer)
    this.lifetime = new Lifetime(socket, this)
  }

  protected abstract connection(accepted: Accepted<A, S>): C

  get halves(): ReadonlyArray<Half> {
    return [this.queue]
  }

  /** Where it listens, for messages. */
  get peer(): string {
    return format(this.address)
  }

  get accept(): Effect.Effect<C, SocketError, Scope.Scope> {
    return Effect.flatMap(Effect.scope, (scope) =>
      this.queue.accept((accepted) => this.connection(accepted).adoptInto(scope))
    )
  }

  acceptWith(options: TimeoutOptions): Effect.Effect<C, SocketError | TimeoutError, Scope.Scope> {
    const { timeout } = options
    if (timeout === undefined) return this.accept
    const late = () => Effect.fail(timedOut("accept", timeout, this.peer))
    return Effect.flatMap(Effect.scope, (scope) =>
      this.queue.accept((accepted) => this.connection(accepted).adoptInto(scope), timeout, late)
    )
  }

  /** For streams of connections: each is closed with the scope. */
  accepted(scope: Scope.Scope): Source<C, SocketError> {
    return this.queue.accepted((accepted) => this.connection(accepted).adoptInto(scope))
  }

  serve<E, R, R2 = never>(
    handler: (connection: C) => Effect.Effect<unknown, E, R>,
    options: ServeOptionsOf<C, E, R2> = {}
  ): Effect.Effect<never, SocketError, R | R2> {
    return serve(
      (claim) => this.queue.accept((accepted) => claim(this.connection(accepted))),
      handler,
      this.within(options)
    )
  }

  get close(): Effect.Effect<void> {
    return this.lifetime.close()
  }

  /** To accept one more than there can be would fail: whoever serves waits instead. */
  private within<E, R>(options: ServeOptionsOf<C, E, R>): ServeOptionsOf<C, E, R> {
    const { mostConnections: most } = this
    if (most === undefined) return options
    return { ...options, maxConnections: Math.min(options.maxConnections ?? most, most) }
  }
}
