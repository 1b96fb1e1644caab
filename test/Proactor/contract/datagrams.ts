import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { format, loopbackAddress, unsafeMake } from "../../../src/Address/index.js"
import { outgoing, type ProactorDatagramSocket, SendToOperation } from "../../../src/Proactor/Datagram.js"
import {
  bound,
  connected,
  deadAddress,
  openUdp,
  receiveCount,
  receiveFrom,
  receiveFromOperation,
  sendTo,
  sendToOperation
} from "../datagrams.js"
import {
  attemptFailing,
  bytes,
  failureOf,
  pattern,
  perform,
  type Subject,
  start,
  test,
  text,
  turns
} from "../harness.js"

/** The simulated network runs there too. */
const isUnderWine = process.env["EFFECT_IOCP_LANE"] === "wine"

const tooLong = {
  iocp: [10040, "WSAEMSGSIZE"],
  epoll: [90, "EMSGSIZE"],
  simulated: [90, "EMSGSIZE"]
} as const

/** Nothing more comes. */
const hearsNothing = (socket: ProactorDatagramSocket) =>
  Effect.gen(function* () {
    const waiting = start(socket, receiveFromOperation())
    yield* Effect.sleep("20 millis")
    assert.strictEqual(waiting.retirements(), 0)
    socket.cancel(waiting.operation)
    assert.strictEqual(failureOf(yield* waiting.retired).reason, "Cancelled")
  })

export const datagrams = (subject: Subject): void => {
  for (const family of ["IPv4", "IPv6"] as const) {
    test(subject, `they go both ways, with the address of who sent them: ${family}`, (proactor) =>
      Effect.gen(function* () {
        const one = yield* bound(proactor, loopbackAddress(family))
        const other = yield* bound(proactor, loopbackAddress(family))
        yield* sendTo(one.socket, bytes("ping"), other.address)
        const ping = yield* receiveFrom(other.socket)
        assert.strictEqual(text(ping.bytes), "ping")
        assert.strictEqual(format(ping.address), format(one.address))
        assert.isFalse(ping.isTruncated)
        yield* sendTo(other.socket, bytes("pong"), ping.address)
        assert.strictEqual(text((yield* receiveFrom(one.socket)).bytes), "pong")
      })
    )
  }

  test(subject, "a socket for IPv6 speaks with IPv4, whose addresses it sees mapped", (proactor) =>
    Effect.gen(function* () {
      const sixth = yield* bound(proactor, unsafeMake("::", 0))
      const fourth = yield* bound(proactor)
      yield* sendTo(fourth.socket, bytes("up"), loopbackAddress("IPv4", sixth.address.port))
      const up = yield* receiveFrom(sixth.socket)
      assert.strictEqual(format(up.address), `[::ffff:127.0.0.1]:${fourth.address.port}`)
      yield* sendTo(sixth.socket, bytes("down"), fourth.address)
      assert.strictEqual(text((yield* receiveFrom(fourth.socket)).bytes), "down")
      yield* sendTo(sixth.socket, bytes("back"), up.address)
      assert.strictEqual(text((yield* receiveFrom(fourth.socket)).bytes), "back")
    })
  )

  test(subject, "a receive that waits gets what comes, and retires once", (proactor) =>
    Effect.gen(function* () {
      const { address, socket } = yield* bound(proactor)
      const receiving = start(socket, receiveFromOperation())
      yield* turns
      assert.strictEqual(receiving.retirements(), 0)
      yield* sendTo(socket, bytes("to myself"), address)
      const { received } = yield* receiving.retired
      assert.deepStrictEqual(
        received.map((datagram) => text(datagram.bytes)),
        ["to myself"]
      )
      yield* turns
      assert.strictEqual(receiving.retirements(), 1)
    })
  )

  test(subject, "an empty one is one like any other", (proactor) =>
    Effect.gen(function* () {
      const one = yield* bound(proactor)
      const other = yield* bound(proactor)
      yield* sendTo(one.socket, new Uint8Array(0), other.address)
      const { address, bytes: nothing, isTruncated } = yield* receiveFrom(other.socket)
      assert.deepStrictEqual([nothing.length, format(address)], [0, format(one.address)])
      assert.isFalse(isTruncated)
      yield* sendTo(one.socket, bytes("x"), other.address)
      assert.strictEqual((yield* receiveFrom(other.socket)).bytes.length, 1)
    })
  )

  test(subject, "one that is too long for a receive is cut, and says so; the next one is whole", (proactor) =>
    Effect.gen(function* () {
      const { address, socket } = yield* bound(proactor)
      yield* sendTo(socket, bytes("0123456789"), address)
      const cut = yield* receiveFrom(socket, 4)
      assert.deepStrictEqual([text(cut.bytes), cut.isTruncated], ["0123", true])
      assert.strictEqual(format(cut.address), format(address))
      // Also when the receive was there first.
      const waiting = start(socket, receiveFromOperation(4))
      yield* sendTo(socket, bytes("9876543210"), address)
      const [late] = (yield* waiting.retired).received
      assert.deepStrictEqual([late && text(late.bytes), late?.isTruncated], ["9876", true])
      yield* sendTo(socket, bytes("fits"), address)
      const whole = yield* receiveFrom(socket, 4)
      assert.deepStrictEqual([text(whole.bytes), whole.isTruncated], ["fits", false])
    })
  )

  test(subject, "the largest arrives whole, and one byte more is TooLong", (proactor) =>
    Effect.gen(function* () {
      const { address, socket } = yield* bound(proactor)
      const largest = pattern(65_507)
      yield* sendTo(socket, largest, address)
      const { bytes: got, isTruncated } = yield* receiveFrom(socket)
      assert.isFalse(isTruncated)
      assert.strictEqual(Buffer.compare(got, largest), 0)
      for (const length of [65_508, 65_527, 65_528, 70_000]) {
        const failure = yield* attemptFailing(socket, sendToOperation(new Uint8Array(length), address))
        assert.strictEqual(failure.reason, "TooLong", `${length}`)
        assert.deepStrictEqual([failure.code, failure.codeName], [...tooLong[proactor.name]])
      }
      yield* sendTo(socket, bytes("and yet"), address)
      assert.strictEqual(text((yield* receiveFrom(socket)).bytes), "and yet")
    })
  )

  test(subject, "what was received is the receiver's to keep", (proactor) =>
    Effect.gen(function* () {
      const { address, socket } = yield* bound(proactor)
      const kept: Array<Uint8Array> = []
      for (const length of [1, 100, 2_000, 3_000, 60_000, 10, 60_000, 1_000]) {
        yield* sendTo(socket, pattern(length, length), address)
        kept.push((yield* receiveFrom(socket)).bytes)
      }
      for (const datagram of kept) {
        assert.strictEqual(Buffer.compare(datagram, pattern(datagram.length, datagram.length)), 0)
      }
    })
  )

  test(
    subject,
    "many are sent and received, each as a whole, several at a time where that can be",
    (proactor) =>
      Effect.gen(function* () {
        const one = yield* bound(proactor)
        const other = yield* bound(proactor)
        const third = yield* bound(proactor)
        const lengths = Array.from({ length: 100 }, (_, index) => (index * 37) % 1_400)
        const sending = new SendToOperation()
        sending.datagrams = lengths.map((length, index) =>
          outgoing(pattern(length), index % 2 === 0 ? other.address : third.address)
        )
        let calls = 0
        while (sending.offset < lengths.length) {
          yield* perform(one.socket, sending)
          assert.isAbove(sending.sent, 0)
          sending.offset += sending.sent
          calls += 1
        }
        if (proactor.name !== "iocp") assert.isBelow(calls, lengths.length)
        for (const [socket, parity] of [
          [other.socket, 0],
          [third.socket, 1]
        ] as const) {
          const received = yield* receiveCount(socket, 50)
          for (const datagram of received) {
            assert.strictEqual(format(datagram.address), format(one.address))
            assert.strictEqual(Buffer.compare(datagram.bytes, pattern(datagram.bytes.length)), 0)
          }
          assert.deepStrictEqual(
            received.map((datagram) => datagram.bytes.length).sort((a, b) => a - b),
            lengths.filter((_, index) => index % 2 === parity).sort((a, b) => a - b)
          )
        }
      })
  )

  test(subject, "where nobody can be sent to is an invalid argument, and nothing is sent", (proactor) =>
    Effect.gen(function* () {
      const fourth = yield* bound(proactor)
      const sixth = yield* bound(proactor, loopbackAddress("IPv6"))
      const cases = [
        [fourth.socket, unsafeMake("127.0.0.1", 0)],
        [fourth.socket, sixth.address],
        [fourth.socket, { ...fourth.address, host: "localhost" }],
        [fourth.socket, { ...fourth.address, port: 70_000 }],
        [sixth.socket, unsafeMake("::1", 0)]
      ] as const
      for (const [socket, address] of cases) {
        const failure = yield* attemptFailing(socket, sendToOperation(bytes("x"), address))
        assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidArgument" })
      }
      yield* hearsNothing(fourth.socket)
      const unconnected = yield* attemptFailing(fourth.socket, sendToOperation(bytes("x")))
      assert.strictEqual(unconnected.reason, "NotConnected")
    })
  )

  test(subject, "a failure in the middle of several is that of its own datagram", (proactor) =>
    Effect.gen(function* () {
      const { address, socket } = yield* bound(proactor)
      const operation = new SendToOperation()
      const lengths = [1, 70_000, 2]
      operation.datagrams = lengths.map((length) => outgoing(new Uint8Array(length), address))
      yield* perform(socket, operation)
      assert.strictEqual(operation.sent, 1)
      operation.offset = 1
      assert.strictEqual((yield* attemptFailing(socket, operation)).reason, "TooLong")
      operation.offset = 2
      yield* perform(socket, operation)
      assert.strictEqual(operation.sent, 1)
      const received = yield* receiveCount(socket, 2)
      assert.deepStrictEqual(received.map((datagram) => datagram.bytes.length).sort(), [1, 2])
    })
  )

  test(subject, "one whose buffer was taken away is not sent, and no empty one in its place", (proactor) =>
    Effect.gen(function* () {
      const { address, socket } = yield* bound(proactor)
      const operation = new SendToOperation()
      const all = [1, 5, 0, 3].map((length) => new Uint8Array(length))
      operation.datagrams = all.map((one) => outgoing(one, address))
      structuredClone(all[1], { transfer: [all[1]?.buffer ?? new ArrayBuffer(0)] })
      yield* perform(socket, operation)
      assert.strictEqual(operation.sent, 1)
      operation.offset = 1
      assert.strictEqual((yield* attemptFailing(socket, operation)).reason, "InvalidArgument")
      for (operation.offset = 2; operation.offset < 4; operation.offset += operation.sent) {
        yield* perform(socket, operation)
        assert.isAbove(operation.sent, 0)
      }
      const received = yield* receiveCount(socket, 3)
      assert.deepStrictEqual(received.map((datagram) => datagram.bytes.length).sort(), [0, 1, 3])
      yield* hearsNothing(socket)
    })
  )

  test(subject, "a socket with a peer sends to it, and hears it alone", (proactor) =>
    Effect.gen(function* () {
      const peer = yield* bound(proactor)
      const stranger = yield* bound(proactor)
      const { address, socket } = yield* connected(proactor, peer.address)
      assert.strictEqual(format(yield* socket.remoteAddress), format(peer.address))
      assert.strictEqual(address.host, "127.0.0.1")
      yield* sendTo(socket, bytes("hello"))
      const hello = yield* receiveFrom(peer.socket)
      assert.deepStrictEqual([text(hello.bytes), format(hello.address)], ["hello", format(address)])
      yield* sendTo(stranger.socket, bytes("psst"), address)
      yield* sendTo(peer.socket, bytes("hello yourself"), address)
      assert.strictEqual(text((yield* receiveFrom(socket)).bytes), "hello yourself")
      yield* hearsNothing(socket)
    })
  )

  test(subject, "that nobody is there a socket with a peer is told, and goes on", (proactor) =>
    Effect.gen(function* () {
      const dead = yield* deadAddress(proactor)
      const { address, socket } = yield* connected(proactor, dead)
      // Wine forgets it if no receive waits.
      const receiving = start(socket, receiveFromOperation())
      yield* sendTo(socket, bytes("anybody?"))
      const failure = failureOf(yield* receiving.retired)
      assert.deepInclude(failure, { _tag: "ConnectionError", reason: "Refused" })
      const back = yield* bound(proactor, dead)
      yield* sendTo(socket, bytes("now?"))
      assert.strictEqual(text((yield* receiveFrom(back.socket)).bytes), "now?")
      yield* sendTo(back.socket, bytes("yes"), address)
      assert.strictEqual(text((yield* receiveFrom(socket)).bytes), "yes")
    })
  )

  test(subject, "who sends to many hears on, whatever becomes of what was sent", (proactor) =>
    Effect.gen(function* () {
      const { address, socket } = yield* bound(proactor)
      const receiving = start(socket, receiveFromOperation())
      for (let count = 0; count < 10; count++) {
        yield* sendTo(socket, bytes("anybody?"), yield* deadAddress(proactor))
      }
      yield* Effect.sleep("20 millis")
      assert.strictEqual(receiving.retirements(), 0)
      const friend = yield* bound(proactor)
      yield* sendTo(friend.socket, bytes("here"), address)
      const { failure, received } = yield* receiving.retired
      assert.isUndefined(failure)
      assert.strictEqual(received.length, 1)
      yield* sendTo(friend.socket, bytes("again"), address)
      assert.strictEqual(text((yield* receiveFrom(socket)).bytes), "again")
    })
  )

  test(subject, "a cancelled receive takes nothing, and the next one gets what comes", (proactor) =>
    Effect.gen(function* () {
      const { address, socket } = yield* bound(proactor)
      for (let round = 0; round < 20; round++) {
        const waiting = start(socket, receiveFromOperation())
        socket.cancel(waiting.operation)
        const failure = failureOf(yield* waiting.retired)
        assert.strictEqual(failure.reason, "Cancelled")
        yield* sendTo(socket, Uint8Array.of(round), address)
        assert.deepStrictEqual([...(yield* receiveFrom(socket)).bytes], [round])
        socket.cancel(waiting.operation)
        assert.strictEqual(waiting.retirements(), 1)
      }
    })
  )

  test(subject, "none is lost or doubled by cancelling while they come", (proactor) =>
    Effect.gen(function* () {
      const { address, socket } = yield* bound(proactor)
      const total = subject.isSlow ? 100 : 300
      const seen: Array<number> = []
      let cancelled = 0
      for (let count = 0; count < total; count++) {
        const waiting = start(socket, receiveFromOperation(undefined, 4))
        yield* sendTo(socket, Uint8Array.of(count & 0xff, count >> 8), address)
        if (count % 3 === 0) yield* turns
        socket.cancel(waiting.operation)
        const { failure, received } = yield* waiting.retired
        if (failure?.reason === "Cancelled") cancelled += 1
        else seen.push(...received.map(({ bytes: [low = 0, high = 0] }) => low + 256 * high))
      }
      const rest = yield* receiveCount(socket, total - seen.length)
      seen.push(...rest.map(({ bytes: [low = 0, high = 0] }) => low + 256 * high))
      assert.deepStrictEqual(
        seen.sort((a, b) => a - b),
        Array.from({ length: total }, (_, index) => index)
      )
      if (proactor.name === "epoll") assert.isAbove(cancelled, 0)
      yield* hearsNothing(socket)
    })
  )

  test(subject, "an address that is taken is refused, and one that is shared is not", (proactor) =>
    Effect.gen(function* () {
      const { address } = yield* bound(proactor)
      const late = yield* openUdp(proactor)
      const failure = yield* Effect.flip(late.bind(address))
      assert.deepInclude(failure, { reason: "AddressInUse", ...subject.codes.addressInUse })
      const one = yield* openUdp(proactor)
      const other = yield* openUdp(proactor)
      assert.isFalse(yield* one.getOption("reuseAddress"))
      for (const socket of [one, other]) {
        yield* socket.setOption("reuseAddress", true)
        assert.isTrue(yield* socket.getOption("reuseAddress"))
      }
      yield* one.bind(loopbackAddress("IPv4"))
      yield* other.bind(yield* one.localAddress)
      // Wine lets a datagram socket have any address.
      if (isUnderWine && proactor.name === "iocp") return
      const elsewhere = yield* openUdp(proactor)
      const notHere = yield* Effect.flip(elsewhere.bind(unsafeMake("192.0.2.1", 0)))
      assert.strictEqual(notHere.reason, "AddressNotAvailable")
    })
  )

  test(subject, "a socket is at no address before it is bound, and then at one", (proactor) =>
    Effect.gen(function* () {
      const socket = yield* openUdp(proactor)
      assert.strictEqual(format(yield* socket.localAddress), "0.0.0.0:0")
      assert.strictEqual((yield* Effect.flip(socket.remoteAddress)).reason, "NotConnected")
      const { address } = yield* bound(proactor)
      yield* sendTo(socket, bytes("x"), address)
      assert.isAbove((yield* socket.localAddress).port, 0)
    })
  )

  test(subject, "options are kept; what a system has not is Unsupported", (proactor) =>
    Effect.gen(function* () {
      const fourth = yield* openUdp(proactor)
      const sixth = yield* openUdp(proactor, "IPv6")
      assert.isFalse(yield* fourth.getOption("broadcast"))
      yield* fourth.setOption("broadcast", true)
      assert.isTrue(yield* fourth.getOption("broadcast"))
      for (const socket of [fourth, sixth]) {
        assert.strictEqual(yield* socket.getOption("multicastHopLimit"), 1)
        assert.isTrue(yield* socket.getOption("multicastLoopback"))
        assert.isUndefined(yield* socket.getOption("multicastInterface"))
        yield* socket.setOption("multicastHopLimit", 0)
        yield* socket.setOption("multicastLoopback", false)
        yield* socket.setOption("hopLimit", 33)
        yield* socket.setOption("receiveBufferBytes", 32_768)
        assert.strictEqual(yield* socket.getOption("multicastHopLimit"), 0)
        assert.isFalse(yield* socket.getOption("multicastLoopback"))
        assert.strictEqual(yield* socket.getOption("hopLimit"), 33)
        assert.isAtLeast(yield* socket.getOption("receiveBufferBytes"), 32_768)
      }
      yield* sixth.setOption("v6Only", true)
      assert.isTrue(yield* sixth.getOption("v6Only"))
      const missing = [fourth.setOption("v6Only", true)]
      if (proactor.name !== "epoll") missing.push(fourth.setOption("reusePort", true))
      if (proactor.name === "iocp")
        missing.push(fourth.setOption("trafficClass", 8), fourth.setOption("mark", 1))
      for (const set of missing) assert.strictEqual((yield* Effect.flip(set)).reason, "Unsupported")
      for (const set of [
        fourth.setOption("multicastHopLimit", 256),
        fourth.setOption("multicastHopLimit", -1),
        fourth.setOption("hopLimit", 0),
        fourth.setOption("receiveBufferBytes", 0.5)
      ]) {
        assert.strictEqual((yield* Effect.flip(set)).reason, "InvalidArgument")
      }
    })
  )

  test(subject, "one that is closed refuses everything, and touches no other socket", (proactor) =>
    Effect.gen(function* () {
      const { address, socket } = yield* bound(proactor)
      socket.close()
      socket.close()
      const successor = yield* bound(proactor, address)
      const failing = [
        attemptFailing(socket, receiveFromOperation()),
        attemptFailing(socket, sendToOperation(bytes("x"), address)),
        Effect.flip(socket.bind(address)),
        Effect.flip(socket.connect(address)),
        Effect.flip(socket.localAddress),
        Effect.flip(socket.remoteAddress),
        Effect.flip(socket.joinGroup({ group: "239.255.0.1" })),
        Effect.flip(socket.leaveGroup({ group: "239.255.0.1" })),
        Effect.flip(socket.getOption("broadcast")),
        Effect.flip(socket.setOption("broadcast", true)),
        Effect.flip(socket.getOption("multicastInterface"))
      ]
      for (const attempt of failing) assert.strictEqual((yield* attempt).reason, "Closed")
      yield* hearsNothing(successor.socket)
    })
  )

  test(subject, "what makes no sense as a membership is an invalid argument", (proactor) =>
    Effect.gen(function* () {
      const { socket } = yield* bound(proactor)
      for (const membership of [
        { group: "10.0.0.1" },
        { group: "all-hosts" },
        { group: "ff02::1" },
        { group: "239.255.0.1", source: "::1" },
        { group: "239.255.0.1", source: "239.255.0.2" },
        { group: "239.255.0.1", source: "somebody" }
      ]) {
        for (const attempt of [socket.joinGroup(membership), socket.leaveGroup(membership)]) {
          assert.strictEqual((yield* Effect.flip(attempt)).reason, "InvalidArgument")
        }
      }
      const nowhere = { group: "239.255.0.1", interface: "192.0.2.1" }
      assert.strictEqual((yield* Effect.flip(socket.joinGroup(nowhere))).reason, "AddressNotAvailable")
      assert.strictEqual(
        (yield* Effect.flip(socket.setOption("multicastInterface", "192.0.2.1"))).reason,
        "AddressNotAvailable"
      )
    })
  )
}
