/**
 * Waiting for packets: `GetQueuedCompletionStatusEx`, without ever blocking the main thread.
 *
 * A wait first takes what is in the port's inbox, then polls, and only then joins the line of those who wait;
 * see `CompletionPort` for what happens there. Deadlines are the caller's clock's. A wait that is
 * interrupted, or whose time is up, leaves every packet to the next one. Prefer the `timeout` of these
 * functions to `Effect.timeout` and to races: those drop the packet of a wait that succeeds in the very
 * moment in which it loses.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import { invalidArgument, type NetworkError, TimeoutError } from "../Errors/index.js"
import type { Completion, CompletionResult, CompletionTimeout } from "./Completion.js"
import type { CompletionPort } from "./CompletionPort.js"
import type { Place } from "./Inbox.js"
import { portClosed, portError } from "./Support.js"

const SYSCALL = "GetQueuedCompletionStatusEx"

/** More steps than lie between taking a packet and handing it to the caller. */
const STEPS_OF_A_WAIT = 64

/**
 * A fiber may be interrupted where it yields, and it yields after so many steps. Yielding beforehand, when
 * few are left, makes sure that it does not happen while a packet is in nobody's hands.
 */
const yieldBeforehand: Effect.Effect<void> = Effect.withFiberRuntime((fiber) => {
  const left = fiber.getFiberRef(FiberRef.currentMaxOpsBeforeYield) - fiber.currentOpCount
  return left < STEPS_OF_A_WAIT ? Effect.yieldNow() : Effect.void
})

const unusable = (port: CompletionPort, operation: string): NetworkError | undefined => {
  if (!port.isOpen) return portClosed(operation)
  return port.failure === 0 ? undefined : portError(port.failure, { operation, syscall: SYSCALL })
}

/** Waits in line for as long as it takes. */
const inLine = (port: CompletionPort): Effect.Effect<Place> =>
  Effect.async((resume) => {
    const place: Place = port.join(() => resume(Effect.suspend(() => Effect.succeed(place))))
    return Effect.sync(() => port.leave(place))
  })

/** Waits in line until it is known what a call that is parked has dequeued so far. */
const inLineToLook = (port: CompletionPort): Effect.Effect<Place | undefined> =>
  Effect.async((resume) => {
    const place: Place | undefined = port.joinToLook(() =>
      resume(Effect.suspend(() => Effect.succeed(place)))
    )
    if (place === undefined) resume(Effect.succeed(undefined))
    return Effect.sync(() => {
      if (place !== undefined) port.leave(place)
    })
  })

/**
 * Waits in line until the time is up. The timer is a fiber, so that it goes by the clock of the caller; and one that nobody
 * but this interrupts and waits for: as a child of a fiber that cannot be interrupted it could not be stopped.
 */
const inLineFor = (port: CompletionPort, timeout: Duration.Duration): Effect.Effect<Place> =>
  Effect.suspend(() => {
    const timer = { isUp: false, expire: () => {} }
    const sleeping = Effect.map(Effect.sleep(timeout), () => {
      timer.isUp = true
      timer.expire()
    })
    return Effect.flatMap(Effect.forkDaemon(Effect.interruptible(sleeping)), (sleeper) =>
      Effect.async<Place>((resume) => {
        const stop = () => sleeper.unsafeInterruptAsFork(FiberId.none)
        const place: Place = port.join(() => {
          stop()
          resume(Effect.suspend(() => Effect.succeed(place)))
        })
        timer.expire = () => port.expire(place)
        if (timer.isUp) timer.expire()
        return Effect.sync(() => {
          stop()
          port.leave(place)
        })
      })
    )
  })

const inLineUntil = (port: CompletionPort, deadline: Duration.Duration): Effect.Effect<Place | undefined> => {
  if (Duration.isZero(deadline)) return inLineToLook(port)
  return Duration.isFinite(deadline) ? inLineFor(port, deadline) : inLine(port)
}

/** The next packet; `undefined` if none came in time. */
const next = (
  port: CompletionPort,
  operation: string,
  timeout: Duration.DurationInput | undefined
): Effect.Effect<Completion | undefined, NetworkError> => {
  const turn = Effect.suspend((): Effect.Effect<Completion | undefined, NetworkError> => {
    if (!port.isOpen) return Effect.fail(portClosed(operation))
    const packet = port.take()
    if (packet !== undefined) return Effect.succeed(packet)
    const refusal = unusable(port, operation)
    if (refusal !== undefined) return Effect.fail(refusal)
    const deadline = Duration.decode(timeout ?? Duration.infinity)
    return Effect.flatMap(inLineUntil(port, deadline), (place) => {
      const taken = place === undefined ? undefined : port.takeFor(place)
      const broken = taken === undefined ? unusable(port, operation) : undefined
      return broken === undefined ? Effect.succeed(taken) : Effect.fail(broken)
    })
  })
  return Effect.zipRight(yieldBeforehand, turn)
}

/** A packet that is here already. */
const takeIfHere = (port: CompletionPort): Effect.Effect<Completion | undefined> =>
  Effect.zipRight(
    yieldBeforehand,
    Effect.sync(() => (port.isOpen ? port.take() : undefined))
  )

const timedOut: CompletionTimeout = { _tag: "CompletionTimeout" }

const tooLate = (operation: string, timeout: Duration.DurationInput | undefined): TimeoutError =>
  new TimeoutError({ operation, syscall: SYSCALL, duration: Duration.decode(timeout ?? Duration.infinity) })

/**
 * `get-queued-completion-status`: the next packet, or a `CompletionTimeout` if none comes in time. Without
 * `timeout` it waits for as long as it takes; a timeout of 0 only looks.
 *
 * Calls `GetQueuedCompletionStatusEx`.
 *
 * @since 0.1.0
 * @category waiting
 */
export const getQueuedCompletionStatus = (
  port: CompletionPort,
  timeout?: Duration.DurationInput
): Effect.Effect<CompletionResult, NetworkError> =>
  Effect.map(next(port, "getQueuedCompletionStatus", timeout), (packet) => packet ?? timedOut)

/**
 * `wait-for-completion`: the next packet. Fails with a `TimeoutError` if none comes in time.
 *
 * Calls `GetQueuedCompletionStatusEx`.
 *
 * @since 0.1.0
 * @category waiting
 */
export const waitForCompletion = (
  port: CompletionPort,
  timeout?: Duration.DurationInput
): Effect.Effect<Completion, NetworkError | TimeoutError> =>
  Effect.flatMap(next(port, "waitForCompletion", timeout), (packet) =>
    packet === undefined ? Effect.fail(tooLate("waitForCompletion", timeout)) : Effect.succeed(packet)
  )

/**
 * Waits for one packet and takes up to `max` that are here by then, in order. Fails with a `TimeoutError` if
 * none comes in time.
 *
 * Calls `GetQueuedCompletionStatusEx`.
 *
 * @since 0.1.0
 * @category waiting
 */
export const waitForCompletions = (
  port: CompletionPort,
  max: number,
  timeout?: Duration.DurationInput
): Effect.Effect<Arr.NonEmptyArray<Completion>, NetworkError | TimeoutError> => {
  const operation = "waitForCompletions"
  if (!(max >= 1)) return Effect.fail(invalidArgument(operation, "max has to be at least 1"))
  return Effect.flatMap(next(port, operation, timeout), (first) => {
    if (first === undefined) return Effect.fail(tooLate(operation, timeout))
    const batch: Arr.NonEmptyArray<Completion> = [first]
    while (batch.length < max) {
      const packet = port.take()
      if (packet === undefined) break
      batch.push(packet)
    }
    return Effect.succeed(batch)
  })
}

/**
 * How `processCompletions` goes about it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProcessOptions {
  /**
   * How many packets to handle at most. A batch of the port (64, unless `make` was told otherwise) if left
   * out.
   */
  readonly max?: number
  /** How long to wait for the first one. As long as it takes, if left out. */
  readonly timeout?: Duration.DurationInput
}

/**
 * `process-completions`: waits for one packet, then runs `handler` for it and for every other that is here,
 * in order and one at a time, and answers how many there were. Fails with a `TimeoutError` if none comes in
 * time.
 *
 * A packet is taken when its turn comes: where the handler fails or is interrupted, those behind it stay in
 * the port. The handler may start operations and post packets; what they bring may be handled in the same
 * run.
 *
 * Calls `GetQueuedCompletionStatusEx`.
 *
 * @since 0.1.0
 * @category waiting
 */
export const processCompletions = <A, E, R>(
  port: CompletionPort,
  handler: (completion: Completion) => Effect.Effect<A, E, R>,
  options: ProcessOptions = {}
): Effect.Effect<number, E | NetworkError | TimeoutError, R> => {
  const operation = "processCompletions"
  const max = options.max ?? port.waiter.capacity
  if (!(max >= 1)) return Effect.fail(invalidArgument(operation, "max has to be at least 1"))
  return Effect.gen(function* () {
    const first = yield* next(port, operation, options.timeout)
    if (first === undefined) return yield* Effect.fail(tooLate(operation, options.timeout))
    let count = 0
    let packet: Completion | undefined = first
    while (packet !== undefined) {
      yield* handler(packet)
      count += 1
      packet = count < max ? yield* takeIfHere(port) : undefined
    }
    return count
  })
}
