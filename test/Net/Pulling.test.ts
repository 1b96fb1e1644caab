/**
 * Streams whose fiber is interrupted at any step: what they took they have handed on.
 */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Framing from "../../src/Net/Framing.js"
import * as Net from "../../src/Net/index.js"
import * as Streams from "../../src/Net/Streams.js"
import * as Udp from "../../src/Net/Udp.js"
import * as Messages from "../../src/Platform/Messages.js"
import * as ThreadQueue from "../../src/ThreadQueue/index.js"
import { concat, pair, pattern, readExactly, type Subject, test } from "./harness.js"
import { interruptedAtEveryStep, pulledAtEveryStep, someTime, yieldingAnywhere } from "./interruptions.js"
import { numbered, numberOf, two, upTo } from "./udp.js"

const subject: Subject = {
  name: process.platform === "win32" ? "iocp" : "epoll",
  layer: Net.layer,
  isSlow: process.env["EFFECT_IOCP_LANE"] === "wine"
}

const total = 300

const numbers = upTo(total)

const Numbered = Schema.Struct({ number: Schema.Number })

/** A connection on which so many numbers have arrived, a line each. */
const withLines = Effect.gen(function* () {
  const ends = yield* pair
  const all = numbers.map((number) => `{"number":${number}}\n`).join("")
  yield* ends.client.writeString(all)
  return { ...ends, all }
})

const messagesOf = (connection: Net.AnyConnection) =>
  Messages.ndjson(connection, { receive: Numbered, send: Numbered })

describe("a stream that is interrupted at any step has handed on what it took", () => {
  test(subject, "bytes", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const sent = pattern(1500)
      yield* client.writeAll(sent)
      const chunks = yield* pulledAtEveryStep(Streams.bytes(server, { maxBytes: 5 }))
      assert.isTrue(Buffer.from(concat(chunks)).equals(sent))
    })
  )

  test(subject, "lines", () =>
    Effect.gen(function* () {
      const { all, server } = yield* withLines
      const lines = yield* pulledAtEveryStep(Streams.lines(server, { timeout: "1 hour" }))
      assert.strictEqual(lines.map((line) => `${line}\n`).join(""), all)
    })
  )

  test(subject, "frames", () =>
    Effect.gen(function* () {
      const { all, server } = yield* withLines
      const framing = yield* Framing.delimited({ delimiter: "\n" })
      const frames = yield* pulledAtEveryStep(Framing.frames(server, framing))
      assert.strictEqual(frames.map((frame) => `${Buffer.from(frame)}\n`).join(""), all)
    })
  )

  test(subject, "messages", () =>
    Effect.gen(function* () {
      const { server } = yield* withLines
      const { stream } = yield* messagesOf(server)
      const messages = yield* pulledAtEveryStep(stream)
      assert.deepStrictEqual(
        messages.map(({ number }) => number),
        numbers
      )
    })
  )

  test(subject, "datagrams", () =>
    Effect.gen(function* () {
      const [one, other] = yield* two
      const few = upTo(100)
      for (const number of few) yield* other.send(numbered(number), one.address)
      // On some systems they take a moment: what is there at first is enough.
      const seen = (yield* pulledAtEveryStep(Udp.datagrams(one))).map(numberOf)
      while (seen.length < few.length) seen.push(numberOf(yield* one.receiveWith({ timeout: "20 seconds" })))
      assert.deepStrictEqual(seen, few)
    })
  )

  test(subject, "the entries of a queue", () =>
    Effect.gen(function* () {
      const queue = yield* ThreadQueue.make()
      const sender = yield* Effect.flatMap(queue.share, ThreadQueue.open)
      for (const value of numbers) yield* sender.post({ value })
      const seen = (yield* pulledAtEveryStep(queue.stream)).map(({ value }) => value)
      while (seen.length < total) seen.push((yield* queue.take).value)
      assert.deepStrictEqual(seen, numbers)
    })
  )

  test(subject, "connections", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const few = upTo(40)
      for (const number of few) {
        const connection = yield* Net.connect({ host: "127.0.0.1", port: listener.address.port })
        yield* connection.writeAll(Uint8Array.of(number))
      }
      const accepted = [...(yield* pulledAtEveryStep(Streams.accepting(listener)))]
      while (accepted.length < few.length)
        accepted.push(yield* listener.acceptWith({ timeout: "20 seconds" }))
      const firsts = yield* Effect.forEach(accepted, (connection) => readExactly(connection, 1))
      assert.deepStrictEqual(
        firsts.map(([first]) => first),
        few
      )
    })
  )
})

describe("one that waits, and is interrupted at random", () => {
  test(subject, "loses and repeats no line", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const writing = yield* Effect.fork(
        Effect.zipRight(
          Effect.forEach(numbers, (number) => Effect.zipRight(client.writeString(`${number}\n`), someTime)),
          client.shutdown("write")
        )
      )
      const seen: Array<number> = []
      const reading = Stream.runDrain(
        Stream.map(Streams.lines(server), (line) => {
          seen.push(Number(line))
        })
      )
      let interrupted = 0
      for (let isOver = false; !isOver; ) {
        const reader = yield* Effect.fork(yieldingAnywhere(reading))
        yield* someTime
        isOver = (yield* Fiber.interrupt(reader))._tag === "Success"
        if (!isOver) interrupted += 1
      }
      yield* Fiber.join(writing)
      assert.deepStrictEqual(seen, numbers)
      assert.isAbove(interrupted, 10, "the test tested little")
    })
  )
})

describe("reads that are mapped", () => {
  const oneByOne = <A, E>(read: Effect.Effect<A, E>, note: (value: A) => void) =>
    interruptedAtEveryStep(
      Effect.succeed({
        // In the step that the value is handed over in: see the storms of reads.
        operation: Effect.flatMap(read, (value) => {
          note(value)
          return Effect.void
        }),
        after: Effect.void
      })
    )

  test(subject, "a frame, or a message, is taken in the last step of its read", () =>
    Effect.gen(function* () {
      const { server } = yield* withLines
      const framing = yield* Framing.delimited({ delimiter: "\n" })
      const { read } = yield* messagesOf(server)
      const seen: Array<unknown> = []
      yield* oneByOne(Framing.read(server, framing), (frame) => {
        if (frame._tag === "Some") seen.push(JSON.parse(`${Buffer.from(frame.value)}`).number)
      })
      assert.isAbove(seen.length, 0)
      yield* oneByOne(read, (message) => {
        if (message._tag === "Some") seen.push(message.value.number)
      })
      const few = seen.length
      while (seen.length < total) {
        const message = yield* read
        if (message._tag === "Some") seen.push(message.value.number)
      }
      assert.deepStrictEqual(seen, numbers)
      assert.isAbove(few, 1)
    })
  )
})
