import { assert, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as Epoll from "../../src/Epoll/index.js"
import { TimeoutError } from "../../src/Errors/index.js"
import {
  assertFields,
  dataOf,
  describeOnLinux,
  drain,
  here,
  leavingNothing,
  put,
  range,
  ready,
  turns
} from "./linux.js"

const numberOf = (event: Epoll.EpollEvent) => Number(dataOf(event))

/** Counters that are ready all the time, registered so that each is told of once. */
const readyOnce = (epoll: Epoll.Epoll, count: number) =>
  Effect.forEach(range(count), (data) =>
    Effect.tap(Epoll.makeEventCounter, (counter) =>
      Epoll.register(epoll, counter, { writable: true, edgeTriggered: true }, data)
    )
  )

describeOnLinux("waiting", () => {
  it.live("gives what comes while it waits", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const { reader, writer } = yield* Epoll.makePipe
        yield* Epoll.register(epoll, reader, { readable: true }, 7)
        const loop = Effect.zipRight(ready(epoll), drain(reader))
        const waiting = yield* Effect.fork(Effect.replicateEffect(loop, 50))
        for (const index of range(50)) {
          yield* put(writer, index + 1)
          // Only when those bytes were read do the next ones make a wait of their own.
          while (reader.isOpen && waiting.unsafePoll() === null && (yield* queued(reader)) > 0)
            yield* turns(1)
        }
        assert.deepStrictEqual(yield* Fiber.join(waiting), range(50, 1))
      })
    )
  )

  it.live("takes batches, no larger than asked for, and loses none of the rest", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make({ batch: 16 })
        yield* readyOnce(epoll, 40)
        const taken: Array<number> = []
        const sizes: Array<number> = []
        while (taken.length < 40) {
          const batch = yield* Epoll.waitBatch(epoll, 10, "20 seconds")
          sizes.push(batch.length)
          taken.push(...batch.map(numberOf))
        }
        assert.deepStrictEqual(
          taken.sort((a, b) => a - b),
          range(40)
        )
        assert.isAtMost(Math.max(...sizes), 10)
        assert.deepStrictEqual(yield* here(epoll), [])
        assertFields(yield* Effect.flip(Epoll.waitBatch(epoll, 0)), { reason: "InvalidArgument" })
      })
    )
  )

  it.live("fails with a TimeoutError when nothing came in time", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        for (const timeout of [Duration.zero, Duration.millis(30)]) {
          const error = yield* Effect.flip(Epoll.wait(epoll, timeout))
          assert.instanceOf(error, TimeoutError)
          assertFields(error, { operation: "wait", syscall: "epoll_wait" })
          assert.isTrue(Duration.equals(error.duration, timeout))
          assertFields(yield* Effect.flip(Epoll.waitBatch(epoll, 3, timeout)), {
            _tag: "TimeoutError",
            operation: "waitBatch"
          })
        }
        yield* Epoll.post(epoll, { data: 9 })
        assertFields(yield* Epoll.wait(epoll, 0), { data: 9n })
      })
    )
  )

  it.effect("goes by the clock of the caller", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const waiting = yield* Effect.fork(Effect.flip(Epoll.wait(epoll, "1 hour")))
        yield* TestClock.adjust("59 minutes")
        assert.isNull(waiting.unsafePoll())
        yield* TestClock.adjust("1 minute")
        assert.instanceOf(yield* Fiber.join(waiting), TimeoutError)
        // Told in vain, it still has the rest of its time only.
        const [quick, slow] = [
          yield* Effect.fork(Epoll.wait(epoll)),
          yield* Effect.fork(Effect.flip(Epoll.wait(epoll, "1 hour")))
        ]
        yield* TestClock.adjust("40 minutes")
        yield* Epoll.post(epoll)
        yield* Fiber.join(quick)
        yield* TestClock.adjust("19 minutes")
        assert.isNull(slow.unsafePoll())
        yield* TestClock.adjust("1 minute")
        assert.instanceOf(yield* Fiber.join(slow), TimeoutError)
      })
    )
  )

  it.live("has its deadline where it cannot be interrupted", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        assert.instanceOf(yield* Effect.uninterruptible(Effect.flip(Epoll.wait(epoll, 20))), TimeoutError)
      })
    )
  )

  it.live("loses nothing when it is interrupted, a thousand times", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const { reader, writer } = yield* Epoll.makePipe
        yield* Epoll.register(epoll, reader, { readable: true, edgeTriggered: true })
        const taken: Array<string> = []
        for (const round of range(1000)) {
          const waiting = yield* Effect.fork(
            round % 2 === 0 ? Epoll.wait(epoll) : Epoll.wait(epoll, "1 hour")
          )
          yield* turns(round % 3)
          // Each of these is told once only: an edge, and an event of our own.
          yield* put(writer, 1)
          yield* Epoll.post(epoll, { data: round })
          yield* turns(round % 5)
          const exit = yield* Fiber.interrupt(waiting)
          if (Exit.isSuccess(exit)) taken.push(exit.value._tag)
          else assert.isTrue(Cause.isInterruptedOnly(exit.cause))
          for (const event of yield* everything(epoll)) taken.push(event._tag)
          yield* drain(reader)
        }
        const expected = range(1000).flatMap(() => ["PostedEvent", "ReadyEvent"])
        assert.deepStrictEqual(taken.sort(), expected.sort())
      })
    )
  )

  it.live("loses nothing when its time is up", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const taken: Array<number> = []
        for (const data of range(100)) {
          const waiting = yield* Effect.fork(Effect.either(Epoll.wait(epoll, data % 3)))
          yield* turns(data % 4)
          yield* Epoll.post(epoll, { data })
          const result = yield* Fiber.join(waiting)
          if (result._tag === "Right") taken.push(numberOf(result.right))
        }
        taken.push(...(yield* everything(epoll)).map(numberOf))
        assert.deepStrictEqual(taken, range(100))
      })
    )
  )

  it.live("loses nothing wherever a busy fiber yields and is interrupted", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const taken: Array<number> = []
        const keep = (event: Epoll.EpollEvent) => {
          taken.push(numberOf(event))
          return Effect.void
        }
        const atOnce = Effect.forever(Effect.flatMap(Epoll.wait(epoll), keep))
        const inTheNextStep = Effect.forever(Effect.map(Epoll.wait(epoll), keep))
        let posted = 0
        for (const round of range(400)) {
          for (const data of range(20, posted)) yield* Epoll.post(epoll, { data })
          posted += 20
          // From a fiber that yields several times in a wait to one that goes through several waits in a row.
          const steps = 10 + Math.floor(round / 4)
          const busy = steps < 70 ? atOnce : inTheNextStep
          const fiber = yield* Effect.fork(Effect.withMaxOpsBeforeYield(busy, steps))
          for (let turn = 0; turn < round % 9; turn++) yield* Effect.yieldNow()
          yield* Fiber.interrupt(fiber)
        }
        taken.push(...(yield* everything(epoll)).map(numberOf))
        assert.deepStrictEqual(taken, range(posted))
      })
    )
  )

  it.live("serves many fibers at once, each event to one, the first in line first", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const order: Array<readonly [fiber: number, data: number]> = []
        const wait = (index: number) =>
          Effect.map(Epoll.wait(epoll), (event) => order.push([index, numberOf(event)]))
        const fibers = yield* Effect.forEach(range(50), (index) => Effect.fork(wait(index)))
        yield* turns(1)
        for (const data of range(50)) {
          yield* Epoll.post(epoll, { data })
          yield* turns(data % 2)
        }
        yield* Fiber.joinAll(fibers)
        assert.deepStrictEqual(
          order,
          range(50).map((index) => [index, index])
        )
      })
    )
  )

  it.live("leaves an event to others when a fiber that was told is interrupted", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        for (const data of range(100)) {
          const first = yield* Effect.fork(Epoll.wait(epoll))
          const second = yield* Effect.fork(Epoll.wait(epoll))
          yield* turns(1)
          yield* Epoll.post(epoll, { data })
          // Told, and not yet running.
          const exit = yield* Fiber.interrupt(first)
          if (Exit.isSuccess(exit)) {
            assert.strictEqual(numberOf(exit.value), data)
            yield* Fiber.interrupt(second)
          } else {
            assert.strictEqual(numberOf(yield* Fiber.join(second)), data)
          }
        }
      })
    )
  )

  it.live("hears descriptors while posted events keep coming, and the other way round", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const counter = yield* Epoll.makeEventCounter
        yield* Epoll.register(epoll, counter, { writable: true }, 1000)
        const seen = new Map<number, number>()
        yield* Epoll.post(epoll, { data: 1 })
        for (const _ of range(100)) {
          yield* Epoll.post(epoll, { data: 1 })
          const data = numberOf(yield* Epoll.wait(epoll, 0))
          seen.set(data, (seen.get(data) ?? 0) + 1)
        }
        assert.isAbove(seen.get(1) ?? 0, 10)
        assert.isAbove(seen.get(1000) ?? 0, 10)
      })
    )
  )
})

describeOnLinux("waiting where it cannot be interrupted", () => {
  it.live("goes on when somebody tries, and ends with the event or in time", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        for (const timeout of ["1 hour", "30 millis"] as const) {
          const answers: Array<bigint | string> = []
          const waiting = yield* Epoll.wait(epoll, timeout).pipe(
            Effect.match({ onSuccess: dataOf, onFailure: ({ _tag }) => _tag }),
            Effect.map((answer) => answers.push(answer)),
            Effect.uninterruptible,
            Effect.fork
          )
          for (const _ of range(2)) {
            yield* turns(2)
            yield* Fiber.interruptFork(waiting)
          }
          yield* turns(2)
          if (timeout === "1 hour") yield* Epoll.post(epoll, { data: 5 })
          yield* Fiber.await(waiting)
          assert.deepStrictEqual(answers, timeout === "1 hour" ? [5n] : ["TimeoutError"])
        }
      })
    )
  )
})

describeOnLinux("processing", () => {
  it.live("runs the handler for each event in order, and says how many there were", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        for (const data of range(10)) yield* Epoll.post(epoll, { data })
        const seen: Array<number> = []
        const handler = (event: Epoll.EpollEvent) =>
          Effect.gen(function* () {
            const data = numberOf(event)
            seen.push(data)
            if (data === 3) yield* Epoll.post(epoll, { data: 10 })
          })
        assert.strictEqual(yield* Epoll.processEvents(epoll, handler, { max: 4 }), 4)
        assert.strictEqual(yield* Epoll.processEvents(epoll, handler), 7)
        assert.deepStrictEqual(seen, range(11))
        const error = yield* Effect.flip(Epoll.processEvents(epoll, handler, { timeout: 5 }))
        assertFields(error, { _tag: "TimeoutError", operation: "processEvents" })
        const refused = yield* Effect.flip(Epoll.processEvents(epoll, handler, { max: 0 }))
        assertFields(refused, { reason: "InvalidArgument" })
      })
    )
  )

  it.live("leaves what is behind an event whose handler fails", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        for (const data of range(5)) yield* Epoll.post(epoll, { data })
        const handler = (event: Epoll.EpollEvent) =>
          numberOf(event) === 2
            ? Effect.fail(new TimeoutError({ operation: "mine", duration: Duration.zero }))
            : Effect.void
        assertFields(yield* Effect.flip(Epoll.processEvents(epoll, handler)), { operation: "mine" })
        assert.deepStrictEqual(yield* here(epoll), [3n, 4n])
      })
    )
  )

  it.live("ends well when the handler closes the instance", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        for (const data of range(5)) yield* Epoll.post(epoll, { data })
        assert.strictEqual(yield* Epoll.processEvents(epoll, () => Epoll.close(epoll)), 1)
      })
    )
  )
})

/** All events that there are now. */
const everything = (epoll: Epoll.Epoll) =>
  Epoll.waitBatch(epoll, 100_000, 0).pipe(
    Effect.catchTag("TimeoutError", () => Effect.succeed<ReadonlyArray<Epoll.EpollEvent>>([]))
  )

/** Whether bytes wait in a pipe: 1 if so, by a look through an instance of its own. */
const queued = (reader: Epoll.Descriptor) =>
  Effect.scoped(
    Effect.gen(function* () {
      const epoll = yield* Epoll.make()
      yield* Epoll.register(epoll, reader, { readable: true })
      return (yield* everything(epoll)).length
    })
  )
