/**
 * What two ends of a connection say to each other, one of them of this library. Which of them connected makes no
 * difference.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Net from "../../src/Net/index.js"
import { bytes, pattern, readExactly, readToEnd, text } from "../Net/harness.js"
import type { ForeignEnd } from "./foreignEnd.js"

type Conversation = (ours: Net.AnyConnection, theirs: ForeignEnd) => Effect.Effect<void, unknown>

export const MEBIBYTE = 1024 * 1024

/** Two long byte strings: a difference is told in one line, not in a million. */
export const assertSameBytes = (actual: Uint8Array, expected: Uint8Array, what: string): void => {
  assert.strictEqual(actual.length, expected.length, `${what}: bytes that arrived`)
  assert.isTrue(Buffer.from(actual).equals(expected), `${what}: they arrived as they were sent`)
}

/** Sends everything back until the end of the stream. */
export const echo = (connection: Net.AnyConnection) =>
  Effect.gen(function* () {
    for (;;) {
      const chunk = yield* connection.read
      if (chunk.length === 0) return
      yield* connection.writeAll(chunk)
    }
  })

const echoing: Conversation = (ours, theirs) =>
  Effect.gen(function* () {
    const serving = yield* Effect.fork(Effect.zipRight(echo(ours), ours.close))
    for (const part of ["one", "and another", "Grüße, 世界"]) {
      const sent = bytes(part)
      yield* theirs.send(sent)
      assert.strictEqual(text(yield* theirs.receive(sent.length)), part)
    }
    yield* theirs.finish
    assert.strictEqual((yield* theirs.receiveToEnd).length, 0)
    yield* serving
    yield* theirs.over
  })

const theyFinishFirst: Conversation = (ours, theirs) =>
  Effect.gen(function* () {
    yield* theirs.send(bytes("question"))
    yield* theirs.finish
    assert.strictEqual(text(yield* readToEnd(ours)), "question")
    yield* ours.writeString("a long answer, ")
    yield* ours.writeString("after the end of the question")
    yield* ours.close
    assert.strictEqual(text(yield* theirs.receiveToEnd), "a long answer, after the end of the question")
    yield* theirs.over
  })

const weFinishFirst: Conversation = (ours, theirs) =>
  Effect.gen(function* () {
    yield* ours.writeString("question")
    yield* ours.shutdown("write")
    assert.strictEqual(text(yield* theirs.receive("question".length)), "question")
    yield* theirs.send(bytes("answer"))
    yield* theirs.finish
    assert.strictEqual(text(yield* readToEnd(ours)), "answer")
    // Whoever is over has seen the end of our half too.
    yield* theirs.over
    assert.strictEqual((yield* theirs.receiveToEnd).length, 0)
  })

/** For programs that hang up at the end of our half, and say nothing any more. */
const weFinishAndTheyFollow: Conversation = (ours, theirs) =>
  Effect.gen(function* () {
    yield* ours.writeString("the end")
    yield* ours.shutdown("write")
    assert.strictEqual(text(yield* theirs.receiveToEnd), "the end")
    assert.strictEqual((yield* ours.read).length, 0)
    yield* theirs.over
  })

const mebibytesBothWays: Conversation = (ours, theirs) =>
  Effect.gen(function* () {
    const down = pattern(MEBIBYTE)
    const up = pattern(MEBIBYTE).reverse()
    const [atOurs, atTheirs] = yield* Effect.all(
      [
        readToEnd(ours),
        theirs.receive(MEBIBYTE),
        ours.writeAll(down),
        Effect.zipRight(theirs.send(up), theirs.finish)
      ],
      { concurrency: "unbounded" }
    )
    assertSameBytes(atOurs, up, "at ours")
    assertSameBytes(atTheirs, down, "at theirs")
    yield* ours.close
    assert.strictEqual((yield* theirs.receiveToEnd).length, 0)
    yield* theirs.over
  })

const lines: Conversation = (ours, theirs) =>
  Effect.gen(function* () {
    yield* ours.writeString("220 ready\r\n")
    assert.strictEqual(text(yield* theirs.receive(11)), "220 ready\r\n")
    yield* theirs.send(bytes("HELO Grüße 世界\r\nNOOP\n\n"))
    assert.deepStrictEqual(yield* ours.readLine, Option.some("HELO Grüße 世界"))
    assert.deepStrictEqual(yield* ours.readLine, Option.some("NOOP"))
    assert.deepStrictEqual(yield* ours.readLine, Option.some(""))
    yield* ours.writeString("250 ok\n")
    assert.strictEqual(text(yield* theirs.receive(7)), "250 ok\n")
    yield* theirs.send(bytes("QUIT, without an end"))
    yield* theirs.finish
    assert.deepStrictEqual(yield* ours.readLine, Option.some("QUIT, without an end"))
    assert.deepStrictEqual(yield* ours.readLine, Option.none())
    yield* ours.close
    yield* theirs.over
  })

/** A length before each message, as binary protocols have it; messages are sent together and cut anywhere. */
const frames: Conversation = (ours, theirs) =>
  Effect.gen(function* () {
    const sizes = [0, 1, 2, 255, 256, 40_000]
    const framed = Buffer.concat(
      sizes.flatMap((size) => {
        const header = Buffer.alloc(4)
        header.writeUInt32BE(size)
        return [header, pattern(size)]
      })
    )
    for (let at = 0; at < framed.length; at += 9_999) yield* theirs.send(framed.subarray(at, at + 9_999))
    for (const size of sizes) {
      const header = Buffer.from(yield* readExactly(ours, 4))
      assert.strictEqual(header.readUInt32BE(), size)
      assertSameBytes(yield* readExactly(ours, size), pattern(size), `a message of ${size} bytes`)
      yield* ours.writeAll(header)
    }
    assert.strictEqual((yield* theirs.receive(4 * sizes.length)).length, 4 * sizes.length)
    yield* theirs.finish
    assert.strictEqual((yield* ours.read).length, 0)
    yield* ours.close
    yield* theirs.over
  })

/** What is said to a peer that keeps its half open when ours ends, or to one that hangs up then. */
export const conversationsWith = (hangsUpWithUs: boolean): Readonly<Record<string, Conversation>> => ({
  "every message comes back": echoing,
  "they end their half, and still hear our answer": theyFinishFirst,
  ...(hangsUpWithUs
    ? { "we end our half, and they hang up": weFinishAndTheyFollow }
    : { "we end our half, and still hear their answer": weFinishFirst }),
  "a mebibyte each way, at once": mebibytesBothWays,
  "lines of text": lines,
  "messages with their length before them": frames
})
