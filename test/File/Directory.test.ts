import * as fs from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type FileError, fromErrno, fromFileStatus } from "../../src/Errors/index.js"
import { Directory } from "../../src/File/index.js"
import { watchFailure } from "../../src/File/internal/Watcher.js"
import * as Net from "../../src/Net/index.js"
import { runChecked, type Subject, test } from "../Net/harness.js"
import { pulledAtEveryStep } from "../Net/interruptions.js"
import { temporaryFolder } from "../support/folder.js"

const isWindows = process.platform === "win32"
const isWine = process.env["EFFECT_IOCP_LANE"] === "wine"

const subject: Subject = { name: isWindows ? "iocp" : "epoll", layer: Net.layer, isSlow: isWine }

type Changes = Stream.Stream<Directory.Change, FileError>

const nameOf = (change: Directory.Change): string => (change.kind === "overflow" ? "" : change.name)

/** All changes up to the one of that kind and name. */
const upTo = (changes: Changes, kind: Directory.Change["kind"], name: string) =>
  Effect.map(
    Stream.runCollect(Stream.takeUntil(changes, (change) => change.kind === kind && nameOf(change) === name)),
    Chunk.toReadonlyArray
  )

/** The changes of names, without those of their content, of which each system tells as many as it likes. */
const ofNames = (changes: ReadonlyArray<Directory.Change>) =>
  changes.filter(({ kind }) => kind !== "modified").map((change) => `${change.kind} ${nameOf(change)}`)

/** The names on one side of the renamings, by their cookies. */
const cookiesOf = (changes: ReadonlyArray<Directory.Change>, side: "renamedFrom" | "renamedTo") =>
  new Map(changes.flatMap((change) => (change.kind === side ? [[change.cookie, change.name]] : [])))

const watching = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const changes = yield* Directory.watch(folder)
  return { folder, changes, at: (name: string) => join(folder, name) }
})

const touch = (path: string) => fs.writeFileSync(path, "")

describe("watching a directory", () => {
  test(subject, "what happens is told, in its order", () =>
    Effect.gen(function* () {
      const { at, changes } = yield* watching
      touch(at("a"))
      fs.renameSync(at("a"), at("Grüße 世界"))
      fs.mkdirSync(at("directory"))
      fs.rmSync(at("Grüße 世界"))
      touch(at("end"))
      assert.deepStrictEqual(ofNames(yield* upTo(changes, "created", "end")), [
        "created a",
        "renamedFrom a",
        "renamedTo Grüße 世界",
        "created directory",
        "removed Grüße 世界",
        "created end"
      ])
    })
  )

  test(subject, "the two sides of a renaming have a cookie in common, and nothing else has one", () =>
    Effect.gen(function* () {
      const { at, changes } = yield* watching
      touch(at("0"))
      // What was there already is replaced.
      touch(at("5"))
      const total = 20
      for (let count = 0; count < total; count++) {
        fs.renameSync(at(`${count}`), at(`${count + 1}`))
        // One waits when it happens, or finds that it has happened.
        if (count % 2 === 0) yield* Effect.sleep("1 millis")
      }
      fs.writeFileSync(at("end"), "written")
      const all = yield* upTo(changes, "created", "end")
      const [from, to] = [cookiesOf(all, "renamedFrom"), cookiesOf(all, "renamedTo")]
      const names = Array.from({ length: total + 1 }, (_, count) => `${count}`)
      assert.deepStrictEqual([...from.values()], names.slice(0, -1))
      assert.deepStrictEqual([...to.values()], names.slice(1))
      assert.deepStrictEqual([...from.keys()], [...to.keys()])
      for (const cookie of from.keys()) {
        assert.isTrue(Number.isInteger(cookie) && cookie >= 1 && cookie <= 0xffff_ffff)
      }
      const others = all.filter(({ kind }) => !kind.startsWith("renamed"))
      assert.isNotEmpty(others)
      for (const other of others) assert.notProperty(other, "cookie")
    })
  )

  test(subject, "so it has where the first side is taken before the second has come", () =>
    Effect.gen(function* () {
      const { at, changes } = yield* watching
      touch(at("0"))
      yield* upTo(changes, "created", "0")
      const cookies = new Set<number>()
      for (let count = 0; count < 20; count++) {
        const pulling = yield* Effect.fork(upTo(changes, "renamedTo", `${count + 1}`))
        yield* Effect.sleep("1 millis")
        fs.renameSync(at(`${count}`), at(`${count + 1}`))
        const all = yield* Fiber.join(pulling)
        const [from, to] = [cookiesOf(all, "renamedFrom"), cookiesOf(all, "renamedTo")]
        assert.deepStrictEqual([...from.values()], [`${count}`])
        assert.deepStrictEqual([...from.keys()], [...to.keys()])
        for (const cookie of from.keys()) cookies.add(cookie)
      }
      assert.strictEqual(cookies.size, 20)
    })
  )

  test(subject, "so is that something was written to", () =>
    Effect.gen(function* () {
      const { at, changes } = yield* watching
      fs.writeFileSync(at("file"), "once")
      yield* upTo(changes, "modified", "file")
      fs.appendFileSync(at("file"), ", twice")
      touch(at("end"))
      const later = yield* upTo(changes, "created", "end")
      assert.isTrue(later.some(({ kind }) => kind === "modified"))
    })
  )

  test(subject, "what happens before the first pull, and between pulls, is kept", () =>
    Effect.gen(function* () {
      const { at, changes } = yield* watching
      const seen: Array<string> = []
      for (let round = 0; round < 20; round++) {
        touch(at(`first ${round}`))
        touch(at(`second ${round}`))
        if (round % 3 === 0) yield* Effect.sleep("2 millis")
        if (round % 2 === 0) continue
        // Each run takes one change, and leaves the rest to the next.
        for (const change of yield* Stream.runCollect(Stream.take(changes, 1))) seen.push(nameOf(change))
      }
      touch(at("end"))
      const rest = yield* upTo(changes, "created", "end")
      const names = [...new Set([...seen, ...rest.map(nameOf)])]
      const expected = Array.from({ length: 20 }, (_, round) => [`first ${round}`, `second ${round}`]).flat()
      assert.deepStrictEqual(names, [...expected, "end"])
    })
  )

  test(subject, "a pull that is interrupted loses nothing", () =>
    Effect.gen(function* () {
      const { at, changes } = yield* watching
      const total = subject.isSlow ? 60 : 300
      const seen: Array<string> = []
      const pull = Stream.runForEach(Stream.take(changes, 1), (change) =>
        Effect.sync(() => void seen.push(nameOf(change)))
      )
      let interrupted = 0
      for (let count = 0; count < total; count++) {
        const pulling = yield* Effect.fork(pull)
        for (let turn = 0; turn < count % 5; turn++) yield* Effect.yieldNow()
        if (count % 4 === 0) yield* Effect.sleep("1 millis")
        touch(at(`${count}`))
        for (let turn = 0; turn < count % 3; turn++) yield* Effect.yieldNow()
        if (Exit.isInterrupted(yield* Fiber.interrupt(pulling))) interrupted += 1
      }
      touch(at("end"))
      seen.push(...(yield* upTo(changes, "created", "end")).map(nameOf))
      assert.isAbove(interrupted, 0, "no pull was interrupted: the test tested nothing")
      const expected = Array.from({ length: total }, (_, count) => `${count}`)
      assert.deepStrictEqual([...new Set(seen)], [...expected, "end"])
    })
  )

  test(subject, "a pull that is interrupted at whichever step has handed on what it took", () =>
    Effect.gen(function* () {
      const { at, changes } = yield* watching
      const names = Array.from({ length: 100 }, (_, count) => `${count}`)
      for (const name of names) touch(at(name))
      const seen = (yield* upTo(changes, "created", "0")).map(nameOf)
      seen.push(...(yield* pulledAtEveryStep(changes)).map(nameOf))
      touch(at("end"))
      seen.push(...(yield* upTo(changes, "created", "end")).map(nameOf))
      assert.deepStrictEqual([...new Set(seen)], [...names, "end"])
    })
  )

  test(subject, "of two who pull, each change goes to one", () =>
    Effect.gen(function* () {
      const { at, changes } = yield* watching
      const seen: Array<string> = []
      const puller = Stream.runForEach(changes, (change) =>
        Effect.sync(() => {
          if (change.kind === "created") seen.push(change.name)
        })
      )
      const pulling = yield* Effect.forEach([1, 2], () => Effect.fork(puller))
      for (let count = 0; count < 50; count++) {
        touch(at(`${count}`))
        yield* Effect.yieldNow()
      }
      while (seen.length < 50) yield* Effect.sleep("1 millis")
      yield* Fiber.interruptAll(pulling)
      assert.deepStrictEqual(
        [...seen].sort((a, b) => Number(a) - Number(b)),
        Array.from({ length: 50 }, (_, count) => `${count}`)
      )
    })
  )

  test(subject, "what is too much to be kept is said, and afterwards all is well", () =>
    Effect.gen(function* () {
      const { at, changes } = yield* watching
      touch(at("0"))
      yield* upTo(changes, "created", "0")
      const renamings = isWindows ? 2_000 : 12_000
      for (let count = 0; count < renamings; count++) fs.renameSync(at(`${count}`), at(`${count + 1}`))
      const overflow = yield* Stream.runHead(Stream.filter(changes, ({ kind }) => kind === "overflow"))
      assert.isTrue(Option.isSome(overflow))
      touch(at("end"))
      yield* upTo(changes, "created", "end")
    })
  )

  test(subject, "two watches of one directory are two", () =>
    Effect.gen(function* () {
      const { at, changes, folder } = yield* watching
      const others = yield* Directory.watch(folder)
      touch(at("for both"))
      for (const watched of [changes, others]) yield* upTo(watched, "created", "for both")
    })
  )

  test(subject, "it ends with its scope: who pulls then, and later, is told", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      for (let round = 0; round < 10; round++) {
        const scope = yield* Scope.make()
        const changes = yield* Scope.extend(Directory.watch(folder), scope)
        const pulling = yield* Effect.fork(Stream.runDrain(changes))
        if (round % 2 === 0) yield* Effect.sleep("2 millis")
        yield* Scope.close(scope, Exit.void)
        for (const failed of [Fiber.join(pulling), Stream.runDrain(changes)]) {
          assert.deepInclude(yield* Effect.flip(failed), { _tag: "FileError", reason: "Closed" })
        }
      }
    })
  )

  test(subject, "what is no directory cannot be watched", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const [file, missing] = [join(folder, "file"), join(folder, "missing")]
      touch(file)
      for (const [path, reason] of [
        [file, "NotDirectory"],
        [missing, "NotFound"],
        ["", "InvalidArgument"],
        ["a\0b", "InvalidArgument"]
      ] as const) {
        const failure = yield* Effect.flip(Effect.scoped(Directory.watch(path)))
        assert.deepInclude(failure, { _tag: "FileError", reason, operation: "watch", path })
      }
    })
  )
})

describe.runIf(process.platform === "linux")("watching a directory on Linux", () => {
  test(subject, "does not reach below it", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const failure = yield* Effect.flip(Effect.scoped(Directory.watch(folder, { recursive: true })))
      assert.deepInclude(failure, { _tag: "FileError", reason: "Unsupported", path: folder })
    })
  )

  test(
    subject,
    "of what leaves a directory, or comes into it, there is one side: in both the same cookie",
    () =>
      Effect.gen(function* () {
        const here = yield* watching
        const there = yield* watching
        for (const name of ["a", "b"]) {
          touch(here.at(name))
          fs.renameSync(here.at(name), there.at(name))
        }
        for (const { at } of [here, there]) touch(at("end"))
        const left = yield* upTo(here.changes, "created", "end")
        const came = yield* upTo(there.changes, "created", "end")
        assert.strictEqual(cookiesOf(left, "renamedTo").size + cookiesOf(came, "renamedFrom").size, 0)
        const [from, to] = [cookiesOf(left, "renamedFrom"), cookiesOf(came, "renamedTo")]
        assert.strictEqual(from.size, 2)
        assert.deepStrictEqual([...from], [...to])
      })
  )

  test(subject, "ends when the directory is gone, with the last changes first", () =>
    Effect.gen(function* () {
      const { at, changes, folder } = yield* watching
      touch(at("last"))
      fs.rmSync(folder, { recursive: true })
      const seen: Array<Directory.Change> = []
      const failure = yield* Effect.flip(
        Stream.runForEach(changes, (change) => Effect.sync(() => void seen.push(change)))
      )
      assert.deepStrictEqual(ofNames(seen), ["created last", "removed last"])
      assert.deepInclude(failure, { _tag: "FileError", reason: "NotFound", path: folder })
      assert.deepInclude(yield* Effect.flip(Stream.runDrain(changes)), { reason: "NotFound" })
    })
  )
})

// Wine 8 has no such thing: it watches the directory alone, and says nothing.
describe.runIf(isWindows && !isWine)("watching a directory on Windows", () => {
  test(subject, "reaches below it, if that is wanted", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      fs.mkdirSync(join(folder, "below"))
      const changes = yield* Directory.watch(folder, { recursive: true })
      touch(join(folder, "below", "file"))
      yield* upTo(changes, "created", "below\\file")
    })
  )

  test(subject, "ends when the directory is gone", () =>
    Effect.gen(function* () {
      const { changes, folder } = yield* watching
      fs.rmdirSync(folder)
      const failure = yield* Effect.flip(Stream.runDrain(changes))
      assert.deepInclude(failure, { _tag: "FileError", reason: "NotFound", path: folder })
    })
  )
})

describe("a watch that ends", () => {
  it("or cannot begin, says why, in whatever words the system has for it", () => {
    const call = { operation: "watch", syscall: "ReadDirectoryChangesW" }
    for (const status of [0xc0000056, 0xc0000022]) {
      const failure = watchFailure(fromFileStatus(status, call), "folder")
      assert.deepInclude({ ...failure }, { reason: "NotFound", status, path: "folder" })
    }
    assert.strictEqual(watchFailure(fromFileStatus(0xc0000120, call), "folder").reason, "Cancelled")
    for (const code of [24, 28]) {
      const failure = watchFailure(
        fromErrno(code, { operation: "watch", syscall: "inotify_init1" }),
        "folder"
      )
      assert.deepInclude({ ...failure }, { reason: "ResourceExhausted", code, path: "folder" })
      assert.include(failure.message, "max_user_instances")
    }
    const opening = { ...call, syscall: "CreateFileW" }
    assert.strictEqual(watchFailure(fromFileStatus(0xc0000022, opening), "folder").reason, "PermissionDenied")
  })
})

describe("watching on a simulated network", () => {
  it("is unsupported", () =>
    runChecked(
      { name: "simulated", layer: Net.layerSimulated(), isSlow: false },
      Effect.gen(function* () {
        const failure = yield* Effect.flip(Effect.scoped(Directory.watch("anywhere")))
        assert.deepInclude(failure, { _tag: "FileError", reason: "Unsupported" })
      })
    ))
})
