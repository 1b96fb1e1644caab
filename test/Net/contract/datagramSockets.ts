import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { format } from "../../../src/Address/index.js"
import * as Net from "../../../src/Net/index.js"
import * as Udp from "../../../src/Net/Udp.js"
import { bytes, type Subject, test, text } from "../harness.js"
import { bound, dead, inOrder, loopback, numbered, numberOf, two, upTo } from "../udp.js"

export const datagramSockets = (subject: Subject) => {
  test(subject, "a connected socket sends to its peer, hears it alone, and has an address", () =>
    Effect.gen(function* () {
      const [peer, stranger] = yield* two
      const socket = yield* Udp.connect(peer.address)
      assert.strictEqual(format(socket.remoteAddress), format(peer.address))
      assert.strictEqual(socket.address.host, "127.0.0.1")
      yield* socket.send(bytes("hello"))
      const hello = yield* peer.receive
      assert.strictEqual(format(hello.address), format(socket.address))
      yield* stranger.send(bytes("psst"), socket.address)
      yield* peer.send(bytes("hello yourself"), socket.address)
      assert.strictEqual(text((yield* socket.receive).bytes), "hello yourself")
      assert.strictEqual(
        (yield* Effect.flip(socket.receiveWith({ timeout: "20 millis" })))._tag,
        "TimeoutError"
      )
      yield* socket.sendMany(upTo(5).map(numbered))
      const seen = yield* Effect.replicateEffect(Effect.map(peer.receive, numberOf), 5)
      assert.deepStrictEqual(inOrder(seen), upTo(5))
    })
  )

  test(subject, "it may say from where, and connect by name", () =>
    Effect.gen(function* () {
      const peer = yield* bound
      const from = yield* dead
      const socket = yield* Udp.connect({ host: "localhost", port: peer.address.port, from })
      assert.strictEqual(format(socket.address), format(from))
      yield* socket.send(bytes("x"))
      assert.strictEqual(format((yield* peer.receive).address), format(from))
      const taken = yield* Effect.flip(Udp.connect({ ...peer.address, from: peer.address }))
      assert.deepInclude(taken, { reason: "AddressInUse", operation: "connect" })
      const nobody = yield* Effect.flip(Udp.connect({ host: "127.0.0.1", port: 0 }))
      assert.deepInclude(nobody, { reason: "InvalidArgument", operation: "connect" })
    })
  )

  test(subject, "that nobody is there it is told as Refused, once, and goes on", () =>
    Effect.gen(function* () {
      const address = yield* dead
      const socket = yield* Udp.connect(address)
      const receiving = yield* Effect.fork(Effect.flip(socket.receiveWith({ timeout: "20 seconds" })))
      yield* Effect.sleep("5 millis")
      yield* socket.send(bytes("anybody?"))
      assert.deepInclude(yield* Fiber.join(receiving), {
        _tag: "ConnectionError",
        reason: "Refused",
        operation: "receive",
        address: format(address)
      })
      const peer = yield* Udp.bind(address)
      yield* socket.send(bytes("now?"))
      const { address: from } = yield* peer.receive
      yield* peer.send(bytes("yes"), from)
      assert.strictEqual(text((yield* socket.receiveWith({ timeout: "20 seconds" })).bytes), "yes")
    })
  )

  test(subject, "who speaks with many hears on, whoever is not there", () =>
    Effect.gen(function* () {
      const [one, friend] = yield* two
      const stream = yield* Effect.fork(Stream.runCollect(Stream.take(Udp.datagrams(one), 10)))
      for (const number of upTo(10)) {
        yield* one.send(bytes("anybody?"), yield* dead)
        yield* friend.send(numbered(number), one.address)
        yield* Effect.sleep("2 millis")
      }
      assert.deepStrictEqual(inOrder([...(yield* Fiber.join(stream))].map(numberOf)), upTo(10))
    })
  )

  test(subject, "closing ends what waits, and everything after it: Closed", () =>
    Effect.gen(function* () {
      const [one, other] = yield* two
      const waiting = yield* Effect.fork(Effect.flip(one.receive))
      yield* Effect.sleep("5 millis")
      yield* one.close
      yield* one.close
      assert.deepInclude(yield* Fiber.join(waiting), { reason: "Closed", operation: "receive" })
      for (const attempt of [
        Effect.asVoid(one.receive),
        Effect.asVoid(one.receiveMany()),
        Effect.asVoid(one.receiveWith({ timeout: "1 second" })),
        one.send(bytes("x"), other.address),
        one.sendMany([{ bytes: bytes("x"), address: other.address }]),
        one.joinGroup({ group: "239.255.0.1" }),
        one.leaveGroup({ group: "239.255.0.1" }),
        Effect.asVoid(one.getOption("broadcast")),
        one.setOption("broadcast", true)
      ]) {
        const failure = yield* Effect.flip(attempt)
        assert.deepInclude(failure, { _tag: "ConnectionError", reason: "Closed" })
      }
      const again = yield* Udp.bind(one.address)
      yield* other.send(bytes("the next one's"), again.address)
      assert.strictEqual(text((yield* again.receive).bytes), "the next one's")
    })
  )

  test(subject, "a scope closes its sockets, whatever waits on them", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const socket = yield* Scope.extend(bound, scope)
      const waiting = yield* Effect.fork(Effect.flip(socket.receive))
      yield* Effect.sleep("5 millis")
      assert.strictEqual((yield* Net.statistics).openSockets, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Net.statistics).openSockets, 0)
      assert.strictEqual((yield* Fiber.join(waiting)).reason, "Closed")
    })
  )

  test(subject, "an address that is taken, or is not here, cannot be bound; one that is shared can", () =>
    Effect.gen(function* () {
      const { address } = yield* bound
      const taken = yield* Effect.flip(Udp.bind(address))
      assert.deepInclude(taken, { reason: "AddressInUse", operation: "bind", address: format(address) })
      const unknown = yield* Effect.flip(Udp.bind({ host: "no such.host", port: 0 }))
      assert.deepInclude(unknown, { _tag: "NetworkError", operation: "bind" })
      const port = yield* Effect.flip(Udp.bind({ host: "127.0.0.1", port: -1 }))
      assert.deepInclude(port, { reason: "InvalidArgument", operation: "bind" })
      const one = yield* Udp.bind({ ...loopback, reuseAddress: true })
      yield* Udp.bind({ ...one.address, reuseAddress: true })
      const shared = yield* Effect.either(Udp.bind({ ...loopback, reusePort: true }))
      if (subject.name === "epoll") assert.strictEqual(shared._tag, "Right")
      else assert.isTrue(shared._tag === "Left" && shared.left.reason === "Unsupported")
      const both = Udp.bind({ host: "127.0.0.1", port: 0, v6Only: true })
      assert.strictEqual((yield* Effect.flip(both)).reason, "Unsupported")
    })
  )

  test(subject, "options are those of datagrams", () =>
    Effect.gen(function* () {
      const one = yield* Udp.bind({ ...loopback, broadcast: true })
      assert.isTrue(yield* one.getOption("broadcast"))
      yield* one.setOption("multicastHopLimit", 5)
      assert.strictEqual(yield* one.getOption("multicastHopLimit"), 5)
      yield* one.setOption("multicastInterface", "127.0.0.1")
      assert.strictEqual(yield* one.getOption("multicastInterface"), "127.0.0.1")
      yield* one.setOption("multicastInterface", undefined)
      assert.isUndefined(yield* one.getOption("multicastInterface"))
      const other = one.getOption("noDelay" as "broadcast")
      assert.strictEqual((yield* Effect.flip(other)).reason, "InvalidArgument")
    })
  )
}
