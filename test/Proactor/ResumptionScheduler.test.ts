import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scheduler from "effect/Scheduler"
import { collecting, resumedInBatches } from "../../src/Proactor/ResumptionScheduler.js"

/** Fibers that wait to be woken, each of which writes its name down when it is. */
const sleepers = (
  names: ReadonlyArray<string>,
  log: Array<string>,
  then: Effect.Effect<void> = Effect.void
) =>
  Effect.gen(function* () {
    const wakes: Array<() => void> = []
    const sleep = (name: string) =>
      Effect.async<void>((resume) => {
        wakes.push(() => resume(Effect.sync(() => log.push(name))))
      })
    const fibers = yield* Effect.forEach(names, (name) => Effect.fork(Effect.zipRight(sleep(name), then)))
    yield* Effect.yieldNow()
    yield* Effect.sleep("1 millis")
    assert.strictEqual(wakes.length, names.length, "all wait")
    return { fibers, wakeAll: () => wakes.splice(0).forEach((wake) => void wake()) }
  })

describe("the scheduler of resumptions", () => {
  it.live("runs the fibers that a batch wakes right after it, in their order", () =>
    resumedInBatches(
      Effect.gen(function* () {
        const log: Array<string> = []
        const { fibers, wakeAll } = yield* sleepers(["a", "b", "c"], log)
        collecting(() => {
          wakeAll()
          log.push("delivered")
        })
        assert.deepStrictEqual(log, ["delivered", "a", "b", "c"])
        yield* Fiber.joinAll(fibers)
      })
    )
  )

  it.live("leaves fibers that are not under it to their own scheduler", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const { fibers, wakeAll } = yield* sleepers(["a"], log)
      collecting(wakeAll)
      assert.deepStrictEqual(log, [])
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(log, ["a"])
    })
  )

  it.live("does not hold up the loop for a fiber that yields, or that wakes another", () =>
    resumedInBatches(
      Effect.gen(function* () {
        const log: Array<string> = []
        const afterwards = Effect.zipRight(
          Effect.yieldNow(),
          Effect.sync(() => void log.push("later"))
        )
        const { fibers, wakeAll } = yield* sleepers(["a", "b"], log, afterwards)
        collecting(wakeAll)
        assert.deepStrictEqual(log, ["a", "b"])
        yield* Fiber.joinAll(fibers)
        assert.deepStrictEqual(log, ["a", "b", "later", "later"])
      })
    )
  )

  it.live("goes on when the delivery fails: whoever was woken runs", () =>
    resumedInBatches(
      Effect.gen(function* () {
        const log: Array<string> = []
        const { fibers, wakeAll } = yield* sleepers(["a"], log)
        assert.throws(() =>
          collecting(() => {
            wakeAll()
            throw new Error("on purpose")
          })
        )
        assert.deepStrictEqual(log, ["a"])
        yield* Fiber.joinAll(fibers)
      })
    )
  )

  it.live("asks the scheduler that was there before whether a fiber is to yield", () => {
    let asked = 0
    const base: Scheduler.Scheduler = {
      shouldYield: () => {
        asked += 1
        return false
      },
      scheduleTask: (task) => setImmediate(task)
    }
    const steps = Effect.forEach(Array(50), () => Effect.void, { discard: true })
    return Effect.zipRight(
      Effect.withScheduler(resumedInBatches(steps), base),
      Effect.sync(() => assert.isAbove(asked, 50))
    )
  })

  it.live("lets a fiber that never waits give way to timers, as ever", () =>
    resumedInBatches(
      Effect.gen(function* () {
        const endless = Effect.whileLoop({ while: () => true, body: () => Effect.void, step: () => {} })
        const busy = yield* Effect.fork(endless)
        yield* Effect.sleep("5 millis")
        yield* Fiber.interrupt(busy)
      })
    )
  )
})
