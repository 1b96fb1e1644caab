/**
 * Waiting to be woken, at the least cost: the steps of every read that finds nothing.
 *
 * `Effect.async` with a finalizer puts the whole apparatus of scoped finalizers around each wait, anew for each. Here
 * the steps are made once and run as often as needed, by several fibers side by side. That is possible because who waits
 * is told apart by its fiber: a fiber waits in one place at a time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Waiters } from "./Waiters.js"

/**
 * Where fibers wait.
 *
 * @internal
 */
export interface WaitingRoom {
  readonly waiters: Waiters
  /** Whether what is waited for is under way; if not, there is nothing to wait for. */
  readonly isInFlight: boolean
}

/**
 * Waits until the room's waiters are woken.
 *
 * @internal
 */
export const wait = (room: WaitingRoom): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    // What is waited for may have come in the steps since it was looked for, and would not come again.
    if (room.isInFlight) room.waiters.add(resume, Option.getOrThrow(Fiber.getCurrentFiber()))
    else resume(Effect.void)
  })

/**
 * Waits as `waiting` does, which is `wait` in that room. An interruption takes the fiber out of the line and runs what
 * `abandoned` answers before it goes on. To be run by a fiber that can be interrupted.
 *
 * @internal
 */
export const guarded = (
  waiting: Effect.Effect<void>,
  room: WaitingRoom,
  abandoned: () => Effect.Effect<void>
): Effect.Effect<void> => {
  const leave = Effect.withFiberRuntime<void>((fiber) => {
    room.waiters.remove(fiber)
    return abandoned()
  })
  return Effect.uninterruptible(
    Effect.catchAllCause(Effect.interruptible(waiting), (cause) =>
      Effect.zipRight(leave, Effect.failCause(cause))
    )
  )
}
