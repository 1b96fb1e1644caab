import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { FileErrorReason } from "../../../src/Errors/index.js"
import * as File from "../../../src/File/index.js"
import type * as Net from "../../../src/Net/index.js"
import { temporaryFile } from "../../support/folder.js"
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
  text
} from "../harness.js"

const TWO_TO_32 = 2 ** 32

/** More than any connection takes from its writer while nobody reads. */
const TOO_MUCH = 64 * 1024 * 1024

const open = (content: Uint8Array) =>
  Effect.gen(function* () {
    const file = yield* File.open(yield* temporaryFile, { access: "readWrite", create: "exclusively" })
    yield* file.writeAll(content, { offset: 0 })
    return file
  })

/** A file of so many zeros, which take no room. */
const openZeros = (size: number) =>
  Effect.gen(function* () {
    const path = yield* temporaryFile
    const file = yield* File.open(path, { access: "readWrite", create: "exclusively", sparse: true })
    yield* file.truncate(size)
    return file
  })

const equal = (found: Uint8Array, expected: Uint8Array, what: string) =>
  assert.isTrue(Buffer.from(found).equals(expected), what)

/** Runs the sending beside the reading of all that comes; answers what was sent and what came. */
const sendAndRead = <A, E>(sending: Effect.Effect<A, E>, { client, server }: Ends) =>
  Effect.all([Effect.zipLeft(sending, finish(client)), readToEnd(server)], { concurrency: 2 })

interface Ends {
  readonly client: Net.AnyConnection
  readonly server: Net.AnyConnection
}

export const sendFile = (subject: Subject) => {
  test(subject, "a file arrives as it is, and so does a part of one", () =>
    Effect.gen(function* () {
      const all = pattern(subject.isSlow ? 3_000_000 : 10_000_000)
      const file = yield* open(all)
      const parts: ReadonlyArray<readonly [options: Net.SendFileOptions, start: number, end: number]> = [
        [{}, 0, all.length],
        [{ offset: 1_234_567 }, 1_234_567, all.length],
        [{ offset: 77, length: 1_000_001 }, 77, 1_000_078],
        [{ length: 1 }, 0, 1],
        [{ length: 0 }, 0, 0],
        [{ offset: all.length }, 0, 0],
        [{ offset: all.length + 5 }, 0, 0]
      ]
      for (const [options, start, end] of parts) {
        const ends = yield* pairOf(subject)
        const [sent, received] = yield* sendAndRead(ends.client.sendFile(file, options), ends)
        assert.strictEqual(sent, end - start, JSON.stringify(options))
        equal(received, all.subarray(start, end), JSON.stringify(options))
      }
    })
  )

  test(subject, "what lies beyond 4 GiB is sent from there", () =>
    Effect.gen(function* () {
      const file = yield* openZeros(0)
      // Where the lower half of such an offset would lead.
      yield* file.writeAll(bytes("!".repeat(64)), { offset: 0 })
      yield* file.writeAll(bytes("before, after"), { offset: TWO_TO_32 - 8 })
      for (const [options, expected] of [
        [{ offset: TWO_TO_32 }, "after"],
        [{ offset: TWO_TO_32 + 1, length: 3 }, "fte"],
        [{ offset: TWO_TO_32 - 8, length: 10 }, "before, af"]
      ] as const) {
        const ends = yield* pairOf(subject)
        const [sent, received] = yield* sendAndRead(ends.client.sendFile(file, options), ends)
        assert.strictEqual(sent, expected.length)
        assert.strictEqual(text(received), expected)
      }
    })
  )

  test(subject, "a file goes out whole, in its turn among the other writes", () =>
    Effect.gen(function* () {
      const ends = yield* pairOf(subject)
      const { client } = ends
      const size = 400_000
      const files = yield* Effect.forEach([1, 3, 5], (mark) => open(new Uint8Array(size).fill(mark)))
      const [one, three, five] = files
      if (one === undefined || three === undefined || five === undefined) return assert.fail("no files")
      const writes = [
        client.sendFile(one),
        client.writeAll(new Uint8Array(size).fill(2)),
        client.sendFile(three),
        client.writeAllVectored([new Uint8Array(size / 2).fill(4), new Uint8Array(size / 2).fill(4)]),
        client.sendFile(five)
      ]
      const writing = Effect.all(writes, { concurrency: "unbounded", discard: true })
      const [, received] = yield* sendAndRead(writing, ends)
      assert.strictEqual(received.length, 5 * size)
      const marks = new Set<number>()
      for (let at = 0; at < received.length; at += size) {
        const [mark = 0] = received.subarray(at)
        marks.add(mark)
        equal(received.subarray(at, at + size), new Uint8Array(size).fill(mark), `${mark} is in pieces`)
      }
      assert.strictEqual(marks.size, 5)
    })
  )

  test(subject, "one file goes to several connections at once", () =>
    Effect.gen(function* () {
      const all = pattern(1_500_000)
      const file = yield* open(all)
      yield* Effect.forEach(
        [0, 1, 2, 3],
        (index) =>
          Effect.gen(function* () {
            const ends = yield* pairOf(subject)
            const offset = index * 1000
            const [, received] = yield* sendAndRead(ends.client.sendFile(file, { offset }), ends)
            equal(received, all.subarray(offset), `${index}`)
          }),
        { concurrency: "unbounded" }
      )
    })
  )

  test(
    subject,
    "a file that ends too early is a typed failure, and the connection goes on after what was sent",
    () =>
      Effect.gen(function* () {
        const { client, server } = yield* pairOf(subject)
        const all = pattern(700_000)
        const file = yield* open(all)
        const reading = yield* Effect.fork(readToEnd(server))
        const failure = yield* Effect.flip(client.sendFile(file, { offset: 100, length: 800_000 }))
        assert.deepInclude(failure, {
          _tag: "FileError",
          reason: "EndOfFile",
          operation: "sendFile",
          path: file.path,
          bytesTransferred: 699_900
        })
        yield* client.writeString("and more")
        yield* finish(client)
        equal(yield* Fiber.join(reading), concat([all.subarray(100), bytes("and more")]), "what came")
      })
  )

  test(subject, "a file that is shortened meanwhile: what was sent of it is known", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const file = yield* openZeros(TOO_MUCH)
      const sending = yield* Effect.fork(client.sendFile(file))
      yield* Effect.sleep("20 millis")
      yield* file.truncate(1)
      const reading = yield* Effect.fork(readToEnd(server))
      const outcome = yield* Effect.either(Fiber.join(sending))
      if (outcome._tag === "Right" || outcome.left._tag !== "FileError") return assert.fail(String(outcome))
      assert.strictEqual(outcome.left.reason, "EndOfFile")
      yield* client.writeString("after")
      yield* finish(client)
      const received = yield* Fiber.join(reading)
      assert.strictEqual(received.length, (outcome.left.bytesTransferred ?? 0) + "after".length)
      equal(received.subarray(-5), bytes("after"), "what comes after the file")
    })
  )

  test(
    subject,
    "one that runs out of its time tells how much is on its way, and the caller goes on from there",
    () =>
      Effect.gen(function* () {
        const { client, server } = yield* pairOf(subject)
        const file = yield* openZeros(TOO_MUCH)
        yield* file.writeAll(bytes("the end"), { offset: TOO_MUCH - 7 })
        const late = yield* Effect.flip(client.sendFile(file, { timeout: "50 millis" }))
        if (late._tag !== "TimeoutError") return assert.fail(late.message)
        assert.strictEqual(late.operation, "sendFile")
        const offset = late.bytesTransferred ?? 0
        assert.isAtLeast(offset, 1)
        assert.isBelow(offset, TOO_MUCH)
        const ends = { client, server }
        const [sent, received] = yield* sendAndRead(
          client.sendFile(file, { offset, timeout: "1 minute" }),
          ends
        )
        assert.strictEqual(offset + sent, TOO_MUCH)
        assert.strictEqual(received.length, TOO_MUCH)
        equal(received.subarray(-8), bytes("\0the end"), "the end")
      })
  )

  test(subject, "one that is interrupted before its turn breaks nothing", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const first = pattern(8_000_000)
      const writing = yield* Effect.fork(client.writeAll(first))
      yield* Effect.sleep("20 millis")
      const sending = yield* Effect.fork(Effect.flatMap(open(pattern(10)), (file) => client.sendFile(file)))
      yield* Effect.sleep("20 millis")
      yield* Fiber.interrupt(sending)
      const reading = yield* Effect.fork(readToEnd(server))
      yield* Fiber.join(writing)
      yield* client.writeString("!")
      yield* finish(client)
      equal(yield* Fiber.join(reading), concat([first, bytes("!")]), "what came")
    })
  )

  test(subject, "one that is interrupted in the middle breaks the writing half, and only that", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const file = yield* openZeros(TOO_MUCH)
      const sending = yield* Effect.fork(client.sendFile(file))
      yield* Effect.sleep("50 millis")
      yield* Fiber.interrupt(sending)
      for (const write of [client.writeString("more"), client.sendFile(file)]) {
        const failure = yield* Effect.flip(Effect.asVoid(write))
        assert.deepInclude(failure, { _tag: "ConnectionError", reason: "Aborted" })
      }
      yield* server.writeString("still here")
      assert.strictEqual((yield* readExactly(client, 10)).length, 10)
      assert.strictEqual(yield* file.size, TOO_MUCH)
    })
  )

  test(subject, "a connection that is closed meanwhile fails it, and leaves the file alone", () =>
    Effect.gen(function* () {
      const file = yield* openZeros(TOO_MUCH)
      for (let round = 0; round < 5; round++) {
        const { client } = yield* pairOf(subject)
        const sending = yield* Effect.fork(client.sendFile(file))
        if (round % 2 === 0) yield* Effect.sleep("10 millis")
        yield* client.close
        const failure = yield* Effect.flip(Fiber.join(sending))
        assert.deepInclude(failure, { _tag: "ConnectionError", reason: "Closed" })
      }
      assert.strictEqual((yield* file.read({ offset: 5, maxBytes: 10 })).length, 10)
    })
  )

  test(subject, "so does a peer that is gone", () =>
    Effect.gen(function* () {
      const file = yield* openZeros(TOO_MUCH)
      const { client, server } = yield* pairOf(subject)
      const sending = yield* Effect.fork(client.sendFile(file))
      yield* Effect.sleep("20 millis")
      yield* server.abort
      const failure = yield* Effect.flip(Fiber.join(sending))
      assert.strictEqual(failure._tag, "ConnectionError")
      assert.strictEqual(yield* file.size, TOO_MUCH)
    })
  )

  test(subject, "a file that is closed meanwhile ends it with a typed error, and is closed then", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 4; round++) {
        const { client, server } = yield* pairOf(subject)
        const scope = yield* Scope.make()
        const file = yield* Scope.extend(openZeros(TOO_MUCH), scope)
        const sending = yield* Effect.fork(client.sendFile(file))
        if (round > 0) yield* Effect.sleep("10 millis")
        yield* Scope.close(scope, Exit.void)
        const reading = yield* Effect.fork(readToEnd(server))
        const failure = yield* Effect.flip(Fiber.join(sending))
        if (failure._tag === "FileError") {
          // Where the stream stands is known: it goes on.
          assert.strictEqual(failure.reason, "Closed")
          yield* client.writeString("after")
          yield* finish(client)
          const received = yield* Fiber.join(reading)
          assert.strictEqual(received.length, (failure.bytesTransferred ?? 0) + "after".length)
        } else {
          // The system was in the middle of sending, and where it stopped nobody knows.
          assert.deepInclude(failure, { _tag: "ConnectionError", reason: "Aborted" })
        }
        yield* client.close
        const closed = yield* Effect.flip(client.sendFile(file))
        assert.include(["FileError", "ConnectionError"], closed._tag)
      }
    })
  )

  test(subject, "what cannot be sent is refused, and nothing is", () =>
    Effect.gen(function* () {
      const ends = yield* pairOf(subject)
      const { client } = ends
      const file = yield* open(bytes("well"))
      const writeOnly = yield* File.open(file.path, { access: "write" })
      const closed = yield* File.open(file.path, { access: "read" })
      yield* closed.close
      const refusals: ReadonlyArray<
        readonly [file: File.File, options: Net.SendFileOptions, reason: FileErrorReason]
      > = [
        [writeOnly, {}, "InvalidArgument"],
        [closed, {}, "Closed"],
        [closed, { length: 1 }, "Closed"],
        [JSON.parse("{}"), {}, "InvalidArgument"],
        [JSON.parse("null"), {}, "InvalidArgument"],
        ...[-1, 0.5, Number.NaN, 2 ** 53].flatMap((wrong) => [
          [file, { offset: wrong }, "InvalidArgument"] as const,
          [file, { length: wrong }, "InvalidArgument"] as const
        ]),
        [file, { offset: 1, length: Number.MAX_SAFE_INTEGER }, "InvalidArgument"]
      ]
      for (const [refused, options, reason] of refusals) {
        const failure = yield* Effect.flip(client.sendFile(refused, options))
        assert.deepInclude(failure, { _tag: "FileError", reason, operation: "sendFile" })
      }
      const [, received] = yield* sendAndRead(client.sendFile(file), ends)
      equal(received, bytes("well"), "what came")
    })
  )
}
