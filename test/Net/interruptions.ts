/**
 * Fibers that are interrupted at any moment.
 */
import * as Effect from "effect/Effect"
import * as Scheduler from "effect/Scheduler"

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
