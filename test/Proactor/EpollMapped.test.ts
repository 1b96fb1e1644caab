import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { encodeSockaddr, loopbackAddress } from "../../src/Address/index.js"
import * as C from "../../src/Epoll/Constants.js"
import * as Epoll from "../../src/Epoll/index.js"
import { libc } from "../../src/Epoll/Libc.js"
import type { SocketError } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import * as EpollProactor from "../../src/Proactor/Epoll/EpollProactor.js"

/*
 * An IPv6 socket that serves IPv4 as well sends to those peers as IPv4, with the options of IPv4. What these tests look at is
 * what arrives, at sockets that are nothing but IPv4.
 */

const IP_PKTOPTIONS = 9
const IP_RECVTTL = 12
const IP_RECVTOS = 13
const IP_MINTTL = 21

/** Larger than what a packet has if nobody asks: 64. */
const HOP_LIMIT = 200
const TRAFFIC_CLASS = 0x28

const getInteger = (fd: number, level: number, name: number): number => {
  const value = new Int32Array(1)
  assert.strictEqual(libc().getsockopt(fd, level, name, value, Int32Array.of(4)), 0)
  return value[0] ?? -1
}

const setInteger = (fd: number, name: number, value: number) =>
  assert.strictEqual(libc().setsockopt(fd, C.IPPROTO_IP, name, Int32Array.of(value), 4), 0)

/** The TTL and the type of service of the packet that a connection began with: control messages, 24 bytes each. */
const packetOptions = (fd: number) => {
  const bytes = new Uint8Array(256)
  const length = Int32Array.of(bytes.length)
  assert.strictEqual(libc().getsockopt(fd, C.IPPROTO_IP, IP_PKTOPTIONS, bytes, length), 0)
  const view = new DataView(bytes.buffer)
  const found = new Map<number, number>()
  for (let at = 0; at < (length[0] ?? 0); at += 24) {
    found.set(view.getInt32(at + 12, true), view.getUint8(at + 16))
  }
  return { hopLimit: found.get(C.IP_TTL), trafficClass: found.get(C.IP_TOS) }
}

const rawSocket = Effect.acquireRelease(
  Effect.sync(() => libc().socket(C.AF_INET, C.SOCK_STREAM | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC, 0)),
  (fd) => Effect.sync(() => libc().close(fd))
)

/** A listener of the system's own, which notes what packets come with. */
const rawListener = Effect.gen(function* () {
  const fd = yield* rawSocket
  setInteger(fd, IP_RECVTTL, 1)
  setInteger(fd, IP_RECVTOS, 1)
  yield* Epoll.bind(fd, loopbackAddress("IPv4", 0))
  yield* Epoll.listen(fd)
  const { port } = yield* Epoll.localAddress(fd)
  const accepted = Effect.acquireRelease(
    Effect.sync(() => libc().accept4(fd, null, null, C.SOCK_CLOEXEC)),
    (one) => Effect.sync(() => libc().close(one))
  )
  return { port, accepted }
})

/** A socket of either kind. */
interface Tuned {
  readonly setOption: (name: "hopLimit" | "trafficClass", value: number) => Effect.Effect<void, SocketError>
  readonly getOption: (name: "hopLimit" | "trafficClass") => Effect.Effect<number, SocketError>
  readonly close: () => void
}

const fileDescriptorOf = (socket: object): number => {
  const fd: unknown = Reflect.get(socket, "fd")
  return typeof fd === "number" ? fd : assert.fail("the socket has no descriptor")
}

describe.runIf(process.platform === "linux")("an IPv6 socket on epoll and its IPv4 peers", () => {
  it.scopedLive("is given the options of both versions of IP, streams and datagrams", () =>
    Effect.gen(function* () {
      const proactor = yield* EpollProactor.make
      const opened: ReadonlyArray<Tuned> = [yield* proactor.openTcp("IPv6"), yield* proactor.openUdp("IPv6")]
      for (const socket of opened) {
        yield* Effect.addFinalizer(() => Effect.sync(() => socket.close()))
        const fd = fileDescriptorOf(socket)
        yield* socket.setOption("hopLimit", HOP_LIMIT)
        yield* socket.setOption("trafficClass", TRAFFIC_CLASS)
        assert.strictEqual(yield* socket.getOption("hopLimit"), HOP_LIMIT)
        assert.strictEqual(yield* socket.getOption("trafficClass"), TRAFFIC_CLASS)
        assert.strictEqual(getInteger(fd, C.IPPROTO_IPV6, C.IPV6_UNICAST_HOPS), HOP_LIMIT)
        assert.strictEqual(getInteger(fd, C.IPPROTO_IPV6, C.IPV6_TCLASS), TRAFFIC_CLASS)
        assert.strictEqual(getInteger(fd, C.IPPROTO_IP, C.IP_TTL), HOP_LIMIT)
        assert.strictEqual(getInteger(fd, C.IPPROTO_IP, C.IP_TOS), TRAFFIC_CLASS)
      }
    })
  )

  it.scopedLive("connects to a mapped address with them", () =>
    Effect.gen(function* () {
      const { accepted, port } = yield* rawListener
      const socketOptions = { hopLimit: HOP_LIMIT, trafficClass: TRAFFIC_CLASS }
      yield* Net.connect({ host: "::ffff:127.0.0.1", port, socketOptions })
      assert.deepStrictEqual(packetOptions(yield* accepted), socketOptions)
    }).pipe(Effect.provide(Net.layerEpoll))
  )

  it.scopedLive("answers clients that take nothing with a smaller hop limit", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "::", port: 0, socketOptions: { hopLimit: HOP_LIMIT } })
      const client = yield* rawSocket
      setInteger(client, IP_MINTTL, HOP_LIMIT)
      const address = encodeSockaddr(loopbackAddress("IPv4", listener.address.port), "linux")
      // It does not wait: the answer is what may never be taken.
      libc().connect(client, address, address.length)
      const server = yield* listener.acceptWith({ timeout: "5 seconds" })
      yield* server.writeString("x")
      const received = Effect.sync(() => libc().recv(client, new Uint8Array(1), 1, C.MSG_DONTWAIT))
      yield* received.pipe(
        Effect.repeat({ until: (count) => count === 1, schedule: Schedule.spaced("5 millis") }),
        Effect.timeout("5 seconds")
      )
    }).pipe(Effect.provide(Net.layerEpoll))
  )
})
