/**
 * A listener: a scoped resource that accepts connections.
 *
 * Accepting loses no connection: one that the system had accepted when `accept` was interrupted goes to the next
 * `accept`. A connection that its peer reset before it was accepted is passed over.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Endpoint, SocketAddress } from "../Address/index.js"
import type { SocketError, TimeoutError } from "../Errors/index.js"
import type { ProactorStream } from "../Proactor/Proactor.js"
import type { Connection, TimeoutOptions } from "./Connection.js"
import type { Accepted } from "./internal/AcceptQueue.js"
import { ListenerOver } from "./internal/ListenerOver.js"
import { StreamConnection } from "./internal/StreamConnection.js"
import type { ServeOptions } from "./Serving.js"

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
export class StreamListener<A extends Endpoint = SocketAddress>
  extends ListenerOver<A, ProactorStream<A>, StreamConnection<A>>
  implements Listener<A>
{
  protected override connection({ socket, remoteAddress }: Accepted<A>): StreamConnection<A> {
    return new StreamConnection(socket, remoteAddress ?? this.address)
  }
}
