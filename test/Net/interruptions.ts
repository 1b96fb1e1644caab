/**
 * Fibers that are interrupted at any moment.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
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

/** Whose steps are counted: the fiber's, or those of the first one that it starts, in which a stream runs. */
type Counted = "its own" | "its child's"

/** Interrupts a fiber right before that step, counted from here. */
const interruptingAt = (step: number, counted: Counted) => {
  const seen = new Set<unknown>()
  let target: Fiber.RuntimeFiber<unknown, unknown> | undefined
  let steps = 0
  return {
    hasCome: () => steps >= step,
    tune: Effect.withScheduler({
      scheduleTask: (task, priority) => Scheduler.defaultScheduler.scheduleTask(task, priority),
      shouldYield: (fiber) => {
        seen.add(fiber)
        if (counted === "its own" || seen.size === 2) target ??= fiber
        if (fiber !== target) return false
        steps += 1
        if (steps !== step) return false
        fiber.unsafeInterruptAsFork(FiberId.none)
        return 0
      }
    })
  }
}

/** What is interrupted, and what is to hold after that. */
export interface Round<E, R> {
  readonly operation: Effect.Effect<unknown, unknown, R>
  readonly after: Effect.Effect<unknown, E, R>
}

/**
 * Runs rounds until one comes to its end or to where it waits: the first is interrupted before the first step of its
 * operation, the second before the second and so on, and the last one where it waits. Answers how many there were.
 */
export const interruptedAtEveryStep = <E, R>(
  round: Effect.Effect<Round<E, R>, E, R>,
  counted: Counted = "its own"
): Effect.Effect<number, E, R> =>
  Effect.gen(function* () {
    for (let step = 1; ; step++) {
      const { after, operation } = yield* round
      const { hasCome, tune } = interruptingAt(step, counted)
      const fiber = yield* Effect.fork(tune(operation))
      for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow()
      const isThrough = !hasCome()
      yield* Fiber.interrupt(fiber)
      yield* after
      if (isThrough) return step
    }
  })

/** So many steps in a row Effect's own scheduler lets a fiber take here. */
const STEPS_IN_A_ROW = 100

/** The effect, after so many steps that do nothing. */
const later = <A, E, R>(effect: Effect.Effect<A, E, R>, steps: number): Effect.Effect<A, E, R> =>
  steps === 0 ? effect : Effect.suspend(() => later(effect, steps - 1))

/**
 * Runs rounds under Effect's own scheduler, which lets a fiber go on until it has taken so many steps: it yields before the first
 * step of its operation, in other rounds before the second and so on, up to that many. It is interrupted a moment later, or not
 * quite.
 */
export const yieldingAtEveryStep = <E, R>(
  round: Effect.Effect<Round<E, R>, E, R>,
  steps: number
): Effect.Effect<void, E, R> =>
  Effect.gen(function* () {
    for (let step = 0; step < steps; step++) {
      for (let turns = 1; turns <= 3; turns++) {
        const { after, operation } = yield* round
        const late = later(operation, STEPS_IN_A_ROW - step)
        const fiber = yield* Effect.fork(Effect.withMaxOpsBeforeYield(late, STEPS_IN_A_ROW))
        for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
        yield* after
      }
    }
  })

/** Interrupts each of them at every step. Nobody may be asleep after any, and somebody was. */
export const leaveNoClock = <E, R>(operations: ReadonlyArray<Effect.Effect<unknown, E, R>>) =>
  Effect.forEach(operations, (operation) =>
    Effect.gen(function* () {
      const clock = new CountingClock()
      const after = Effect.map(clock.asleep, (asleep) => assert.strictEqual(asleep, 0, "a clock goes on"))
      const times = yield* interruptedAtEveryStep(
        Effect.succeed({ operation: clock.during(operation), after })
      )
      assert.isAbove(times, 3)
      assert.isAbove(clock.slept, 0, "there was no clock: the test tested nothing")
    })
  )

/**
 * Runs a stream that has elements to begin with, interrupted at its first step, its second and so on, until it has come to its
 * end or to where it waits. Answers what the stage after it was given, in all.
 */
export const pulledAtEveryStep = <A, E, R>(
  stream: Stream.Stream<A, E, R>
): Effect.Effect<ReadonlyArray<A>, never, R> =>
  Effect.gen(function* () {
    const given: Array<A> = []
    const operation = Stream.runDrain(
      Stream.map(stream, (element) => {
        given.push(element)
      })
    )
    const times = yield* interruptedAtEveryStep<never, R>(
      Effect.succeed({ operation, after: Effect.void }),
      "its child's"
    )
    assert.isAbove(times, 30, "the test tested little")
    return given
  })
