/**
 * Connections as streams and sinks.
 */
import { assert, describe } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { isConnectionError } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import * as Streams from "../../src/Net/Streams.js"
import { bytes, concat, pair, pattern, readToEnd, type Subject, test, text } from "./harness.js"

const subject: Subject = {
  name: process.platform === "win32" ? "iocp" : "epoll",
  layer: Net.layer,
  isSlow: process.env["EFFECT_IOCP_LANE"] === "wine"
}

test(subject, "8 MiB through a sink come out of a stream as they were, and the sink can end the half", () =>
  Effect.gen(function* () {
    const { client, server } = yield* pair
    const sent = pattern(8 * 1024 * 1024)
    const pieces = Stream.range(0, 127).pipe(
      Stream.map((index) => sent.subarray(index * 65_536, (index + 1) * 65_536))
    )
    const [, received] = yield* Effect.all(
      [Stream.run(pieces, Streams.sink(client, { end: true })), Stream.runCollect(Streams.bytes(server))],
      { concurrency: 2 }
    )
    assert.isTrue(Buffer.from(concat(Chunk.toReadonlyArray(received))).equals(sent))
  })
)

test(subject, "without demand nothing is received, and the peer is held up", () =>
  Effect.gen(function* () {
    const { client, server } = yield* pair
    const sent = pattern(16 * 1024 * 1024)
    const writing = yield* Effect.fork(Effect.zipRight(client.writeAll(sent), client.shutdown("write")))
    const pull = yield* Stream.toPull(Streams.bytes(server))
    const first = yield* pull
    yield* Effect.sleep("100 millis")
    assert.isTrue(Option.isNone(yield* Fiber.poll(writing)))
    const rest = yield* readToEnd(server)
    assert.strictEqual(concat(Chunk.toReadonlyArray(first)).length + rest.length, sent.length)
    yield* Fiber.join(writing)
  })
)

test(subject, "a stream that ends early leaves the rest to the next reader", () =>
  Effect.gen(function* () {
    const { client, server } = yield* pair
    yield* client.writeString("one\ntwo\nthree\n")
    yield* client.shutdown("write")
    const two = yield* Stream.runCollect(Stream.take(Streams.lines(server), 2))
    assert.deepStrictEqual(Chunk.toReadonlyArray(two), ["one", "two"])
    assert.strictEqual(text(yield* readToEnd(server)), "three\n")
  })
)

test(subject, "what comes in one chunk of the stream leaves as one write, bytes and text", () =>
  Effect.gen(function* () {
    const { client, server } = yield* pair
    const { submitted } = yield* Net.statistics
    const pieces = Array.from({ length: 500 }, (_, index) =>
      index % 2 === 0 ? `größer ${index}, ` : bytes("!")
    )
    yield* Stream.run(Stream.fromChunk(Chunk.fromIterable(pieces)), Streams.sink(client))
    assert.strictEqual((yield* Net.statistics).submitted - submitted, 1)
    yield* client.shutdown("write")
    const expected = pieces.map((piece) => (typeof piece === "string" ? piece : "!")).join("")
    assert.strictEqual(text(yield* readToEnd(server)), expected)
  })
)

test(subject, "text puts together characters that come in pieces", () =>
  Effect.gen(function* () {
    const { client, server } = yield* pair
    const reading = yield* Effect.fork(Stream.runCollect(Streams.text(server)))
    for (const byte of bytes("größer: 🐟"))
      yield* Effect.zipRight(client.writeAll(Uint8Array.of(byte)), Effect.sleep("1 millis"))
    yield* client.shutdown("write")
    const pieces = Chunk.toReadonlyArray(yield* Fiber.join(reading))
    assert.strictEqual(pieces.join(""), "größer: 🐟")
    assert.isAbove(pieces.length, 1)
  })
)

for (const [name, wrong] of [
  ["what is no UTF-8", Uint8Array.of(0x61, 0xff)],
  ["half a character before the end", Uint8Array.of(0x61, 0xc3)]
] as const) {
  test(subject, `text fails, typed, at ${name}`, () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      yield* client.writeAll(wrong)
      yield* client.shutdown("write")
      const failure = yield* Effect.flip(Stream.runDrain(Streams.text(server)))
      assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidData" })
    })
  )
}

test(subject, "options: the most bytes of a chunk, a limit on lines, a time for each receive", () =>
  Effect.gen(function* () {
    const { client, server } = yield* pair
    yield* client.writeString("x".repeat(100))
    const chunks = yield* Stream.runCollect(Stream.take(Streams.bytes(server, { maxBytes: 10 }), 5))
    assert.deepStrictEqual(
      Chunk.toReadonlyArray(chunks).map((chunk) => chunk.length),
      Array(5).fill(10)
    )
    const long = yield* Effect.flip(Stream.runDrain(Streams.lines(server, { maxBytes: 10 })))
    assert.deepInclude(long, { _tag: "NetworkError", reason: "TooLong" })
    const late = yield* Effect.flip(Stream.runDrain(Streams.bytes(client, { timeout: "20 millis" })))
    assert.deepInclude(late, { _tag: "TimeoutError" })
  })
)

test(subject, "a reset is the stream's failure, and no end", () =>
  Effect.gen(function* () {
    const { client, server } = yield* pair
    const reading = yield* Effect.fork(Effect.flip(Stream.runDrain(Streams.bytes(server))))
    yield* client.writeString("x")
    yield* Effect.sleep("20 millis")
    yield* client.abort
    assert.deepInclude(yield* Fiber.join(reading), { _tag: "ConnectionError", reason: "Reset" })
  })
)

test(subject, "accepted connections as a stream", () =>
  Effect.gen(function* () {
    const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
    const clients = yield* Effect.forEach([0, 1, 2], () => Net.connect(listener.address))
    const accepted = yield* Stream.runCollect(Stream.take(Streams.accepting(listener), 3))
    const ports = yield* Effect.forEach(clients, (client) =>
      Effect.map(client.localAddress, ({ port }) => port)
    )
    assert.sameMembers(
      Chunk.toReadonlyArray(accepted).map(({ remoteAddress }) => remoteAddress.port),
      ports
    )
  })
)

describe("a channel", () => {
  const through = <E>(input: Stream.Stream<Uint8Array | string, E>, connection: Net.Connection) =>
    Stream.pipeThroughChannelOrFail(input, Streams.channel<E>(connection))

  test(subject, "writes what goes in, ends the half after it, and gives what arrives", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const echo = yield* Effect.fork(Stream.run(Streams.bytes(server), Streams.sink(server, { end: true })))
      const sent = pattern(4 * 1024 * 1024)
      const pieces = Stream.range(0, 63).pipe(
        Stream.map((index) => sent.subarray(index * 65_536, (index + 1) * 65_536))
      )
      const received = yield* Stream.runCollect(
        through(Stream.concat(pieces, Stream.make("the end")), client)
      )
      const all = Buffer.from(concat(Chunk.toReadonlyArray(received)))
      assert.isTrue(all.subarray(0, sent.length).equals(sent))
      assert.strictEqual(all.subarray(sent.length).toString(), "the end")
      yield* Fiber.join(echo)
    })
  )

  test(subject, "receives only when it is asked to", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const sent = pattern(16 * 1024 * 1024)
      const writing = yield* Effect.fork(Effect.zipRight(client.writeAll(sent), client.shutdown("write")))
      const pull = yield* Stream.toPull(through(Stream.empty, server))
      const first = concat(Chunk.toReadonlyArray(yield* pull)).length
      yield* Effect.sleep("100 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(writing)))
      assert.strictEqual(first + (yield* readToEnd(server)).length, sent.length)
      yield* Fiber.join(writing)
    })
  )

  test(subject, "asks for what is to be written only when what came before has left", () =>
    Effect.gen(function* () {
      const { client } = yield* pair
      let asked = 0
      const piece = pattern(1024 * 1024)
      const endless = Stream.repeatEffect(
        Effect.sync(() => {
          asked += 1
          return piece
        })
      )
      const running = yield* Effect.fork(Stream.runDrain(through(endless, client)))
      yield* Effect.sleep("100 millis")
      const before = asked
      assert.isAbove(before, 0)
      assert.isBelow(before, 64)
      yield* Effect.sleep("50 millis")
      assert.strictEqual(asked, before)
      yield* Fiber.interrupt(running)
    })
  )

  test(subject, "fails with what goes in", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const input = Stream.concat(Stream.make("one\n"), Stream.fail("no more" as const))
      const failure = yield* Effect.flip(Stream.runDrain(through(input, client)))
      assert.strictEqual(failure, "no more")
      assert.deepStrictEqual(yield* server.readLine, Option.some("one"))
    })
  )

  test(subject, "fails with a write that fails, while nothing arrives", () =>
    Effect.gen(function* () {
      const { client } = yield* pair
      yield* client.shutdown("write")
      const failure = yield* Effect.flip(Stream.runDrain(through(Stream.make("late"), client)))
      assert.strictEqual(failure._tag, "ConnectionError")
      assert.strictEqual(failure.operation, "write")
    })
  )

  test(subject, "fails with a receive that fails", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const failing = yield* Effect.fork(Effect.flip(Stream.runDrain(through(Stream.never, client))))
      yield* Effect.sleep("10 millis")
      yield* server.abort
      const failure = yield* Fiber.join(failing)
      assert.isTrue(isConnectionError(failure) && failure.reason === "Reset")
    })
  )

  test(subject, "is over when the peer has ended the stream, whatever was still to go in", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      yield* server.writeString("bye")
      yield* server.shutdown("write")
      const received = yield* Stream.runCollect(through(Stream.never, client))
      assert.strictEqual(text(concat(Chunk.toReadonlyArray(received))), "bye")
    })
  )

  test(subject, "that is interrupted has taken nothing", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const running = yield* Effect.fork(Stream.runDrain(through(Stream.never, client)))
      yield* Effect.sleep("10 millis")
      yield* Fiber.interrupt(running)
      yield* server.writeString("still there\n")
      assert.deepStrictEqual(yield* client.readLine, Option.some("still there"))
    })
  )
})
