import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Epoll from "../../src/Epoll/index.js"
import { assertFields, describeOnLinux, here, leavingNothing, put, range, turns } from "./linux.js"

const closedInstance = { _tag: "NetworkError", reason: "InvalidHandle", code: undefined }

describeOnLinux("waking", () => {
  it.live("makes one who waits return", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        for (const round of range(50)) {
          const waiting = yield* Effect.fork(Epoll.wait(epoll))
          yield* turns(round % 3)
          yield* Epoll.wake(epoll)
          assert.isTrue(Epoll.isWake(yield* Fiber.join(waiting)))
        }
        assert.deepStrictEqual(yield* here(epoll), [])
      })
    )
  )

  it.live("is remembered when nobody waits, and several are one", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        for (const _ of range(100)) yield* Epoll.wake(epoll)
        assert.deepStrictEqual(yield* here(epoll), ["WakeEvent"])
        assert.deepStrictEqual(yield* here(epoll), [])
        yield* Epoll.wake(epoll)
        assert.deepStrictEqual(yield* here(epoll), ["WakeEvent"])
      })
    )
  )

  it.live("comes along with other events, and hides none", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make({ batch: 3 })
        const counters = yield* Effect.replicateEffect(Epoll.makeEventCounter, 5)
        for (const [data, counter] of counters.entries()) {
          yield* Epoll.register(epoll, counter, { writable: true, edgeTriggered: true }, data)
          if (data === 2) yield* Epoll.wake(epoll)
        }
        const seen = [...(yield* here(epoll)), ...(yield* here(epoll)), ...(yield* here(epoll))]
        assert.sameMembers(seen, [0n, 1n, 2n, 3n, 4n, "WakeEvent"])
      })
    )
  )
})

describeOnLinux("posting", () => {
  it.live("wakes one who waits, at once", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const waiting = yield* Effect.fork(Epoll.wait(epoll))
        yield* turns(2)
        yield* Epoll.post(epoll, { data: 42n, bytes: 2 ** 32 - 1 })
        const event = yield* Fiber.join(waiting)
        assert.isTrue(Epoll.isPosted(event))
        assert.isFalse(Epoll.isReady(event))
        assertFields(event, { data: 42n, bytes: 2 ** 32 - 1 })
        yield* Epoll.post(epoll)
        assertFields(yield* Epoll.wait(epoll), { data: 0n, bytes: 0 })
        for (const bytes of [-1, 0.5, 2 ** 32]) {
          assertFields(yield* Effect.flip(Epoll.post(epoll, { bytes })), { reason: "InvalidArgument" })
        }
      })
    )
  )
})

describeOnLinux("a closed instance", () => {
  it.live("refuses everything with InvalidHandle, and may be closed again", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const counter = yield* Epoll.makeEventCounter
        yield* Epoll.register(epoll, counter, { writable: true })
        yield* Epoll.post(epoll)
        yield* Epoll.wake(epoll)
        assert.isTrue(epoll.isOpen)
        yield* Epoll.close(epoll)
        yield* Epoll.close(epoll)
        assert.isFalse(epoll.isOpen)
        assert.strictEqual(epoll.registered, 0)
        const uses: Record<string, Effect.Effect<unknown, unknown>> = {
          wait: Epoll.wait(epoll),
          waitBatch: Epoll.waitBatch(epoll, 2, 0),
          processEvents: Epoll.processEvents(epoll, () => Effect.void),
          register: Epoll.register(epoll, counter, {}),
          modify: Epoll.modify(epoll, counter, {}),
          remove: Epoll.remove(epoll, counter),
          post: Epoll.post(epoll),
          wake: Epoll.wake(epoll)
        }
        for (const [operation, use] of Object.entries(uses)) {
          assertFields(yield* Effect.flip(use), { ...closedInstance, operation })
        }
        // The descriptor is not the instance's to close.
        yield* put(counter, 8)
      })
    )
  )

  it.live("tells those who wait", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const fibers = [
          yield* Effect.fork(Epoll.wait(epoll)),
          yield* Effect.fork(Epoll.wait(epoll, "1 hour")),
          yield* Effect.fork(Effect.map(Epoll.waitBatch(epoll, 2), ([first]) => first))
        ]
        yield* turns(2)
        yield* Epoll.close(epoll)
        for (const fiber of fibers) {
          const exit = yield* Fiber.await(fiber)
          assert.isTrue(Exit.isFailure(exit))
          assertFields(yield* Effect.flip(exit), closedInstance)
        }
      })
    )
  )

  it.live("was closed with its scope", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Effect.scoped(Epoll.make())
        assert.isFalse(epoll.isOpen)
        assertFields(yield* Effect.flip(Epoll.wait(epoll)), closedInstance)
      })
    )
  )

  it.live("does not touch another whose descriptor has its number", () =>
    leavingNothing(
      Effect.gen(function* () {
        const before = yield* Epoll.make()
        const number = before.descriptor
        yield* Epoll.close(before)
        const after = yield* Epoll.make()
        assert.strictEqual(after.descriptor, number)
        yield* Epoll.close(before)
        assertFields(yield* Effect.flip(Epoll.wake(before)), closedInstance)
        yield* Epoll.wake(after)
        assert.deepStrictEqual(yield* here(after), ["WakeEvent"])
      })
    )
  )
})

describeOnLinux("making an instance", () => {
  it.live("refuses a batch that is no whole number from 1 to 4096", () =>
    leavingNothing(
      Effect.gen(function* () {
        for (const batch of [0, -1, 1.5, Number.NaN, 4097]) {
          const error = yield* Effect.flip(Epoll.make({ batch }))
          assertFields(error, { reason: "InvalidArgument", operation: "make" })
        }
      })
    )
  )

  it.live("leaves nothing behind, two hundred at once", () =>
    leavingNothing(
      Effect.gen(function* () {
        const all = yield* Effect.replicateEffect(Epoll.make(), 200)
        const waiting = yield* Effect.forEach(all, (epoll) => Effect.fork(Epoll.wait(epoll)))
        yield* turns(1)
        for (const epoll of all) yield* Epoll.wake(epoll)
        yield* Fiber.joinAll(waiting)
      })
    )
  )
})
