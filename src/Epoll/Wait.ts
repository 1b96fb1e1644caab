/**
 * Waiting for events: `epoll_wait`, which never waits itself, and Node's event loop, which does.
 *
 * A wait first takes what is in the instance's inbox, then asks the system, and only then joins those who wait.
 * Deadlines are the caller's clock's. A wait that is interrupted, or whose time is up, leaves every event to the
 * next one: the step that takes is the last one of the effect, one that its fiber cannot be interrupted after. Prefer
 * the `timeout` of these functions to `Effect.timeout` and to races: those drop the event of a wait that succeeds
 * in the very moment in which it loses.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import { invalidArgument, type NetworkError, TimeoutError } from "../Errors/index.js"
import type { EpollEvent } from "./Event.js"
import type { Epoll } from "./Instance.js"
import { instanceClosed, systemError } from "./Support.js"

const SYSCALL = "epoll_wait"

/** Room for what a program does with an event at first: bind it to a name, look at its tag. */
const STEPS_AFTER_A_WAIT = 64

/**
 * A fiber may be interrupted where it yields, and it yields after so many steps. That cannot happen between taking an
 * event and handing it over, but it could in the step after, in an `Effect.map` of the caller's, say. Yielding
 * beforehand, when few steps are left, gives the caller some that are safe as well.
 */
const yieldBeforehand: Effect.Effect<void> = Effect.withFiberRuntime((fiber) => {
  const left = fiber.getFiberRef(FiberRef.currentMaxOpsBeforeYield) - fiber.currentOpCount
  return left < STEPS_AFTER_A_WAIT ? Effect.yieldNow() : Effect.void
})

/** A wait: of which operation, what it takes, and how long it may last. */
interface Waiting<A> {
  readonly epoll: Epoll
  readonly operation: string
  /** Takes what it is about. There is an event, unless another fiber was quicker. */
  readonly take: () => A | undefined
  readonly timeout: Duration.Duration
  /** In the milliseconds of the clock. */
  readonly deadline: number
}

/** Thrown, and caught, where the event was gone: the one way to leave `Effect.sync` without a value. */
const gone = Symbol("gone")

const wasGone = (cause: Cause.Cause<unknown>): boolean =>
  Option.exists(Cause.dieOption(cause), (defect) => defect === gone)

const unusable = ({ epoll, operation }: Waiting<unknown>): NetworkError | undefined => {
  if (!epoll.isOpen) return instanceClosed(operation)
  return epoll.failure === 0 ? undefined : systemError(epoll.failure, { operation, syscall: SYSCALL })
}

const tooLate = ({ operation, timeout }: Waiting<unknown>): TimeoutError =>
  new TimeoutError({ operation, syscall: SYSCALL, duration: timeout })

/** Lasts until there may be something to take, and takes nothing. */
const inLine = (epoll: Epoll): Effect.Effect<void> =>
  Effect.async((resume) => {
    const tell = () => resume(Effect.void)
    if (!epoll.join(tell)) return resume(Effect.void)
    return Effect.sync(() => epoll.leave(tell))
  })

/**
 * The same until the time is up. The timer is a fiber, so that it goes by the clock of the caller; and one that nobody but
 * this interrupts, so that a wait in a finalizer has its deadline too, and ends by nothing else.
 */
const inLineFor = (epoll: Epoll, timeout: Duration.Duration): Effect.Effect<void> =>
  Effect.suspend(() => {
    const timer = { isUp: false, expire: () => {} }
    const sleeping = Effect.map(Effect.sleep(timeout), () => {
      timer.isUp = true
      timer.expire()
    })
    return Effect.flatMap(Effect.forkDaemon(Effect.interruptible(sleeping)), (sleeper) =>
      Effect.async<void>((resume) => {
        const tell = () => {
          sleeper.unsafeInterruptAsFork(FiberId.none)
          resume(Effect.void)
        }
        if (timer.isUp || !epoll.join(tell)) return tell()
        timer.expire = () => {
          epoll.leave(tell)
          resume(Effect.void)
        }
        return Effect.sync(() => {
          sleeper.unsafeInterruptAsFork(FiberId.none)
          epoll.leave(tell)
        })
      })
    )
  })

/**
 * Takes in a single step, which hands what it took to whoever is waiting for it: between the two there is no point at
 * which the fiber could yield. (The frame that catches is passed over when the step succeeds.)
 */
const taking = <A>(waiting: Waiting<A>): Effect.Effect<A, NetworkError | TimeoutError> => {
  const step = Effect.sync(() => {
    const taken = waiting.take()
    if (taken === undefined) throw gone
    return taken
  })
  return Effect.catchAllCause(step, (cause) => (wasGone(cause) ? attempt(waiting) : Effect.failCause(cause)))
}

const waitOn = <A>(waiting: Waiting<A>): Effect.Effect<A, NetworkError | TimeoutError> => {
  const again = () => attempt(waiting)
  if (waiting.deadline === Number.POSITIVE_INFINITY) return Effect.flatMap(inLine(waiting.epoll), again)
  return Effect.clockWith((clock) => {
    const left = waiting.deadline - clock.unsafeCurrentTimeMillis()
    if (left <= 0) return Effect.fail(tooLate(waiting))
    return Effect.flatMap(inLineFor(waiting.epoll, Duration.millis(Math.ceil(left))), again)
  })
}

const attempt = <A>(waiting: Waiting<A>): Effect.Effect<A, NetworkError | TimeoutError> =>
  Effect.suspend(() => {
    if (waiting.epoll.isOpen && waiting.epoll.hasEvent()) {
      return Effect.flatMap(yieldBeforehand, () => taking(waiting))
    }
    const refusal = unusable(waiting)
    return refusal === undefined ? waitOn(waiting) : Effect.fail(refusal)
  })

const start = <A>(
  epoll: Epoll,
  operation: string,
  timeout: Duration.DurationInput | undefined,
  take: () => A | undefined
): Effect.Effect<A, NetworkError | TimeoutError> =>
  Effect.suspend(() => {
    const duration = Duration.decode(timeout ?? Duration.infinity)
    const millis = Duration.toMillis(duration)
    const waiting = (now: number) =>
      attempt({ epoll, operation, take, timeout: duration, deadline: now + millis })
    if (millis === Number.POSITIVE_INFINITY) return waiting(0)
    return Effect.clockWith((clock) => waiting(clock.unsafeCurrentTimeMillis()))
  })

/** Up to `max` events that are there. */
const takeBatch = (epoll: Epoll, max: number): Arr.NonEmptyArray<EpollEvent> | undefined => {
  const first = epoll.take()
  if (first === undefined) return undefined
  const batch: Arr.NonEmptyArray<EpollEvent> = [first]
  while (batch.length < max) {
    const event = epoll.take()
    if (event === undefined) break
    batch.push(event)
  }
  return batch
}

/**
 * The next event. Without `timeout` it waits for as long as it takes; a timeout of 0 only looks. Fails with a
 * `TimeoutError` if none comes in time.
 *
 * Calls `epoll_wait`.
 *
 * @since 0.1.0
 * @category waiting
 */
export const wait = (
  epoll: Epoll,
  timeout?: Duration.DurationInput
): Effect.Effect<EpollEvent, NetworkError | TimeoutError> => start(epoll, "wait", timeout, () => epoll.take())

/**
 * Waits for one event and takes up to `max` that are here by then, in order. Fails with a `TimeoutError` if none
 * comes in time.
 *
 * Calls `epoll_wait`.
 *
 * @since 0.1.0
 * @category waiting
 */
export const waitBatch = (
  epoll: Epoll,
  max: number,
  timeout?: Duration.DurationInput
): Effect.Effect<Arr.NonEmptyArray<EpollEvent>, NetworkError | TimeoutError> =>
  max >= 1
    ? start(epoll, "waitBatch", timeout, () => takeBatch(epoll, max))
    : Effect.fail(invalidArgument("waitBatch", "max has to be at least 1"))

/**
 * How `processEvents` goes about it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProcessOptions {
  /** How many events to handle at most. A batch of the instance (256, unless `make` was told otherwise) if left out. */
  readonly max?: number
  /** How long to wait for the first one. As long as it takes, if left out. */
  readonly timeout?: Duration.DurationInput
}

/**
 * Waits for one event, then runs `handler` for it and for every other that is here, in order and one at a time, and
 * answers how many there were. Fails with a `TimeoutError` if none comes in time.
 *
 * An event is taken when its turn comes: where the handler fails or is interrupted, those behind it stay. The
 * handler may register descriptors and post events; what they bring may be handled in the same run.
 *
 * Calls `epoll_wait`.
 *
 * @since 0.1.0
 * @category waiting
 */
export const processEvents = <A, E, R>(
  epoll: Epoll,
  handler: (event: EpollEvent) => Effect.Effect<A, E, R>,
  options: ProcessOptions = {}
): Effect.Effect<number, E | NetworkError | TimeoutError, R> => {
  const operation = "processEvents"
  const max = options.max ?? epoll.batch
  if (!(max >= 1)) return Effect.fail(invalidArgument(operation, "max has to be at least 1"))
  const take = () => epoll.take()
  /** The next event; after the first one only if it is here already. */
  const next = (count: number): Effect.Effect<EpollEvent | undefined, NetworkError | TimeoutError> => {
    if (count === 0) return start(epoll, operation, options.timeout, take)
    if (count >= max || !epoll.isOpen) return Effect.succeed(undefined)
    return Effect.catchTag(start(epoll, operation, 0, take), "TimeoutError", () => Effect.succeed(undefined))
  }
  const from = (count: number): Effect.Effect<number, E | NetworkError | TimeoutError, R> =>
    Effect.flatMap(
      Effect.suspend(() => next(count)),
      (event) =>
        event === undefined ? Effect.succeed(count) : Effect.flatMap(handler(event), () => from(count + 1))
    )
  return from(0)
}
