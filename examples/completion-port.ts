// platform: win32
/**
 * The raw completion port of Windows: post, wait, process with a handler, and receive over a socket.
 *
 * `Net` stands on this layer; a program can as well use it directly.
 */
import { Console, Effect, Option } from "effect"
import { Address, Iocp } from "effect-iocp"
import { runIfStarted } from "./support/runMain.js"

const hex = (value: bigint) => `0x${value.toString(16)}`

/** Packets of one's own: all 64 bits of the key come back, and of the pointer, which the system does not follow. */
const postAndWait = (port: Iocp.CompletionPort) =>
  Effect.gen(function* () {
    yield* Iocp.post(port, { key: 0xfedc_ba98_7654_3210n, bytes: 42, overlapped: 0x0123_4567_89ab_cdefn })
    const { key, bytes, overlapped } = yield* Iocp.waitForCompletion(port, "1 second")
    yield* Console.log(`posted and waited: key ${hex(key)}, ${bytes} bytes, overlapped ${hex(overlapped)}`)
  })

/** No packet in time: a typed failure of one function, a value of the other. */
const waitInVain = (port: Iocp.CompletionPort) =>
  Effect.gen(function* () {
    yield* Iocp.waitForCompletion(port, "50 millis").pipe(
      Effect.catchTag("TimeoutError", (error) => Console.log(`waited in vain: ${error.message}`))
    )
    const result = yield* Iocp.getQueuedCompletionStatus(port, 0)
    yield* Console.log(`only looked: ${result._tag}`)
  })

/** Several packets at once, and several with a handler. */
const takeSeveral = (port: Iocp.CompletionPort) =>
  Effect.gen(function* () {
    for (const key of [1, 2, 3]) yield* Iocp.post(port, { key })
    const batch = yield* Iocp.waitForCompletions(port, 16, "1 second")
    yield* Console.log(`a batch: the keys ${batch.map(({ key }) => key).join(", ")}`)

    // A key stands for a record; one that was released stands for nothing.
    const keys = Iocp.makeCompletionKeys<string>()
    const [first, second] = [keys.register("the first"), keys.register("the second")]
    for (const key of [first, second]) yield* Iocp.post(port, { key })
    keys.release(second)
    const count = yield* Iocp.processCompletions(port, ({ key }) =>
      Console.log(`handled: ${Option.getOrElse(keys.find(key), () => "a key that was released")}`)
    )
    yield* Console.log(`processed ${count} packets`)
  })

/** A UDP socket on loopback whose packets come to the port under this key. */
const openSocket = (port: Iocp.CompletionPort, key: number) =>
  Effect.gen(function* () {
    const socket = yield* Iocp.createUdpSocket()
    yield* Iocp.bind(socket, Address.loopbackAddress("IPv4"))
    yield* Iocp.associateSocket(port, socket, key)
    return { socket, overlapped: yield* Iocp.makeOverlapped, buffer: yield* Iocp.allocateMemory(512) }
  })

/** A datagram, from one socket to another on the same port. */
const sendAndReceive = (port: Iocp.CompletionPort) =>
  Effect.gen(function* () {
    const receiver = yield* openSocket(port, 10)
    const sender = yield* openSocket(port, 20)
    yield* Iocp.receiveFrom(receiver.socket, receiver.overlapped, receiver.buffer)

    const { written } = new TextEncoder().encodeInto("a datagram", sender.buffer.bytes)
    const address = yield* Iocp.localAddress(receiver.socket)
    yield* Iocp.sendTo(sender.socket, sender.overlapped, sender.buffer, address, { length: written })

    // One packet for each of the two operations, in any order. Until then their memory is the system's.
    for (const _ of ["one", "the other"]) {
      const completion = yield* Iocp.waitForCompletion(port, "5 seconds")
      if (Iocp.isError(completion)) yield* completion.error
      if (!Iocp.isCompletionOf(completion, receiver.overlapped)) continue
      const text = new TextDecoder().decode(receiver.buffer.bytes.subarray(0, completion.bytes))
      const from = yield* Iocp.senderOf(receiver.overlapped)
      yield* Console.log(`received under key ${completion.key}: ${JSON.stringify(text)}`)
      const local = yield* Iocp.localAddress(sender.socket)
      yield* Console.log(
        `it came from ${Address.format(from) === Address.format(local) ? "the sender" : "a stranger"}`
      )
    }
  })

export const program = Effect.gen(function* () {
  const port = yield* Iocp.make()
  yield* postAndWait(port)
  yield* waitInVain(port)
  yield* takeSeveral(port)
  yield* sendAndReceive(port)
}).pipe(
  // Closes the sockets, then the port, and frees the memory once no packet is due.
  Effect.scoped,
  Effect.zipRight(
    Effect.suspend(() =>
      Console.log(`left: ${Iocp.operationsInFlight()} operations, ${Iocp.foreignBytesInUse()} bytes`)
    )
  )
)

runIfStarted(import.meta, program)
