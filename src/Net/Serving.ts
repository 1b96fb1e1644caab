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
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"
import type { Endpoint, SocketAddress } from "../Address/index.js"
import { ConnectionError, invalidArgument, type SocketError } from "../Errors/index.js"
import { resumedInBatches } from "../Proactor/ResumptionScheduler.js"
import type { Connection } from "./Connection.js"
import { holdsBefore, holdsWithin } from "./internal/Condition.js"
import { isPositiveInteger } from "./internal/Numbers.js"
import { type Servable, Served } from "./internal/Served.js"

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
 * How connections of the type `C` are served.
 *
 * @since 0.1.0
 * @category options
 */
export interface ServeOptionsOf<C, E = unknown, R = never> {
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
  /**
   * Told of each handler that failed or died. If absent the failure is logged, unless it is that the peer has reset the
   * connection.
   */
  readonly onFailure?:
    | ((cause: Cause.Cause<E>, connection: C) => Effect.Effect<unknown, never, R>)
    | undefined
}

/**
 * The same for connections that are streams of bytes.
 *
 * @since 0.1.0
 * @category options
 */
export interface ServeOptions<E = unknown, R = never, A extends Endpoint = SocketAddress>
  extends ServeOptionsOf<Connection<A>, E, R> {}

/** The pauses of an accept that the system has no descriptors for: 5 ms, doubling, up to a second. */
const FIRST_PAUSE = Duration.millis(5)
const LONGEST_PAUSE = Duration.seconds(1)

/** How often within its span a timeout is looked at. */
const CHECKS_PER_SPAN = 4

type Handler<C, E, R> = (connection: C) => Effect.Effect<unknown, E, R>

/** Accepts a connection; `claim` is run in the step that takes it. */
type Accept<C> = <B>(claim: (connection: C) => B) => Effect.Effect<B, SocketError>

/**
 * Serves what `accept` brings, for ever.
 *
 * @internal
 */
export const serve = <C extends Servable, E, R, R2 = never>(
  accept: Accept<C>,
  handler: Handler<C, E, R>,
  options: ServeOptionsOf<C, E, R2>
): Effect.Effect<never, SocketError, R | R2> => {
  const { maxConnections } = options
  if (maxConnections !== undefined && !isPositiveInteger(maxConnections)) {
    return Effect.fail(invalidArgument("serve", "maxConnections is a whole number, 1 or more"))
  }
  return resumedInBatches(
    Effect.flatMap(Effect.runtime<R | R2>(), (runtime) => {
      // Whoever serves from within an uninterruptible region does not mean its handlers.
      const run = Runtime.runFork(Runtime.enableRuntimeFlag(runtime, RuntimeFlags.Interruption))
      const failed = failureReport(options)
      const served = new Served<C, E, R | R2>({ handler, failed, run, maxConnections })
      // The handler starts in the step that takes the connection: nothing can come between.
      const one = patient(
        accept((connection) => served.start(connection)),
        FIRST_PAUSE
      )
      const accepting = acceptForEver(Effect.zipRight(served.place, one))
      return watched(served, options, accepting).pipe(Effect.onExit(() => drain(served, options)))
    })
  )
}

/** Like `Effect.forever`, but without giving way after every connection: many come at once. */
const acceptForEver = (one: Effect.Effect<void, SocketError>): Effect.Effect<never, SocketError> => {
  const loop: Effect.Effect<never, SocketError> = Effect.flatMap(one, () => loop)
  return loop
}

/** Tries again, after longer and longer pauses, while the system is out of something that others may give back. */
const patient = <A>(
  accept: Effect.Effect<A, SocketError>,
  pause: Duration.Duration
): Effect.Effect<A, SocketError> =>
  Effect.catchAll(accept, (failure) => {
    if (failure.reason !== "ResourceExhausted") return Effect.fail(failure)
    const longer = Duration.min(Duration.times(pause, 2), LONGEST_PAUSE)
    return Effect.logWarning(`accepting pauses: ${failure.message}`).pipe(
      Effect.zipRight(Effect.sleep(pause)),
      Effect.zipRight(patient(accept, longer))
    )
  })

/** What is to be done about a handler that failed or died, if anything. */
const failureReport =
  <C extends Servable, E, R>({ onFailure }: ServeOptionsOf<C, E, R>) =>
  (cause: Cause.Cause<E>, connection: C): Effect.Effect<unknown, never, R> | undefined => {
    if (Cause.isInterruptedOnly(cause)) return undefined
    if (onFailure === undefined) return hasVanished(cause) ? undefined : logFailure(cause, connection)
    return Effect.catchAllCause(
      Effect.suspend(() => onFailure(cause, connection)),
      // A report that dies is no reason to keep the connection.
      (fault) => Effect.logError("reporting a failed handler failed", fault)
    )
  }

/** A peer that went away is nothing that the server did, and no news. */
const hasVanished = (cause: Cause.Cause<unknown>): boolean => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  return failure instanceof ConnectionError && failure.reason === "Reset"
}

const logFailure = (cause: Cause.Cause<unknown>, { peer }: Servable): Effect.Effect<void> =>
  Effect.logError(`the handler of ${peer} failed`, cause)

/** Lets the handlers end within the bound, and interrupts the rest. */
const drain = <C extends Servable, E, R, R2>(
  served: Served<C, E, R2>,
  { drainTimeout = Duration.zero, onDrained }: ServeOptionsOf<C, E, R>
): Effect.Effect<void, never, R> =>
  Effect.gen(function* () {
    const running = served.size
    const patience = Duration.decode(drainTimeout)
    if (running > 0 && Duration.greaterThan(patience, Duration.zero)) {
      yield* holdsWithin(served.isEmpty, patience)
    }
    const cut = served.size
    served.interruptAll(yield* Effect.fiberId)
    yield* holdsBefore(served.isEmpty, undefined)
    if (onDrained !== undefined) yield* onDrained({ finished: running - cut, cut })
  })

type Timeouts = Pick<ServeOptions, "handshakeTimeout" | "idleTimeout">

/** Runs the accepting beside a fiber that looks after the timeouts, if there are any. */
const watched = <C extends Servable, B, E, R, E2, R2>(
  served: Served<C, E2, R2>,
  options: Timeouts,
  accepting: Effect.Effect<B, E, R>
): Effect.Effect<B, E, R> => {
  const spans = { idle: finite(options.idleTimeout), handshake: finite(options.handshakeTimeout) }
  const shortest = Math.min(spans.idle, spans.handshake)
  if (shortest === Number.POSITIVE_INFINITY) return accepting
  const look = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.forEach(served.connections(), (connection) => closeIfLate(connection, spans, now), {
      discard: true
    })
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

const closeIfLate = (connection: Servable, spans: Spans, now: number): Effect.Effect<void> => {
  const { idleMillis, handshakeMillis } = connection.look(now)
  if (handshakeMillis >= spans.handshake) return connection.expire("it took too long to be established")
  if (idleMillis >= spans.idle) return connection.expire("no byte moved for too long")
  return Effect.void
}
