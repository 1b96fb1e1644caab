/**
 * A Node stream as a connection: one suite for every kind of stream, and what only some of them can do.
 */
import * as NodeNet from "node:net"
import { Duplex, PassThrough } from "node:stream"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { unsafeMake as unsafeAddress } from "../../src/Address/index.js"
import { ConnectionError, isConnectionError, isTimeoutError, NetworkError } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import { fromNodeError } from "../../src/Platform/internal/NodeErrors.js"
import * as NodeConnection from "../../src/Platform/NodeConnection.js"
import * as NodeNetPeer from "../interop/nodeNet.js"
import { bytes, pattern, readExactly, readToEnd, test, text } from "../Net/harness.js"
import { codeOf, event, eventFromNow, streams, subject, turns } from "./streams.js"

const MIBI = 1024 * 1024

type Ends = readonly [Duplex, Duplex]

/** Two ends of a connection of `node:net`. */
const sockets = Effect.gen(function* () {
  const { first, port } = yield* NodeNetPeer.listen
  const [client, server] = yield* Effect.all([NodeNetPeer.connect(port), first], { concurrency: 2 })
  return [client, server] as const
})

/** One end of a pair in memory: it reads what the other one writes. */
class MemoryEnd extends Duplex {
  other: MemoryEnd | undefined
  private taken: (() => void) | undefined

  override _read(): void {
    const { taken } = this
    this.taken = undefined
    taken?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    const { other } = this
    if (other !== undefined) other.taken = callback
    other?.push(chunk)
  }

  override _final(callback: () => void): void {
    this.other?.push(null)
    callback()
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (!this.writableFinished) this.other?.destroy()
    callback(error)
  }
}

const inMemory = Effect.sync((): Ends => {
  const [one, two] = [new MemoryEnd(), new MemoryEnd()]
  one.other = two
  two.other = one
  return [one, two]
})

const kinds: ReadonlyArray<{
  readonly name: string
  readonly ends: Effect.Effect<Ends, unknown, Net.Net | Scope.Scope>
}> = [
  { name: "sockets of node:net", ends: sockets },
  { name: "streams over connections of Net", ends: streams() },
  { name: "streams in memory", ends: inMemory }
]

for (const { ends, name } of kinds) {
  /** Both ends as connections. */
  const connections = Effect.gen(function* () {
    const [one, two] = yield* ends
    return [yield* NodeConnection.make(one), yield* NodeConnection.make(two), one, two] as const
  })

  describe(name, () => {
    test(subject, "bytes and lines go both ways", () =>
      Effect.gen(function* () {
        const [one, two] = yield* connections
        yield* one.writeString("first line\r\nsec")
        assert.deepStrictEqual(yield* two.readLine, Option.some("first line"))
        const second = yield* Effect.fork(two.readLine)
        yield* turns(3)
        yield* one.writeString("ond\nrest")
        assert.deepStrictEqual(yield* Fiber.join(second), Option.some("second"))
        assert.strictEqual(text(yield* readExactly(two, 4)), "rest")
        yield* two.writeAll(bytes("back"))
        assert.strictEqual(text(yield* one.read), "back")
      })
    )

    test(subject, "8 MiB each way at once, whole and in order", () =>
      Effect.gen(function* () {
        const [one, two] = yield* connections
        const there = pattern(8 * MIBI)
        const back = pattern(8 * MIBI, 5)
        const [atOne, atTwo] = yield* Effect.all(
          [
            readToEnd(one),
            readToEnd(two),
            Effect.zipRight(one.writeAll(there), one.shutdown("write")),
            Effect.zipRight(two.writeAll(back), two.shutdown("write"))
          ],
          { concurrency: 4 }
        )
        assert.isTrue(atTwo.equals(there))
        assert.isTrue(atOne.equals(back))
      })
    )

    test(subject, "chunks leave as one write, and buffers are filled", () =>
      Effect.gen(function* () {
        const [one, two] = yield* connections
        const chunks = [pattern(5), pattern(0), pattern(200_000, 5), pattern(1, 200_005)]
        const writing = yield* Effect.fork(one.writeAllVectored(chunks))
        const received = new Uint8Array(200_006)
        for (let at = 0; at < received.length; ) {
          at += yield* two.readVectored([received.subarray(at, at + 10), received.subarray(at + 10)])
        }
        yield* Fiber.join(writing)
        assert.isTrue(Buffer.from(received).equals(pattern(200_006)))
      })
    )

    test(subject, "a writer waits for a reader that is slow", () =>
      Effect.gen(function* () {
        const [one, two] = yield* connections
        const sent = pattern(32 * MIBI)
        const writing = yield* Effect.fork(one.writeAll(sent))
        yield* turns(50)
        assert.isNull(writing.unsafePoll())
        assert.isTrue((yield* readExactly(two, sent.length)).equals(sent))
        yield* Fiber.join(writing)
      })
    )

    test(subject, "the bytes of a write may be changed once it is done", () =>
      Effect.gen(function* () {
        const [one, two] = yield* connections
        const buffer = Buffer.alloc(8192)
        const reading = yield* Effect.fork(readExactly(two, 50 * 8192))
        for (let round = 0; round < 50; round++) yield* one.writeAll(buffer.fill(round))
        const all = yield* Fiber.join(reading)
        for (let round = 0; round < 50; round++) {
          assert.isTrue(all.subarray(round * 8192, (round + 1) * 8192).every((byte) => byte === round))
        }
      })
    )

    test(subject, "maxBytes bounds a read, and the rest stays", () =>
      Effect.gen(function* () {
        const [one, two] = yield* connections
        yield* one.writeString("0123456789")
        const parts: Array<string> = []
        while (parts.join("").length < 10) parts.push(text(yield* two.readWith({ maxBytes: 4 })))
        assert.strictEqual(parts.join(""), "0123456789")
        assert.isTrue(parts.every((part) => part.length <= 4))
      })
    )

    test(subject, "each half ends by itself", () =>
      Effect.gen(function* () {
        const [one, two] = yield* connections
        yield* one.writeString("question")
        yield* one.shutdown("write")
        assert.strictEqual(text(yield* readToEnd(two)), "question")
        assert.strictEqual((yield* two.read).length, 0, "the end stays the end")
        const failure = yield* Effect.flip(one.writeString("more"))
        assert.strictEqual(failure.reason, "Closed")
        yield* two.writeString("answer")
        yield* two.shutdown("write")
        assert.strictEqual(text(yield* readToEnd(one)), "answer")
      })
    )

    test(subject, "interrupted reads lose and repeat no byte", () =>
      Effect.gen(function* () {
        const [one, two] = yield* connections
        const rounds = subject.isSlow ? 100 : 500
        const sent = pattern(rounds * 7)
        const received: Array<Uint8Array> = []
        const keep = (chunk: Uint8Array) => Effect.sync(() => void received.push(chunk))
        for (let round = 0; round < rounds; round++) {
          const reading = yield* Effect.fork(two.readWith({ maxBytes: 5 }))
          if (round % 3 === 0) yield* Effect.yieldNow()
          yield* one.writeAll(sent.subarray(round * 7, round * 7 + 7))
          if (round % 2 === 0) yield* turns(1)
          const exit = yield* Fiber.interrupt(reading)
          if (exit._tag === "Success") yield* keep(exit.value)
        }
        yield* one.shutdown("write")
        yield* keep(yield* readToEnd(two))
        assert.isTrue(Buffer.concat(received).equals(sent))
      })
    )

    test(subject, "a read that times out takes nothing", () =>
      Effect.gen(function* () {
        const [one, two] = yield* connections
        yield* one.writeString("half a li")
        const failure = yield* Effect.flip(two.readLineWith({ timeout: "20 millis" }))
        assert.isTrue(isTimeoutError(failure))
        yield* one.writeString("ne\n")
        assert.deepStrictEqual(yield* two.readLine, Option.some("half a line"))
      })
    )

    test(subject, "a write that times out tells how far it came, and the caller goes on from there", () =>
      Effect.gen(function* () {
        const [one, two] = yield* connections
        const sent = pattern(32 * MIBI)
        const failure = yield* Effect.flip(one.writeAll(sent, { timeout: "50 millis" }))
        assert.isTrue(isTimeoutError(failure))
        const done = isTimeoutError(failure) ? (failure.bytesTransferred ?? -1) : -1
        assert.isAtLeast(done, 1)
        const writing = yield* Effect.fork(one.writeAll(sent.subarray(done)))
        assert.isTrue((yield* readExactly(two, sent.length)).equals(sent))
        yield* Fiber.join(writing)
      })
    )

    test(subject, "a close sends what was written", () =>
      Effect.gen(function* () {
        const [one, two, stream] = yield* connections
        const sent = pattern(60_000)
        const reading = yield* Effect.fork(readToEnd(two))
        yield* one.writeAll(sent)
        yield* one.close
        assert.isTrue((yield* Fiber.join(reading)).equals(sent))
        if (!stream.closed) yield* event(stream, "close")
        assert.strictEqual((yield* Effect.flip(one.read)).reason, "Closed")
        assert.strictEqual((yield* Effect.flip(one.writeString("x"))).reason, "Closed")
      })
    )

    test(subject, "the end of the scope sends what was written, and destroys the stream", () =>
      Effect.gen(function* () {
        const [one, two] = yield* ends
        const sent = pattern(60_000)
        const reading = yield* Effect.fork(Effect.flatMap(NodeConnection.make(two), readToEnd))
        yield* Effect.scoped(Effect.flatMap(NodeConnection.make(one), (writer) => writer.writeAll(sent)))
        assert.isTrue(one.closed)
        assert.isTrue((yield* Fiber.join(reading)).equals(sent))
      })
    )

    test(subject, "a close ends the reads and writes that wait", () =>
      Effect.gen(function* () {
        const [one] = yield* connections
        const reading = yield* Effect.fork(one.read)
        const writing = yield* Effect.fork(one.writeAll(pattern(32 * MIBI)))
        yield* turns(10)
        yield* one.close
        assert.strictEqual((yield* Effect.flip(Fiber.join(reading))).reason, "Closed")
        assert.strictEqual((yield* Effect.flip(Fiber.join(writing))).reason, "Closed")
      })
    )

    test(subject, "an abort is a reset for the peer", () =>
      Effect.gen(function* () {
        const [one, two, stream] = yield* connections
        yield* one.writeString("x")
        assert.strictEqual(text(yield* two.read), "x")
        const reading = yield* Effect.fork(two.read)
        yield* turns(2)
        yield* one.abort
        const failure = yield* Effect.flip(Fiber.join(reading))
        assert.isTrue(isConnectionError(failure) && failure.reason === "Reset")
        assert.strictEqual((yield* Effect.flip(two.read)).reason, "Reset", "and it stays one")
        assert.isTrue(stream.destroyed)
      })
    )

    test(subject, "a stream that is destroyed is a reset for who reads or writes", () =>
      Effect.gen(function* () {
        const [one, , stream] = yield* connections
        const reading = yield* Effect.fork(one.read)
        yield* turns(1)
        stream.destroy()
        assert.strictEqual((yield* Effect.flip(Fiber.join(reading))).reason, "Reset")
        assert.strictEqual((yield* Effect.flip(one.writeString("x"))).reason, "Reset")
      })
    )
  })
}

describe("a socket of node:net", () => {
  test(subject, "keeps its addresses", () =>
    Effect.gen(function* () {
      const [one, two] = yield* sockets
      const client = yield* NodeConnection.make(one)
      const server = yield* NodeConnection.make(two)
      assert.deepEqual(client.remoteAddress, unsafeAddress("127.0.0.1", two.localPort ?? 0))
      assert.deepEqual(yield* client.localAddress, server.remoteAddress)
      yield* client.close
      assert.strictEqual((yield* Effect.flip(client.localAddress)).reason, "Closed")
    })
  )

  test(subject, "sets the options that it has, and refuses others", () =>
    Effect.gen(function* () {
      const [one] = yield* sockets
      const connection = yield* NodeConnection.make(one)
      assert.strictEqual((yield* Effect.flip(connection.getOption("noDelay"))).reason, "Unsupported")
      yield* connection.setOption("noDelay", true)
      yield* connection.setOption("keepAlive", true)
      assert.isTrue(yield* connection.getOption("noDelay"))
      assert.isTrue(yield* connection.getOption("keepAlive"))
      assert.isUndefined(yield* connection.getOption("lingerSeconds"))
      const failure = yield* Effect.flip(connection.setOption("sendBufferBytes", 65_536))
      assert.strictEqual(failure.reason, "Unsupported")
      const invalid = yield* Effect.flip(connection.setOption("lingerSeconds", -1))
      assert.strictEqual(invalid.reason, "InvalidArgument")
    })
  )

  test(subject, "that is cut off by its peer fails with the system's code", () =>
    Effect.gen(function* () {
      const [one, two] = yield* sockets
      const connection = yield* NodeConnection.make(one)
      const reading = yield* Effect.fork(connection.read)
      yield* turns(2)
      two.resetAndDestroy()
      const failure = yield* Effect.flip(Fiber.join(reading))
      assert.strictEqual(failure.reason, "Reset")
      assert.strictEqual(failure.codeName, "ECONNRESET")
      assert.strictEqual(failure.operation, "read")
    })
  )

  test(subject, "that cannot connect tells why", () =>
    Effect.gen(function* () {
      const listener = yield* Effect.scoped(Net.listen({ host: "127.0.0.1", port: 0 }))
      const socket = NodeNet.connect({ host: "127.0.0.1", port: listener.address.port })
      const connection = yield* NodeConnection.make(socket, { remoteAddress: listener.address })
      const failure = yield* Effect.flip(connection.read)
      assert.strictEqual(failure.reason, "Refused")
      assert.deepEqual(connection.remoteAddress, listener.address)
    })
  )

  test(subject, "may be connecting still", () =>
    Effect.gen(function* () {
      const { first, port } = yield* NodeNetPeer.listen
      const socket = NodeNet.connect({ host: "127.0.0.1", port })
      const connection = yield* NodeConnection.make(socket)
      yield* connection.writeString("early")
      const server = yield* NodeConnection.make(yield* first)
      assert.strictEqual(text(yield* server.read), "early")
      assert.strictEqual((yield* connection.localAddress).host, "127.0.0.1")
    })
  )
})

describe("what a connection can be made of", () => {
  test(subject, "no stream of objects, no text, nothing destroyed", () =>
    Effect.gen(function* () {
      const reasonOf = (stream: Duplex) =>
        Effect.map(Effect.flip(NodeConnection.make(stream)), (failure) => failure.reason)
      assert.strictEqual(yield* reasonOf(new PassThrough({ objectMode: true })), "InvalidArgument")
      assert.strictEqual(yield* reasonOf(new PassThrough({ encoding: "utf8" })), "InvalidArgument")
      assert.strictEqual(yield* reasonOf(new PassThrough().destroy()), "Closed")
    })
  )

  test(subject, "a stream without addresses", () =>
    Effect.gen(function* () {
      const connection = yield* NodeConnection.make(new PassThrough())
      assert.strictEqual(connection.remoteAddress.port, 0)
      assert.strictEqual((yield* Effect.flip(connection.localAddress)).reason, "Unsupported")
      yield* connection.writeString("to itself")
      assert.strictEqual(text(yield* connection.read), "to itself")
    })
  )

  test(subject, "a stream that fails in its own way", () =>
    Effect.gen(function* () {
      const stream = new PassThrough()
      const connection = yield* NodeConnection.make(stream)
      const reading = yield* Effect.fork(connection.read)
      yield* turns(1)
      const error = new Error("out of paper")
      stream.destroy(error)
      const failure = yield* Effect.flip(Fiber.join(reading))
      assert.strictEqual(failure.reason, "Unknown")
      assert.strictEqual(failure.cause, error)
      assert.include(failure.message, "out of paper")
    })
  )

  test(subject, "a stream that never finishes is given up", () =>
    Effect.gen(function* () {
      const stuck = new Duplex({ read: () => {}, write: () => {} })
      const closed = eventFromNow(stuck, "close")
      yield* Effect.scoped(
        Effect.flatMap(NodeConnection.make(stuck), (connection) => connection.writeString("x"))
      )
      yield* closed
      assert.isTrue(stuck.destroyed)
    })
  )
})

describe("errors", () => {
  const system = (code: string, errno: number) =>
    Object.assign(new Error(code), { code, errno, syscall: "read" })

  it("carry the reason that the code stands for", () => {
    const failure = fromNodeError(system("ECONNRESET", -104), { operation: "read", address: "there:1" })
    assert.isTrue(isConnectionError(failure) && failure.reason === "Reset")
    assert.strictEqual(failure.code, 104)
    assert.include(failure.message, "read there:1: the peer reset the connection (ECONNRESET 104 from read)")
  })

  it("do not take libuv's numbers for the system's", () => {
    assert.isUndefined(fromNodeError(system("ECONNRESET", -4077), { operation: "read" }).code)
  })

  it("know Node's own codes, and those of the resolver", () => {
    const reasons = [
      "ERR_STREAM_PREMATURE_CLOSE",
      "ERR_STREAM_DESTROYED",
      "ENOTFOUND",
      "EAI_AGAIN",
      "EPIPE"
    ].map((code) => fromNodeError(Object.assign(new Error(), { code }), { operation: "read" }).reason)
    assert.deepStrictEqual(reasons, ["Reset", "Closed", "HostNotFound", "ResolverFailed", "Reset"])
  })

  it("come back as the typed error that they were made of", () => {
    const typed = new ConnectionError({ reason: "TimedOut", operation: "read", advice: "kept" })
    const failure = fromNodeError(new Error("read ETIMEDOUT", { cause: typed }), { operation: "write" })
    assert.strictEqual(failure.reason, "TimedOut")
    assert.strictEqual(failure.operation, "write")
    assert.strictEqual(failure.advice, "kept")
  })

  it("are Unknown otherwise, whatever they are", () => {
    for (const thrown of [undefined, null, "text", 7, {}, new Error("what?")]) {
      const failure = fromNodeError(thrown, { operation: "read" })
      assert.instanceOf(failure, NetworkError)
      assert.strictEqual(failure.reason, "Unknown")
      assert.isUndefined(codeOf(failure))
    }
  })
})
