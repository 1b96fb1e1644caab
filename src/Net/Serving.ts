/**
 * Serving: a fiber for every connection, and what keeps a server alive that strangers talk to.
 *
 * Lifecycle of a connection that is served:
 *
 *     (limit reached: it waits in the system's backlog) --accepted--> its handler runs --ends--> closed
 *                                                                      |
 *                                      idle, or no handshake in time --+--> its operations fail with `TimedOut`
 *
 * Lifecycle of the serving:
 *
 *     Accepting --interrupted--> Draining --handlers ended--> Over
 *         |                          |
 *         |                          +--drainTimeout passed--> handlers interrupted --> Over
 *         +--no descriptors left--> pauses, and accepts again
 *         +--the listener failed or was closed--> Draining
 *
 * A connection that its peer resets, and a handler that fails or dies, is that connection's affair: it is reported, and
 * the serving goes on.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Schedule from "effect/Schedule"
import { format } from "../Address/index.js"
import { invalidArgument, type SocketError } from "../Errors/index.js"
import { resumedInBatches } from "../Proactor/ResumptionScheduler.js"
import type { Connection, TcpConnection } from "./Connection.js"

/**
 * How a drain ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Drained {
  /** Handlers that ended by themselves after the accepting had stopped. */
  readonly finished: number
  /** Handlers that had to be interrupted. */
  readonly cut: number
}

/**
 * @since 0.1.0
 * @category options
 */
export interface ServeOptions<E = unknown, R = never> {
  /** So many connections are served at once; more wait in the backlog until one ends. No limit if absent. */
  readonly maxConnections?: number | undefined
  /**
   * A connection on which no byte moved either way for so long is closed: what its handler does on it fails with
   * `ConnectionError` `TimedOut`. It may take a quarter longer. No limit if absent.
   */
  readonly idleTimeout?: Duration.DurationInput | undefined
  /**
   * How long a handler may take until it says `connection.established`. Passing it closes the connection like an idle
   * one; a peer that sends a byte now and then is never idle, but does not get past this. No limit if absent.
   */
  readonly handshakeTimeout?: Duration.DurationInput | undefined
  /** How long handlers may go on after the serving was interrupted. They are interrupted at once if absent. */
  readonly drainTimeout?: Duration.DurationInput | undefined
  /** Told how the drain ended. */
  readonly onDrained?: ((drained: Drained) => Effect.Effect<unknown, never, R>) | undefined
  /** Told of each handler that failed or died. Logs an error if absent. */
  readonly onFailure?:
    | ((cause: Cause.Cause<E>, connection: Connection) => Effect.Effect<unknown, never, R>)
    | undefined
}

/** The pauses of an accept that the system has no descriptors for: 5 ms, doubling, up to a second. */
const FIRST_PAUSE = Duration.millis(5)
const LONGEST_PAUSE = Duration.seconds(1)

/** How often within its span a timeout is looked at. */
const CHECKS_PER_SPAN = 4

/** The system is out of something that others may give back: waiting helps. */
const isShortage = (failure: SocketError): boolean => failure.reason === "ResourceExhausted"

const pauses = Schedule.exponential(FIRST_PAUSE).pipe(
  Schedule.either(Schedule.spaced(LONGEST_PAUSE)),
  Schedule.whileInput(isShortage)
)

const reportShortage = (failure: SocketError): Effect.Effect<void> =>
  isShortage(failure) ? Effect.logWarning(`accepting pauses: ${failure.message}`) : Effect.void

type Handler<E, R> = (connection: Connection) => Effect.Effect<unknown, E, R>

/**
 * Serves what `accept` brings, for ever.
 *
 * @internal
 */
export const serve = <E, R, R2 = never>(
  accept: Effect.Effect<TcpConnection, SocketError>,
  handler: Handler<E, R>,
  options: ServeOptions<E, R2>
): Effect.Effect<never, SocketError, R | R2> =>
  Effect.suspend(() => {
    const { maxConnections } = options
    if (maxConnections !== undefined && !(Number.isInteger(maxConnections) && maxConnections > 0)) {
      return Effect.fail(invalidArgument("serve", "maxConnections is a whole number, 1 or more"))
    }
    return Effect.scoped(
      Effect.flatMap(FiberSet.make<void>(), (handlers) => {
        const served = new Set<TcpConnection>()
        const run = (connection: TcpConnection) => handle(connection, handler, options, served)
        const accepting = Effect.forever(acceptOne(accept, run, handlers, maxConnections))
        return resumedInBatches(
          watched(served, options, accepting).pipe(Effect.onExit(() => drain(handlers, options)))
        )
      })
    )
  })

/** Waits for a free place, then for a connection, and starts its handler. */
const acceptOne = <R>(
  accept: Effect.Effect<TcpConnection, SocketError>,
  run: (connection: TcpConnection) => Effect.Effect<void, never, R>,
  handlers: FiberSet.FiberSet<void>,
  maxConnections: number | undefined
): Effect.Effect<void, SocketError, R> => {
  const places = maxConnections === undefined ? undefined : Effect.unsafeMakeSemaphore(maxConnections)
  const patiently = accept.pipe(Effect.tapError(reportShortage), Effect.retry(pauses))
  const place = places === undefined ? Effect.void : Effect.asVoid(places.take(1))
  const leave = places === undefined ? Effect.void : Effect.asVoid(places.release(1))
  return Effect.uninterruptibleMask((restore) =>
    Effect.zipRight(
      restore(place),
      Effect.flatMap(
        Effect.onError(restore(patiently), () => leave),
        (connection) =>
          // Forked here, where nothing interrupts: a handler that is interrupted before it starts still closes.
          Effect.flatMap(Effect.forkDaemon(Effect.ensuring(run(connection), leave)), (fiber) =>
            FiberSet.add(handlers, fiber)
          )
      )
    )
  )
}

/** A handler with its connection, to be run uninterruptibly: no failure gets out, and the connection is closed. */
const handle = <E, R, R2>(
  connection: TcpConnection,
  handler: Handler<E, R>,
  options: ServeOptions<E, R2>,
  served: Set<TcpConnection>
): Effect.Effect<void, never, R | R2> => {
  const report = options.onFailure ?? logFailure
  return Effect.suspend(() => {
    served.add(connection)
    return handler(connection)
  }).pipe(
    Effect.interruptible,
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause) ? Effect.void : report(cause, connection)
    ),
    // A report that dies is no reason to keep the connection.
    Effect.ensuring(connection.close),
    Effect.ensuring(Effect.sync(() => served.delete(connection))),
    Effect.catchAllCause((cause) => Effect.logError("reporting a failed handler failed", cause)),
    Effect.asVoid
  )
}

const logFailure = (cause: Cause.Cause<unknown>, connection: Connection): Effect.Effect<void> =>
  Effect.logError(`the handler of ${format(connection.remoteAddress)} failed`, cause)

/** Lets the handlers end within the bound, and interrupts the rest. */
const drain = <E, R>(
  handlers: FiberSet.FiberSet<void>,
  { drainTimeout = Duration.zero, onDrained }: ServeOptions<E, R>
): Effect.Effect<void, never, R> =>
  Effect.gen(function* () {
    const running = yield* FiberSet.size(handlers)
    const patience = Duration.decode(drainTimeout)
    if (running > 0 && Duration.greaterThan(patience, Duration.zero)) {
      yield* Effect.timeoutOption(Effect.interruptible(FiberSet.awaitEmpty(handlers)), patience)
    }
    const cut = yield* FiberSet.size(handlers)
    yield* FiberSet.clear(handlers)
    if (onDrained !== undefined) yield* onDrained({ finished: running - cut, cut })
  })

type Timeouts = Pick<ServeOptions, "handshakeTimeout" | "idleTimeout">

/** Runs the accepting beside a fiber that looks after the timeouts, if there are any. */
const watched = <A, E, R>(
  served: ReadonlySet<TcpConnection>,
  options: Timeouts,
  accepting: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const spans = { idle: finite(options.idleTimeout), handshake: finite(options.handshakeTimeout) }
  const shortest = Math.min(spans.idle, spans.handshake)
  if (shortest === Number.POSITIVE_INFINITY) return accepting
  const look = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.forEach(served, (connection) => closeIfLate(connection, spans, now), { discard: true })
  )
  const watch = Effect.forever(Effect.delay(look, Duration.millis(shortest / CHECKS_PER_SPAN)))
  return Effect.scoped(Effect.zipRight(Effect.forkScoped(Effect.interruptible(watch)), accepting))
}

const finite = (timeout: Duration.DurationInput | undefined): number =>
  timeout === undefined ? Number.POSITIVE_INFINITY : Duration.toMillis(timeout)

interface Spans {
  readonly idle: number
  readonly handshake: number
}

const closeIfLate = (connection: TcpConnection, spans: Spans, now: number): Effect.Effect<void> => {
  const { idleMillis, handshakeMillis } = connection.vigil.look(now)
  if (handshakeMillis >= spans.handshake) return connection.expire("it took too long to be established")
  if (idleMillis >= spans.idle) return connection.expire("no byte moved for too long")
  return Effect.void
}
