import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { SocketError, TimeoutError } from "../../../src/Errors/index.js"
import {
  bytes,
  concat,
  finish,
  pairOf,
  pattern,
  readExactly,
  readToEnd,
  type Subject,
  test,
  testTcp,
  text
} from "../harness.js"

const MEBIBYTE = 1024 * 1024

/** The pattern from `from` on, in pieces of these lengths. */
const cut = (lengths: ReadonlyArray<number>, from = 0): Array<Uint8Array> => {
  let at = from
  return lengths.map((length) => {
    at += length
    return pattern(length, at - length)
  })
}

/** Tells its number and its length first, in a chunk of its own. */
const messageOf = (id: number, length: number): ReadonlyArray<Uint8Array> => {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(id, 0)
  head.writeUInt32BE(length, 4)
  return [head, pattern(length, id), Uint8Array.of(id)]
}

/** Whole messages, in order, one of which may be missing; if the half broke, the last may be half of one. */
const checkMessages = (received: Buffer, isBroken: boolean): void => {
  let last = -1
  for (let at = 0; at < received.length; ) {
    const [id, length] = [received.readUInt32BE(at), received.readUInt32BE(at + 4)]
    assert.isAbove(id, last)
    last = id
    const whole = concat(messageOf(id, length))
    const came = received.subarray(at, at + whole.length)
    assert.isTrue(came.equals(whole.subarray(0, came.length)))
    if (came.length < whole.length) assert.isTrue(isBroken, "half a message, and the half is not broken")
    at += came.length
  }
}

type Attempt = Effect.Effect<unknown, SocketError | TimeoutError>

/** As from code that no compiler looked at. */
const untyped = (target: object, name: string, ...args: ReadonlyArray<unknown>) => {
  const method: unknown = Reflect.get(target, name)
  return typeof method === "function"
    ? (Reflect.apply(method, target, args) as Effect.Effect<unknown, SocketError | TimeoutError>)
    : assert.fail(`there is no ${name}`)
}

export const vectored = (subject: Subject) => {
  test(subject, "chunks arrive in order, as one write", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeAllVectored([bytes("one "), bytes("two "), bytes("three\n")])
      assert.deepStrictEqual(yield* server.readLine, Option.some("one two three"))
    })
  )

  test(subject, "1500 chunks, some of them empty, are one write like any other", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const chunks = cut(Array.from({ length: 1500 }, (_, index) => index % 7))
      const sent = concat(chunks)
      const reading = yield* Effect.fork(readExactly(server, sent.length))
      yield* client.writeAllVectored(chunks)
      assert.isTrue(Buffer.from(yield* Fiber.join(reading)).equals(sent))
    })
  )

  test(subject, "no chunks, and chunks without a byte, are written at once: nothing arrives", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeAllVectored([])
      yield* client.writeAllVectored([new Uint8Array(0), new Uint8Array(0)])
      assert.strictEqual(yield* client.writeVectored([]), 0)
      yield* finish(client)
      assert.strictEqual((yield* readToEnd(server)).length, 0)
    })
  )

  test(subject, "writeVectored writes some and tells how many; the caller goes on from there", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const sent = concat(cut([100, 70_000, 5, 2 * MEBIBYTE, 3]))
      const reading = yield* Effect.fork(readExactly(server, sent.length))
      for (let at = 0; at < sent.length; ) {
        const count = yield* client.writeVectored([sent.subarray(at, at + 50), sent.subarray(at + 50)])
        assert.isAtLeast(count, 1)
        at += count
      }
      assert.isTrue(Buffer.from(yield* Fiber.join(reading)).equals(sent))
    })
  )

  test(subject, "5 MiB in chunks of all sizes arrive whole, past a slow reader", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const lengths = [10, 1, 200_000, 0, 63, 64, 8191, 8192, 8193, 1_000_000, 2, 65_536, 4 * MEBIBYTE]
      const chunks = cut(lengths)
      const sent = concat(chunks)
      const writing = yield* Effect.fork(client.writeAllVectored(chunks))
      const received: Array<Uint8Array> = []
      for (let got = 0, round = 0; got < sent.length; round++) {
        if (round % 16 === 0) yield* Effect.sleep("2 millis")
        const chunk = yield* server.read
        received.push(chunk)
        got += chunk.length
      }
      yield* Fiber.join(writing)
      assert.isTrue(concat(received).equals(sent))
    })
  )

  test(subject, "the chunks of one write are not within another's", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const writers = 8
      const lengths = [3, 30_000, 1, 90_000]
      const bytesEach = lengths.reduce((sum, length) => sum + length, 0)
      const messageOf = (writer: number) => lengths.map((length) => new Uint8Array(length).fill(writer))
      const writing = yield* Effect.fork(
        Effect.forEach(Array(writers).keys(), (writer) => client.writeAllVectored(messageOf(writer)), {
          concurrency: "unbounded"
        })
      )
      for (let message = 0; message < writers; message++) {
        const whole = yield* readExactly(server, bytesEach)
        assert.isTrue(whole.every((byte) => byte === whole[0]))
      }
      yield* Fiber.join(writing)
    })
  )

  test(subject, "the list of chunks is the caller's again while they are being written", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const chunks = cut([4 * MEBIBYTE, 4 * MEBIBYTE, 10])
      const sent = concat(chunks)
      const writing = yield* Effect.fork(client.writeAllVectored(chunks))
      yield* Effect.sleep("5 millis")
      chunks.length = 0
      assert.isTrue(Buffer.from(yield* readExactly(server, sent.length)).equals(sent))
      yield* Fiber.join(writing)
    })
  )

  test(subject, "one that times out tells how far it came, and the caller goes on from there", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const chunks = cut([5, 10_000_000, 7, 20_000_000])
      const all = concat(chunks)
      const failure = yield* Effect.flip(client.writeAllVectored(chunks, { timeout: "50 millis" }))
      assert.strictEqual(failure._tag, "TimeoutError")
      const sent = (failure._tag === "TimeoutError" && failure.bytesTransferred) || 0
      assert.isAbove(sent, 0)
      assert.isBelow(sent, all.length)
      const reading = yield* Effect.fork(readToEnd(server))
      yield* client.writeAll(all.subarray(sent))
      yield* finish(client)
      assert.isTrue(Buffer.from(yield* Fiber.join(reading)).equals(all))
    })
  )

  test(subject, "one that was interrupted while it waited its turn breaks nothing", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const first = cut([8_000_000, 1])
      const writer = yield* Effect.fork(client.writeAllVectored(first))
      yield* Effect.sleep("20 millis")
      const second = yield* Effect.fork(client.writeAllVectored([bytes("never"), bytes("sent")]))
      yield* Effect.sleep("5 millis")
      yield* Fiber.interrupt(second)
      const reading = yield* Effect.fork(readToEnd(server))
      yield* Fiber.join(writer)
      yield* client.writeAllVectored([bytes("!"), bytes("!")])
      yield* finish(client)
      assert.isTrue(Buffer.from(yield* reading).equals(concat([...first, bytes("!!")])))
    })
  )

  test(subject, "one that was interrupted in the middle breaks the writing half, and only that", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const writer = yield* Effect.fork(client.writeAllVectored(cut([10, 25_000_000, 25_000_000])))
      yield* Effect.sleep("50 millis")
      yield* Fiber.interrupt(writer)
      const failure = yield* Effect.flip(client.writeAllVectored([bytes("more")]))
      assert.deepInclude(failure, { _tag: "ConnectionError", reason: "Aborted", operation: "write" })
      yield* server.writeString("still here")
      assert.strictEqual((yield* readExactly(client, 10)).length, 10)
    })
  )

  test(subject, "writes that are interrupted at any moment leave whole messages, or break the half", () =>
    Effect.gen(function* () {
      let interrupted = 0
      let broken = 0
      for (let round = 0; round < (subject.isSlow ? 10 : 40); round++) {
        const { client, server } = yield* pairOf(subject)
        // A Unix socket has no buffer to receive into of its own, and a pipe has no options at all.
        yield* Effect.ignore(client.setOption("sendBufferBytes", 20_000))
        yield* Effect.ignore(server.setOption("receiveBufferBytes", 20_000))
        const reading = yield* Effect.fork(readToEnd(server))
        let isBroken = false
        for (let id = 0; id < 20 && !isBroken; id++) {
          const writing = yield* Effect.fork(client.writeAllVectored(messageOf(id, (id * 37_000) % 400_000)))
          for (let turn = 0; turn < (round + id) % 4; turn++) yield* Effect.yieldNow()
          if (id % 3 === 0) yield* Effect.sleep(id % 2)
          const exit = yield* Fiber.interrupt(writing)
          if (Exit.isInterrupted(exit)) interrupted += 1
          else if (Exit.isFailure(exit)) {
            assert.match(String(exit.cause), /interrupted after \d+ of \d+ bytes/)
            isBroken = true
          }
        }
        // The last one may have been cut short: a write after it tells.
        if (Exit.isFailure(yield* Effect.exit(client.writeAllVectored(messageOf(20, 1))))) isBroken = true
        if (isBroken) broken += 1
        yield* finish(client).pipe(Effect.ignore)
        yield* client.close
        checkMessages(yield* reading, isBroken)
      }
      assert.isAbove(interrupted, 0, "no write was interrupted: the test tested nothing")
      assert.isAbove(broken, 0, "no write was cut short: the test tested nothing")
    })
  )

  for (const [name, sizes] of [
    ["writeAll", [20_000_000]],
    ["writeAllVectored", [10_000_000, 10_000_000]]
  ] as const) {
    test(subject, `${name}: a buffer that is taken away in the middle is a typed error, and no hang`, () =>
      Effect.gen(function* () {
        const { client, server } = yield* pairOf(subject)
        const chunks = sizes.map((size) => new Uint8Array(size))
        const write =
          name === "writeAll" ? client.writeAll(chunks[0] ?? bytes("")) : client.writeAllVectored(chunks)
        const writing = yield* Effect.fork(Effect.flip(write))
        yield* Effect.sleep("20 millis")
        // To another thread, say: the memory is no longer this one's.
        structuredClone(chunks, { transfer: chunks.map(({ buffer }) => buffer as ArrayBuffer) })
        const reading = yield* Effect.fork(readToEnd(server))
        assert.deepInclude({ ...(yield* writing) }, { _tag: "NetworkError", reason: "InvalidArgument" })
        // Half a message has left.
        assert.deepInclude(
          { ...(yield* Effect.flip(client.writeString("more"))) },
          { reason: "InvalidArgument" }
        )
        yield* client.abort
        yield* Fiber.interrupt(reading)
      })
    )
  }

  for (const lengths of [
    [10_000_000, 10_000_000, 10],
    [10_000_000, 10, 10_000_000, 10],
    [10_000_000, 100, 10, 100]
  ]) {
    test(
      subject,
      `what comes before a piece that was taken away is written, nothing after it (${lengths})`,
      () =>
        Effect.gen(function* () {
          const { client, server } = yield* pairOf(subject)
          const chunks = lengths.map((length, index) => new Uint8Array(length).fill(index + 1))
          const writing = yield* Effect.fork(Effect.flip(client.writeAllVectored(chunks)))
          yield* Effect.sleep("20 millis")
          const gone = lengths.length - 2
          structuredClone(chunks[gone], { transfer: [chunks[gone]?.buffer ?? new ArrayBuffer(0)] })
          const reading = yield* Effect.fork(readToEnd(server))
          assert.deepInclude(
            { ...(yield* Fiber.join(writing)) },
            { _tag: "NetworkError", reason: "InvalidArgument" }
          )
          yield* client.close
          const came = yield* Fiber.join(reading)
          assert.strictEqual(
            came.length,
            lengths.slice(0, gone).reduce((sum, length) => sum + length)
          )
          assert.strictEqual(came.at(-1), gone)
        })
    )
  }

  test(
    subject,
    "readVectored: buffers that are taken away meanwhile are a typed error, and what came stays",
    () =>
      Effect.gen(function* () {
        const { client, server } = yield* pairOf(subject)
        const buffers = [new Uint8Array(10), new Uint8Array(10)]
        const reading = yield* Effect.fork(Effect.flip(server.readVectored(buffers)))
        yield* Effect.yieldNow()
        structuredClone(buffers, { transfer: buffers.map(({ buffer }) => buffer) })
        yield* client.writeString("came")
        assert.deepInclude(
          { ...(yield* Fiber.join(reading)) },
          { reason: "InvalidArgument", operation: "read" }
        )
        assert.strictEqual(text(yield* server.read), "came")
      })
  )

  test(subject, "readVectored fills the buffers in order, as far as what has come goes", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeString("a line\nHEADbody and more")
      assert.deepStrictEqual(yield* server.readLine, Option.some("a line"))
      const [head, none, body, rest] = [4, 0, 5, 100].map((length) => new Uint8Array(length).fill(0x2e))
      if (head === undefined || none === undefined || body === undefined || rest === undefined) return
      // What came with the line is there already.
      let count = yield* server.readVectored([head, none, body, rest])
      while (count < 17) count += yield* server.readVectored([rest.subarray(count - 9)])
      assert.strictEqual(text(concat([head, none, body, rest.subarray(0, 9)])), "HEADbody and more.")
      yield* finish(client)
      assert.strictEqual(yield* server.readVectored([head]), 0)
      assert.strictEqual(yield* server.readVectored([head, body]), 0)
      assert.strictEqual(text(head), "HEAD")
    })
  )

  test(subject, "readVectored waits for a byte, and leaves what does not fit to the next read", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const buffers = [new Uint8Array(1), new Uint8Array(2)]
      const reading = yield* Effect.fork(server.readVectored(buffers))
      yield* Effect.sleep("5 millis")
      yield* client.writeString("abcdefgh\n")
      assert.strictEqual(yield* Fiber.join(reading), 3)
      assert.strictEqual(text(concat(buffers)), "abc")
      assert.deepStrictEqual(yield* server.readLine, Option.some("defgh"))
    })
  )

  test(subject, "readVectored that times out takes nothing, and touches no buffer", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const buffer = new Uint8Array(4)
      const failure = yield* Effect.flip(server.readVectored([buffer], { timeout: "20 millis" }))
      assert.deepInclude({ ...failure }, { _tag: "TimeoutError", operation: "read" })
      assert.deepStrictEqual([...buffer], [0, 0, 0, 0])
      yield* client.writeString("late")
      const count = yield* server.readVectored([buffer], { timeout: "20 seconds" })
      assert.strictEqual(
        text(concat([buffer.subarray(0, count), yield* readExactly(server, 4 - count)])),
        "late"
      )
    })
  )

  test(subject, "4 MiB into buffers of one's own", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const sent = pattern(4 * MEBIBYTE)
      const writing = yield* Effect.fork(client.writeAll(sent))
      const received = new Uint8Array(sent.length)
      for (let at = 0; at < received.length; ) {
        const middle = Math.min(received.length, at + 1000)
        at += yield* server.readVectored([received.subarray(at, middle), received.subarray(middle)])
      }
      yield* Fiber.join(writing)
      assert.isTrue(Buffer.from(received).equals(sent))
    })
  )

  testTcp(subject, "a reset is one for those too", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const reading = yield* Effect.fork(Effect.flip(client.readVectored([new Uint8Array(1)])))
      yield* Effect.sleep("20 millis")
      yield* server.abort
      assert.deepInclude({ ...(yield* reading) }, { reason: "Reset", operation: "read" })
      const writing = Effect.zipRight(
        client.writeAllVectored([bytes("x"), bytes("y")]),
        Effect.sleep("1 millis")
      )
      const failure = yield* Effect.flip(Effect.forever(writing))
      assert.include(["Reset", "Aborted"], failure.reason)
      assert.strictEqual(failure.operation, "write")
    })
  )

  test(subject, "what is no list of bytes, or has no room, is refused, and nothing is lost", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeString("kept")
      for (const attempt of [
        untyped(client, "writeAllVectored", "text"),
        untyped(client, "writeAllVectored", ["text"]),
        untyped(client, "writeAllVectored", [bytes("a"), undefined]),
        untyped(client, "writeAllVectored", bytes("a")),
        untyped(client, "writeVectored", undefined),
        untyped(server, "readVectored", undefined),
        untyped(server, "readVectored", [[1, 2]]),
        untyped(server, "readVectored", new Uint8Array(3)),
        server.readVectored([]),
        server.readVectored([new Uint8Array(0)])
      ]) {
        const failure = yield* Effect.flip(attempt)
        assert.deepInclude({ ...failure }, { _tag: "NetworkError", reason: "InvalidArgument" })
      }
      yield* finish(client)
      assert.strictEqual(text(yield* readToEnd(server)), "kept")
    })
  )

  test(subject, "after close they fail with Closed", () =>
    Effect.gen(function* () {
      const { client } = yield* pairOf(subject)
      const waiting = yield* Effect.fork(Effect.flip(client.readVectored([new Uint8Array(1)])))
      yield* Effect.sleep("5 millis")
      yield* client.close
      assert.deepInclude({ ...(yield* Fiber.join(waiting)) }, { reason: "Closed", operation: "read" })
      const attempts: ReadonlyArray<Attempt> = [
        client.writeVectored([bytes("x")]),
        client.writeAllVectored([]),
        client.readVectored([new Uint8Array(1)]),
        client.readVectored([new Uint8Array(1)], { timeout: "1 second" })
      ]
      for (const attempt of attempts) {
        assert.deepInclude({ ...(yield* Effect.flip(attempt)) }, { reason: "Closed" })
      }
    })
  )
}
