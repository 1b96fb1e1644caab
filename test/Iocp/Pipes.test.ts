import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Address from "../../src/Address/index.js"
import * as Iocp from "../../src/Iocp/index.js"
import { freeName } from "../support/pipes.js"
import { accessListOf } from "../support/securityDescriptor.js"
import { assertFields, describeOnWindows, errorOf, leavingNothing, succeeded } from "./windows.js"

const freshAddress = () => Address.unsafeMakePipe(freeName())

/** A server's end and the client that was there before it waited, on one port under the keys 1 and 2. */
const connectedPipe = (port: Iocp.CompletionPort, options: Partial<Iocp.NamedPipeOptions> = {}) =>
  Effect.gen(function* () {
    const address = freshAddress()
    const server = yield* Iocp.createNamedPipe({ address, isFirst: true, ...options })
    const client = yield* Iocp.openPipe(address, { mode: options.mode })
    yield* Iocp.associatePipe(port, server, 1)
    yield* Iocp.associatePipe(port, client, 2)
    return { address, server, client }
  })

const tools = Effect.gen(function* () {
  const port = yield* Iocp.make()
  const [reading, writing] = [yield* Iocp.makeOverlapped, yield* Iocp.makeOverlapped]
  const buffer = yield* Iocp.allocateMemory(256 * 1024)
  buffer.bytes.forEach((_, index) => {
    buffer.bytes[index] = index % 251
  })
  const into = yield* Iocp.allocateMemory(256 * 1024)

  /** Writes so many bytes, and waits for the packet. */
  const write = (pipe: Iocp.Pipe, length: number) =>
    Effect.zipRight(Iocp.writePipe(pipe, writing, buffer, { length }), succeeded(port))

  /** Reads so many bytes at most, and gives the packet. */
  const read = (pipe: Iocp.Pipe, length: number) =>
    Effect.zipRight(
      Iocp.readPipe(pipe, reading, into, { length }),
      Iocp.waitForCompletion(port, "20 seconds")
    )
  return { port, reading, writing, buffer, into, write, read }
})

const noPacket = (port: Iocp.CompletionPort) =>
  Effect.map(Iocp.getQueuedCompletionStatus(port, 0), (result) => assert.isTrue(Iocp.isTimeout(result)))

const broken = { _tag: "ConnectionError", reason: "Reset", code: 109, codeName: "ERROR_BROKEN_PIPE" }

describeOnWindows("named pipes", () => {
  it.live("wait for a client, and carry bytes both ways", () =>
    leavingNothing(
      Effect.gen(function* () {
        const { into, port, read, reading, write } = yield* tools
        const address = freshAddress()
        const server = yield* Iocp.createNamedPipe({ address })
        yield* Iocp.associatePipe(port, server, 1)
        yield* Iocp.connectNamedPipe(server, reading)
        yield* noPacket(port)
        const client = yield* Iocp.openPipe(address)
        yield* Iocp.associatePipe(port, client, 2)
        assertFields(yield* succeeded(port), { key: 1n, bytes: 0 })
        for (const [from, to, key] of [[client, server, 1n] as const, [server, client, 2n] as const]) {
          yield* write(from, 10)
          into.bytes.fill(0)
          assertFields(yield* read(to, 100), { _tag: "CompletionSuccess", key, bytes: 10 })
          assert.deepStrictEqual([...into.bytes.subarray(0, 11)], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0])
        }
        assert.deepStrictEqual([server.end, client.end, server.mode], ["server", "client", "byte"])
      })
    )
  )

  it.live("a client that came first is no packet, and one that is gone again has left what it wrote", () =>
    leavingNothing(
      Effect.gen(function* () {
        const { port, read, reading, write } = yield* tools
        const first = yield* connectedPipe(port)
        const early = yield* Effect.flip(Iocp.connectNamedPipe(first.server, reading))
        assertFields(early, { _tag: "ConnectionError", reason: "AlreadyConnected", code: 535 })
        const second = yield* connectedPipe(port)
        yield* write(second.client, 7)
        yield* Iocp.closePipe(second.client)
        const gone = yield* Effect.flip(Iocp.connectNamedPipe(second.server, reading))
        assertFields(gone, { _tag: "ConnectionError", reason: "Reset", code: 232 })
        yield* noPacket(port)
        assertFields(yield* read(second.server, 100), { _tag: "CompletionSuccess", bytes: 7 })
        assertFields(yield* Effect.flip(read(second.server, 100)), broken)
        yield* noPacket(port)
      })
    )
  )

  it.live("a wait that is cancelled ends with its packet, and a client can still come", () =>
    leavingNothing(
      Effect.gen(function* () {
        const { port, read, reading, write } = yield* tools
        const address = freshAddress()
        const server = yield* Iocp.createNamedPipe({ address })
        yield* Iocp.associatePipe(port, server, 1)
        yield* Iocp.connectNamedPipe(server, reading)
        assert.isTrue(yield* Iocp.cancel(server, reading))
        const cancelled = errorOf(yield* Iocp.waitForCompletion(port, "20 seconds"))
        assertFields(cancelled, { reason: "Cancelled", code: 995, syscall: "ConnectNamedPipe" })
        const client = yield* Iocp.openPipe(address)
        yield* Iocp.associatePipe(port, client, 2)
        yield* write(client, 3)
        assertFields(yield* read(server, 100), { _tag: "CompletionSuccess", bytes: 3 })
      })
    )
  )

  it.live("the other end's closing ends a read that waits, and loses nothing that was written", () =>
    leavingNothing(
      Effect.gen(function* () {
        const { port, read, reading, into, write, writing, buffer } = yield* tools
        for (const closer of ["client", "server"] as const) {
          const ends = yield* connectedPipe(port)
          const other = closer === "client" ? ends.server : ends.client
          yield* write(ends[closer], 1000)
          yield* Iocp.closePipe(ends[closer])
          assertFields(yield* read(other, 2000), { _tag: "CompletionSuccess", bytes: 1000 })
          assertFields(yield* Effect.flip(read(other, 2000)), broken)
          const late = yield* Effect.flip(Iocp.writePipe(other, writing, buffer, { length: 1 }))
          assertFields(late, { _tag: "ConnectionError", reason: "Reset", code: 232 })

          const waiting = yield* connectedPipe(port)
          const reader = closer === "client" ? waiting.server : waiting.client
          yield* Iocp.readPipe(reader, reading, into)
          yield* Iocp.closePipe(waiting[closer])
          assertFields(errorOf(yield* Iocp.waitForCompletion(port, "20 seconds")), broken)
        }
      })
    )
  )

  it.live("messages have borders: empty ones, and ones longer than the buffer", () =>
    leavingNothing(
      Effect.gen(function* () {
        const { port, read, reading, into, write } = yield* tools
        const { client, server } = yield* connectedPipe(port, { mode: "message" })
        for (const length of [5, 0, 7]) yield* write(client, length)
        for (const bytes of [5, 0, 7]) {
          assertFields(yield* read(server, 100), { _tag: "CompletionSuccess", bytes })
        }
        // That there is more is told by exactly one packet, whether the message came first or the read did.
        yield* write(client, 100)
        const cut = yield* read(server, 40)
        assertFields(errorOf(cut), { reason: "TooLong", code: 234, codeName: "ERROR_MORE_DATA" })
        assertFields(cut, { bytes: 40 })
        yield* noPacket(port)
        assertFields(yield* read(server, 100), { _tag: "CompletionSuccess", bytes: 60 })
        yield* Iocp.readPipe(server, reading, into, { length: 40 })
        yield* Iocp.post(port, { key: 9 })
        yield* succeeded(port)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const other = yield* Iocp.makeOverlapped
            const source = yield* Iocp.allocateMemory(100)
            yield* Iocp.writePipe(client, other, source)
            const packets = [yield* Iocp.waitForCompletion(port), yield* Iocp.waitForCompletion(port)]
            const byKey = (key: bigint) => packets.find((packet) => packet.key === key)
            assertFields(byKey(1n), { _tag: "CompletionFailure", bytes: 40 })
            assertFields(byKey(2n), { _tag: "CompletionSuccess", bytes: 100 })
          })
        )
        yield* noPacket(port)
      })
    )
  )

  it.live("disconnecting cuts the client off, and loses what it has not read", () =>
    leavingNothing(
      Effect.gen(function* () {
        const { port, read, reading, into, write } = yield* tools
        const { address, client, server } = yield* connectedPipe(port)
        yield* write(server, 10)
        yield* Iocp.disconnectNamedPipe(server)
        const notConnected = { _tag: "ConnectionError", reason: "NotConnected", code: 233 }
        assertFields(yield* Effect.flip(read(client, 100)), notConnected)
        yield* Iocp.connectNamedPipe(server, reading)
        const next = yield* Iocp.openPipe(address)
        yield* Iocp.associatePipe(port, next, 3)
        assertFields(yield* succeeded(port), { key: 1n })
        yield* Iocp.readPipe(next, reading, into)
        yield* Iocp.disconnectNamedPipe(server)
        const told = errorOf(yield* Iocp.waitForCompletion(port, "20 seconds"))
        assertFields(told, { ...notConnected, status: 0xc00000b0, syscall: "ReadFile" })
      })
    )
  )

  it.live("an end that closes first cancels what is in flight on it", () =>
    leavingNothing(
      Effect.gen(function* () {
        const { port, reading, into, buffer, writing } = yield* tools
        const { client } = yield* connectedPipe(port)
        yield* Iocp.readPipe(client, reading, into)
        yield* Iocp.writePipe(client, writing, buffer)
        yield* Iocp.closePipe(client)
        assert.strictEqual(Iocp.operationsInFlight(), 0)
        for (const _ of [reading, writing]) {
          const told = errorOf(yield* Iocp.waitForCompletion(port, "20 seconds"))
          assertFields(told, { reason: "Cancelled", code: 995 })
        }
        const closed = { _tag: "ConnectionError", reason: "Closed" }
        assertFields(yield* Effect.flip(Iocp.readPipe(client, reading, into)), closed)
        assertFields(yield* Effect.flip(Iocp.disconnectNamedPipe(client)), closed)
        assertFields(yield* Effect.flip(Iocp.associatePipe(port, client)), closed)
        yield* Iocp.closePipe(client)
      })
    )
  )

  it.live("tell the process at the other end", () =>
    leavingNothing(
      Effect.gen(function* () {
        const { port } = yield* tools
        const { client, server } = yield* connectedPipe(port)
        assert.strictEqual(yield* Iocp.peerProcessId(server), process.pid)
        assert.strictEqual(yield* Iocp.peerProcessId(client), process.pid)
      })
    )
  )

  it.live("a name that nobody has, or has no room left, is a typed failure", () =>
    leavingNothing(
      Effect.gen(function* () {
        const address = freshAddress()
        const call = { address: address.name, operation: "openPipe", syscall: "CreateFileW" }
        assertFields(yield* Effect.flip(Iocp.openPipe(address)), { ...call, reason: "Refused", code: 2 })
        yield* Iocp.createNamedPipe({ address, maxInstances: 1 })
        yield* Iocp.openPipe(address)
        const busy = { reason: "ResourceExhausted", code: 231, codeName: "ERROR_PIPE_BUSY" }
        assertFields(yield* Effect.flip(Iocp.openPipe(address)), { ...call, ...busy })
        assertFields(yield* Effect.flip(Iocp.createNamedPipe({ address, maxInstances: 1 })), busy)
        // Of another machine, which is looked for on a thread: there is none of that name.
        const elsewhere = Address.unsafeMakePipe("\\\\no-such-host.invalid\\pipe\\nothing")
        assertFields(yield* Effect.flip(Iocp.openPipe(elsewhere)), { syscall: "CreateFileW" })
      })
    )
  )

  it.live("bad options are refused", () =>
    leavingNothing(
      Effect.gen(function* () {
        const address = freshAddress()
        const invalid = { _tag: "NetworkError", reason: "InvalidArgument" }
        for (const options of [
          { maxInstances: 0 },
          { maxInstances: 256 },
          { maxInstances: 1.5 },
          { bufferBytes: -1 },
          { bufferBytes: 2 ** 31 },
          { securityDescriptor: "" },
          { securityDescriptor: "D:P\0" },
          { mode: "stream" as Iocp.PipeMode }
        ]) {
          const failure = yield* Effect.flip(Iocp.createNamedPipe({ address, ...options }))
          assertFields(failure, { ...invalid, operation: "createNamedPipe" })
        }
        const nonsense = Iocp.createNamedPipe({ address, securityDescriptor: "all to everybody" })
        assertFields(yield* Effect.flip(nonsense), {
          ...invalid,
          syscall: "ConvertStringSecurityDescriptorToSecurityDescriptorW",
          code: 87
        })
        yield* Iocp.createNamedPipe({ address, mode: "byte" })
        const messages = yield* Effect.flip(Iocp.openPipe(address, { mode: "message" }))
        assertFields(messages, { ...invalid, operation: "openPipe", address: address.name })
      })
    )
  )

  it.live("have the security descriptor that they are given", () =>
    leavingNothing(
      Effect.gen(function* () {
        for (const securityDescriptor of ["D:P(A;;FA;;;SY)(A;;FR;;;WD)", "D:P(D;;FA;;;AN)(A;;FA;;;WD)"]) {
          const pipe = yield* Iocp.createNamedPipe({ address: freshAddress(), securityDescriptor })
          assert.strictEqual(accessListOf(pipe.handle), securityDescriptor)
        }
      })
    )
  )
})
