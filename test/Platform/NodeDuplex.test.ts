/**
 * A connection as a Node stream, where a `net.Socket` is expected.
 */
import { pipeline } from "node:stream/promises"
import { assert, describe, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import { ConnectionError, isConnectionError, isNetworkError, NetworkError } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import { toNodeError } from "../../src/Platform/internal/NodeErrors.js"
import * as NodeDuplex from "../../src/Platform/NodeDuplex.js"
import { pair, pattern, readExactly, readToEnd, test, text } from "../Net/harness.js"
import {
  allOf,
  codeOf,
  event,
  eventFromNow,
  streamAndPeer,
  streams,
  subject,
  turns,
  written
} from "./streams.js"

const MIBI = 1024 * 1024

describe("transfers", () => {
  test(subject, "carries text both ways", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      const arrived = eventFromNow(stream, "data")
      yield* peer.writeString("to the stream")
      assert.strictEqual(String(yield* arrived), "to the stream")
      stream.write("to the ")
      stream.write("peer")
      assert.strictEqual(text(yield* readExactly(peer, 11)), "to the peer")
      assert.strictEqual(stream.bytesRead, 13)
      assert.strictEqual(stream.bytesWritten, 11)
    })
  )

  test(subject, "carries 8 MiB each way at once", () =>
    Effect.gen(function* () {
      const [one, two] = yield* streams()
      const there = pattern(8 * MIBI)
      const back = pattern(8 * MIBI, 99)
      one.end(there)
      two.end(back)
      const [atTwo, atOne] = yield* Effect.all([allOf(two), allOf(one)], { concurrency: 2 })
      assert.isTrue(atTwo.equals(there))
      assert.isTrue(atOne.equals(back))
      assert.strictEqual(one.bytesWritten, there.length)
      assert.strictEqual(one.bytesRead, back.length)
    })
  )

  test(subject, "makes a writer wait for a reader that is slow", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      const sent = pattern(32 * MIBI)
      let isDone = false
      stream.write(sent, () => {
        isDone = true
      })
      yield* turns(50)
      assert.isFalse(isDone)
      assert.isTrue(stream.writableNeedDrain)
      assert.isAbove(stream.bufferSize, 0)
      const drained = eventFromNow(stream, "drain")
      assert.isTrue((yield* readExactly(peer, sent.length)).equals(sent))
      yield* drained
    })
  )

  test(subject, "makes the peer wait while nobody reads, and loses nothing by that", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      const sent = pattern(32 * MIBI)
      const writing = yield* Effect.fork(Effect.zipRight(peer.writeAll(sent), peer.shutdown("write")))
      yield* turns(50)
      assert.strictEqual(stream.bytesRead, 0, "received unasked")
      stream.once("data", () => stream.pause())
      yield* event(stream, "pause")
      yield* turns(50)
      assert.isAtMost(stream.bytesRead, 4 * MIBI)
      assert.isNull(writing.unsafePoll(), "the peer could write all of it")
      const read = stream.bytesRead - stream.readableLength
      const rest = yield* allOf(stream)
      assert.strictEqual(rest.length, sent.length - read)
      assert.isTrue(rest.equals(sent.subarray(read)))
      yield* writing
    })
  )

  test(subject, "echoes through pipe", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      stream.pipe(stream)
      const sent = pattern(MIBI)
      const [echo] = yield* Effect.all(
        [readToEnd(peer), Effect.zipRight(peer.writeAll(sent), peer.shutdown("write"))],
        {
          concurrency: 2
        }
      )
      assert.isTrue(echo.equals(sent))
    })
  )

  test(subject, "goes through pipeline to another connection", () =>
    Effect.gen(function* () {
      const [one, two] = yield* streams({ allowHalfOpen: true })
      const [three, four] = yield* streams({ allowHalfOpen: true })
      const relay = Promise.all([pipeline(two, three), pipeline(three, two)])
      const sent = pattern(MIBI)
      one.end(sent)
      four.pipe(four)
      assert.isTrue((yield* allOf(one)).equals(sent))
      yield* Effect.promise(() => relay)
    })
  )

  test(subject, "sends 1000 small writes that were corked in few pieces", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      const { submitted } = yield* Net.statistics
      stream.cork()
      for (let count = 0; count < 1000; count++) stream.write(`${count}\n`)
      stream.uncork()
      const lines = yield* Effect.replicateEffect(peer.readLine, 1000)
      assert.deepStrictEqual(
        lines.map((line) => (line._tag === "Some" ? line.value : "")),
        Array.from({ length: 1000 }, (_, count) => `${count}`)
      )
      assert.isBelow((yield* Net.statistics).submitted - submitted, 10)
    })
  )

  test(subject, "keeps the order of large and small writes", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      const pieces = [10, 200_000, 5, 70_000, 0, 1, 65_536, 30_000, 30_000, 30_000].map((length, at) =>
        pattern(length, at * 7)
      )
      stream.cork()
      for (const piece of pieces) stream.write(piece)
      stream.uncork()
      stream.end()
      assert.isTrue((yield* readToEnd(peer)).equals(Buffer.concat(pieces)))
    })
  )

  test(subject, "is an async iterator", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      yield* peer.writeString("one\ntwo\n")
      yield* peer.shutdown("write")
      stream.setEncoding("utf8")
      const collected = yield* Effect.promise(async () => {
        let whole = ""
        for await (const chunk of stream) whole += chunk
        return whole
      })
      assert.strictEqual(collected, "one\ntwo\n")
    })
  )

  test(subject, "loses nothing when somebody else reads the connection too", () =>
    Effect.gen(function* () {
      const { client, peer, stream } = yield* streamAndPeer()
      stream.read(0)
      const reading = yield* Effect.fork(client.read)
      yield* turns(2)
      yield* peer.writeString("whose?")
      const taken = yield* Effect.race(reading, event(stream, "readable").pipe(Effect.as(new Uint8Array())))
      const rest: unknown = stream.read()
      assert.strictEqual(text(taken) + (rest === null ? "" : String(rest)), "whose?")
    })
  )
})

describe("endings", () => {
  test(subject, "ends by itself when the peer has ended", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      const closed = eventFromNow(stream, "close")
      stream.resume()
      yield* peer.shutdown("write")
      yield* event(stream, "end")
      assert.strictEqual((yield* peer.read).length, 0)
      yield* closed
      assert.isTrue(stream.destroyed)
      assert.strictEqual(stream.readyState, "closed")
      assert.deepStrictEqual(stream.address(), {})
    })
  )

  test(subject, "tells of the end though nobody reads at the moment", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      stream.once("data", () => stream.pause())
      yield* peer.writeString("x")
      yield* event(stream, "pause")
      const ended = eventFromNow(stream, "end")
      stream.read(0)
      yield* peer.shutdown("write")
      yield* ended
    })
  )

  test(subject, "may go on writing after the peer's end, if told so", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer({ allowHalfOpen: true })
      stream.resume()
      yield* peer.shutdown("write")
      yield* event(stream, "end")
      assert.strictEqual(stream.readyState, "writeOnly")
      stream.end("late answer")
      assert.strictEqual(text(yield* readToEnd(peer)), "late answer")
    })
  )

  test(subject, "may go on reading after its own end", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      stream.end("question")
      assert.strictEqual(text(yield* readToEnd(peer)), "question")
      assert.strictEqual(stream.readyState, "readOnly")
      yield* peer.writeString("answer")
      yield* peer.shutdown("write")
      assert.strictEqual((yield* allOf(stream)).toString(), "answer")
    })
  )

  test(subject, "sends everything before destroySoon destroys it", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      const sent = pattern(4 * MIBI)
      stream.write(sent)
      stream.destroySoon()
      assert.isTrue((yield* readToEnd(peer)).equals(sent))
      if (!stream.closed) yield* event(stream, "close")
    })
  )

  test(subject, "closes the connection when it is destroyed", () =>
    Effect.gen(function* () {
      const { client, peer, stream } = yield* streamAndPeer()
      stream.resume()
      stream.destroy()
      yield* event(stream, "close")
      assert.strictEqual((yield* peer.read).length, 0)
      const failure = yield* Effect.flip(client.read)
      assert.strictEqual(failure.reason, "Closed")
    })
  )

  test(subject, "passes on the error it is destroyed with", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      const error = eventFromNow(stream, "error")
      const reason = new Error("enough")
      stream.destroy(reason)
      assert.strictEqual(yield* error, reason)
      yield* Effect.exit(peer.read)
    })
  )

  test(subject, "is closed, without an error, when the connection is closed", () =>
    Effect.gen(function* () {
      const { client, stream } = yield* streamAndPeer()
      let failure: unknown
      stream.on("error", (error) => {
        failure = error
      })
      stream.resume()
      const closed = eventFromNow(stream, "close")
      yield* turns(1)
      yield* client.close
      yield* closed
      assert.isUndefined(failure)
    })
  )

  for (const error of [new Error("cannot go on"), undefined]) {
    const how = error === undefined ? "is destroyed" : "fails"
    test(subject, `cuts the peer off if it ${how} in the middle of a message`, () =>
      Effect.gen(function* () {
        const { peer, stream } = yield* streamAndPeer()
        stream.on("error", () => {})
        let outcome: unknown
        stream.write(pattern(32 * MIBI), (failure) => {
          outcome = failure
        })
        yield* turns(5)
        stream.destroy(error)
        const seen = yield* Effect.either(readToEnd(peer))
        // Wine tells of a reset only to a read that waits when it comes; a later one gets the end of the stream.
        if (Either.isLeft(seen)) assert.strictEqual(seen.left.reason, "Reset")
        else assert.isTrue(subject.isSlow && seen.right.length < 32 * MIBI)
        assert.instanceOf(outcome, Error)
      })
    )
  }

  test(subject, "resets the connection on request", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      const reading = yield* Effect.fork(peer.read)
      yield* turns(2)
      stream.resetAndDestroy()
      const failure = yield* Effect.flip(Fiber.join(reading))
      assert.strictEqual(failure.reason, "Reset")
    })
  )

  test(subject, "tells of the peer's reset as ECONNRESET, with the typed error as the cause", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      const error = eventFromNow(stream, "error")
      const closed = eventFromNow(stream, "close")
      stream.resume()
      yield* turns(1)
      yield* peer.abort
      const failure = yield* error
      assert.instanceOf(failure, Error)
      assert.strictEqual(codeOf(failure), "ECONNRESET")
      assert.strictEqual(Reflect.get(failure, "syscall"), "read")
      assert.strictEqual(failure.message, "read ECONNRESET")
      assert.isBelow(Number(Reflect.get(failure, "errno")), 0)
      assert.isTrue(isConnectionError(failure.cause) && failure.cause.reason === "Reset")
      yield* closed
    })
  )

  test(subject, "tells of a reset that a write meets", () =>
    Effect.gen(function* () {
      const { peer, stream } = yield* streamAndPeer()
      const error = eventFromNow(stream, "error")
      yield* peer.abort
      for (let count = 0; count < 50 && !stream.destroyed; count++) {
        yield* Effect.ignore(written(stream, "into the void"))
        yield* turns(1)
      }
      assert.include(["EPIPE", "ECONNRESET", "ECONNABORTED"], codeOf(yield* error))
    })
  )

  test(subject, "destroys the stream at the end of its scope", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const stream = yield* Effect.scoped(NodeDuplex.make(client))
      assert.isTrue(stream.destroyed)
      assert.isTrue(stream.closed)
      assert.strictEqual((yield* server.read).length, 0)
    })
  )

  test(subject, "leaves nothing behind of 200 connections", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const echo = Effect.forever(
        Effect.scoped(
          Effect.gen(function* () {
            const stream = yield* NodeDuplex.make(yield* listener.accept)
            stream.on("error", () => {})
            stream.pipe(stream)
            yield* event(stream, "close")
          })
        )
      )
      yield* Effect.fork(echo)
      for (let count = 0; count < (subject.isSlow ? 40 : 200); count++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const connection = yield* Net.connect({ host: "127.0.0.1", port: listener.address.port })
            yield* connection.writeString("hello\n")
            yield* connection.readLine
            if (count % 3 === 0) yield* connection.abort
          })
        )
      }
      for (let turn = 0; turn < 100 && (yield* Net.statistics).openSockets > 1; turn++) yield* turns(1)
      assert.strictEqual((yield* Net.statistics).openSockets, 1)
    })
  )
})

describe("a listener that throws", () => {
  /** Takes what Node would end the process for. */
  const uncaught = Effect.acquireRelease(
    Effect.sync(() => {
      const caught: Array<unknown> = []
      const before = process.listeners("uncaughtException")
      process.removeAllListeners("uncaughtException")
      const take = (error: unknown) => caught.push(error)
      process.on("uncaughtException", take)
      return { before, caught, take }
    }),
    ({ before, take }) =>
      Effect.sync(() => {
        process.off("uncaughtException", take)
        for (const listener of before) process.on("uncaughtException", listener)
      })
  )

  test(subject, "hurts neither another connection nor its own", () =>
    Effect.gen(function* () {
      const { caught } = yield* uncaught
      const { peer, stream } = yield* streamAndPeer()
      const other = yield* streamAndPeer()
      const received: Array<string> = []
      stream.on("data", (chunk) => {
        received.push(String(chunk))
        if (received.length === 1) throw new Error("a listener's fault")
      })
      const echo = eventFromNow(other.stream, "data")
      // Both wait now, so that both are told by the completion loop, and of the same batch.
      yield* turns(2)
      yield* peer.writeString("first")
      yield* other.peer.writeString("unharmed")
      assert.strictEqual(String(yield* echo), "unharmed")
      while (received.length < 1) yield* turns(1)
      yield* peer.writeString("second")
      while (received.length < 2) yield* turns(1)
      assert.deepStrictEqual(received, ["first", "second"])
      assert.deepStrictEqual(
        caught.map((error) => (error instanceof Error ? error.message : error)),
        ["a listener's fault"]
      )
    })
  )

  test(subject, "in the callback of a write hurts no other connection", () =>
    Effect.gen(function* () {
      const { caught } = yield* uncaught
      const { peer, stream } = yield* streamAndPeer()
      stream.write(pattern(32 * MIBI), () => {
        throw new Error("a writer's fault")
      })
      yield* readExactly(peer, 32 * MIBI)
      while (caught.length === 0) yield* turns(1)
      const other = yield* streamAndPeer()
      yield* other.peer.writeString("still here")
      assert.strictEqual(String(yield* event(other.stream.resume(), "data")), "still here")
    })
  )
})

describe("what a net.Socket has", () => {
  for (const host of ["127.0.0.1", "::1"]) {
    test(subject, `tells both addresses (${host})`, () =>
      Effect.gen(function* () {
        const listener = yield* Net.listen({ host, port: 0 })
        const [client, server] = yield* Effect.all(
          [Net.connect({ host, port: listener.address.port }), listener.accept],
          { concurrency: 2 }
        )
        const one = yield* NodeDuplex.make(client)
        const two = yield* NodeDuplex.make(server)
        const family = host === "::1" ? "IPv6" : "IPv4"
        assert.deepStrictEqual(
          [one.remoteAddress, one.remotePort, one.remoteFamily],
          [host, listener.address.port, family]
        )
        assert.deepStrictEqual(
          [two.remoteAddress, two.remotePort, two.remoteFamily],
          [one.localAddress, one.localPort, one.localFamily]
        )
        assert.deepStrictEqual(two.address(), { address: host, family, port: listener.address.port })
        assert.isFalse(one.connecting || one.pending)
        assert.strictEqual(one.readyState, "open")
        assert.isUndefined(Reflect.get(one, "encrypted"))
      })
    )
  }

  test(subject, "sets the options that a socket has, and chains", () =>
    Effect.gen(function* () {
      const { client, stream } = yield* streamAndPeer()
      assert.strictEqual(stream.setNoDelay(false).setKeepAlive(true, 41_500).ref().unref(), stream)
      assert.isFalse(yield* client.getOption("noDelay"))
      assert.isTrue(yield* client.getOption("keepAlive"))
      // Wine has no such option.
      if (!subject.isSlow) assert.strictEqual(yield* client.getOption("keepAliveIdleSeconds"), 41)
      stream.setNoDelay().setKeepAlive()
      assert.isTrue(yield* client.getOption("noDelay"))
      assert.isFalse(yield* client.getOption("keepAlive"))
    })
  )

  /** Timers that pass when the test says so. Everything else goes on as ever. */
  const timers = Effect.acquireRelease(
    Effect.sync(() => {
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
      return (milliseconds: number) => vi.advanceTimersByTime(milliseconds)
    }),
    () => Effect.sync(() => vi.useRealTimers())
  )

  /** A stream that is set to say 'timeout' after 100 milliseconds, and counts how often it did. */
  const withTimeout = Effect.gen(function* () {
    const ends = yield* streamAndPeer()
    const pass = yield* timers
    const timeouts = { count: 0 }
    ends.stream.on("timeout", () => {
      timeouts.count += 1
    })
    ends.stream.resume().setTimeout(100)
    return { ...ends, pass, timeouts }
  })

  test(subject, "emits 'timeout' when nothing moves, and goes on", () =>
    Effect.gen(function* () {
      const { pass, peer, stream, timeouts } = yield* withTimeout
      assert.strictEqual(stream.timeout, 100)
      pass(99)
      assert.strictEqual(timeouts.count, 0)
      pass(500)
      assert.strictEqual(timeouts.count, 1)
      assert.isFalse(stream.destroyed)
      const data = eventFromNow(stream, "data")
      yield* peer.writeString("x")
      yield* data
      pass(100)
      assert.strictEqual(timeouts.count, 2)
    })
  )

  test(subject, "emits no 'timeout' while something moves", () =>
    Effect.gen(function* () {
      const { pass, peer, stream, timeouts } = yield* withTimeout
      pass(60)
      const data = eventFromNow(stream, "data")
      yield* peer.writeString("x")
      yield* data
      pass(60)
      yield* written(stream, "y")
      pass(60)
      assert.strictEqual(timeouts.count, 0)
    })
  )

  test(subject, "emits no 'timeout' in the middle of a write that the peer takes slowly", () =>
    Effect.gen(function* () {
      const { pass, peer, stream, timeouts } = yield* withTimeout
      stream.write(pattern(32 * MIBI))
      pass(60)
      yield* readExactly(peer, 8 * MIBI)
      yield* turns(2)
      pass(60)
      assert.strictEqual(timeouts.count, 0)
      pass(100)
      assert.strictEqual(timeouts.count, 1, "the peer takes nothing any more")
    })
  )

  test(subject, "forgets a timeout that is turned off", () =>
    Effect.gen(function* () {
      const { pass, stream, timeouts } = yield* withTimeout
      let calls = 0
      const called = () => {
        calls += 1
      }
      stream.setTimeout(50, called).setTimeout(0, called)
      pass(1000)
      assert.deepStrictEqual([timeouts.count, calls], [0, 0])
      stream.setTimeout(50, called)
      pass(50)
      assert.deepStrictEqual([timeouts.count, calls], [1, 1])
      assert.throws(() => stream.setTimeout(-1), RangeError)
    })
  )

  test(subject, "has nothing in flight that holds the process, while nobody reads or writes", () =>
    Effect.gen(function* () {
      const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length
      const { peer, stream } = yield* streamAndPeer()
      const before = timers()
      stream.setTimeout(60_000)
      assert.strictEqual(timers(), before)
      assert.strictEqual((yield* Net.statistics).inFlight, 0, "before anybody reads")
      stream.once("data", () => stream.pause())
      yield* turns(1)
      assert.strictEqual((yield* Net.statistics).inFlight, 1, "while it reads")
      yield* Effect.fork(peer.writeAll(pattern(MIBI)))
      while (stream.readableLength < stream.readableHighWaterMark) yield* turns(1)
      const { inFlight } = yield* Net.statistics
      assert.isAtMost(inFlight, 1, "no more than what the peer writes")
      stream.destroy()
      yield* event(stream, "close")
    })
  )

  test(subject, "is connected for clients that connect", () =>
    Effect.gen(function* () {
      const { stream } = yield* streamAndPeer()
      const [called] = yield* Effect.all(
        [
          Effect.async<boolean>((resume) => {
            stream.connect(1, "nowhere.invalid", () => resume(Effect.succeed(true)))
          }),
          event(stream, "ready")
        ],
        { concurrency: 2 }
      )
      assert.isTrue(called)
    })
  )

  test(subject, "is made of connections of Net only", () =>
    Effect.gen(function* () {
      const { client } = yield* pair
      const failure = yield* Effect.flip(NodeDuplex.make({ ...client, remoteAddress: client.remoteAddress }))
      assert.isTrue(isNetworkError(failure) && failure.reason === "InvalidArgument")
    })
  )
})

describe("errors", () => {
  const cases = [
    [new ConnectionError({ reason: "Reset", operation: "read", codeName: "WSAECONNRESET" }), "ECONNRESET"],
    [new ConnectionError({ reason: "Reset", operation: "write", codeName: "EPIPE" }), "EPIPE"],
    [new ConnectionError({ reason: "Refused", operation: "connect" }), "ECONNREFUSED"],
    [
      new ConnectionError({ reason: "TimedOut", operation: "read", codeName: "ERROR_SEM_TIMEOUT" }),
      "ETIMEDOUT"
    ],
    [new ConnectionError({ reason: "Closed", operation: "write" }), "ERR_SOCKET_CLOSED"],
    [new NetworkError({ reason: "ResourceExhausted", operation: "write", codeName: "WSAENOBUFS" }), "ENOBUFS"]
  ] as const

  for (const [error, code] of cases) {
    it(`says ${code} for ${error.reason} of ${error.codeName ?? "no system call"}`, () => {
      const told = toNodeError(error)
      assert.strictEqual(told.code, code)
      assert.strictEqual(told.syscall, error.operation)
      assert.strictEqual(told.cause, error)
    })
  }
})
