/**
 * Time that passes when nobody has anything to do.
 *
 * Lifecycle. The fibers of the effect run on a scheduler of their own, which runs one task after the other. When no
 * task is left, and neither promises nor timers of the surrounding program bring a new one in this turn, the clock
 * jumps to the moment for which the first sleeper waits, wakes it, and the scheduler goes on. So a minute's sleep
 * takes no time, and what happens, happens in the same order every time.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { RuntimeFiber } from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Scheduler from "effect/Scheduler"
import { EventQueue } from "./EventQueue.js"

const NANOS_PER_MILLI = 1_000_000

class VirtualClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  private now = 0
  private readonly sleepers = new EventQueue()
  private readonly onSleep: () => void

  constructor(onSleep: () => void) {
    this.onSleep = onSleep
  }

  unsafeCurrentTimeMillis(): number {
    return this.now
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.round(this.now * NANOS_PER_MILLI))
  }

  readonly currentTimeMillis = Effect.sync(() => this.unsafeCurrentTimeMillis())
  readonly currentTimeNanos = Effect.sync(() => this.unsafeCurrentTimeNanos())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const millis = Duration.toMillis(duration)
      if (!Number.isFinite(millis)) return
      const sleeper = this.sleepers.add(this.now + millis, 0, () => resume(Effect.void))
      this.onSleep()
      return Effect.sync(() => {
        sleeper.isDropped = true
      })
    })
  }

  /** Whether anybody sleeps. */
  get isAwaited(): boolean {
    return this.sleepers.peek() !== undefined
  }

  /** Jumps to the first moment that somebody waits for, and wakes all who wait for it. */
  advance(): void {
    const first = this.sleepers.peek()
    if (first === undefined) return
    this.now = Math.max(this.now, first.time)
    let next = this.sleepers.takeUntil(this.now)
    while (next !== undefined) {
      next.run()
      next = this.sleepers.takeUntil(this.now)
    }
  }
}

/** So many tasks run in a row before timers and I/O of the surrounding program get a turn. */
const TASKS_PER_TURN = 8192

class VirtualScheduler implements Scheduler.Scheduler {
  readonly clock = new VirtualClock(() => this.plan())
  private readonly tasks = new Scheduler.PriorityBuckets()
  private state: "Idle" | "Planned" | "Running" = "Idle"

  shouldYield(fiber: RuntimeFiber<unknown, unknown>): number | false {
    if (fiber.currentOpCount <= fiber.getFiberRef(FiberRef.currentMaxOpsBeforeYield)) return false
    return fiber.getFiberRef(FiberRef.currentSchedulingPriority)
  }

  scheduleTask(task: Scheduler.Task, priority: number): void {
    this.tasks.scheduleTask(task, priority)
    if (this.state === "Running") return
    this.state = "Running"
    queueMicrotask(this.run)
  }

  /** Runs what there is to run. Then, a turn later, if nothing came up, time passes. */
  private readonly run = (): void => {
    this.state = "Running"
    for (let count = 0; this.tasks.buckets.length > 0; ) {
      if (count > TASKS_PER_TURN) return void setImmediate(this.run)
      const { buckets } = this.tasks
      this.tasks.buckets = []
      for (const [, tasks] of buckets) {
        count += tasks.length
        for (const task of tasks) task()
      }
    }
    this.state = "Idle"
    this.plan()
  }

  private plan(): void {
    if (this.state !== "Idle" || !this.clock.isAwaited) return
    this.state = "Planned"
    setImmediate(this.pass)
  }

  private readonly pass = (): void => {
    if (this.state !== "Planned") return
    this.state = "Idle"
    this.clock.advance()
  }
}

/**
 * Runs an effect in virtual time: its clock, and that of everything it starts, jumps to the next moment for which
 * anybody waits as soon as nobody has anything to do. Time starts at 0, and order does not depend on the machine.
 *
 * It is for programs that wait for nothing but each other: to it, one that waits for a real file or socket is one that
 * has nothing to do.
 *
 * @since 0.1.0
 * @category testing
 */
export const virtualTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const scheduler = new VirtualScheduler()
    const inVirtualTime = Effect.withClock(effect, scheduler.clock)
    // The yield makes the new scheduler the one that runs it.
    return Effect.zipRight(Effect.yieldNow(), inVirtualTime).pipe(Effect.withScheduler(scheduler))
  })
