import { isMainThread } from "node:worker_threads"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { EBADF, EEXIST, ENOENT, EPOLLET, EPOLLIN, EPOLLOUT } from "../../src/Epoll/Constants.js"
import { EpollWaiter } from "../../src/Epoll/EpollWaiter.js"
import * as Epoll from "../../src/Epoll/index.js"
import { libc } from "../../src/Epoll/Libc.js"
import { LoopWatch } from "../../src/Epoll/LoopWatch.js"
import { TimerWatch } from "../../src/Epoll/TimerWatch.js"
import { describeOnLinux, drain, leavingNothing, put, range, turns } from "./linux.js"

/** Parks, and lasts until it is told. */
const parked = (waiter: EpollWaiter) =>
  Effect.async<void>((resume) => {
    waiter.park(() => resume(Effect.void))
    return Effect.sync(() => waiter.unpark())
  })

describeOnLinux("the waiter", () => {
  it.live("fetches events, with both halves of their data and nothing signed", () =>
    leavingNothing(
      Effect.gen(function* () {
        const waiter = yield* EpollWaiter.make
        const counter = yield* Epoll.makeEventCounter
        assert.strictEqual(waiter.add(counter.fd, EPOLLOUT | EPOLLET, 0xffff_fffe, 0xffff_ffff), 0)
        assert.strictEqual(waiter.poll(), 1)
        assert.strictEqual(waiter.events(0), EPOLLOUT)
        assert.strictEqual(waiter.dataLow(0), 0xffff_fffe)
        assert.strictEqual(waiter.dataHigh(0), 0xffff_ffff)
        assert.strictEqual(waiter.poll(), 0)
        assert.strictEqual(waiter.modify(counter.fd, EPOLLOUT, 1, 2), 0)
        assert.strictEqual(waiter.poll(), 1)
        assert.deepStrictEqual([waiter.dataLow(0), waiter.dataHigh(0)], [1, 2])
        assert.strictEqual(waiter.remove(counter.fd), 0)
        assert.strictEqual(waiter.poll(), 0)
      })
    )
  )

  it.live("answers the errno of what is refused", () =>
    leavingNothing(
      Effect.gen(function* () {
        const waiter = yield* EpollWaiter.make
        const counter = yield* Epoll.makeEventCounter
        assert.strictEqual(waiter.remove(counter.fd), ENOENT)
        assert.strictEqual(waiter.modify(counter.fd, EPOLLIN, 0, 0), ENOENT)
        assert.strictEqual(waiter.add(9999, EPOLLIN, 0, 0), EBADF)
        assert.strictEqual(waiter.add(counter.fd, EPOLLIN, 0, 0), 0)
        assert.strictEqual(waiter.add(counter.fd, EPOLLIN, 0, 0), EEXIST)
        assert.strictEqual(waiter.failure, 0)
      })
    )
  )

  it.live("fetches no more than its capacity, and the rest the next time", () =>
    leavingNothing(
      Effect.gen(function* () {
        const waiter = yield* Effect.acquireRelease(EpollWaiter.open("test", 4), (opened) =>
          Effect.sync(() => opened.close())
        )
        for (const slot of range(10)) {
          const counter = yield* Epoll.makeEventCounter
          waiter.add(counter.fd, EPOLLOUT | EPOLLET, slot, 0)
        }
        const seen: Array<number> = []
        for (let count = waiter.poll(); count > 0; count = waiter.poll()) {
          assert.isAtMost(count, 4)
          for (const index of range(count)) seen.push(waiter.dataLow(index))
        }
        assert.deepStrictEqual(seen, range(10))
      })
    )
  )

  it.live("tells once for each park, however much there is", () =>
    leavingNothing(
      Effect.gen(function* () {
        const waiter = yield* EpollWaiter.make
        const { reader, writer } = yield* Epoll.makePipe
        waiter.add(reader.fd, EPOLLIN, 5, 0)
        let told = 0
        waiter.park(() => {
          told += 1
        })
        yield* turns(3)
        assert.strictEqual(told, 0)
        assert.isTrue(waiter.isParked)
        yield* put(writer, 1)
        yield* turns(20)
        assert.strictEqual(told, 1)
        assert.isFalse(waiter.isParked)
        assert.strictEqual(waiter.poll(), 1)
        yield* parked(waiter)
      })
    )
  )

  it.live("replaces the callback of a second park, and calls none that was taken back", () =>
    leavingNothing(
      Effect.gen(function* () {
        const waiter = yield* EpollWaiter.make
        const counter = yield* Epoll.makeEventCounter
        waiter.add(counter.fd, EPOLLOUT, 5, 0)
        const told: Array<string> = []
        waiter.park(() => told.push("first"))
        waiter.park(() => told.push("second"))
        yield* turns(5)
        assert.deepStrictEqual(told, ["second"])
        waiter.park(() => told.push("third"))
        waiter.unpark()
        waiter.unpark()
        yield* turns(5)
        assert.deepStrictEqual(told, ["second"])
        // What nobody was told of is told to the next.
        yield* parked(waiter)
      })
    )
  )

  it.live.runIf(isMainThread)("stops looking when something is there and nobody waits: it cannot spin", () =>
    leavingNothing(
      Effect.gen(function* () {
        const waiter = yield* EpollWaiter.make
        const { reader, writer } = yield* Epoll.makePipe
        waiter.add(reader.fd, EPOLLIN, 5, 0)
        assert.isFalse(waiter.isWatched)
        for (const _ of range(3)) {
          yield* put(writer, 1)
          yield* parked(waiter)
          // Told, and it does not poll: the event stays.
          while (waiter.isWatched) yield* turns(1)
          yield* turns(3)
          assert.isFalse(waiter.isWatched)
          yield* drain(reader)
        }
      })
    )
  )

  it.live("is made to poll by a wake, and shows nobody the event behind it", () =>
    leavingNothing(
      Effect.gen(function* () {
        const waiter = yield* EpollWaiter.make
        const counter = yield* Epoll.makeEventCounter
        for (const round of range(100)) {
          if (round === 50) waiter.add(counter.fd, EPOLLOUT, 9, 9)
          const expected = round < 50 ? 0 : 1
          const waking = Effect.sync(() => waiter.wake())
          const wakes = Effect.zipRight(turns(round % 3), Effect.all([waking, waking]))
          yield* Effect.zip(parked(waiter), wakes, { concurrent: true })
          assert.strictEqual(waiter.poll(), expected)
          if (round >= 50) assert.strictEqual(waiter.dataLow(0), 9)
          assert.isTrue(waiter.takeWake())
          assert.isFalse(waiter.takeWake())
        }
      })
    )
  )

  it.live("parks many times while the loop's watch stays as it is", () =>
    leavingNothing(
      Effect.gen(function* () {
        const waiter = yield* EpollWaiter.make
        const { reader, writer } = yield* Epoll.makePipe
        waiter.add(reader.fd, EPOLLIN | EPOLLET, 5, 0)
        for (const round of range(500)) {
          yield* Effect.zip(parked(waiter), Effect.zipRight(turns(round % 2), put(writer, 1)), {
            concurrent: true
          })
          assert.strictEqual(waiter.poll(), 1)
          assert.strictEqual(yield* drain(reader), 1)
          assert.isTrue(waiter.isWatched)
        }
      })
    )
  )

  it.live("does nothing once it is closed", () =>
    leavingNothing(
      Effect.gen(function* () {
        const waiter = yield* EpollWaiter.open("test", 8)
        let told = 0
        waiter.wake()
        waiter.park(() => {
          told += 1
        })
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        waiter.close()
        waiter.close()
        const afterClose = told
        waiter.park(() => {
          told += 1
        })
        waiter.unpark()
        assert.strictEqual(waiter.wake(), 0)
        assert.strictEqual(waiter.poll(), 0)
        assert.strictEqual(waiter.events(0), 0)
        yield* turns(3)
        assert.strictEqual(told, afterClose)
        assert.isTrue(waiter.isClosed)
        assert.isFalse(waiter.isWatched)
      })
    )
  )

  it.live("keeps the code of a wait that the system refused", () =>
    Effect.gen(function* () {
      // Leaves no descriptor behind, but one that was closed under the waiter's hands.
      const waiter = yield* EpollWaiter.open("test", 8)
      libc().close(waiter.descriptor)
      assert.strictEqual(waiter.poll(), 0)
      assert.strictEqual(waiter.failure, EBADF)
      waiter.close()
    })
  )
})

type Kind = "LoopWatch" | "TimerWatch"

const watches = { LoopWatch, TimerWatch }

// A worker thread can be terminated, so it has no watch of the loop.
const kinds: ReadonlyArray<Kind> = isMainThread ? ["LoopWatch", "TimerWatch"] : ["TimerWatch"]

describeOnLinux("a watch", () => {
  for (const kind of kinds) {
    it.live(`calls back for as long as the descriptor is readable, until it is stopped: ${kind}`, () =>
      leavingNothing(
        Effect.gen(function* () {
          const { reader, writer } = yield* Epoll.makePipe
          let calls = 0
          const watch = new watches[kind](reader.fd, () => {
            calls += 1
          })
          watch.start()
          watch.start()
          watch.ref()
          yield* turns(3)
          assert.strictEqual(calls, 0)
          yield* put(writer, 1)
          while (calls < 5) yield* turns(1)
          watch.stop()
          watch.stop()
          const stoppedAt = calls
          yield* turns(5)
          assert.strictEqual(calls, stoppedAt)
          watch.start()
          while (calls === stoppedAt) yield* turns(1)
          watch.close()
          // None of these may reach a handle that is closed, which would be the end of the process.
          for (const use of [watch.stop, watch.start, watch.ref, watch.unref, watch.close]) use.call(watch)
          const closedAt = calls
          yield* turns(5)
          assert.strictEqual(calls, closedAt)
        })
      )
    )

    it.live(`may be stopped, and started again, by the callback: ${kind}`, () =>
      leavingNothing(
        Effect.gen(function* () {
          const { reader, writer } = yield* Epoll.makePipe
          let calls = 0
          const watch = new watches[kind](reader.fd, () => {
            calls += 1
            watch.stop()
            if (calls < 4) watch.start()
          })
          watch.start()
          watch.ref()
          // Long enough for the watch that looks now and then to look less often.
          yield* turns(300)
          yield* put(writer, 1)
          while (calls < 4) yield* turns(1)
          yield* turns(10)
          assert.strictEqual(calls, 4)
          watch.start()
          watch.unref()
          watch.ref()
          while (calls < 5) yield* turns(1)
          watch.close()
        })
      )
    )
  }
})
