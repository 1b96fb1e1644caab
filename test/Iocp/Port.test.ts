import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Iocp from "../../src/Iocp/index.js"
import { assertFields, describeOnWindows, leavingNothing } from "./windows.js"

const MAX_64 = 2n ** 64n - 1n

describeOnWindows("completion ports", () => {
  it.live("carry 64-bit keys and OVERLAPPED pointers intact", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const words = [
          0n,
          1n,
          2n ** 31n,
          2n ** 32n,
          2n ** 53n + 1n,
          2n ** 63n,
          0xfedc_ba98_7654_3210n,
          MAX_64
        ]
        for (const key of words) {
          yield* Iocp.post(port, { key, bytes: 0xffff_ffff, overlapped: MAX_64 - key })
          const completion = yield* Iocp.waitForCompletion(port, "20 seconds")
          assert.isTrue(Iocp.isSuccess(completion))
          assert.strictEqual(completion.key, key)
          assert.strictEqual(completion.overlapped, MAX_64 - key)
          assert.strictEqual(completion.bytes, 0xffff_ffff)
          assert.strictEqual(completion.status, 0)
        }
      })
    )
  )

  it.live("carry completion keys, and stale ones find nothing", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const keys = Iocp.makeCompletionKeys<Iocp.CompletionKey<Iocp.Socket, number>>()
        const socket = yield* Iocp.createUdpSocket()
        const [kept, released] = [1, 2].map((data) => keys.register({ socket, operation: "receive", data }))
        for (const key of [kept, released]) yield* Iocp.post(port, { key: key ?? 0 })
        keys.release(released ?? 0n)
        const found = []
        for (const _ of [1, 2]) {
          found.push(keys.find((yield* Iocp.waitForCompletion(port, "20 seconds")).key))
        }
        assert.deepStrictEqual(found.map(Option.map(({ data }) => data)), [Option.some(1), Option.none()])
      })
    )
  )

  it.live("take numbers as well as bigints", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make({ concurrency: 0, batch: 1 })
        yield* Iocp.post(port, { key: Number.MAX_SAFE_INTEGER, overlapped: 5 })
        const completion = yield* Iocp.waitForCompletion(port, "20 seconds")
        assert.strictEqual(completion.key, BigInt(Number.MAX_SAFE_INTEGER))
        assert.strictEqual(completion.overlapped, 5n)
        assert.isTrue(Iocp.isCompletionOf(completion, { address: 5 }))
        assert.isFalse(Iocp.isCompletionOf(completion, { address: 6 }))
      })
    )
  )

  it.live("refuse what does not fit", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const packets = [
          { key: -1 },
          { key: 1.5 },
          { key: 2n ** 64n },
          { key: -1n },
          { key: 2 ** 53 },
          { bytes: 2 ** 32 },
          { bytes: Number.NaN },
          { overlapped: 2n ** 64n }
        ]
        for (const packet of packets) {
          const error = yield* Effect.flip(Iocp.post(port, packet))
          assert.strictEqual(error.reason, "InvalidArgument")
          assert.strictEqual(error.operation, "post")
        }
        for (const options of [{ concurrency: -1 }, { batch: 0 }, { batch: 0.5 }]) {
          const error = yield* Effect.flip(Iocp.make(options))
          assert.strictEqual(error.reason, "InvalidArgument")
        }
        assert.isTrue(Iocp.isTimeout(yield* Iocp.getQueuedCompletionStatus(port, 0)))
      })
    )
  )

  it.live("refuse a second association", () =>
    leavingNothing(
      Effect.gen(function* () {
        const [first, second] = [yield* Iocp.make(), yield* Iocp.make()]
        const socket = yield* Iocp.createTcpSocket()
        yield* Iocp.associateSocket(first, socket, MAX_64)
        for (const port of [first, second]) {
          const error = yield* Effect.flip(Iocp.associateSocket(port, socket, 1))
          assert.strictEqual(error._tag, "NetworkError")
          assert.strictEqual(error.reason, "InvalidArgument")
          assert.strictEqual(error.code, 87)
          assert.strictEqual(error.syscall, "CreateIoCompletionPort")
        }
      })
    )
  )

  it.live("refuse a closed socket", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const socket = yield* Iocp.createUdpSocket()
        yield* Iocp.closeSocket(socket)
        const error = yield* Effect.flip(Iocp.associateSocket(port, socket))
        assert.strictEqual(error._tag, "ConnectionError")
        assert.strictEqual(error.reason, "Closed")
      })
    )
  )

  it.live("fail with InvalidHandle once closed, and may be closed again", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const socket = yield* Iocp.createTcpSocket()
        yield* Iocp.post(port, { key: 1 })
        assert.isTrue(port.isOpen)
        yield* Effect.all([Iocp.closeHandle(port), Iocp.closeHandle(port)], { concurrency: "unbounded" })
        yield* Iocp.closeHandle(port)
        assert.isFalse(port.isOpen)
        const uses = {
          post: Iocp.post(port),
          associateSocket: Iocp.associateSocket(port, socket),
          getQueuedCompletionStatus: Iocp.getQueuedCompletionStatus(port, 0),
          waitForCompletion: Iocp.waitForCompletion(port),
          waitForCompletions: Iocp.waitForCompletions(port, 3),
          processCompletions: Iocp.processCompletions(port, () => Effect.void)
        }
        for (const [operation, use] of Object.entries(uses)) {
          const error = yield* Effect.flip<unknown, unknown, never>(use)
          assertFields(error, { _tag: "NetworkError", reason: "InvalidHandle", operation })
        }
      })
    )
  )

  it.live("are closed with their scope", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Effect.scoped(Iocp.make())
        assert.isFalse(port.isOpen)
        const error = yield* Effect.flip(Iocp.post(port))
        assert.strictEqual(error.reason, "InvalidHandle")
      })
    )
  )

  it.live("leave no handle behind, a hundred of them", () =>
    leavingNothing(
      Effect.forEach(
        Array.from({ length: 100 }),
        () => Effect.scoped(Effect.flatMap(Iocp.make(), (port) => Iocp.post(port))),
        { discard: true }
      )
    )
  )
})
