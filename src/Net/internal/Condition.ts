/**
 * Waiting for a condition or a deadline, whichever comes first.
 *
 *     holds already? --yes--> true
 *           |no
 *     waits --changed--> holds? --yes--> true
 *       |                  |no
 *       |                  +--> waits
 *       +--deadline passed--> false
 *
 * It is one wait of the fiber that asks. `Effect.timeout` and its kin would be a race between two children of it, and within
 * a region that cannot be interrupted, a finalizer say, those are wrong twice: a child that cannot be interrupted makes
 * its timeout wait for it, and one that can is interrupted with its parent (whoever interrupts a fiber interrupts its
 * children too, whatever it is doing), so that the finalizer goes no further.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { type Deadline, within } from "./Deadline.js"

/**
 * Something that holds, or will hold after some change.
 *
 * @internal
 */
export interface Condition {
  readonly holds: () => boolean
  /** Calls back at the next change, once. */
  readonly onChange: (wake: () => void) => void
  readonly offChange: (wake: () => void) => void
}

/**
 * That a fiber has ended.
 *
 * @internal
 */
export const ended = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Condition => ({
  holds: () => fiber.unsafePoll() !== null,
  onChange: (wake) => fiber.addObserver(wake),
  offChange: (wake) => fiber.removeObserver(wake)
})

/**
 * Waits until the condition holds or the deadline has passed, and answers whether it holds.
 *
 * @internal
 */
export const holdsBefore = (
  { holds, offChange, onChange }: Condition,
  deadline: Deadline | undefined
): Effect.Effect<boolean> =>
  Effect.async<boolean>((resume) => {
    if (holds()) return resume(Effect.succeed(true))
    if (deadline?.isExpired === true) return resume(Effect.succeed(false))
    const look = () => {
      if (holds()) settle(true)
      else onChange(look)
    }
    const expire = () => settle(false)
    const forget = () => {
      offChange(look)
      deadline?.offExpire(expire)
    }
    const settle = (isHolding: boolean) => {
      forget()
      resume(Effect.succeed(isHolding))
    }
    deadline?.onExpire(expire)
    onChange(look)
    return Effect.sync(forget)
  })

/**
 * Waits until the condition holds, for so long at most, and answers whether it holds. Without a timeout, or with an
 * infinite one, that is for ever.
 *
 * @internal
 */
export const holdsWithin = (
  condition: Condition,
  timeout: Duration.DurationInput | undefined
): Effect.Effect<boolean> => within(timeout, (deadline) => holdsBefore(condition, deadline))
