import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Address from "../../src/Address/index.js"
import * as Iocp from "../../src/Iocp/index.js"
import {
  assertFields,
  connectedPair,
  describeOnWindows,
  errorOf,
  leavingNothing,
  loopback,
  succeeded
} from "./windows.js"

const cancelled = { _tag: "NetworkError", reason: "Cancelled", code: 995 }

describeOnWindows("operations", () => {
  it.live("end with 995 when they are cancelled, and exactly one packet comes", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const { server } = yield* connectedPair(port)
        const overlapped = yield* Iocp.makeOverlapped
        const buffer = yield* Iocp.allocateMemory(16)
        for (const target of [overlapped, undefined]) {
          yield* Iocp.receive(server, overlapped, buffer)
          assert.isTrue(yield* Iocp.cancel(server, target))
          const completion = yield* Iocp.waitForCompletion(port, "20 seconds")
          assert.isTrue(Iocp.isCompletionOf(completion, overlapped))
          assertFields(errorOf(completion), { ...cancelled, operation: "receive", syscall: "WSARecv" })
          assert.isFalse(yield* Iocp.cancel(server, overlapped), "there is nothing left to cancel")
          assert.isTrue(Iocp.isTimeout(yield* Iocp.getQueuedCompletionStatus(port, 0)))
        }
      })
    )
  )

  it.live("are refused without an association, with an OVERLAPPED in use, or outside of the buffer", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const { server } = yield* connectedPair(port)
        const [overlapped, other] = [yield* Iocp.makeOverlapped, yield* Iocp.makeOverlapped]
        const buffer = yield* Iocp.allocateMemory(16)
        const alone = yield* Iocp.createTcpSocket()
        yield* Iocp.receive(server, overlapped, buffer)
        const refusals = [
          Iocp.receive(alone, other, buffer),
          Iocp.receive(server, overlapped, buffer),
          Iocp.receive(server, other, buffer, { offset: 17 }),
          Iocp.receive(server, other, buffer, { offset: -1 }),
          Iocp.receive(server, other, buffer, { length: 17 }),
          Iocp.receive(server, other, buffer, { offset: 8, length: 9 }),
          Iocp.receive(server, other, buffer, { length: 0.5 })
        ]
        for (const refusal of refusals) {
          const error = yield* Effect.flip(refusal)
          assertFields(error, { _tag: "NetworkError", reason: "InvalidArgument", operation: "receive" })
        }
        assert.isFalse(other.isInFlight)
        assert.strictEqual(Iocp.operationsInFlight(), 1)
      })
    )
  )

  it.live("are retired by their own packet only, not by a posted one of the same address", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const { server } = yield* connectedPair(port)
        const overlapped = yield* Iocp.makeOverlapped
        const buffer = yield* Iocp.allocateMemory(16)
        yield* Iocp.receive(server, overlapped, buffer)
        const fields = Either.getOrThrow(Iocp.unpackOverlapped(overlapped.bytes))
        assert.strictEqual(fields.internal, 0x103n)
        yield* Iocp.post(port, { overlapped: overlapped.address })
        assert.isTrue(Iocp.isCompletionOf(yield* Iocp.waitForCompletion(port, "20 seconds"), overlapped))
        assert.isTrue(overlapped.isInFlight)
        yield* Iocp.cancel(server)
        assert.isTrue(Iocp.isError(yield* Iocp.waitForCompletion(port, "20 seconds")))
        assert.isFalse(overlapped.isInFlight)
      })
    )
  )

  it.live("are cancelled and awaited when their socket closes", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const { client, server } = yield* connectedPair(port)
        const [a, b] = [yield* Iocp.makeOverlapped, yield* Iocp.makeOverlapped]
        const buffer = yield* Iocp.allocateMemory(1 << 20)
        yield* Iocp.receive(server, a, buffer)
        yield* Iocp.receive(server, b, buffer)
        yield* Iocp.closeSocket(server)
        assert.isFalse(a.isInFlight || b.isInFlight)
        for (const _ of [a, b]) {
          assertFields(errorOf(yield* Iocp.waitForCompletion(port, 0)), cancelled)
        }
        // Nobody reads: the send stays in flight until its socket goes.
        const sending = yield* Iocp.makeOverlapped
        yield* Iocp.send(client, sending, buffer)
        yield* Iocp.closeSocket(client)
        assert.isFalse(sending.isInFlight)
      })
    )
  )

  it.live("are cancelled and awaited when their port closes", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const { server } = yield* connectedPair(port)
        const overlapped = yield* Iocp.makeOverlapped
        const buffer = yield* Iocp.allocateMemory(16)
        yield* Iocp.receive(server, overlapped, buffer)
        yield* Iocp.closeHandle(port)
        assert.isFalse(overlapped.isInFlight)
        const error = yield* Effect.flip(Iocp.receive(server, overlapped, buffer))
        assertFields(error, { _tag: "NetworkError", reason: "InvalidHandle", operation: "receive" })
      })
    )
  )

  it.live("keep their memory when its scope closes first", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const { server } = yield* connectedPair(port)
        const scope = yield* Scope.make()
        const overlapped = yield* Scope.extend(Iocp.makeOverlapped, scope)
        const before = Iocp.foreignBytesInUse()
        const buffer = yield* Effect.acquireUseRelease(
          Effect.sync(() => Iocp.ForeignMemory.allocate(4096)),
          (memory) => Effect.as(Iocp.receive(server, overlapped, memory), memory),
          (memory) => Effect.sync(() => memory.free())
        )
        assert.isTrue(buffer.isFreed)
        assert.throws(() => buffer.bytes)
        assert.strictEqual(Iocp.foreignBytesInUse(), before + 4096, "the operation holds the buffer")
        yield* Scope.close(scope, Exit.void)
        assert.isBelow(Iocp.foreignBytesInUse(), before)
        assertFields(errorOf(yield* Iocp.waitForCompletion(port, 0)), cancelled)
        const error = yield* Effect.flip(Iocp.receive(server, overlapped, buffer))
        assertFields(error, { _tag: "NetworkError", reason: "InvalidArgument" })
      })
    )
  )

  it.live("cancel an accept whose socket closes", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const listener = yield* Iocp.createTcpSocket()
        const overlapped = yield* Iocp.makeOverlapped
        yield* Iocp.associateSocket(port, listener, 3)
        yield* Iocp.bind(listener, loopback())
        yield* Iocp.listen(listener, 5)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const accepted = yield* Iocp.createTcpSocket()
            yield* Iocp.acceptEx(listener, accepted, overlapped)
            const early = yield* Effect.flip(Iocp.acceptedAddresses(overlapped))
            assert.strictEqual(early.reason, "InvalidArgument")
          })
        )
        assert.isFalse(overlapped.isInFlight)
        const completion = yield* Iocp.waitForCompletion(port, 0)
        assert.strictEqual(completion.key, 3n)
        assertFields(errorOf(completion), { ...cancelled, operation: "acceptEx", syscall: "AcceptEx" })
      })
    )
  )

  it.live("report a reset that comes while they wait", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const { client, server } = yield* connectedPair(port)
        const [receiving, sending] = [yield* Iocp.makeOverlapped, yield* Iocp.makeOverlapped]
        const buffer = yield* Iocp.allocateMemory(16)
        // Bytes that the server has sent and the client has not read turn its close into a reset.
        yield* Iocp.send(server, sending, buffer)
        yield* succeeded(port)
        yield* Iocp.receive(client, sending, buffer, { length: 0 })
        yield* succeeded(port)
        yield* Iocp.receive(server, receiving, buffer)
        yield* Iocp.closeSocket(client)
        const error = errorOf(yield* Iocp.waitForCompletion(port, "20 seconds"))
        assertFields(error, { _tag: "ConnectionError", reason: "Reset", code: 10054, operation: "receive" })
      })
    )
  )
})

describeOnWindows("datagrams", () => {
  const bound = (port: Iocp.CompletionPort, key: number, family: Address.AddressFamily) =>
    Effect.gen(function* () {
      const socket = yield* Iocp.createUdpSocket({ family })
      yield* Iocp.associateSocket(port, socket, key)
      yield* Iocp.bind(socket, Address.loopbackAddress(family))
      return { socket, address: yield* Iocp.localAddress(socket) }
    })

  for (const family of ["IPv4", "IPv6"] as const) {
    it.live(`come with their sender (${family})`, () =>
      leavingNothing(
        Effect.gen(function* () {
          const port = yield* Iocp.make()
          const [a, b] = [yield* bound(port, 1, family), yield* bound(port, 2, family)]
          const [sending, receiving] = [yield* Iocp.makeOverlapped, yield* Iocp.makeOverlapped]
          const [out, into] = [yield* Iocp.allocateMemory(100), yield* Iocp.allocateMemory(100)]
          for (const length of [1, 100, 0, 7]) {
            out.bytes.fill(length)
            yield* Iocp.receiveFrom(b.socket, receiving, into)
            yield* Iocp.sendTo(a.socket, sending, out, b.address, { length })
            const completions = [yield* succeeded(port), yield* succeeded(port)]
            const received = completions.find((completion) => completion.key === 2n)
            assert.strictEqual(received?.bytes, length)
            assert.deepStrictEqual(yield* Iocp.senderOf(receiving), a.address)
            assert.deepStrictEqual([...into.bytes.subarray(0, length)], new Array(length).fill(length))
          }
        })
      )
    )
  }

  it.live("that are too long are cut off, in one failed packet, whether they wait or not", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const [a, b] = [yield* bound(port, 1, "IPv4"), yield* bound(port, 2, "IPv4")]
        const [sending, receiving] = [yield* Iocp.makeOverlapped, yield* Iocp.makeOverlapped]
        const memory = yield* Iocp.allocateMemory(100)
        const send = Effect.zipRight(Iocp.sendTo(a.socket, sending, memory, b.address), succeeded(port))
        const receive = Iocp.receiveFrom(b.socket, receiving, memory, { length: 10 })
        const truncated = Effect.gen(function* () {
          const completion = yield* Iocp.waitForCompletion(port, "20 seconds")
          assert.isTrue(Iocp.isCompletionOf(completion, receiving))
          assert.strictEqual(completion.bytes, 10)
          assertFields(errorOf(completion), { _tag: "NetworkError", reason: "TooLong", code: 10040 })
          assert.isTrue(Iocp.isTimeout(yield* Iocp.getQueuedCompletionStatus(port, 0)), "no second packet")
          assert.strictEqual(Iocp.operationsInFlight(), 0)
        })
        yield* send
        yield* receive
        yield* truncated
        // The other way round; the sender's packet goes to a port of its own, since the order is not certain.
        const other = yield* Iocp.make()
        const c = yield* bound(other, 3, "IPv4")
        yield* receive
        yield* Iocp.sendTo(c.socket, sending, memory, b.address)
        yield* succeeded(other)
        yield* truncated
      })
    )
  )
})
