/**
 * A deadline: a fiber that sleeps, and a switch that it throws when it wakes.
 *
 *     Unstarted --begin--> Sleeping --time passes--> Expired
 *         |                   |
 *         +------cancel-------+--> nobody sleeps
 *
 * The clock is started in the step in which its end is provided for: an interruption between the two would leave a fiber
 * asleep for as long as the deadline is away. A read therefore makes its deadline at the beginning, and starts the clock when
 * it comes to wait, which is the same moment; one that finds what it wants has no clock to stop.
 *
 * The operation that has the deadline runs in its own fiber, not in a race: it waits for its event or for the
 * deadline, whichever is first, and then takes what came in one step. A race would run it in a fiber of its own,
 * whose result is dropped when the other one wins in the same moment.
 *
 * The sleep is Effect's own (`Clock`), so a `TestClock` drives it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import { TimeoutError } from "../../Errors/index.js"
import { Waiters } from "./Waiters.js"

/**
 * The error of an operation that ran out of its time.
 *
 * @internal
 */
export const timedOut = (
  operation: string,
  duration: Duration.DurationInput,
  address: string | undefined,
  bytesTransferred?: number
): TimeoutError =>
  new TimeoutError({ operation, duration: Duration.decode(duration), address, bytesTransferred })

/** @internal */
export class Deadline {
  readonly duration: Duration.Duration
  private expired = false
  private sleeper: Fiber.RuntimeFiber<void> | undefined
  private readonly waiters = new Waiters()

  private constructor(duration: Duration.Duration) {
    this.duration = duration
  }

  /** One whose clock does not run yet. An infinite duration, or none at all, is no deadline. */
  static after(input: Duration.DurationInput | undefined): Deadline | undefined {
    if (input === undefined) return undefined
    const duration = Duration.decode(input)
    return Duration.isFinite(duration) ? new Deadline(duration) : undefined
  }

  /** One whose clock runs, for who can be interrupted only after providing for its end: see `within`. */
  static start(input: Duration.DurationInput | undefined): Effect.Effect<Deadline | undefined> {
    return Effect.withFiberRuntime((fiber) => {
      const deadline = Deadline.after(input)
      deadline?.begin(fiber)
      return Effect.succeed(deadline)
    })
  }

  /** Starts the clock, which is that of the fiber, within a step of it. */
  begin(fiber: Fiber.RuntimeFiber<unknown, unknown>): void {
    if (this.sleeper !== undefined || this.expired) return
    const runtime = Runtime.make({
      context: fiber.currentContext,
      fiberRefs: fiber.getFiberRefs(),
      runtimeFlags: Runtime.defaultRuntimeFlags
    })
    this.watch(Runtime.runFork(runtime, Clock.sleep(this.duration)))
  }

  get isExpired(): boolean {
    return this.expired
  }

  onExpire(wake: () => void): void {
    this.waiters.add(wake)
  }

  offExpire(wake: () => void): void {
    this.waiters.remove(wake)
  }

  /** The operation is over: the clock may stop. */
  cancel(): void {
    const sleeper = this.sleeper
    this.sleeper = undefined
    sleeper?.unsafeInterruptAsFork(FiberId.none)
  }

  private watch(sleeper: Fiber.RuntimeFiber<void>): void {
    this.sleeper = sleeper
    sleeper.addObserver((exit) => {
      this.sleeper = undefined
      if (!Exit.isSuccess(exit)) return
      this.expired = true
      this.waiters.wakeAll()
    })
  }
}

/**
 * Runs `use` with a deadline whose clock runs, and stops that at the end.
 *
 * @internal
 */
export const within = <A, E, R>(
  timeout: Duration.DurationInput | undefined,
  use: (deadline: Deadline | undefined) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  timeout === undefined
    ? use(undefined)
    : Effect.acquireUseRelease(Deadline.start(timeout), use, (deadline) =>
        Effect.sync(() => deadline?.cancel())
      )
