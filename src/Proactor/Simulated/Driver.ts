/**
 * The fiber that drives a simulation.
 *
 * Lifecycle. It goes around until its scope closes:
 *
 *     Idle      nothing is going to happen. It waits for somebody to schedule something.
 *     Sleeping  something is, later. It sleeps by Effect's clock, and is woken if something comes sooner.
 *     Running   something is due: one instant of it runs, its completions are delivered, and the fibers that they
 *               woke run before the next instant does.
 *
 * While an operation is in flight the process stays alive, as it does with a real network, even though nothing may
 * ever happen: what keeps it is one idle timer, which never fires and tells no time.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import type { Simulation } from "./Simulation.js"

const LONGEST_TIMER_MILLIS = 0x7fffffff

/** Something that keeps the process, when it is told to. */
class Anchor {
  private timer: NodeJS.Timeout | undefined

  hold(): void {
    if (this.timer === undefined) this.timer = setInterval(() => {}, LONGEST_TIMER_MILLIS)
    else this.timer.ref()
  }

  release(): void {
    this.timer?.unref()
  }

  drop(): void {
    clearInterval(this.timer)
  }
}

/**
 * Forks the fiber into the scope.
 *
 * @internal
 */
export const drive = (
  simulation: Simulation,
  hasWork: () => boolean
): Effect.Effect<void, never, Scope.Scope> => {
  const anchor = new Anchor()

  const woken = (until: number) =>
    Effect.async<void>((resume) => {
      // Something may have come up since the driver looked.
      const time = simulation.nextTime() ?? Number.POSITIVE_INFINITY
      if (time < until || time <= simulation.clock.unsafeCurrentTimeMillis()) return resume(Effect.void)
      simulation.sleep(until, () => resume(Effect.void))
      return Effect.sync(() => simulation.sleep(Number.NEGATIVE_INFINITY, () => {}))
    })

  const idle = Effect.suspend(() => {
    if (!hasWork()) return woken(Number.POSITIVE_INFINITY)
    anchor.hold()
    return Effect.ensuring(
      woken(Number.POSITIVE_INFINITY),
      Effect.sync(() => anchor.release())
    )
  })

  const sleepUntil = (time: number) => {
    const alarm = Effect.zipRight(
      Effect.suspend(() => simulation.clock.sleep(Duration.millis(Math.max(1, time - simulation.now())))),
      Effect.sync(() => simulation.wake())
    )
    return Effect.acquireUseRelease(
      Effect.interruptible(alarm).pipe(Effect.forkDaemon),
      () => woken(time),
      (sleeper) => Effect.sync(() => sleeper.unsafeInterruptAsFork(FiberId.none))
    )
  }

  const turn = Effect.suspend(() => {
    const time = simulation.nextTime()
    if (time === undefined) return idle
    if (time > simulation.clock.unsafeCurrentTimeMillis()) return sleepUntil(time)
    simulation.runInstant()
    simulation.deliver()
    // `forever` yields between two turns: the fibers that were just resumed run before the next instant.
    return Effect.void
  })

  const driving = Effect.forever(turn).pipe(
    // Whoever waits on this network waits for ever now: that should not go unnoticed.
    Effect.tapDefect((cause) => Effect.logFatal("the simulated network stops", cause)),
    Effect.ensuring(Effect.sync(() => anchor.drop()))
  )
  return Effect.asVoid(Effect.forkScoped(Effect.interruptible(driving)))
}
