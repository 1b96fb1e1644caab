/**
 * Taking something that must not be lost, as the very last step of an effect.
 *
 * A fiber can be interrupted between any two steps of an effect, so what one step took out of a queue can be lost
 * before the next one hands it on. `Effect.sync` is one step: its result goes straight to whoever asked for the
 * value. So everything here is first put where the next taker finds it, and taken in such a step at the very end:
 * interruption then comes either before (nothing is taken) or after (the caller has it), never in between.
 *
 * Somebody else may have been faster: then `take` answers `Gone`, and the effect starts over. That answer travels as
 * a defect that is caught right here, because a failure frame is the only one that a success passes without a step.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"

/** What `take` throws when there is nothing to take (any more). */
const gone = new Error("what was to be taken is gone")

/**
 * To be called inside `take`: somebody else was faster.
 *
 * @internal
 */
export const giveUp = (): never => {
  throw gone
}

/**
 * Whether this is how a step failed that gave up.
 *
 * @internal
 */
export const isGone = (cause: Cause.Cause<unknown>): boolean => {
  const defect = Cause.dieOption(cause)
  return Option.isSome(defect) && defect.value === gone
}

/**
 * What `take` answers, which is not `undefined`; `undefined` if it gives up. For who is no effect.
 *
 * @internal
 */
export const unlessGone = <A>(take: () => A): A | undefined => {
  try {
    return take()
  } catch (thrown) {
    if (thrown === gone) return undefined
    throw thrown
  }
}
