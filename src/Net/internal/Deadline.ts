/**
 * A deadline: a fiber that sleeps, and a switch that it throws when it wakes.
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

  /** Starts the clock. An infinite duration, or none at all, is no deadline. */
  static start(input: Duration.DurationInput | undefined): Effect.Effect<Deadline | undefined> {
    if (input === undefined) return Effect.succeed(undefined)
    const duration = Duration.decode(input)
    if (!Duration.isFinite(duration)) return Effect.succeed(undefined)
    return Effect.suspend(() => {
      const deadline = new Deadline(duration)
      return Effect.map(Effect.forkDaemon(Effect.interruptible(Clock.sleep(duration))), (sleeper) => {
        deadline.watch(sleeper)
        return deadline
      })
    })
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
