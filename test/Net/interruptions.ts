/**
 * Fibers that are interrupted at any moment.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Scheduler from "effect/Scheduler"
import { CountingClock } from "../support/countingClock.js"

/** Lets the fiber come a random way before what follows. */
export const someTime = Effect.suspend(() => {
  const turns = Math.floor(Math.random() * 6)
  return turns === 5 ? Effect.sleep("1 millis") : Effect.forEach(Array(turns), () => Effect.yieldNow())
})

/**
 * Lets a fiber yield, and so be interrupted, between any two of its steps, rather than every 2048. Not often: yielding
 * takes steps itself, and a fiber that yields in every tenth of them never gets anywhere.
 */
export const yieldingAnywhere = Effect.withScheduler({
  scheduleTask: (task, priority) => Scheduler.defaultScheduler.scheduleTask(task, priority),
  shouldYield: () => (Math.random() < 0.03 ? 0 : false)
})

/** Interrupts a fiber right before that step of it, counted from here. The fibers that it starts are left alone. */
const interruptingAt = (step: number) => {
  let target: Fiber.RuntimeFiber<unknown, unknown> | undefined
  let steps = 0
  return {
    hasCome: () => steps >= step,
    tune: Effect.withScheduler({
      scheduleTask: (task, priority) => Scheduler.defaultScheduler.scheduleTask(task, priority),
      shouldYield: (fiber) => {
        target ??= fiber
        if (fiber !== target) return false
        steps += 1
        if (steps !== step) return false
        fiber.unsafeInterruptAsFork(FiberId.none)
        return 0
      }
    })
  }
}

/**
 * Runs an effect again and again, interrupted before its first step, its second and so on, until it has come to its end or to
 * where it waits; there it is interrupted too. Answers how many times that was.
 */
export const interruptedAtEveryStep = <A, E, R, E2, R2>(
  effect: Effect.Effect<A, E, R>,
  after: (exit: Exit.Exit<A, E>) => Effect.Effect<unknown, E2, R2>
): Effect.Effect<number, E2, R | R2> =>
  Effect.gen(function* () {
    for (let step = 1; ; step++) {
      const { hasCome, tune } = interruptingAt(step)
      const fiber = yield* Effect.fork(tune(effect))
      for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow()
      const isThrough = !hasCome()
      yield* after(yield* Fiber.interrupt(fiber))
      if (isThrough) return step
    }
  })

/** Interrupts each of them at every step. Nobody may be asleep after any, and somebody was. */
export const leaveNoClock = <E, R>(operations: ReadonlyArray<Effect.Effect<unknown, E, R>>) =>
  Effect.forEach(operations, (operation) =>
    Effect.gen(function* () {
      const clock = new CountingClock()
      const after = () =>
        Effect.map(clock.asleep, (asleep) => assert.strictEqual(asleep, 0, "a clock goes on"))
      const times = yield* interruptedAtEveryStep(clock.during(operation), after)
      assert.isAbove(times, 3)
      assert.isAbove(clock.slept, 0, "there was no clock: the test tested nothing")
    })
  )
