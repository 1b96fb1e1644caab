import { assert } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import type { FileError } from "../../../src/Errors/index.js"
import * as File from "../../../src/File/index.js"
import type * as Net from "../../../src/Net/index.js"
import { temporaryFile } from "../../support/folder.js"
import { bytes, concat, pattern, type Subject, test, text } from "../harness.js"

const GIB = 2 ** 30
const MOST = Number.MAX_SAFE_INTEGER

/** A new file, open for everything. What is never written to takes no room, on any system. */
export const newFile = Effect.flatMap(temporaryFile, (path) =>
  File.open(path, { access: "readWrite", create: "exclusively", sparse: true })
)

/** So many bytes from there on, or what there is of them. */
export const readFully = (file: File.File, offset: number, length: number) =>
  Effect.map(Stream.runCollect(File.stream(file, { offset, length })), (chunks) =>
    concat(Chunk.toReadonlyArray(chunks))
  )

/** One thing done to a file: bytes written somewhere, or its size set. */
type Step =
  | { readonly _tag: "Write"; readonly offset: number; readonly length: number; readonly fill: number }
  | { readonly _tag: "Truncate"; readonly size: number }

const position = fc.oneof(fc.nat(10), fc.nat(5000), fc.nat(300_000))

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    _tag: fc.constant("Write" as const),
    offset: position,
    length: position,
    fill: fc.integer({ min: 1, max: 255 })
  }),
  fc.record({ _tag: fc.constant("Truncate" as const), size: position })
)

/** Does the steps to a file and to a buffer, and compares them. */
const playedOn = (path: string, steps: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    const file = yield* File.open(path, { access: "readWrite", create: "truncated" })
    let model = Buffer.alloc(0)
    const grownTo = (size: number) => Buffer.concat([model, Buffer.alloc(Math.max(0, size - model.length))])
    for (const one of steps) {
      if (one._tag === "Truncate") {
        yield* file.truncate(one.size)
        model = grownTo(one.size).subarray(0, one.size)
      } else if (one.length > 0) {
        yield* file.writeAll(new Uint8Array(one.length).fill(one.fill), { offset: one.offset })
        model = grownTo(one.offset + one.length).fill(one.fill, one.offset, one.offset + one.length)
      }
    }
    assert.strictEqual(yield* file.size, model.length)
    assert.isTrue(isEqual(yield* readFully(file, 0, model.length + 1), model))
  }).pipe(Effect.scoped)

const isEqual = (found: Uint8Array, expected: Uint8Array): boolean => Buffer.from(found).equals(expected)

const reasonOf = <A, R>(effect: Effect.Effect<A, FileError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason)

export const files = (subject: Subject) => {
  test(subject, "what is written at an offset is read there, as often as one likes", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const all = pattern(200_000)
      yield* file.writeAll(all, { offset: 0 })
      assert.strictEqual(yield* file.size, all.length)
      for (const [offset, length] of [
        [0, 200_000],
        [0, 1],
        [65_535, 2],
        [123_456, 10_000],
        [199_999, 1]
      ] as const) {
        const found = yield* readFully(file, offset, length)
        assert.isTrue(isEqual(found, all.subarray(offset, offset + length)), `${length} at ${offset}`)
      }
      const some = yield* file.read({ offset: 5, maxBytes: 7 })
      assert.isAtLeast(some.length, 1)
      assert.isAtMost(some.length, 7)
      assert.isTrue(isEqual(some, all.subarray(5, 5 + some.length)))
    })
  )

  test(subject, "the end of the file is an empty chunk, and so is everything after it", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      assert.strictEqual((yield* file.read({ offset: 0 })).length, 0)
      yield* file.writeAll(bytes("four"), { offset: 0 })
      assert.strictEqual(text(yield* file.read({ offset: 2 })), "ur")
      for (const offset of [4, 5, 100_000, 7 * GIB, MOST - 65_536]) {
        assert.strictEqual((yield* file.read({ offset })).length, 0, `at ${offset}`)
      }
    })
  )

  test(subject, "offsets go beyond 4 GiB, and a gap reads as zeros", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const marks = [0, 4 * GIB - 5, 4 * GIB + 1000, 5 * GIB + 17]
      for (const mark of marks) yield* file.writeAll(bytes(`mark at ${mark}`), { offset: mark })
      for (const mark of marks) {
        const expected = `mark at ${mark}`
        assert.strictEqual(text(yield* readFully(file, mark, expected.length)), expected)
      }
      assert.strictEqual(yield* file.size, 5 * GIB + 17 + `mark at ${5 * GIB + 17}`.length)
      // Were only the lower half of an offset used, the first mark would be here.
      assert.deepStrictEqual([...(yield* readFully(file, 4 * GIB + 500, 4))], [0, 0, 0, 0])
      assert.deepStrictEqual([...(yield* readFully(file, GIB, 3))], [0, 0, 0])
    })
  )

  test(subject, "truncating cuts off, and makes longer, beyond 4 GiB too", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* file.writeAll(bytes("abcdef"), { offset: 0 })
      yield* file.truncate(3)
      assert.strictEqual(yield* file.size, 3)
      yield* file.truncate(6)
      assert.deepStrictEqual([...(yield* readFully(file, 0, 10))], [97, 98, 99, 0, 0, 0])
      yield* file.truncate(6 * GIB + 1)
      assert.strictEqual(yield* file.size, 6 * GIB + 1)
      assert.deepStrictEqual([...(yield* readFully(file, 6 * GIB - 1, 10))], [0, 0])
      yield* file.truncate(0)
      assert.strictEqual((yield* file.read({ offset: 0 })).length, 0)
    })
  )

  test(subject, "what there is to be when a file is opened", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const reading = File.open(path, { access: "read" })
      assert.deepInclude(yield* Effect.flip(reading), {
        _tag: "FileError",
        reason: "NotFound",
        operation: "open",
        path
      })
      const write = (create: NonNullable<File.OpenOptions["create"]>, what: string) =>
        Effect.scoped(
          Effect.flatMap(File.open(path, { access: "write", create }), (file) =>
            file.writeAll(bytes(what), { offset: 0 })
          )
        )
      const content = Effect.scoped(
        Effect.flatMap(reading, (file) => Effect.map(file.read({ offset: 0 }), text))
      )
      yield* write("exclusively", "first")
      assert.strictEqual(yield* content, "first")
      assert.strictEqual(yield* reasonOf(write("exclusively", "x")), "AlreadyExists")
      yield* write("ifMissing", "THI")
      assert.strictEqual(yield* content, "THIst")
      yield* write("truncated", "new")
      assert.strictEqual(yield* content, "new")
    })
  )

  test(subject, "a flush is over when it is over, and the file is what was written", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* file.writeAll(bytes("kept"), { offset: 0 })
      yield* file.flush()
      yield* file.flush({ dataOnly: true })
      const { modified, size } = yield* file.stat
      assert.strictEqual(size, 4)
      assert.isFalse(Number.isNaN(modified.getTime()))
    })
  )

  test(subject, "nothing can be written, and nothing can be read where there is nothing", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      assert.strictEqual(yield* file.write(new Uint8Array(0), { offset: 0 }), 0)
      yield* file.writeAll(new Uint8Array(0), { offset: 3 * GIB })
      assert.strictEqual(yield* file.size, 0)
      assert.strictEqual((yield* Stream.runCollect(File.stream(file))).length, 0)
    })
  )

  test(subject, "offsets and sizes that are none are refused, and nothing happens", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* file.writeAll(bytes("whole"), { offset: 0 })
      for (const wrong of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
        assert.strictEqual(yield* reasonOf(file.read({ offset: wrong })), "InvalidArgument", `${wrong}`)
        const at = { offset: wrong }
        assert.strictEqual(yield* reasonOf(file.write(bytes("x"), at)), "InvalidArgument", `${wrong}`)
        assert.strictEqual(yield* reasonOf(file.writeAll(bytes("x"), at)), "InvalidArgument", `${wrong}`)
        assert.strictEqual(yield* reasonOf(file.truncate(wrong)), "InvalidArgument", `${wrong}`)
        const streaming = Stream.runDrain(File.stream(file, { offset: wrong }))
        assert.strictEqual(yield* reasonOf(streaming), "InvalidArgument", `${wrong}`)
      }
      assert.strictEqual(yield* reasonOf(file.writeAll(bytes("xy"), { offset: MOST })), "InvalidArgument")
      for (const wrong of [0, -1, 1.5, Number.NaN]) {
        const reading = file.read({ offset: 0, maxBytes: wrong })
        assert.strictEqual(yield* reasonOf(reading), "InvalidArgument", `${wrong}`)
      }
      assert.strictEqual(text(yield* file.read({ offset: 0 })), "whole")
    })
  )

  test(subject, "a file is used as it was opened, or the use is refused", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const writing = yield* File.open(path, { access: "write", create: "exclusively" })
      const reading = yield* File.open(path, { access: "read" })
      const appending = yield* File.open(path, { access: "readWrite", append: true })
      const refusals = [
        writing.read({ offset: 0 }),
        writing.append(bytes("x")),
        reading.write(bytes("x"), { offset: 0 }),
        reading.writeAll(bytes("x"), { offset: 0 }),
        reading.append(bytes("x")),
        reading.truncate(0),
        reading.flush(),
        appending.writeAll(bytes("x"), { offset: 0 })
      ]
      for (const refusal of refusals) {
        const failure = yield* Effect.flip(Effect.asVoid(refusal))
        assert.deepInclude(failure, { _tag: "FileError", reason: "InvalidArgument", path })
      }
      yield* appending.append(bytes("well"))
      assert.strictEqual(text(yield* appending.read({ offset: 0 })), "well")
      assert.strictEqual(yield* reading.size, 4)
    })
  )

  test(subject, "options that make no sense are refused", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const wrong: ReadonlyArray<readonly [path: string, options: File.OpenOptions]> = [
        ["", { access: "read" }],
        ["a\0b", { access: "read" }],
        [path, { access: "read", append: true }],
        [path, { access: "read", create: "truncated" }],
        [path, { access: "write", create: "ifMissing", mode: -1 }],
        [path, { access: "write", create: "ifMissing", mode: 0o10000 }],
        [path, JSON.parse('{ "access": "all" }')],
        [path, JSON.parse('{ "access": "write", "create": "maybe" }')]
      ]
      for (const [name, options] of wrong) {
        const failure = yield* Effect.flip(Effect.scoped(File.open(name, options)))
        assert.deepInclude(failure, { _tag: "FileError", reason: "InvalidArgument", operation: "open" })
      }
      assert.strictEqual(yield* reasonOf(Effect.scoped(File.open(path, { access: "read" }))), "NotFound")
    })
  )

  test(subject, "appends of several fibers, to several open files, go out whole", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const fibers = 6
      const rounds = subject.isSlow ? 5 : 20
      const recordBytes = 150_000
      const first = yield* File.open(path, { access: "write", create: "exclusively", append: true })
      yield* Effect.forEach(
        Array.from({ length: fibers }, (_, fiber) => fiber),
        (fiber) => Effect.repeatN(first.append(new Uint8Array(recordBytes).fill(fiber + 1)), rounds - 1),
        { concurrency: "unbounded" }
      )
      const reading = yield* File.open(path, { access: "read" })
      assert.strictEqual(yield* reading.size, fibers * rounds * recordBytes)
      const counts = new Map<number, number>()
      for (let record = 0; record < fibers * rounds; record++) {
        const found = yield* readFully(reading, record * recordBytes, recordBytes)
        const [fiber = 0] = found
        assert.isTrue(
          found.every((byte) => byte === fiber),
          `record ${record} is in pieces`
        )
        counts.set(fiber, (counts.get(fiber) ?? 0) + 1)
      }
      assert.deepStrictEqual([...counts.values()], Array(fibers).fill(rounds))
    })
  )

  test(subject, "many fibers read and write one file at once, each at its place", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const places = Array.from({ length: 40 }, (_, place) => place)
      const size = 70_000
      const at = (place: number) => place * 200 * 1024 * 1024
      yield* Effect.forEach(places, (place) => file.writeAll(pattern(size, place), { offset: at(place) }), {
        concurrency: "unbounded"
      })
      yield* Effect.forEach(
        places,
        (place) =>
          Effect.map(readFully(file, at(place), size), (found) =>
            assert.isTrue(isEqual(found, pattern(size, place)), `place ${place}`)
          ),
        { concurrency: "unbounded" }
      )
    })
  )

  test(subject, "a buffer is filled as far as there are bytes, and no further", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* file.writeAll(pattern(1000), { offset: 0 })
      const buffer = new Uint8Array(600).fill(7)
      const count = yield* file.readInto(buffer.subarray(100, 500), { offset: 10 })
      assert.isAtLeast(count, 1)
      assert.isTrue(isEqual(buffer.subarray(100, 100 + count), pattern(count, 10)))
      assert.isTrue([...buffer.subarray(0, 100), ...buffer.subarray(500)].every((byte) => byte === 7))
      assert.strictEqual(yield* file.readInto(buffer, { offset: 990, timeout: "1 minute" }), 10)
      assert.isTrue(isEqual(buffer.subarray(0, 10), pattern(10, 990)))
      buffer.fill(7)
      assert.strictEqual(yield* file.readInto(buffer, { offset: 1000 }), 0)
      assert.isTrue(buffer.every((byte) => byte === 7))
      assert.strictEqual(yield* reasonOf(file.readInto(new Uint8Array(0), { offset: 0 })), "InvalidArgument")
      assert.strictEqual(yield* reasonOf(file.readInto(buffer, { offset: -1 })), "InvalidArgument")
    })
  )

  for (const part of ["filled", "none, at the end"] as const) {
    test(
      subject,
      `a buffer that is taken away meanwhile is a typed error, and the file goes on: ${part}`,
      () =>
        Effect.gen(function* () {
          const file = yield* newFile
          yield* file.writeAll(pattern(1000), { offset: 0 })
          const buffer = new Uint8Array(1000)
          const offset = part === "filled" ? 0 : 1000
          const reading = yield* Effect.fork(Effect.either(file.readInto(buffer, { offset })))
          yield* Effect.yieldNow()
          const isOver = Option.isSome(yield* Fiber.poll(reading))
          // The memory itself goes on to live here: a thread may be at it.
          const moved = structuredClone(buffer, { transfer: [buffer.buffer] })
          const answer = yield* Fiber.join(reading)
          // Where the system does at once what it can, it has read before; a thread of Linux' never is so fast.
          if (subject.name === "epoll") assert.isTrue(Either.isLeft(answer))
          // That there is nothing at the end Windows says by itself, and it takes no memory.
          const isWell = isOver || (part !== "filled" && Either.isRight(answer))
          if (isWell) assert.deepStrictEqual(answer, Either.right(part === "filled" ? 1000 : 0))
          else {
            const { _tag, advice = "", operation, reason } = yield* Effect.flip(answer)
            assert.deepStrictEqual([_tag, operation, reason], ["FileError", "read", "InvalidArgument"])
            assert.include(advice, "transferred")
          }
          assert.strictEqual(moved.length, 1000)
          assert.strictEqual(yield* file.size, 1000)
          assert.strictEqual((yield* file.read({ offset: 0 })).length, 1000)
        })
    )
  }

  test(subject, "a buffer is left alone once the read of it is interrupted", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* file.writeAll(pattern(100_000), { offset: 0 })
      const buffer = new Uint8Array(60_000)
      for (let round = 0; round < (subject.isSlow ? 20 : 200); round++) {
        const reading = yield* Effect.fork(file.readInto(buffer, { offset: 0 }))
        if (round % 2 === 0) yield* Effect.yieldNow()
        yield* Fiber.interrupt(reading)
        buffer.fill(0)
        if (round % 4 === 0) yield* Effect.sleep("1 millis")
        assert.isTrue(buffer.every((byte) => byte === 0))
      }
    })
  )

  test(subject, "whatever is written and cut, in whatever order: the file is what it ought to be", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const runtime = yield* Effect.runtime<Net.Net>()
      const run = (steps: ReadonlyArray<Step>) =>
        Effect.runPromise(Effect.provide(playedOn(path, steps), runtime))
      const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), run)
      yield* Effect.promise(() => fc.assert(property, { numRuns: subject.isSlow ? 10 : 60 }))
    })
  )

  test(subject, "a stream is a part of the file, and ends where that does or the file does", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const all = pattern(300_000)
      yield* file.writeAll(all, { offset: 0 })
      const collect = (options?: File.StreamOptions) =>
        Effect.map(Stream.runCollect(File.stream(file, options)), Chunk.toReadonlyArray)
      assert.isTrue(isEqual(concat(yield* collect()), all))
      const part = yield* collect({ offset: 100, length: 150_000, chunkBytes: 1000 })
      assert.isTrue(isEqual(concat(part), all.subarray(100, 150_100)))
      assert.isTrue(part.every((chunk) => chunk.length >= 1 && chunk.length <= 1000))
      assert.isTrue(isEqual(concat(yield* collect({ offset: 299_990, length: 100 })), all.subarray(299_990)))
      assert.strictEqual((yield* collect({ length: 0 })).length, 0)
      assert.strictEqual(yield* reasonOf(Effect.asVoid(collect({ chunkBytes: 0 }))), "InvalidArgument")
      assert.strictEqual(yield* reasonOf(Effect.asVoid(collect({ length: -1 }))), "InvalidArgument")
    })
  )

  test(subject, "a sink writes what it is given, one after the other", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const file = yield* File.open(path, { access: "readWrite", create: "exclusively" })
      const pieces = Stream.fromIterable([bytes("one, "), bytes("two, "), new Uint8Array(0), bytes("three")])
      assert.strictEqual(yield* Stream.run(pieces, File.sink(file, { offset: 2 })), 15)
      assert.strictEqual(text(yield* file.read({ offset: 0 })), "\0\0one, two, three")
      const appending = yield* File.open(path, { access: "write", append: true })
      assert.strictEqual(yield* Stream.run(pieces, File.appendingSink(appending)), 15)
      assert.strictEqual(text(yield* file.read({ offset: 15 })), "eeone, two, three")
    })
  )

  test(subject, "a closed file refuses everything, and closing twice is no error", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const file = yield* File.open(path, { access: "readWrite", create: "exclusively" })
      const appending = yield* File.open(path, { access: "write", append: true })
      yield* file.writeAll(bytes("x"), { offset: 0 })
      yield* Effect.all([file.close, file.close, appending.close], { concurrency: "unbounded" })
      const refusals = [
        file.read({ offset: 0 }),
        file.write(bytes("x"), { offset: 0 }),
        file.writeAll(new Uint8Array(0), { offset: 0 }),
        appending.append(bytes("x")),
        file.truncate(0),
        file.flush(),
        file.stat
      ]
      for (const refusal of refusals) {
        const failure = yield* Effect.flip(Effect.asVoid(refusal))
        assert.deepInclude(failure, { _tag: "FileError", reason: "Closed", path })
      }
      yield* file.close
    })
  )

  test(subject, "a file that is closed while it is used is closed when nothing uses it any more", () =>
    Effect.gen(function* () {
      for (let round = 0; round < (subject.isSlow ? 5 : 30); round++) {
        const scope = yield* Scope.make()
        const file = yield* Scope.extend(newFile, scope)
        yield* file.writeAll(pattern(500_000), { offset: 0 })
        const all = [
          file.read({ offset: 0 }),
          file.writeAll(pattern(500_000), { offset: 500_000 }),
          file.flush(),
          file.stat,
          file.read({ offset: 400_000 })
        ]
        const using = yield* Effect.forEach(all, (effect) => Effect.fork(Effect.asVoid(effect)))
        if (round % 2 === 0) yield* Effect.yieldNow()
        yield* Scope.close(scope, Exit.void)
        for (const fiber of using) {
          const exit = yield* Fiber.await(fiber)
          if (Exit.isFailure(exit)) assert.include(String(exit.cause), "closed on this side")
        }
      }
    })
  )

  test(subject, "a write that is interrupted is over when the interruption is", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const all = pattern(20_000_000)
      for (let round = 0; round < 6; round++) {
        yield* file.truncate(0)
        const writing = yield* Effect.fork(file.writeAll(all, { offset: 0 }))
        yield* round % 2 === 0 ? Effect.yieldNow() : Effect.sleep("2 millis")
        yield* Fiber.interrupt(writing)
        // The buffer is the caller's again: what is in the file was there before this.
        all.fill(0)
        const size = yield* file.size
        yield* Effect.sleep("5 millis")
        assert.strictEqual(yield* file.size, size)
        all.set(pattern(all.length))
        const end = Math.max(0, size - 1000)
        assert.isTrue(isEqual(yield* readFully(file, end, 1000), all.subarray(end, size)))
      }
    })
  )

  test(subject, "reads that are interrupted harm nobody", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const all = pattern(300_000)
      yield* file.writeAll(all, { offset: 0 })
      for (let round = 0; round < (subject.isSlow ? 20 : 200); round++) {
        const reading = yield* Effect.fork(file.read({ offset: round * 1000 }))
        if (round % 3 > 0) yield* Effect.yieldNow()
        yield* Fiber.interrupt(reading)
      }
      assert.isTrue(isEqual(yield* readFully(file, 0, all.length), all))
    })
  )

  test(subject, "a write that runs out of its time tells how much was written", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      const all = pattern(30_000_000)
      const outcome = yield* Effect.either(file.writeAll(all, { offset: 0, timeout: "1 millis" }))
      const size = yield* file.size
      if (outcome._tag === "Right") return assert.strictEqual(size, all.length)
      const failure = outcome.left
      if (failure._tag !== "TimeoutError") return assert.fail(failure.message)
      assert.strictEqual(failure.bytesTransferred ?? 0, size)
      // And the caller can go on from there.
      yield* file.writeAll(all.subarray(size), { offset: size })
      assert.isTrue(isEqual(yield* readFully(file, 0, all.length), all))
    })
  )

  test(subject, "enough time is enough", () =>
    Effect.gen(function* () {
      const file = yield* newFile
      yield* file.writeAll(bytes("in time"), { offset: 0, timeout: "1 minute" })
      assert.strictEqual(yield* file.write(bytes("I"), { offset: 0, timeout: "1 minute" }), 1)
      assert.strictEqual(text(yield* file.read({ offset: 0, timeout: "1 minute" })), "In time")
    })
  )
}
