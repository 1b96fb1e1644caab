import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Net from "../../../src/Net/index.js"
import {
  bytes,
  finish,
  pair,
  pairOf,
  pattern,
  readExactly,
  readToEnd,
  type Subject,
  test,
  testHalves,
  testTcp,
  text
} from "../harness.js"

export const streams = (subject: Subject) => {
  test(subject, "bytes go both ways", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeString("ping")
      assert.strictEqual(text(yield* readExactly(server, 4)), "ping")
      yield* server.writeAll(bytes("pong"))
      assert.strictEqual(text(yield* readExactly(client, 4)), "pong")
    })
  )

  testTcp(subject, "IPv6 connects, and a listener on :: serves both versions", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "::", port: 0 })
      assert.strictEqual(listener.address.family, "IPv6")
      for (const host of ["::1", "127.0.0.1"]) {
        const client = yield* Net.connect({ host, port: listener.address.port })
        const server = yield* listener.accept
        yield* client.writeString(host)
        assert.strictEqual(text(yield* readExactly(server, host.length)), host)
      }
    })
  )

  testTcp(subject, "a host name is looked up", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "localhost", port: 0 })
      const client = yield* Net.connect({ host: "localhost", port: listener.address.port })
      assert.strictEqual(client.remoteAddress.port, listener.address.port)
    })
  )

  testTcp(subject, "both sides know both addresses", () =>
    Effect.gen(function* () {
      const { client, listener, server } = yield* pair
      assert.deepStrictEqual(client.remoteAddress, listener.address)
      assert.deepStrictEqual(yield* server.localAddress, listener.address)
      assert.deepStrictEqual(yield* client.localAddress, server.remoteAddress)
      assert.strictEqual(server.remoteAddress.host, "127.0.0.1")
    })
  )

  testHalves(subject, "a shutdown of the writing half is an end of stream; the other half goes on", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeString("question")
      yield* client.shutdown("write")
      assert.strictEqual(text(yield* readToEnd(server)), "question")
      assert.strictEqual((yield* server.read).length, 0, "the end is there at every further read")
      yield* server.writeString("answer")
      yield* server.close
      assert.strictEqual(text(yield* readToEnd(client)), "answer")
    })
  )

  test(subject, "a close is an end of stream for the peer", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* server.close
      assert.strictEqual((yield* client.read).length, 0)
    })
  )

  test(subject, "megabytes arrive whole and in order, past a slow reader", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const sent = pattern(subject.isSlow ? 2_000_000 : 20_000_000)
      const writer = yield* Effect.fork(Effect.zipRight(client.writeAll(sent), finish(client)))
      yield* Effect.sleep("50 millis")
      const received = yield* readToEnd(server)
      yield* Fiber.join(writer)
      assert.strictEqual(received.length, sent.length)
      assert.isTrue(Buffer.from(received).equals(sent))
    })
  )

  test(subject, "write answers how many bytes it sent", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const sent = yield* client.write(bytes("abc"))
      assert.isAtLeast(sent, 1)
      assert.strictEqual(text(yield* readExactly(server, sent)), "abc".slice(0, sent))
    })
  )

  test(subject, "writes of many fibers go out whole, one after the other", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const size = 50_000
      const writers = Array.from({ length: 20 }, (_, index) => new Uint8Array(size).fill(index + 1))
      const writing = yield* Effect.fork(
        Effect.zipRight(
          Effect.forEach(writers, (block) => client.writeAll(block), { concurrency: "unbounded" }),
          finish(client)
        )
      )
      const received = yield* readToEnd(server)
      yield* Fiber.join(writing)
      const order: Array<number> = []
      for (let at = 0; at < received.length; at += size) {
        const block = received.subarray(at, at + size)
        assert.isTrue(
          block.every((byte) => byte === block[0]),
          "a block is torn"
        )
        order.push(block[0] ?? 0)
      }
      assert.deepStrictEqual(
        order,
        writers.map((_, index) => index + 1),
        "writes go out in the order in which they were started"
      )
    })
  )

  test(subject, "several readers get each byte once", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const counts = new Map<number, number>()
      const reader = Effect.gen(function* () {
        for (;;) {
          const chunk = yield* server.readWith({ maxBytes: 7 })
          if (chunk.length === 0) return
          for (const byte of chunk) counts.set(byte, (counts.get(byte) ?? 0) + 1)
        }
      })
      const readers = yield* Effect.forkAll([reader, reader, reader, reader])
      for (let byte = 0; byte < 256; byte++) {
        yield* client.writeAll(Uint8Array.of(byte))
        if (byte % 10 === 0) yield* Effect.sleep("1 millis")
      }
      yield* finish(client)
      yield* Fiber.join(readers)
      assert.strictEqual(counts.size, 256)
      assert.isTrue([...counts.values()].every((count) => count === 1))
    })
  )

  test(subject, "maxBytes bounds a read, and the rest stays", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeString("abcdef")
      assert.strictEqual(text(yield* server.readWith({ maxBytes: 2 })), "ab")
      assert.strictEqual(text(yield* readExactly(server, 4)), "cdef")
    })
  )

  test(subject, "an empty write is over at once and sends nothing", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      assert.strictEqual(yield* client.write(new Uint8Array(0)), 0)
      yield* client.writeAll(new Uint8Array(0))
      yield* client.writeString("")
      yield* finish(client)
      assert.strictEqual((yield* server.read).length, 0)
    })
  )

  testTcp(subject, "options are set and read back", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      assert.isTrue(yield* client.getOption("noDelay"), "TCP_NODELAY is on at first, connecting")
      assert.isTrue(yield* server.getOption("noDelay"), "TCP_NODELAY is on at first, accepting")
      for (const on of [false, true]) {
        yield* client.setOption("noDelay", on)
        assert.strictEqual(yield* client.getOption("noDelay"), on)
        yield* client.setOption("keepAlive", on)
        assert.strictEqual(yield* client.getOption("keepAlive"), on)
      }
      assert.strictEqual(yield* client.getOption("lingerSeconds"), undefined)
      yield* client.setOption("lingerSeconds", 3)
      assert.strictEqual(yield* client.getOption("lingerSeconds"), 3)
      yield* client.setOption("lingerSeconds", undefined)
      assert.strictEqual(yield* client.getOption("lingerSeconds"), undefined)
      yield* client.setOption("receiveBufferBytes", 32_768)
      assert.isAtLeast(yield* client.getOption("receiveBufferBytes"), 32_768)
      yield* client.setOption("sendBufferBytes", 32_768)
      assert.isAtLeast(yield* client.getOption("sendBufferBytes"), 32_768)
    })
  )
}
