/**
 * A listener: a scoped resource that accepts connections.
 *
 * Accepting loses no connection: one that the system had accepted when `accept` was interrupted goes to the next
 * `accept`. A connection that its peer reset before it was accepted is passed over.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Endpoint, format, type SocketAddress } from "../Address/index.js"
import type { SocketError, TimeoutError } from "../Errors/index.js"
import type { AcceptOperation } from "../Proactor/Operation.js"
import type { ProactorHandle } from "../Proactor/Proactor.js"
import { type Connection, StreamConnection, type TimeoutOptions } from "./Connection.js"
import { type Accepted, AcceptQueue } from "./internal/AcceptQueue.js"
import { Deadline, timedOut } from "./internal/Deadline.js"
import { type Half, Lifetime, type Owner } from "./internal/Lifetime.js"
import { type ServeOptions, serve } from "./Serving.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Listener<out A extends Endpoint = SocketAddress> {
  /** Where it listens, the port that the system chose included. */
  readonly address: A

  /** The next connection. It is closed with the scope, or earlier by its own `close`. */
  readonly accept: Effect.Effect<Connection<A>, SocketError, Scope.Scope>
  readonly acceptWith: (
    options: TimeoutOptions
  ) => Effect.Effect<Connection<A>, SocketError | TimeoutError, Scope.Scope>

  /**
   * Accepts connections for ever, and runs `handler` for each in a fiber of its own. The connection is closed when its
   * handler ends, however it ends. A handler that fails, or dies, ends its own connection and nothing else; the failure
   * goes to `onFailure`, or is logged, unless it is that the peer has reset the connection. Interrupting `serve` interrupts
   * the handlers, at once or after `drainTimeout`, and waits for them. The options limit how many connections there are,
   * and how long they may be idle.
   *
   * When the system has no descriptors left, it waits a moment (5 ms, doubling up to a second) and accepts again.
   */
  readonly serve: <E, R, R2 = never>(
    handler: (connection: Connection<A>) => Effect.Effect<unknown, E, R>,
    options?: ServeOptions<E, R2, A>
  ) => Effect.Effect<never, SocketError, R | R2>

  /** Closes the listener now rather than with its scope. An `accept` under way fails with `Closed`. */
  readonly close: Effect.Effect<void>
}

/** @internal */
export class StreamListener<A extends Endpoint = SocketAddress> implements Listener<A>, Owner {
  readonly address: A
  private readonly queue: AcceptQueue<A>
  private readonly lifetime: Lifetime

  constructor(socket: ProactorHandle<AcceptOperation<A>>, address: A) {
    this.address = address
    this.queue = new AcceptQueue(socket, this.peer)
    this.lifetime = new Lifetime(socket, this)
  }

  get halves(): ReadonlyArray<Half> {
    return [this.queue]
  }

  /** Where it listens, for messages. */
  get peer(): string {
    return format(this.address)
  }

  get accept(): Effect.Effect<Connection<A>, SocketError, Scope.Scope> {
    return Effect.flatMap(Effect.scope, (scope) =>
      this.queue.accept((accepted) => this.connection(accepted).adoptInto(scope))
    )
  }

  acceptWith(options: TimeoutOptions): Effect.Effect<Connection<A>, SocketError | TimeoutError, Scope.Scope> {
    const { timeout } = options
    if (timeout === undefined) return this.accept
    const late = () => Effect.fail(timedOut("accept", timeout, this.peer))
    return Effect.flatMap(Effect.scope, (scope) =>
      Effect.flatMap(Deadline.start(timeout), (deadline) =>
        this.queue.accept((accepted) => this.connection(accepted).adoptInto(scope), deadline, late)
      )
    )
  }

  serve<E, R, R2 = never>(
    handler: (connection: Connection<A>) => Effect.Effect<unknown, E, R>,
    options: ServeOptions<E, R2, A> = {}
  ): Effect.Effect<never, SocketError, R | R2> {
    return serve(
      (claim) => this.queue.accept((accepted) => claim(this.connection(accepted))),
      handler,
      options
    )
  }

  get close(): Effect.Effect<void> {
    return this.lifetime.close()
  }

  private connection({ socket, remoteAddress }: Accepted<A>): StreamConnection<A> {
    return new StreamConnection(socket, remoteAddress ?? this.address)
  }
}
