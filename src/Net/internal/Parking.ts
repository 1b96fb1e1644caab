/**
 * Waiting to be woken, at the least cost: the steps of every read that finds nothing.
 *
 * `Effect.async` with a finalizer puts the whole apparatus of scoped finalizers around each wait, anew for each. Here
 * the steps are made once and run as often as needed, by several fibers side by side. That is possible because who waits
 * is told apart by its fiber: a fiber waits in one place at a time.
 *
 *     interruptible? --no--> wait (nothing can cut it short)
 *       |yes
 *     uninterruptible { wait interruptibly; if that fails: leave the line, then `abandoned`, then fail on }
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Waiters } from "./Waiters.js"

/**
 * The two ways to wait, for a fiber that can be interrupted and for one that cannot.
 *
 * @internal
 */
export interface Parking {
  readonly guarded: Effect.Effect<void>
  readonly plain: Effect.Effect<void>
}

/**
 * Waits until `waiters` are woken, or not at all if `isOver` already. An interruption takes the fiber out of the
 * line and runs `abandoned` before it goes on.
 *
 * @internal
 */
export const parking = (waiters: Waiters, isOver: () => boolean, abandoned: Effect.Effect<void>): Parking => {
  const plain = Effect.async<void>((resume) => {
    // What is waited for may have come in the steps since it was looked for, and would not come again.
    if (isOver()) resume(Effect.void)
    else waiters.add(resume, Option.getOrThrow(Fiber.getCurrentFiber()))
  })
  const leave = Effect.withFiberRuntime<void>((fiber) => {
    waiters.remove(fiber)
    return abandoned
  })
  const guarded = Effect.uninterruptible(
    Effect.catchAllCause(Effect.interruptible(plain), (cause) =>
      Effect.zipRight(leave, Effect.failCause(cause))
    )
  )
  return { guarded, plain }
}
