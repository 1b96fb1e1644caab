import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { format, type SocketAddress } from "../../../src/Address/index.js"
import * as Net from "../../../src/Net/Net.js"
import * as Udp from "../../../src/Net/Udp.js"
import { bytes, pattern, type Subject, test, text } from "../harness.js"
import { bound, inOrder, numbered, numberOf, two, upTo } from "../udp.js"

export const datagrams = (subject: Subject) => {
  test(subject, "they go both ways, and say who sent them", () =>
    Effect.gen(function* () {
      const [one, other] = yield* two
      assert.strictEqual(one.address.host, "127.0.0.1")
      assert.notStrictEqual(one.address.port, other.address.port)
      yield* one.send(bytes("ping"), other.address)
      const ping = yield* other.receive
      assert.deepStrictEqual(
        [text(ping.bytes), format(ping.address), ping.isTruncated],
        ["ping", format(one.address), false]
      )
      yield* other.send(bytes("pong"), ping.address)
      assert.strictEqual(text((yield* one.receive).bytes), "pong")
      yield* one.send(new Uint8Array(0), other.address)
      assert.strictEqual((yield* other.receive).bytes.length, 0)
    })
  )

  test(subject, "a destination may be a name, and has the family of the socket then", () =>
    Effect.gen(function* () {
      const one = yield* bound
      const sixth = yield* Udp.bind({ host: "::", port: 0 })
      yield* one.send(bytes("by name"), { host: "localhost", port: one.address.port })
      assert.strictEqual(text((yield* one.receive).bytes), "by name")
      yield* sixth.send(bytes("by address"), { host: "127.0.0.1", port: one.address.port })
      const { address } = yield* one.receive
      assert.strictEqual(format(address), `127.0.0.1:${sixth.address.port}`)
      const failure = yield* Effect.flip(one.send(bytes("x"), { host: "no such.host", port: 1 }))
      assert.deepInclude(failure, { _tag: "NetworkError", operation: "send" })
    })
  )

  test(subject, "bytes that are taken away while a name is looked up are no empty datagram", () =>
    Effect.gen(function* () {
      const some = new Uint8Array(5)
      const { proactor, resolver } = yield* Net.Net
      const resolve: typeof resolver.resolve = (host, port, family) =>
        Effect.tap(resolver.resolve(host, port, family), () => {
          if (host === "localhost") structuredClone(some, { transfer: [some.buffer] })
        })
      const one = yield* bound.pipe(Effect.provideService(Net.Net, Net.overProactor(proactor, { resolve })))
      const failure = yield* Effect.flip(one.send(some, { host: "localhost", port: one.address.port }))
      assert.deepInclude(
        { ...failure },
        { _tag: "NetworkError", reason: "InvalidArgument", operation: "send" }
      )
      yield* one.send(bytes("next"), one.address)
      assert.strictEqual(text((yield* one.receive).bytes), "next")
    })
  )

  test(subject, "where nobody can be sent to is an invalid argument, and what is no bytes", () =>
    Effect.gen(function* () {
      const one = yield* bound
      const sixth = yield* Udp.bind({ host: "::1", port: 0 })
      const only = yield* Udp.bind({ host: "::", port: 0, v6Only: true })
      const some = bytes("x")
      for (const send of [
        one.send(some, { host: "127.0.0.1", port: 0 }),
        one.send(some, { host: "127.0.0.1", port: 65_536 }),
        one.send(some, sixth.address),
        one.send(some, { ...one.address, host: "localhost" }),
        only.send(some, one.address),
        // What only a program without types would pass.
        one.send("text" as unknown as Uint8Array, one.address),
        one.send("text" as unknown as Uint8Array, { host: "localhost", port: one.address.port }),
        one.send(some, undefined as unknown as SocketAddress),
        one.sendMany([
          { bytes: some, address: one.address },
          { bytes: [1] as unknown as Uint8Array, address: one.address }
        ])
      ]) {
        const failure = yield* Effect.flip(send)
        assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidArgument", operation: "send" })
      }
      yield* one.send(bytes("and yet"), one.address)
      assert.strictEqual(text((yield* one.receive).bytes), "and yet")
    })
  )

  test(subject, "one that is too large is TooLong, and says to whom", () =>
    Effect.gen(function* () {
      const one = yield* bound
      for (const length of [65_508, 100_000]) {
        const failure = yield* Effect.flip(one.send(new Uint8Array(length), one.address))
        assert.deepInclude(failure, {
          _tag: "NetworkError",
          reason: "TooLong",
          operation: "send",
          address: format(one.address)
        })
        assert.match(failure.message, /65507/)
      }
      const largest = pattern(65_507)
      yield* one.send(largest, one.address)
      assert.strictEqual(Buffer.compare((yield* one.receive).bytes, largest), 0)
    })
  )

  test(subject, "a receive of its first bytes tells that there were more, and the next one is whole", () =>
    Effect.gen(function* () {
      const one = yield* bound
      // Interrupted while it waits for few bytes: who comes next gets all of them.
      yield* Effect.flip(one.receiveWith({ maxBytes: 1, timeout: "5 millis" }))
      yield* one.send(bytes("0123456789"), one.address)
      const whole = yield* one.receiveWith({ maxBytes: 10 })
      assert.deepStrictEqual([text(whole.bytes), whole.isTruncated], ["0123456789", false])
      yield* one.send(bytes("0123456789"), one.address)
      const cut = yield* one.receiveWith({ maxBytes: 4 })
      assert.deepStrictEqual([text(cut.bytes), cut.isTruncated], ["0123", true])
      yield* one.send(bytes("next"), one.address)
      assert.strictEqual(text((yield* one.receive).bytes), "next")
      for (const maxBytes of [0, -1, 0.5, Number.NaN]) {
        const failure = yield* Effect.flip(one.receiveWith({ maxBytes }))
        assert.deepInclude(failure, { reason: "InvalidArgument", operation: "receive" })
      }
    })
  )

  test(subject, "a receive that times out takes nothing", () =>
    Effect.gen(function* () {
      const [one, other] = yield* two
      const timeout = "20 millis"
      for (const receive of [
        Effect.asVoid(one.receiveWith({ timeout })),
        Effect.asVoid(one.receiveMany(3, { timeout }))
      ]) {
        const failure = yield* Effect.flip(receive)
        assert.strictEqual(failure._tag, "TimeoutError")
        assert.deepInclude(failure, { operation: "receive", address: format(one.address) })
        assert.isTrue(failure._tag === "TimeoutError" && Duration.equals(failure.duration, "20 millis"))
      }
      yield* other.send(bytes("late but here"), one.address)
      assert.strictEqual(text((yield* one.receiveWith({ timeout: "20 seconds" })).bytes), "late but here")
    })
  )

  test(subject, "several are received together: one at least, and no more than asked for", () =>
    Effect.gen(function* () {
      const [one, other] = yield* two
      const sent = upTo(60)
      yield* one.sendMany(sent.map((number) => ({ bytes: numbered(number), address: other.address })))
      const seen: Array<number> = []
      while (seen.length < sent.length) {
        const some = yield* other.receiveMany(7)
        assert.isAtLeast(some.length, 1)
        assert.isAtMost(some.length, 7)
        for (const datagram of some) assert.strictEqual(format(datagram.address), format(one.address))
        seen.push(...some.map(numberOf))
      }
      assert.deepStrictEqual(inOrder(seen), sent)
      // An answer to each is what has come, as it is.
      yield* one.sendMany(
        sent.slice(0, 5).map((number) => ({ bytes: numbered(number), address: other.address }))
      )
      yield* other.sendMany(yield* other.receiveMany())
      assert.isBelow(numberOf(yield* one.receive), 5)
      yield* one.sendMany([])
      for (const most of [0, -1, 1.5]) {
        const failure = yield* Effect.flip(one.receiveMany(most))
        assert.deepInclude(failure, { reason: "InvalidArgument", operation: "receive" })
      }
    })
  )

  test(subject, "one of several that cannot be sent does not keep back the others", () =>
    Effect.gen(function* () {
      const [one, other] = yield* two
      const failure = yield* Effect.flip(
        one.sendMany([
          { bytes: numbered(1), address: other.address },
          { bytes: new Uint8Array(70_000), address: other.address },
          { bytes: numbered(2), address: other.address },
          { bytes: numbered(3), address: { ...other.address, port: 0 } },
          { bytes: numbered(4), address: other.address }
        ])
      )
      assert.deepInclude(failure, { reason: "TooLong", operation: "send", address: format(other.address) })
      assert.match(failure.message, /3 of 5 datagrams were sent/)
      const seen = yield* Effect.replicateEffect(Effect.map(other.receive, numberOf), 3)
      assert.deepStrictEqual(inOrder(seen), [1, 2, 4])
    })
  )

  test(subject, "many fibers send and receive at once; each datagram goes to one of them", () =>
    Effect.gen(function* () {
      const [one, other] = yield* two
      const total = 60
      const seen: Array<number> = []
      const receivers = yield* Effect.fork(
        Effect.all(
          upTo(6).map((index) =>
            Effect.repeatN(
              index % 2 === 0
                ? Effect.map(other.receive, (datagram) => void seen.push(numberOf(datagram)))
                : Effect.map(other.receiveMany(1), (some) => void seen.push(...some.map(numberOf))),
              total / 6 - 1
            )
          ),
          { concurrency: "unbounded", discard: true }
        )
      )
      yield* Effect.forEach(upTo(total), (number) => one.send(numbered(number), other.address), {
        concurrency: "unbounded",
        discard: true
      })
      yield* Fiber.join(receivers)
      assert.deepStrictEqual(inOrder(seen), upTo(total))
    })
  )

  test(subject, "a stream of them takes what it is asked for, and leaves the rest", () =>
    Effect.gen(function* () {
      const [one, other] = yield* two
      yield* one.sendMany(upTo(10).map((number) => ({ bytes: numbered(number), address: other.address })))
      const first = yield* Stream.runCollect(Stream.take(Udp.datagrams(other), 4))
      const rest = yield* Effect.replicateEffect(other.receive, 6)
      assert.deepStrictEqual(inOrder([...first, ...rest].map(numberOf)), upTo(10))
      const late = yield* Effect.flip(Stream.runDrain(Udp.datagrams(other, { timeout: "10 millis" })))
      assert.strictEqual(late._tag, "TimeoutError")
      yield* one.send(bytes("long"), other.address)
      const cut = yield* Stream.runHead(Udp.datagrams(other, { maxBytes: 2 }))
      assert.isTrue(cut._tag === "Some" && cut.value.isTruncated && text(cut.value.bytes) === "lo")
    })
  )
}
