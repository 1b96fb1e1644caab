/**
 * A scheduler for fibers that completions wake: those of one batch run together, right after it.
 *
 * Effect gives each fiber that is resumed a microtask and a queue of its own. For a fiber that runs for a microsecond
 * between two completions that is most of its cost. So while a batch is delivered, the fibers under this scheduler are
 * collected, in the order in which they were woken, and they run when the batch is through:
 *
 *     Elsewhere --deliver--> Collecting --all delivered--> Running, one after the other --> Elsewhere
 *
 * Everything else is left to the scheduler that was there before, whose manners these fibers keep: what a fiber
 * schedules while it runs (another fiber, its own continuation after a yield) waits for its turn there. So a fiber that
 * is busy for long yields to timers and other I/O as ever, and a chain of fibers that wake each other cannot keep the
 * completion loop for itself.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Scheduler from "effect/Scheduler"

/** What was scheduled by the batch that is being delivered. */
let collected: Array<Scheduler.Task> | undefined

/**
 * Runs `deliver`, and then the fibers it woke that are under a `ResumptionScheduler`.
 *
 * @internal
 */
export const collecting = (deliver: () => void): void => {
  const outer = collected
  const tasks: Array<Scheduler.Task> = []
  collected = tasks
  try {
    deliver()
  } finally {
    collected = outer
    for (const task of tasks) task()
  }
}

/** A fiber that only goes from one completion to the next is asked whether it should yield every so many steps. */
const STEPS_PER_LOOK = 16

class ResumptionScheduler implements Scheduler.Scheduler {
  private readonly base: Scheduler.Scheduler
  /** Whether every step is a place to yield, and not only where so many were taken in a row. */
  readonly looksEverywhere: boolean

  constructor(base: Scheduler.Scheduler) {
    this.base = base
    // Effect's own scheduler counts steps up to a limit in the thousands. Another may want to be asked at each of them.
    this.looksEverywhere = base !== Scheduler.defaultScheduler
  }

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    if (!this.looksEverywhere && fiber.currentOpCount % STEPS_PER_LOOK !== 0) return false
    return this.base.shouldYield(fiber)
  }

  scheduleTask(task: Scheduler.Task, priority: number, fiber?: Fiber.RuntimeFiber<unknown, unknown>): void {
    if (collected !== undefined) collected.push(task)
    // Effect's own scheduler keeps a queue for each fiber that it is told of, which thousands of fibers can do without.
    else this.base.scheduleTask(task, priority, this.looksEverywhere ? fiber : undefined)
  }
}

/**
 * Whether a fiber yields under it only when it has taken more than `currentMaxOpsBeforeYield` steps in a row.
 *
 * @internal
 */
export const yieldsByCount = (scheduler: Scheduler.Scheduler): boolean =>
  scheduler === Scheduler.defaultScheduler ||
  (scheduler instanceof ResumptionScheduler && !scheduler.looksEverywhere)

/**
 * Runs the effect, and the fibers it forks, under such a scheduler.
 *
 * @internal
 */
export const resumedInBatches = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(FiberRef.get(FiberRef.currentScheduler), (base) =>
    base instanceof ResumptionScheduler ? effect : Effect.withScheduler(effect, new ResumptionScheduler(base))
  )
