import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
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

describeOnWindows("sockets", () => {
  it.live("tell their addresses", () =>
    leavingNothing(
      Effect.gen(function* () {
        for (const family of ["IPv4", "IPv6"] as const) {
          const socket = yield* Iocp.createTcpSocket({ family })
          yield* Iocp.bind(socket, Address.loopbackAddress(family))
          const local = yield* Iocp.localAddress(socket)
          assert.strictEqual(local.family, family)
          assert.strictEqual(local.host, family === "IPv4" ? "127.0.0.1" : "::1")
          assert.isAbove(local.port, 0)
          const error = yield* Effect.flip(Iocp.remoteAddress(socket))
          assertFields(error, { _tag: "ConnectionError", reason: "NotConnected", code: 10057 })
        }
      })
    )
  )

  it.live("keep their address to themselves", () =>
    leavingNothing(
      Effect.gen(function* () {
        const [first, second] = [yield* Iocp.createTcpSocket(), yield* Iocp.createTcpSocket()]
        yield* Iocp.bind(first, loopback())
        yield* Iocp.listen(first)
        const address = yield* Iocp.localAddress(first)
        const error = yield* Effect.flip(Iocp.bind(second, address))
        assertFields(error, {
          _tag: "ConnectionError",
          reason: "AddressInUse",
          code: 10048,
          operation: "bind",
          syscall: "bind",
          address: Address.format(address)
        })
      })
    )
  )

  it.live("refuse an address of the other family", () =>
    leavingNothing(
      Effect.gen(function* () {
        const socket = yield* Iocp.createUdpSocket()
        const error = yield* Effect.flip(Iocp.bind(socket, Address.loopbackAddress("IPv6")))
        assertFields(error, { _tag: "NetworkError", reason: "InvalidArgument", operation: "bind" })
      })
    )
  )

  it.live("fail with Closed once closed, and may be closed again", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const socket = yield* Iocp.createTcpSocket()
        const overlapped = yield* Iocp.makeOverlapped
        const buffer = yield* Iocp.allocateMemory(8)
        yield* Iocp.associateSocket(port, socket)
        yield* Iocp.closeSocket(socket)
        yield* Iocp.closeSocket(socket)
        const uses = {
          bind: Iocp.bind(socket, loopback()),
          listen: Iocp.listen(socket),
          localAddress: Iocp.localAddress(socket),
          shutdown: Iocp.shutdown(socket, "both"),
          receive: Iocp.receive(socket, overlapped, buffer),
          send: Iocp.send(socket, overlapped, buffer),
          connectEx: Iocp.connectEx(socket, overlapped, loopback(1)),
          acceptEx: Iocp.acceptEx(socket, socket, overlapped),
          cancel: Iocp.cancel(socket)
        }
        for (const [operation, use] of Object.entries(uses)) {
          const error = yield* Effect.flip<unknown, unknown, never>(use)
          assertFields(error, { _tag: "ConnectionError", reason: "Closed", operation })
        }
      })
    )
  )

  it.live("exchange bytes through accept, connect, send and receive", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const { client, server, clientAddress, serverAddress } = yield* connectedPair(port)
        assert.deepStrictEqual(yield* Iocp.remoteAddress(client), serverAddress)
        assert.deepStrictEqual(yield* Iocp.remoteAddress(server), clientAddress)
        const [sending, receiving] = [yield* Iocp.makeOverlapped, yield* Iocp.makeOverlapped]
        const [out, into] = [yield* Iocp.allocateMemory(1000), yield* Iocp.allocateMemory(1000)]
        for (let round = 0; round < 20; round++) {
          const [from, to] = round % 2 === 0 ? [client, server] : [server, client]
          out.bytes.fill(round + 1)
          yield* Iocp.receive(to, receiving, into, { offset: 100, length: 900 })
          yield* Iocp.send(from, sending, out, { offset: 500, length: round + 1 })
          const completions = [yield* succeeded(port), yield* succeeded(port)]
          const received = completions.find((completion) => Iocp.isCompletionOf(completion, receiving))
          assert.isTrue(completions.some((completion) => Iocp.isCompletionOf(completion, sending)))
          assert.strictEqual(received?.bytes, round + 1)
          assert.strictEqual(received?.key, round % 2 === 0 ? 2n : 1n)
          assert.deepStrictEqual(
            [...into.bytes.subarray(100, 101 + round)],
            new Array(round + 1).fill(round + 1)
          )
        }
        yield* Iocp.shutdown(client, "write")
        yield* Iocp.receive(server, receiving, into)
        assert.strictEqual((yield* succeeded(port)).bytes, 0)
      })
    )
  )

  it.live("peek without taking, and receive nothing into nothing", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const { client, server } = yield* connectedPair(port)
        const overlapped = yield* Iocp.makeOverlapped
        const buffer = yield* Iocp.allocateMemory(4)
        yield* Iocp.receive(server, overlapped, buffer, { length: 0 })
        const sending = yield* Iocp.makeOverlapped
        yield* Iocp.send(client, sending, buffer)
        for (const _ of [1, 2]) assert.isTrue(Iocp.isSuccess(yield* succeeded(port)))
        for (const peek of [true, true, false]) {
          yield* Iocp.receive(server, overlapped, buffer, { peek })
          assert.strictEqual((yield* succeeded(port)).bytes, 4)
        }
      })
    )
  )

  it.live("tell of a refused connection", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const target = yield* Effect.scoped(
          Effect.gen(function* () {
            const socket = yield* Iocp.createTcpSocket()
            yield* Iocp.bind(socket, loopback())
            return yield* Iocp.localAddress(socket)
          })
        )
        const socket = yield* Iocp.createTcpSocket()
        const overlapped = yield* Iocp.makeOverlapped
        yield* Iocp.associateSocket(port, socket, 5)
        const unbound = yield* Effect.flip(Iocp.connectEx(socket, overlapped, target))
        assertFields(unbound, { _tag: "NetworkError", reason: "InvalidArgument", code: 10022 })
        assert.isFalse(overlapped.isInFlight)
        yield* Iocp.bind(socket, loopback())
        yield* Iocp.connectEx(socket, overlapped, target)
        assert.isTrue(overlapped.isInFlight)
        const completion = yield* Iocp.waitForCompletion(port, "20 seconds")
        assert.isTrue(Iocp.isError(completion))
        assert.isFalse(overlapped.isInFlight)
        assertFields(errorOf(completion), {
          _tag: "ConnectionError",
          reason: "Refused",
          code: 10061,
          status: 0xc000_0236,
          operation: "connectEx",
          syscall: "ConnectEx",
          address: Address.format(target)
        })
      })
    )
  )
})
