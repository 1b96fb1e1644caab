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
    room.waiters.enlist(new Parked(Option.getOrThrow(Fiber.getCurrentFiber()), resume, next))
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
