import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Address from "../../src/Address/index.js"
import * as Epoll from "../../src/Epoll/index.js"
import { assertFields, describeOnLinux, drain, leavingNothing, loopback, put, range, ready } from "./linux.js"

/** A listener on loopback, told of under the data 1. */
const listening = (epoll: Epoll.Epoll, address = loopback()) =>
  Effect.gen(function* () {
    const listener = yield* Epoll.createTcpSocket({ family: address.family })
    yield* Epoll.bind(listener, address)
    yield* Epoll.listen(listener)
    yield* Epoll.register(epoll, listener, { readable: true }, 1)
    return { listener, address: yield* Epoll.localAddress(listener) }
  })

const accepted = (epoll: Epoll.Epoll, listener: Epoll.Descriptor) =>
  Effect.gen(function* () {
    assert.strictEqual((yield* ready(epoll)).data, 1n)
    return Option.getOrThrow(yield* Epoll.tryAccept(listener))
  })

/** Connects, waiting if need be. */
const connected = (address: Address.SocketAddress) =>
  Effect.gen(function* () {
    const client = yield* Epoll.createTcpSocket({ family: address.family })
    if (yield* Epoll.tryConnect(client, address)) return client
    const epoll = yield* Epoll.make()
    yield* Epoll.register(epoll, client, { writable: true })
    assert.isTrue((yield* ready(epoll)).writable)
    yield* Epoll.finishConnect(client)
    return client
  })

describeOnLinux("TCP sockets", () => {
  for (const host of ["127.0.0.1", "::1"]) {
    it.live(`connect, accept, read, write and end, on ${host}`, () =>
      leavingNothing(
        Effect.gen(function* () {
          const epoll = yield* Epoll.make()
          const { address, listener } = yield* listening(epoll, Address.unsafeMake(host, 0))
          assert.isTrue(Option.isNone(yield* Epoll.tryAccept(listener)))
          const client = yield* connected(address)
          const server = yield* accepted(epoll, listener)
          assert.deepStrictEqual(yield* Epoll.remoteAddress(client), address)
          assert.deepStrictEqual(yield* Epoll.localAddress(client), yield* Epoll.remoteAddress(server))

          yield* Epoll.register(epoll, server, { readable: true, peerClosed: true }, 2)
          const buffer = new Uint8Array(16)
          assert.isTrue(Option.isNone(yield* Epoll.tryRead(server, buffer)))
          const hello = new TextEncoder().encode("hello")
          assert.deepStrictEqual(yield* Epoll.tryWrite(client, hello), Option.some(5))
          assertFields(yield* ready(epoll), { data: 2n, readable: true, peerClosed: false })
          assert.deepStrictEqual(yield* Epoll.tryRead(server, buffer.subarray(3)), Option.some(5))
          assert.deepStrictEqual(buffer.subarray(3, 8), hello)

          yield* Epoll.shutdown(client, "write")
          assertFields(yield* ready(epoll), { data: 2n, readable: true, peerClosed: true })
          assert.deepStrictEqual(yield* Epoll.tryRead(server, buffer), Option.some(0))
        })
      )
    )
  }

  it.live("fill up, and say so", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const [one, other] = yield* Epoll.makeSocketPair
        let sent = 0
        for (;;) {
          const written = yield* put(one, 65536)
          if (Option.isNone(written)) break
          sent += written.value
        }
        yield* Epoll.register(epoll, one, { writable: true, edgeTriggered: true }, 3)
        assertFields(yield* Effect.flip(Epoll.wait(epoll, 0)), { _tag: "TimeoutError" })
        assert.strictEqual(yield* drain(other), sent)
        assertFields(yield* ready(epoll), { data: 3n, writable: true })
      })
    )
  )

  it.live("serve a hundred connections on one instance", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make({ batch: 8 })
        const { address, listener } = yield* listening(epoll)
        const clients = yield* Effect.replicateEffect(connected(address), 100)
        const servers = new Map<bigint, Epoll.Descriptor>()
        while (servers.size < 100) {
          const server = yield* accepted(epoll, listener)
          servers.set(BigInt(1000 + servers.size), server)
        }
        for (const [data, server] of servers) yield* Epoll.register(epoll, server, { readable: true }, data)
        for (const [index, client] of clients.entries()) yield* put(client, index + 1)
        let total = 0
        while (total < 5050) {
          const event = yield* ready(epoll)
          total += yield* drain(servers.get(event.data) ?? assert.fail("whose is it?"))
        }
        assert.strictEqual(total, 5050)
      })
    )
  )

  it.live("say why a connect failed", () =>
    leavingNothing(
      Effect.gen(function* () {
        const nobody = yield* Effect.scoped(
          Effect.gen(function* () {
            const socket = yield* Epoll.createTcpSocket()
            yield* Epoll.bind(socket, loopback())
            return yield* Epoll.localAddress(socket)
          })
        )
        assertFields(yield* Effect.flip(Effect.scoped(connected(nobody))), {
          _tag: "ConnectionError",
          reason: "Refused",
          codeName: "ECONNREFUSED",
          syscall: "connect"
        })
      })
    )
  )

  it.live("say why a bind failed, and that nobody is there", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const { address } = yield* listening(epoll)
        const socket = yield* Epoll.createTcpSocket()
        assertFields(yield* Effect.flip(Epoll.bind(socket, address)), {
          reason: "AddressInUse",
          codeName: "EADDRINUSE",
          address: Address.format(address)
        })
        assertFields(yield* Effect.flip(Epoll.remoteAddress(socket)), { reason: "NotConnected" })
        assertFields(yield* Effect.flip(Epoll.shutdown(socket, "both")), { reason: "NotConnected" })
        const wrong = { ...loopback(), port: 70_000 }
        assertFields(yield* Effect.flip(Epoll.bind(socket, wrong)), { reason: "InvalidArgument" })
        const [unnamed] = yield* Epoll.makeSocketPair
        assertFields(yield* Effect.flip(Epoll.localAddress(unnamed)), { reason: "InvalidArgument" })
      })
    )
  )
})

describeOnLinux("descriptors", () => {
  it.live("refuse everything once they are closed, and may be closed again", () =>
    leavingNothing(
      Effect.gen(function* () {
        const socket = yield* Epoll.createTcpSocket()
        yield* Epoll.closeDescriptor(socket)
        yield* Epoll.closeDescriptor(socket)
        assert.isFalse(socket.isOpen)
        // Takes the number: a call that went through would reach this one.
        const other = yield* Epoll.createTcpSocket()
        assert.strictEqual(other.fd, socket.fd)
        const one = new Uint8Array(1)
        const uses: Record<string, Effect.Effect<unknown, unknown>> = {
          bind: Epoll.bind(socket, loopback()),
          listen: Epoll.listen(socket),
          shutdown: Epoll.shutdown(socket, "both"),
          localAddress: Epoll.localAddress(socket),
          tryRead: Epoll.tryRead(socket, one),
          tryWrite: Epoll.tryWrite(socket, one),
          tryAccept: Effect.scoped(Epoll.tryAccept(socket)),
          tryConnect: Epoll.tryConnect(socket, loopback(1)),
          finishConnect: Epoll.finishConnect(socket),
          tryReceiveFrom: Epoll.tryReceiveFrom(socket, one),
          trySendTo: Epoll.trySendTo(socket, one, loopback(1))
        }
        for (const [operation, use] of Object.entries(uses)) {
          assertFields(yield* Effect.flip(use), { _tag: "NetworkError", reason: "InvalidHandle", operation })
        }
      })
    )
  )

  it.live("refuse to read into a buffer without room", () =>
    leavingNothing(
      Effect.gen(function* () {
        const { reader, writer } = yield* Epoll.makePipe
        const error = yield* Effect.flip(Epoll.tryRead(reader, new Uint8Array(0)))
        assertFields(error, { reason: "InvalidArgument", operation: "tryRead" })
        assert.deepStrictEqual(yield* Epoll.tryWrite(writer, new Uint8Array(0)), Option.some(0))
      })
    )
  )

  it.live("say that a pipe has no reader any more", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const { reader, writer } = yield* Epoll.makePipe
        yield* Epoll.register(epoll, writer, {}, 4)
        yield* Epoll.closeDescriptor(reader)
        assertFields(yield* ready(epoll), { data: 4n, failed: true })
        assertFields(yield* Effect.flip(put(writer, 1)), { reason: "Reset", codeName: "EPIPE" })
      })
    )
  )

  it.live("count events", () =>
    leavingNothing(
      Effect.gen(function* () {
        const counter = yield* Epoll.makeEventCounter
        const value = new BigUint64Array(1)
        const bytes = new Uint8Array(value.buffer)
        assert.isTrue(Option.isNone(yield* Epoll.tryRead(counter, bytes)))
        for (const add of range(4)) {
          value[0] = BigInt(add)
          assert.deepStrictEqual(yield* Epoll.tryWrite(counter, bytes), Option.some(8))
        }
        assert.deepStrictEqual(yield* Epoll.tryRead(counter, bytes), Option.some(8))
        assert.strictEqual(value[0], 6n)
      })
    )
  )
})

describeOnLinux("UDP sockets", () => {
  for (const family of ["IPv4", "IPv6"] as const) {
    it.live(`send, receive and know the sender, ${family}`, () =>
      leavingNothing(
        Effect.gen(function* () {
          const epoll = yield* Epoll.make()
          const [one, other] = [
            yield* Epoll.createUdpSocket({ family }),
            yield* Epoll.createUdpSocket({ family })
          ]
          for (const socket of [one, other]) yield* Epoll.bind(socket, Address.loopbackAddress(family))
          yield* Epoll.register(epoll, other, { readable: true }, 8)
          const buffer = new Uint8Array(16)
          assert.isTrue(Option.isNone(yield* Epoll.tryReceiveFrom(other, buffer)))
          const to = yield* Epoll.localAddress(other)
          for (const size of [3, 0]) {
            const bytes = Uint8Array.from(range(size, 1))
            assert.deepStrictEqual(yield* Epoll.trySendTo(one, bytes, to), Option.some(size))
            assert.strictEqual((yield* ready(epoll)).data, 8n)
            const received = Option.getOrThrow(yield* Epoll.tryReceiveFrom(other, buffer))
            assert.strictEqual(received.bytes, size)
            assert.deepStrictEqual(received.from, yield* Epoll.localAddress(one))
            assert.deepStrictEqual(buffer.slice(0, size), bytes)
          }
          // With a peer of its own, it can be read and written like a connection.
          assert.isTrue(yield* Epoll.tryConnect(one, to))
          assert.deepStrictEqual(yield* put(one, 2), Option.some(2))
          assert.strictEqual((yield* ready(epoll)).data, 8n)
          assert.deepStrictEqual(yield* Epoll.tryRead(other, buffer), Option.some(2))
        })
      )
    )
  }
})
