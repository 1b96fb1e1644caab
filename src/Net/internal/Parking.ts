/**
 * Waiting to be woken, and what is to happen if that is interrupted.
 *
 * `Effect.async` runs its function in one step of the fiber and installs its finalizer in the next: a fiber that yields
 * between the two and is interrupted there leaves behind what the function began. So what has to be undone is begun here
 * where interruption is held off, and only the waiting itself lets it in (`guarded`).
 *
 * The steps of every read that finds nothing are to be few.
 * `Effect.async` with a finalizer puts the whole apparatus of scoped finalizers around each wait, anew for each. Here
 * the steps are made once and run as often as needed, by several fibers side by side. That is possible because who waits
 * is told apart by its fiber: a fiber waits in one place at a time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Waiter, Waiters } from "./Waiters.js"

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
 * What `Effect.uninterruptibleMask` hands out: runs an effect as interruptible as the caller was.
 *
 * @internal
 */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * The fiber whose step this is.
 *
 * @internal
 */
export const thisFiber = (): Fiber.RuntimeFiber<unknown, unknown> =>
  Option.getOrThrow(Fiber.getCurrentFiber())

/**
 * Waits, and if that is interrupted runs what `abandoned` answers before it goes on. To be run where interruption is held
 * off, but for what `restore` is for.
 *
 * @internal
 */
export const guarded = <A, E>(
  restore: Restore,
  waiting: Effect.Effect<A, E>,
  abandoned: () => Effect.Effect<void>
): Effect.Effect<A, E> =>
  Effect.catchAllCause(restore(waiting), (cause) =>
    Effect.zipRight(Effect.suspend(abandoned), Effect.failCause(cause))
  )

const nothing = () => Effect.void

/** A fiber that is parked, and with what it goes on. */
class Parked<A, E> implements Waiter {
  readonly key: object
  private readonly resume: (next: Effect.Effect<A, E>) => void
  private readonly next: () => Effect.Effect<A, E>

  constructor(key: object, resume: (next: Effect.Effect<A, E>) => void, next: () => Effect.Effect<A, E>) {
    this.key = key
    this.resume = resume
    this.next = next
  }

  wake(): void {
    this.resume(this.next())
  }
}

/**
 * Waits until the room's waiters are woken, and goes on with what `next` answers then.
 *
 * @internal
 */
export const waitThen = <A, E>(room: WaitingRoom, next: () => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.async<A, E>((resume) => {
    // What is waited for may have come in the steps since it was looked for, and would not come again.
    if (!room.isInFlight) return resume(next())
    room.waiters.enlist(new Parked(thisFiber(), resume, next))
  })

/**
 * Waits until the room's waiters are woken. An interruption takes the fiber out of the line and runs what `abandoned`
 * answers before it goes on. To be run by a fiber that can be interrupted.
 *
 * @internal
 */
export const waitGuarded = (room: WaitingRoom, abandoned: () => Effect.Effect<void>): Effect.Effect<void> => {
  const leave = Effect.withFiberRuntime<void>((fiber) => {
    room.waiters.remove(fiber)
    return abandoned()
  })
  return Effect.uninterruptible(
    Effect.catchAllCause(Effect.interruptible(waitThen(room, nothing)), (cause) =>
      Effect.zipRight(leave, Effect.failCause(cause))
    )
  )
}
