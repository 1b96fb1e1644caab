/**
 * The real clock, which knows how many fibers sleep by it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export class CountingClock {
  private readonly real = Clock.make()
  private count = 0
  private total = 0

  private readonly clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => this.real.unsafeCurrentTimeMillis(),
    unsafeCurrentTimeNanos: () => this.real.unsafeCurrentTimeNanos(),
    currentTimeMillis: this.real.currentTimeMillis,
    currentTimeNanos: this.real.currentTimeNanos,
    sleep: (duration) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          this.count += 1
          this.total += 1
        }),
        () => this.real.sleep(duration),
        () =>
          Effect.sync(() => {
            this.count -= 1
          })
      )
  }

  /** How many have gone to sleep by it so far. */
  get slept(): number {
    return this.total
  }

  readonly during = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withClock(effect, this.clock)

  /** How many still sleep. Those who were told to wake are given the turns that takes. */
  readonly asleep: Effect.Effect<number> = Effect.suspend(() => {
    let turns = 0
    return Effect.repeat(Effect.yieldNow(), { until: () => this.count === 0 || ++turns === 100 })
  }).pipe(Effect.map(() => this.count))
}
