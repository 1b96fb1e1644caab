import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import {
  FlushOperation,
  ReadAtOperation,
  StatOperation,
  TruncateOperation,
  WriteAtOperation
} from "../../../src/Proactor/FileOperation.js"
import type { FileOpening, ProactorFile, ProactorService } from "../../../src/Proactor/Proactor.js"
import { temporaryFile } from "../../support/folder.js"
import {
  attempt,
  attemptFailing,
  bytes,
  closing,
  failureOf,
  pattern,
  perform,
  type Subject,
  start,
  test,
  text,
  turns
} from "../harness.js"

const GIB = 2 ** 30

const forAll: Omit<FileOpening, "path"> = {
  access: "readWrite",
  create: "ifMissing",
  append: false,
  sparse: true,
  mode: undefined
}

const openAt = (proactor: ProactorService, path: string, opening: Partial<FileOpening> = {}) =>
  Effect.acquireRelease(proactor.openFile({ ...forAll, path, ...opening }), closing)

/** A new file, which is closed with the scope. */
const openNew = (proactor: ProactorService) =>
  Effect.flatMap(temporaryFile, (path) => openAt(proactor, path, { create: "exclusively" }))

const readAt = (position: number, maxBytes = 65_536): ReadAtOperation => {
  const operation = new ReadAtOperation()
  operation.position = position
  operation.maxBytes = maxBytes
  return operation
}

const readInto = (target: Uint8Array, position: number): ReadAtOperation =>
  Object.assign(readAt(position), { target })

const writeAt = (position: number | "end", bytes: Uint8Array, offset = 0): WriteAtOperation => {
  const operation = new WriteAtOperation()
  operation.position = position
  operation.bytes = bytes
  operation.offset = offset
  return operation
}

const truncateTo = (size: number): TruncateOperation => {
  const operation = new TruncateOperation()
  operation.size = size
  return operation
}

const sizeOf = (file: ProactorFile) =>
  Effect.map(perform(file, new StatOperation()), ({ stat }) => stat?.size ?? -1)

const textAt = (file: ProactorFile, position: number, maxBytes: number) =>
  Effect.map(perform(file, readAt(position, maxBytes)), ({ chunk }) => text(chunk))

export const files = (subject: Subject) => {
  test(subject, "each operation on a file does what it says", (proactor) =>
    Effect.gen(function* () {
      const file = yield* openNew(proactor)
      const { written } = yield* perform(file, writeAt(5 * GIB, bytes("skipped, written"), 9))
      assert.strictEqual(written, 7)
      assert.strictEqual(yield* sizeOf(file), 5 * GIB + 7)
      assert.strictEqual(yield* textAt(file, 5 * GIB, 4), "writ")
      assert.strictEqual(yield* textAt(file, GIB, 2), "\0\0")
      assert.strictEqual(yield* textAt(file, 6 * GIB, 10), "")
      yield* perform(file, truncateTo(5 * GIB + 2))
      assert.strictEqual(yield* textAt(file, 5 * GIB, 10), "wr")
      yield* perform(file, new FlushOperation())
      yield* perform(file, Object.assign(new FlushOperation(), { isDataOnly: true }))
    })
  )

  test(subject, "what is appended goes to the end", (proactor) =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const file = yield* openAt(proactor, path, { append: true })
      for (const word of ["one, ", "two, ", "three"]) yield* perform(file, writeAt("end", bytes(word)))
      assert.strictEqual(yield* textAt(file, 0, 100), "one, two, three")
    })
  )

  test(subject, "an operation is used again and again, and each time it starts afresh", (proactor) =>
    Effect.gen(function* () {
      const file = yield* openNew(proactor)
      const writing = writeAt(0, pattern(1000))
      while (writing.offset < 1000) {
        yield* perform(file, writing)
        writing.offset += writing.written
        writing.position = writing.offset
      }
      const reading = readAt(0, 300)
      let got = 0
      for (;;) {
        const { chunk } = yield* perform(file, reading)
        if (chunk.length === 0) break
        assert.deepStrictEqual([...chunk], [...pattern(chunk.length, got)])
        got += chunk.length
        reading.position = got
      }
      assert.strictEqual(got, 1000)
    })
  )

  test(subject, "any number may be in flight, and each retires once", (proactor) =>
    Effect.gen(function* () {
      const file = yield* openNew(proactor)
      const before = yield* proactor.statistics
      const writes = Array.from({ length: 50 }, (_, place) =>
        start(file, writeAt(place * 4, bytes(`${place}`.padEnd(4))))
      )
      for (const { retired } of writes) yield* retired
      const reads = Array.from({ length: 50 }, (_, place) => start(file, readAt(place * 4, 4)))
      for (const [place, { retired }] of reads.entries()) {
        assert.strictEqual(text((yield* retired).chunk), `${place}`.padEnd(4))
      }
      yield* turns
      for (const { retirements } of [...writes, ...reads]) assert.strictEqual(retirements(), 1)
      const after = yield* proactor.statistics
      assert.strictEqual(after.submitted - before.submitted, 100)
      assert.strictEqual(after.inFlight, 0)
    })
  )

  test(subject, "one that is cancelled retires, well or not, and its bytes are whose they are", (proactor) =>
    Effect.gen(function* () {
      const file = yield* openNew(proactor)
      yield* perform(file, writeAt(0, pattern(50_000)))
      for (let round = 0; round < 10; round++) {
        const all = [
          start(file, readAt(0, 50_000)),
          start(file, writeAt(GIB, bytes("x"))),
          start(file, truncateTo(GIB))
        ]
        for (const { operation } of all) file.cancel(operation)
        for (const { operation, retired, retirements } of all) {
          yield* retired
          assert.strictEqual(retirements(), 1)
          if (operation.failure !== undefined) assert.strictEqual(operation.failure.reason, "Cancelled")
          // It is over: there is nothing to cancel.
          file.cancel(operation)
        }
        const [reading] = all
        if (reading?.operation instanceof ReadAtOperation && reading.operation.failure === undefined) {
          const { chunk } = reading.operation
          assert.isTrue(Buffer.from(chunk).equals(pattern(chunk.length)))
        }
      }
    })
  )

  test(subject, "a buffer that is gone is a typed failure", (proactor) =>
    Effect.gen(function* () {
      const file = yield* openNew(proactor)
      const failure = yield* attemptFailing(file, writeAt(0, bytes("gone"), 4))
      assert.strictEqual(failure.reason, "InvalidArgument")
      assert.strictEqual(yield* sizeOf(file), 0)
    })
  )

  test(
    subject,
    "memory that is transferred during an operation is a typed failure, and the file goes on",
    (proactor) =>
      Effect.gen(function* () {
        const file = yield* openNew(proactor)
        yield* perform(file, writeAt(0, pattern(1000)))
        const [target, written] = [new Uint8Array(1000), new Uint8Array(pattern(1000))]
        const all = [start(file, readInto(target, 0)), start(file, writeAt(0, written))]
        const areInFlight = all.map(({ operation }) => operation.isInFlight)
        // Kept: on Linux a thread is using it.
        const kept = structuredClone([target, written], { transfer: [target.buffer, written.buffer] })
        for (const { retired } of all) yield* retired
        const [reading, writing] = all.map(({ operation }) => operation.failure?.reason)
        assert.strictEqual(reading, areInFlight[0] ? "InvalidArgument" : undefined)
        // A proactor may have copied what is to be written.
        if (!areInFlight[1] || subject.name.includes("IOCP")) assert.strictEqual(writing, undefined)
        else assert.strictEqual(writing, "InvalidArgument")
        assert.strictEqual(kept.length, 2)
        const gone = yield* attemptFailing(file, readInto(target, 0))
        assert.strictEqual(gone.reason, "InvalidArgument")
        assert.strictEqual((yield* perform(file, readAt(0))).chunk.length, 1000)
      })
  )

  test(subject, "a file that is closed refuses, and closing it twice is no error", (proactor) =>
    Effect.gen(function* () {
      const file = yield* openNew(proactor)
      file.close()
      file.close()
      file.abandon()
      const all = [
        readAt(0),
        writeAt(0, bytes("x")),
        truncateTo(0),
        new FlushOperation(),
        new StatOperation()
      ]
      for (const operation of all) {
        assert.strictEqual((yield* attemptFailing(file, operation)).reason, "Closed")
      }
      assert.strictEqual((yield* proactor.statistics).openSockets, 0)
    })
  )

  test(subject, "one that is closed too early drains first", (proactor) =>
    Effect.gen(function* () {
      const file = yield* openNew(proactor)
      const all = [
        start(file, writeAt(0, bytes("well"))),
        start(file, truncateTo(4)),
        start(file, new FlushOperation()),
        start(file, readAt(0))
      ]
      file.close()
      for (const { retired, retirements } of all) {
        yield* retired
        assert.strictEqual(retirements(), 1)
      }
    })
  )

  test(subject, "it tells when the system has closed it, after all that was in flight", (proactor) =>
    Effect.gen(function* () {
      const file = yield* openNew(proactor)
      const { retired, retirements } = start(file, writeAt(0, bytes("first")))
      // Where it does not tell, it is closed with the last operation.
      if (file.whenClosed === undefined) {
        file.close()
        yield* retired
        return
      }
      const calls: Array<number> = []
      file.whenClosed(() => void calls.push(retirements()))
      file.close()
      while (calls.length === 0) yield* turns
      assert.deepStrictEqual(calls, [1])
      file.whenClosed(() => void calls.push(0))
      assert.deepStrictEqual(calls, [1, 0], "who asks later is told at once")
      yield* turns
      assert.strictEqual(calls.length, 2)
    })
  )

  test(subject, "a file that cannot be opened says why", (proactor) =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const missing = yield* Effect.flip(Effect.scoped(openAt(proactor, path, { create: "never" })))
      assert.deepInclude(missing, { operation: "open", address: path })
      assert.include(["ENOENT", "ERROR_FILE_NOT_FOUND"], missing.codeName)
      yield* Effect.scoped(openAt(proactor, path, { create: "exclusively" }))
      const there = yield* Effect.flip(Effect.scoped(openAt(proactor, path, { create: "exclusively" })))
      assert.include(["EEXIST", "ERROR_FILE_EXISTS"], there.codeName)
    })
  )

  test(subject, "closing the proactor closes its files, and what is in flight retires", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const scope = yield* Scope.make()
      const proactor = yield* Scope.extend(subject.make, scope)
      const file = yield* proactor.openFile({ ...forAll, path })
      const all = [start(file, writeAt(0, pattern(100_000))), start(file, new FlushOperation())]
      yield* Scope.close(scope, Exit.void)
      for (const { retired, retirements } of all) {
        yield* retired
        assert.strictEqual(retirements(), 1)
      }
      assert.strictEqual(failureOf(yield* attempt(file, readAt(0))).reason, "Closed")
      const opening = yield* Effect.flip(proactor.openFile({ ...forAll, path }))
      assert.strictEqual(opening.reason, "Closed")
    })
  )
}
