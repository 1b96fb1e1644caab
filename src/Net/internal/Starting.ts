/**
 * Starting something that is to be stopped if its caller is interrupted.
 *
 * Whoever starts it in one step of a fiber, and provides for its end in the next, leaves a gap: a fiber may yield between any
 * two of its steps, and be interrupted before it goes on. So it is started where interruption is held off, and only the
 * waiting for its end lets it in (see `Parking`).
 *
 * To hold interruption off costs steps, and what is started here is nearly always over at once, with nothing to wait for. A
 * fiber under Effect's own scheduler yields only when it has taken a number of steps in a row. Where that is some steps away
 * there is no gap, and it is started at once: interruption is held off when it turns out that there is something to wait for.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import { yieldsByCount } from "../../Proactor/ResumptionScheduler.js"
import { guarded, type Restore } from "./Parking.js"

/**
 * Waits for what was started, and goes on with what `next` answers. `abandoned`: what stops it if the waiting is interrupted.
 *
 * @internal
 */
export type WaitFor = <A, B, E>(
  waiting: Effect.Effect<A>,
  abandoned: () => Effect.Effect<void>,
  next: (value: A) => Effect.Effect<B, E>
) => Effect.Effect<B, E>

const waitWith =
  (restore: Restore): WaitFor =>
  (waiting, abandoned, next) =>
    Effect.flatMap(guarded(restore, waiting, abandoned), next)

/** For who has started something where interruption is not held off yet. */
const holdOffAndWait: WaitFor = (waiting, abandoned, next) =>
  Effect.uninterruptibleMask((restore) => waitWith(restore)(waiting, abandoned, next))

/** From `start` to where `holdOffAndWait` holds interruption off it is two steps; callers put some around it. */
const STEPS_TO_WAIT = 8

const goesOn = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean =>
  yieldsByCount(fiber.currentScheduler) &&
  fiber.currentOpCount + STEPS_TO_WAIT < fiber.getFiberRef(FiberRef.currentMaxOpsBeforeYield)

/**
 * Like `starting`, for a caller that is within a step of the fiber, and returns what is answered from that step: it is started
 * here and now, unless the fiber may yield soon.
 *
 * @internal
 */
export const startIn = <A, E>(
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  start: (waitFor: WaitFor) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  goesOn(fiber) ? start(holdOffAndWait) : Effect.uninterruptibleMask((restore) => start(waitWith(restore)))

/**
 * Starts something, and answers with how it ended, or with what waits for its end by means of `waitFor`.
 *
 * @internal
 */
export const starting = <A, E>(start: (waitFor: WaitFor) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.withFiberRuntime((fiber) => startIn(fiber, start))
