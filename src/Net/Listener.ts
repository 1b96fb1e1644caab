/**
 * A TCP listener: a scoped resource that accepts connections.
 *
 * Accepting loses no connection: one that the system had accepted when `accept` was interrupted goes to the next
 * `accept`. A connection that its peer reset before it was accepted is passed over.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { format, type SocketAddress } from "../Address/index.js"
import type { SocketError, TimeoutError } from "../Errors/index.js"
import type { ProactorSocket } from "../Proactor/Proactor.js"
import { type Connection, TcpConnection, type TimeoutOptions } from "./Connection.js"
import { type Accepted, AcceptQueue } from "./internal/AcceptQueue.js"
import { Deadline, timedOut } from "./internal/Deadline.js"
import { Lifetime } from "./internal/Lifetime.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Listener {
  /** Where it listens, the port that the system chose included. */
  readonly address: SocketAddress

  /** The next connection. It is closed with the scope, or earlier by its own `close`. */
  readonly accept: Effect.Effect<Connection, SocketError, Scope.Scope>
  readonly acceptWith: (
    options: TimeoutOptions
  ) => Effect.Effect<Connection, SocketError | TimeoutError, Scope.Scope>

  /**
   * Accepts connections for ever, and runs `handler` for each in a fiber of its own. The connection is closed when its
   * handler ends, however it ends. A handler that fails, or dies, ends its own connection and nothing else; the failure
   * is logged. Interrupting `serve` interrupts the handlers, and waits for them.
   *
   * When the system has no descriptors left, it waits a moment (5 ms, doubling up to a second) and accepts again.
   */
  readonly serve: <E, R>(
    handler: (connection: Connection) => Effect.Effect<unknown, E, R>
  ) => Effect.Effect<never, SocketError, R>

  /** Closes the listener now rather than with its scope. An `accept` under way fails with `Closed`. */
  readonly close: Effect.Effect<void>
}

const FIRST_PAUSE = "5 millis"
const LONGEST_PAUSE = "1 second"

/** The system is out of something that others may give back: waiting helps. */
const isShortage = (failure: SocketError): boolean => failure.reason === "ResourceExhausted"

/** @internal */
export class TcpListener implements Listener {
  readonly address: SocketAddress
  private readonly queue: AcceptQueue
  private readonly lifetime: Lifetime

  constructor(socket: ProactorSocket, address: SocketAddress) {
    const name = format(address)
    this.address = address
    this.queue = new AcceptQueue(socket, name)
    this.lifetime = new Lifetime(socket, [this.queue], `the listener on ${name}`)
  }

  get accept(): Effect.Effect<Connection, SocketError, Scope.Scope> {
    return Effect.flatMap(Effect.scope, (scope) =>
      this.queue.accept((accepted) => this.connection(accepted).adoptInto(scope))
    )
  }

  acceptWith(options: TimeoutOptions): Effect.Effect<Connection, SocketError | TimeoutError, Scope.Scope> {
    const { timeout } = options
    if (timeout === undefined) return this.accept
    const late = () => Effect.fail(timedOut("accept", timeout, format(this.address)))
    return Effect.flatMap(Effect.scope, (scope) =>
      Effect.flatMap(Deadline.start(timeout), (deadline) =>
        this.queue.accept((accepted) => this.connection(accepted).adoptInto(scope), deadline, late)
      )
    )
  }

  serve<E, R>(
    handler: (connection: Connection) => Effect.Effect<unknown, E, R>
  ): Effect.Effect<never, SocketError, R> {
    return Effect.scoped(
      Effect.flatMap(FiberSet.make<void>(), (handlers) => {
        const acceptOne = Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(restore(this.queue.accept((accepted) => this.connection(accepted))), (connection) =>
            // Forked here, where nothing interrupts: a handler that is interrupted before it starts still closes.
            Effect.flatMap(Effect.forkDaemon(handle(connection, handler)), (fiber) =>
              FiberSet.add(handlers, fiber)
            )
          )
        )
        return Effect.forever(acceptOne.pipe(Effect.tapError(reportShortage), Effect.retry(pauses)))
      })
    )
  }

  readonly close: Effect.Effect<void> = Effect.suspend(() => this.lifetime.close)

  private connection({ socket, remoteAddress }: Accepted): TcpConnection {
    return new TcpConnection(socket, remoteAddress ?? this.address)
  }
}

const pauses = Schedule.exponential(FIRST_PAUSE).pipe(
  Schedule.either(Schedule.spaced(LONGEST_PAUSE)),
  Schedule.whileInput(isShortage)
)

const reportShortage = (failure: SocketError): Effect.Effect<void> =>
  isShortage(failure) ? Effect.logWarning(`accept: ${failure.message}`) : Effect.void

/** A handler with its connection, to be run uninterruptibly: no failure gets out, and the connection is closed. */
const handle = <E, R>(
  connection: TcpConnection,
  handler: (connection: Connection) => Effect.Effect<unknown, E, R>
): Effect.Effect<void, never, R> =>
  Effect.suspend(() => handler(connection)).pipe(
    Effect.interruptible,
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.void
        : Effect.logError(`the handler of ${format(connection.remoteAddress)} failed`, cause)
    ),
    Effect.asVoid,
    Effect.ensuring(connection.close)
  )
