import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Epoll from "../../src/Epoll/index.js"
import { assertFields, describeOnLinux, drain, here, leavingNothing, put, range, ready } from "./linux.js"

describeOnLinux("registering", () => {
  it.live("tells of a descriptor, with what it was registered with", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const { reader, writer } = yield* Epoll.makePipe
        yield* Epoll.register(epoll, reader, { readable: true }, 7)
        assert.strictEqual(epoll.registered, 1)
        assert.deepStrictEqual(yield* here(epoll), [])
        yield* put(writer, 3)
        assertFields(yield* ready(epoll), {
          data: 7n,
          fd: reader.fd,
          readable: true,
          writable: false,
          bits: 1
        })
        assert.strictEqual(yield* drain(reader), 3)
        assert.deepStrictEqual(yield* here(epoll), [])
      })
    )
  )

  it.live("gives all 64 bits of data back", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const counter = yield* Epoll.makeEventCounter
        yield* Epoll.register(epoll, counter, { writable: true, edgeTriggered: true })
        assert.deepStrictEqual(yield* here(epoll), [0n])
        const values = [1n, 0xffff_ffffn, 0x1_0000_0000n, 0x0123_4567_89ab_cdefn, 2n ** 63n, 2n ** 64n - 1n]
        for (const data of [...values, Number.MAX_SAFE_INTEGER]) {
          yield* Epoll.modify(epoll, counter, { writable: true, edgeTriggered: true }, data)
          assert.deepStrictEqual(yield* here(epoll), [BigInt(data)])
          yield* Epoll.post(epoll, { data })
          assert.deepStrictEqual(yield* here(epoll), [BigInt(data)])
        }
      })
    )
  )

  it.live("refuses data that is not of 64 bits", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const counter = yield* Epoll.makeEventCounter
        for (const data of [-1, -1n, 0.5, Number.NaN, 2 ** 53, 2n ** 64n]) {
          const fields = { _tag: "NetworkError", reason: "InvalidArgument" }
          assertFields(yield* Effect.flip(Epoll.register(epoll, counter, {}, data)), {
            ...fields,
            operation: "register"
          })
          assertFields(yield* Effect.flip(Epoll.post(epoll, { data })), { ...fields, operation: "post" })
          yield* Epoll.register(epoll, counter, {})
          assertFields(yield* Effect.flip(Epoll.modify(epoll, counter, {}, data)), fields)
          yield* Epoll.remove(epoll, counter)
        }
      })
    )
  )

  it.live("tells for as long as it is so, or once, or once until it is armed again", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const { reader, writer } = yield* Epoll.makePipe
        yield* put(writer, 1)

        yield* Epoll.register(epoll, reader, { readable: true }, 1)
        for (const _ of range(3)) assert.deepStrictEqual(yield* here(epoll), [1n])

        yield* Epoll.modify(epoll, reader, { readable: true, edgeTriggered: true }, 2)
        assert.deepStrictEqual(yield* here(epoll), [2n])
        assert.deepStrictEqual(yield* here(epoll), [])
        yield* put(writer, 1)
        assert.deepStrictEqual(yield* here(epoll), [2n])

        yield* Epoll.modify(epoll, reader, { readable: true, oneShot: true }, 3)
        assert.deepStrictEqual(yield* here(epoll), [3n])
        yield* put(writer, 1)
        assert.deepStrictEqual(yield* here(epoll), [])
        yield* Epoll.modify(epoll, reader, { readable: true, oneShot: true })
        assert.deepStrictEqual(yield* here(epoll), [3n])
      })
    )
  )

  it.live("tells only of what was asked for, and of an end in any case", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const [one, other] = yield* Epoll.makeSocketPair
        yield* put(other, 1)
        yield* Epoll.register(epoll, one, { writable: true }, 1)
        assertFields(yield* ready(epoll), { readable: false, writable: true })
        yield* Epoll.modify(epoll, one, {})
        assert.deepStrictEqual(yield* here(epoll), [])
        yield* Epoll.shutdown(other, "write")
        assert.deepStrictEqual(yield* here(epoll), [])
        yield* Epoll.modify(epoll, one, { peerClosed: true })
        assertFields(yield* ready(epoll), { peerClosed: true, readable: false, hungUp: false })
        yield* Epoll.modify(epoll, one, {})
        yield* Epoll.closeDescriptor(other)
        assertFields(yield* ready(epoll), { data: 1n, hungUp: true })
      })
    )
  )

  it.live("tells nothing of a descriptor that was removed, not even what was fetched already", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const counters = yield* Effect.replicateEffect(Epoll.makeEventCounter, 4)
        for (const [index, counter] of counters.entries()) {
          yield* Epoll.register(epoll, counter, { writable: true, edgeTriggered: true }, index)
        }
        // The first wait fetches all of them and takes one.
        const first = yield* ready(epoll)
        const rest = counters.filter((_, index) => BigInt(index) !== first.data)
        const [removed, kept, changed] = rest
        if (removed === undefined || kept === undefined || changed === undefined)
          return assert.fail("not four")
        yield* Epoll.remove(epoll, removed)
        yield* Epoll.modify(epoll, changed, { writable: true, edgeTriggered: true }, 99)
        assert.deepStrictEqual(yield* here(epoll), [BigInt(counters.indexOf(kept))])
        assert.deepStrictEqual(yield* here(epoll), [99n])
        assert.strictEqual(epoll.registered, 3)
      })
    )
  )

  it.live("knows a number that was reused from the one before", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const before = yield* Epoll.makeEventCounter
        const other = yield* Epoll.makeEventCounter
        for (const [data, counter] of [before, other].entries()) {
          yield* Epoll.register(epoll, counter, { writable: true, edgeTriggered: true }, data)
        }
        // Fetches the events of both and takes the first; that of the other stays in the inbox.
        assert.strictEqual((yield* ready(epoll)).data, 0n)
        yield* Epoll.closeDescriptor(other)
        const after = yield* Epoll.makeEventCounter
        assert.strictEqual(after.fd, other.fd)
        yield* Epoll.register(epoll, after, { readable: true }, 3)
        assert.deepStrictEqual(yield* here(epoll), [])
        yield* Epoll.tryWrite(after, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0))
        assert.deepStrictEqual(yield* here(epoll), [3n])
        // The number is in use, but it is not the old descriptor's any more.
        assertFields(yield* Effect.flip(Epoll.tryRead(other, new Uint8Array(8))), { reason: "InvalidHandle" })
        assertFields(yield* Effect.flip(Epoll.remove(epoll, other)), {
          reason: "InvalidHandle",
          code: undefined
        })
        assert.strictEqual(epoll.registered, 2)
      })
    )
  )

  it.live("ends a registration with its scope", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const counter = yield* Epoll.makeEventCounter
        const scope = yield* Scope.make()
        yield* Scope.extend(Epoll.registerScoped(epoll, counter, { writable: true }, 1), scope)
        assert.deepStrictEqual(yield* here(epoll), [1n])
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(yield* here(epoll), [])
        assert.strictEqual(epoll.registered, 0)
        // One whose descriptor is gone by then ends as quietly.
        yield* Effect.scoped(
          Effect.zipRight(Epoll.registerScoped(epoll, counter, {}), Epoll.closeDescriptor(counter))
        )
      })
    )
  )

  it.live("explains what the system refuses", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const counter = yield* Epoll.makeEventCounter
        const syscall = "epoll_ctl"
        const refusals = [
          [
            Epoll.modify(epoll, counter, {}),
            { operation: "modify", reason: "InvalidArgument", codeName: "ENOENT" }
          ],
          [Epoll.remove(epoll, counter), { operation: "remove", reason: "InvalidArgument", code: 2 }],
          [Epoll.register(epoll, 9999, {}), { operation: "register", reason: "InvalidHandle", code: 9 }],
          [Epoll.register(epoll, epoll.descriptor, {}), { reason: "InvalidArgument", codeName: "EINVAL" }]
        ] as const
        for (const [effect, fields] of refusals) {
          assertFields(yield* Effect.flip(effect), { _tag: "NetworkError", syscall, ...fields })
        }
        yield* Epoll.register(epoll, counter, { writable: true }, 1)
        const twice = yield* Effect.flip(Epoll.register(epoll, counter, { readable: true }, 2))
        assertFields(twice, { reason: "InvalidArgument", codeName: "EEXIST", syscall })
        assert.include(twice.message, "modify")
        // What was there before is as it was.
        assert.deepStrictEqual(yield* here(epoll), [1n])
      })
    )
  )

  it.live("refuses what is no descriptor, or is closed", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        for (const fd of [-1, 1.5, Number.NaN, 2 ** 31]) {
          const fields = { reason: "InvalidArgument", operation: "register", syscall: undefined }
          assertFields(yield* Effect.flip(Epoll.register(epoll, fd, {})), fields)
        }
        const { reader } = yield* Epoll.makePipe
        yield* Epoll.closeDescriptor(reader)
        yield* Epoll.closeDescriptor(reader)
        for (const effect of [Epoll.register(epoll, reader, {}), Epoll.modify(epoll, reader, {})]) {
          assertFields(yield* Effect.flip(effect), { reason: "InvalidHandle", code: undefined })
        }
      })
    )
  )

  it.live("refuses a file, which is always ready", () =>
    Effect.gen(function* () {
      const { closeSync, openSync } = yield* Effect.promise(() => import("node:fs"))
      const fd = openSync("/proc/self/status", "r")
      yield* leavingNothing(
        Effect.gen(function* () {
          const epoll = yield* Epoll.make()
          const error = yield* Effect.flip(Epoll.register(epoll, fd, { readable: true }))
          assertFields(error, { reason: "InvalidArgument", code: 1, codeName: "EPERM" })
          assert.include(error.message, "always ready")
        })
      )
      closeSync(fd)
    })
  )
})
