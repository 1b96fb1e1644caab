import { assert, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { TimeoutError } from "../../src/Errors/index.js"
import * as Iocp from "../../src/Iocp/index.js"
import { describeOnWindows, leavingNothing } from "./windows.js"

const keysOf = (completions: ReadonlyArray<Iocp.Completion>) => completions.map(({ key }) => Number(key))

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index)

/** Lets the loop of events go round, so that what was posted and parked meets. */
const turns = (count: number) =>
  Effect.promise(async () => {
    for (let index = 0; index < count; index++) await new Promise((resolve) => setImmediate(resolve))
  })

describeOnWindows("waiting", () => {
  it.live("gives packets in the order in which they were posted", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make({ batch: 7 })
        yield* Effect.forEach(range(100), (key) => Iocp.post(port, { key }), { discard: true })
        const completions = yield* Effect.forEach(range(100), () =>
          Iocp.waitForCompletion(port, "20 seconds")
        )
        assert.deepStrictEqual(keysOf(completions), range(100))
      })
    )
  )

  it.live("gives packets that come while it waits, in order", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const reader = yield* Effect.fork(Effect.forEach(range(50), () => Iocp.waitForCompletion(port)))
        for (const key of range(50)) {
          yield* turns(key % 4)
          yield* Iocp.post(port, { key })
        }
        assert.deepStrictEqual(keysOf(yield* Fiber.join(reader)), range(50))
      })
    )
  )

  it.live("takes batches, no larger than asked for", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make({ batch: 4 })
        yield* Effect.forEach(range(25), (key) => Iocp.post(port, { key }), { discard: true })
        const first = yield* Iocp.waitForCompletions(port, 10, "20 seconds")
        const second = yield* Iocp.waitForCompletions(port, 10, "20 seconds")
        const third = yield* Iocp.waitForCompletions(port, 10, "20 seconds")
        assert.deepStrictEqual([first.length, second.length, third.length], [10, 10, 5])
        assert.deepStrictEqual(keysOf([...first, ...second, ...third]), range(25))
        const refused = yield* Effect.flip(Iocp.waitForCompletions(port, 0))
        assert.strictEqual(refused._tag === "NetworkError" && refused.reason, "InvalidArgument")
      })
    )
  )

  it.live("fails with a TimeoutError when nothing came in time", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        for (const timeout of [Duration.zero, Duration.millis(30)]) {
          const error = yield* Effect.flip(Iocp.waitForCompletion(port, timeout))
          assert.instanceOf(error, TimeoutError)
          assert.strictEqual(error.operation, "waitForCompletion")
          assert.strictEqual(error.syscall, "GetQueuedCompletionStatusEx")
          assert.isTrue(Duration.equals(error.duration, timeout))
          assert.strictEqual(
            (yield* Effect.flip(Iocp.waitForCompletions(port, 2, timeout)))._tag,
            "TimeoutError"
          )
          const result = yield* Iocp.getQueuedCompletionStatus(port, timeout)
          assert.isTrue(Iocp.isTimeout(result))
          assert.isFalse(Iocp.isSuccess(result))
          assert.isFalse(Iocp.isError(result))
        }
        yield* Iocp.post(port, { key: 9 })
        assert.strictEqual((yield* Iocp.waitForCompletion(port, 0)).key, 9n)
      })
    )
  )

  it.effect("goes by the clock of the caller", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const waiting = yield* Effect.fork(Effect.flip(Iocp.waitForCompletion(port, "1 hour")))
        yield* TestClock.adjust("59 minutes")
        assert.isNull(waiting.unsafePoll())
        yield* TestClock.adjust("1 minute")
        assert.instanceOf(yield* Fiber.join(waiting), TimeoutError)
      })
    )
  )

  it.live("loses nothing when it is interrupted, four hundred times", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const taken: Array<number> = []
        for (const key of range(400)) {
          const waiting = yield* Effect.fork(Iocp.waitForCompletion(port))
          yield* turns(key % 3)
          yield* Iocp.post(port, { key })
          yield* turns(key % 5)
          const exit = yield* Fiber.interrupt(waiting)
          if (Exit.isSuccess(exit)) taken.push(Number(exit.value.key))
          else assert.isTrue(Cause.isInterruptedOnly(exit.cause))
        }
        while (taken.length < 400) {
          taken.push(...keysOf(yield* Iocp.waitForCompletions(port, 400, "20 seconds")))
        }
        assert.deepStrictEqual(taken, range(400))
        assert.isTrue(Iocp.isTimeout(yield* Iocp.getQueuedCompletionStatus(port, 0)))
      })
    )
  )

  it.live("loses nothing when its time is up", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const taken: Array<number> = []
        for (const key of range(100)) {
          const waiting = yield* Effect.fork(Iocp.getQueuedCompletionStatus(port, key % 3))
          yield* turns(key % 4)
          yield* Iocp.post(port, { key })
          const result = yield* Fiber.join(waiting)
          if (!Iocp.isTimeout(result)) taken.push(Number(result.key))
        }
        while (taken.length < 100) taken.push(Number((yield* Iocp.waitForCompletion(port, "20 seconds")).key))
        assert.deepStrictEqual(taken, range(100))
      })
    )
  )

  it.live("loses nothing when a busy fiber is interrupted", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const taken: Array<number> = []
        // Not Effect.forever, which yields in every round: here the fiber yields wherever its steps run out.
        const busy = Effect.gen(function* () {
          while (true) taken.push(Number((yield* Iocp.waitForCompletion(port)).key))
        })
        let posted = 0
        for (const round of range(60)) {
          yield* Effect.forEach(range(60, posted), (key) => Iocp.post(port, { key }), { discard: true })
          posted += 60
          const fiber = yield* Effect.fork(Effect.withMaxOpsBeforeYield(busy, 70 + round))
          yield* Effect.yieldNow()
          yield* Fiber.interrupt(fiber)
        }
        while (taken.length < posted) {
          taken.push(...keysOf(yield* Iocp.waitForCompletions(port, posted, "20 seconds")))
        }
        assert.deepStrictEqual(taken, range(posted))
      })
    )
  )

  it.live("serves many fibers at once, each packet to one, the first in line first", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const order: Array<number> = []
        const fibers = yield* Effect.forEach(range(50), (index) =>
          Effect.fork(
            Effect.map(Iocp.waitForCompletion(port), (completion) => {
              order.push(index)
              return Number(completion.key)
            })
          )
        )
        yield* turns(2)
        yield* Effect.forEach(range(50), (key) => Iocp.post(port, { key }), { discard: true })
        const keys = yield* Effect.forEach(fibers, Fiber.join)
        assert.deepStrictEqual(keys, range(50))
        assert.deepStrictEqual(order, range(50))
      })
    )
  )

  it.live("ends for everybody when the port closes", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const fibers = yield* Effect.forEach(range(10), (index) =>
          Effect.fork(Effect.flip(Iocp.waitForCompletion(port, index % 2 === 0 ? undefined : "1 hour")))
        )
        yield* turns(3)
        yield* Iocp.closeHandle(port)
        for (const fiber of fibers) {
          const error = yield* Fiber.join(fiber)
          assert.strictEqual(error._tag === "NetworkError" && error.reason, "InvalidHandle")
        }
      })
    )
  )

  it.live("works on more ports at once than libuv has threads", () =>
    leavingNothing(
      Effect.gen(function* () {
        const ports = yield* Effect.forEach(range(12), () => Iocp.make())
        const fibers = yield* Effect.forEach(ports, (port) => Effect.fork(Iocp.waitForCompletion(port)))
        yield* turns(3)
        yield* Effect.forEach(ports, (port, index) => Iocp.post(port, { key: index }), { discard: true })
        assert.deepStrictEqual(keysOf(yield* Effect.forEach(fibers, Fiber.join)), range(12))
      })
    )
  )
})

describeOnWindows("waiting where it cannot be interrupted", () => {
  it.live("goes on when somebody tries, and ends with the packet or in time, and so does the fiber", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        for (const timeout of ["1 hour", "30 millis"] as const) {
          const answers: Array<bigint | string> = []
          const waiting = yield* Iocp.waitForCompletion(port, timeout).pipe(
            Effect.match({ onSuccess: ({ key }) => key, onFailure: ({ _tag }) => _tag }),
            Effect.map((answer) => answers.push(answer)),
            Effect.uninterruptible,
            Effect.fork
          )
          for (const _ of range(2)) {
            yield* turns(2)
            yield* Fiber.interruptFork(waiting)
          }
          yield* turns(2)
          if (timeout === "1 hour") yield* Iocp.post(port, { key: 5 })
          yield* Fiber.await(waiting)
          assert.deepStrictEqual(answers, timeout === "1 hour" ? [5n] : ["TimeoutError"])
        }
      })
    )
  )
})

describeOnWindows("processing", () => {
  it.live("runs the handler for every packet, in order", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const seen: Array<number> = []
        const handler = ({ key }: Iocp.Completion) => Effect.sync(() => seen.push(Number(key)))
        yield* Effect.forEach(range(10), (key) => Iocp.post(port, { key }), { discard: true })
        assert.strictEqual(
          yield* Iocp.processCompletions(port, handler, { max: 4, timeout: "20 seconds" }),
          4
        )
        assert.strictEqual(yield* Iocp.processCompletions(port, handler, { timeout: "20 seconds" }), 6)
        assert.deepStrictEqual(seen, range(10))
        const error = yield* Effect.flip(Iocp.processCompletions(port, handler, { timeout: 1 }))
        assert.strictEqual(error._tag, "TimeoutError")
        assert.strictEqual(error.operation, "processCompletions")
      })
    )
  )

  it.live("leaves the packets behind one whose handler failed", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        yield* Effect.forEach(range(5), (key) => Iocp.post(port, { key }), { discard: true })
        const handler = ({ key }: Iocp.Completion) => (key === 2n ? Effect.fail("two" as const) : Effect.void)
        assert.strictEqual(yield* Effect.flip(Iocp.processCompletions(port, handler)), "two")
        assert.deepStrictEqual(keysOf(yield* Iocp.waitForCompletions(port, 5)), [3, 4])
      })
    )
  )

  it.live("lets the handler use the port", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const done = yield* Deferred.make<void>()
        const handler = ({ key }: Iocp.Completion) =>
          key === 5n ? Deferred.succeed(done, undefined) : Iocp.post(port, { key: key + 1n })
        yield* Iocp.post(port, { key: 0 })
        const loop = yield* Effect.fork(Effect.forever(Iocp.processCompletions(port, handler)))
        yield* Deferred.await(done)
        yield* Fiber.interrupt(loop)
      })
    )
  )
})
