// platform: linux
/**
 * The raw epoll instance of Linux: post, wait, process with a handler, and receive over a socket.
 *
 * `Net` stands on this layer; a program can as well use it directly. Where a completion port tells that an operation
 * is done, epoll tells that a descriptor is ready for one.
 */
import { Console, Effect, Option } from "effect"
import { Address, Epoll } from "effect-iocp"
import { runIfStarted } from "./support/runMain.js"

const hex = (value: bigint) => `0x${value.toString(16)}`

/** Events of one's own: all 64 bits of the data come back. */
const postAndWait = (epoll: Epoll.Epoll) =>
  Effect.gen(function* () {
    yield* Epoll.post(epoll, { data: 0xfedc_ba98_7654_3210n, bytes: 42 })
    const event = yield* Epoll.wait(epoll, "1 second")
    if (Epoll.isPosted(event)) {
      yield* Console.log(`posted and waited: data ${hex(event.data)}, ${event.bytes} bytes`)
    }
  })

/** No event in time is a typed failure; another fiber can wake who waits. */
const waitInVain = (epoll: Epoll.Epoll) =>
  Effect.gen(function* () {
    yield* Epoll.wait(epoll, "50 millis").pipe(
      Effect.catchTag("TimeoutError", (error) => Console.log(`waited in vain: ${error.message}`))
    )
    yield* Effect.fork(Epoll.wake(epoll))
    const event = yield* Epoll.wait(epoll, "1 second")
    yield* Console.log(`woken: ${event._tag}`)
  })

/** Several events at once, and several with a handler. */
const takeSeveral = (epoll: Epoll.Epoll) =>
  Effect.gen(function* () {
    for (const data of [1, 2, 3]) yield* Epoll.post(epoll, { data })
    const batch = yield* Epoll.waitBatch(epoll, 16, "1 second")
    yield* Console.log(
      `a batch: the data ${batch
        .filter(Epoll.isPosted)
        .map((event) => event.data)
        .join(", ")}`
    )

    for (const data of [4, 5]) yield* Epoll.post(epoll, { data })
    const handle = (event: Epoll.EpollEvent) =>
      Epoll.isPosted(event) ? Console.log(`handled: ${event.data}`) : Effect.void
    const count = yield* Epoll.processEvents(epoll, handle)
    yield* Console.log(`processed ${count} events`)
  })

/** A UDP socket on loopback. */
const openSocket = Effect.tap(Epoll.createUdpSocket(), (socket) =>
  Epoll.bind(socket, Address.loopbackAddress("IPv4"))
)

/** A datagram, from one socket to another. */
const sendAndReceive = (epoll: Epoll.Epoll) =>
  Effect.gen(function* () {
    const receiver = yield* openSocket
    const sender = yield* openSocket
    yield* Epoll.registerScoped(epoll, receiver, { readable: true }, 10n)

    const buffer = new Uint8Array(512)
    const early = yield* Epoll.tryReceiveFrom(receiver, buffer)
    yield* Console.log(`received before anything was sent: ${Option.isNone(early) ? "nothing" : "something"}`)

    const datagram = new TextEncoder().encode("a datagram")
    yield* Epoll.trySendTo(sender, datagram, yield* Epoll.localAddress(receiver))
    const event = yield* Epoll.wait(epoll, "5 seconds")
    const received = yield* Epoll.tryReceiveFrom(receiver, buffer)
    if (!Epoll.isReady(event) || Option.isNone(received)) return

    const text = new TextDecoder().decode(buffer.subarray(0, received.value.bytes))
    yield* Console.log(`received under data ${event.data}: ${JSON.stringify(text)}`)
    const from = Address.format(received.value.from)
    const local = Address.format(yield* Epoll.localAddress(sender))
    yield* Console.log(`it came from ${from === local ? "the sender" : "a stranger"}`)
  })

export const program = Effect.gen(function* () {
  const epoll = yield* Epoll.make()
  yield* postAndWait(epoll)
  yield* waitInVain(epoll)
  yield* takeSeveral(epoll)
  yield* sendAndReceive(epoll)
}).pipe(
  // Ends the registration, and closes the sockets and the instance.
  Effect.scoped
)

runIfStarted(import.meta, program)
