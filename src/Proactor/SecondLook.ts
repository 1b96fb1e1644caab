/**
 * Looking twice, where one look may come at the wrong moment.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/** Between the looks. A server that is just starting has bound its path, and listens well before that is over. */
const BETWEEN_MILLIS = 25

/** The system's time, not the program's: under a test's clock no time passes. */
const pause: Effect.Effect<void> = Effect.async<void>((resume) => {
  const timer = setTimeout(() => resume(Effect.void), BETWEEN_MILLIS)
  return Effect.sync(() => clearTimeout(timer))
})

/**
 * Whether it is so, and is still so a moment later.
 *
 * @internal
 */
export const isSoTwice = (look: () => boolean): Effect.Effect<boolean> =>
  Effect.suspend(() => (look() ? Effect.map(pause, look) : Effect.succeed(false)))
