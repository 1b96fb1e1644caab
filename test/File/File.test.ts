/**
 * Files of this system, seen from outside as well: by `node:fs`, and as directories, pipes and full disks are.
 */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { FileError } from "../../src/Errors/index.js"
import * as File from "../../src/File/index.js"
import * as Net from "../../src/Net/index.js"
import { pair, pattern, readToEnd, runChecked, type Subject, test } from "../Net/harness.js"
import { absenceOf } from "../support/absence.js"
import { bytes, text } from "../support/bytes.js"
import { temporaryFile, temporaryFolder } from "../support/folder.js"
import { tinyDisk } from "../support/tinyDisk.js"

const isWindows = process.platform === "win32"

const subject: Subject = {
  name: isWindows ? "iocp" : "epoll",
  layer: Net.layer,
  isSlow: process.env["EFFECT_IOCP_LANE"] === "wine"
}

const failing = <A, R>(effect: Effect.Effect<A, FileError, R>) => Effect.flip(effect)

const opening = (path: string, options: File.OpenOptions = { access: "read" }) =>
  Effect.scoped(File.open(path, options))

describe("files beside node:fs", () => {
  test(subject, "what is written here is read there, and the other way round", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const file = yield* File.open(path, { access: "readWrite", create: "ifMissing" })
      const all = pattern(300_000)
      yield* file.writeAll(all, { offset: 0 })
      assert.isTrue(fs.readFileSync(path).equals(all))
      fs.appendFileSync(path, "appended elsewhere")
      assert.strictEqual(text(yield* file.read({ offset: all.length })), "appended elsewhere")
      yield* file.truncate(5)
      assert.strictEqual(fs.statSync(path).size, 5)
      const { modified, size } = yield* file.stat
      assert.strictEqual(size, 5)
      assert.approximately(modified.getTime(), fs.statSync(path).mtimeMs, 1)
    })
  )

  test(subject, "appends go to the end, wherever that is by then", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      fs.writeFileSync(path, "before, ")
      const file = yield* File.open(path, { access: "write", append: true })
      yield* file.append(bytes("one, "))
      fs.appendFileSync(path, "elsewhere, ")
      yield* file.append(bytes("two"))
      assert.strictEqual(fs.readFileSync(path, "utf8"), "before, one, elsewhere, two")
      yield* file.truncate(6)
      yield* file.append(bytes("!"))
      assert.strictEqual(fs.readFileSync(path, "utf8"), "before!")
    })
  )

  test(subject, "names of any script, with spaces, and long ones", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const deep = join(folder, ...Array.from({ length: 12 }, () => "d".repeat(30)))
      fs.mkdirSync(deep, { recursive: true })
      for (const name of ["Grüße, 世界 🎈", "a b  c", "n".repeat(150)]) {
        const path = join(deep, name)
        const file = yield* File.open(path, { access: "write", create: "exclusively" })
        yield* file.writeAll(bytes(name), { offset: 0 })
        assert.strictEqual(fs.readFileSync(path, "utf8"), name)
      }
      assert.isAbove(deep.length, 260)
    })
  )

  test(subject, "an open file can be renamed and deleted by others, and goes on", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const [path, other] = [join(folder, "a"), join(folder, "b")]
      const file = yield* File.open(path, { access: "readWrite", create: "exclusively" })
      yield* file.writeAll(bytes("still"), { offset: 0 })
      fs.renameSync(path, other)
      fs.rmSync(other)
      assert.strictEqual(text(yield* file.read({ offset: 0 })), "still")
    })
  )
})

describe("paths that lead to no file", () => {
  test(subject, "nothing, and a directory that is none", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = join(folder, "file")
      fs.writeFileSync(path, "")
      for (const missing of [join(folder, "missing"), join(folder, "missing", "file")]) {
        const failure = yield* failing(opening(missing))
        assert.deepInclude(failure, { reason: "NotFound", operation: "open", path: missing })
        assert.include(failure.message, missing)
      }
      const beyond = yield* failing(opening(join(path, "below"), { access: "write", create: "ifMissing" }))
      assert.include(["NotDirectory", "NotFound"], beyond.reason)
    })
  )

  test(subject, "a directory, however it is opened", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const all: ReadonlyArray<File.OpenOptions> = [
        { access: "read" },
        { access: "write" },
        { access: "readWrite" },
        { access: "write", create: "ifMissing" },
        { access: "write", create: "truncated" }
      ]
      for (const options of all) {
        const { reason } = yield* failing(opening(folder, options))
        assert.strictEqual(reason, "IsDirectory", JSON.stringify(options))
      }
      const exclusively = yield* failing(opening(folder, { access: "write", create: "exclusively" }))
      assert.include(["AlreadyExists", "IsDirectory"], exclusively.reason)
    })
  )

  test(subject, "a name that is too long", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = join(folder, "x".repeat(300))
      const { reason } = yield* failing(opening(path, { access: "write", create: "ifMissing" }))
      assert.include(["InvalidArgument", "NotFound"], reason)
    })
  )
})

describe.runIf(isWindows)("files on Windows", () => {
  test(subject, "have no permissions of that kind: an option that cannot be kept is refused", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const options = { access: "write", create: "exclusively", mode: 0o600 } as const
      assert.strictEqual((yield* failing(opening(path, options))).reason, "Unsupported")
      assert.isFalse(fs.existsSync(path))
    })
  )

  test(subject, "have names, and not every text is one", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const { reason } = yield* failing(
        opening(join(folder, "a?b"), { access: "write", create: "exclusively" })
      )
      assert.strictEqual(reason, "InvalidArgument")
    })
  )

  test(subject, "a pipe or a device is none", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* failing(opening("\\\\.\\NUL"))).reason, "Unsupported")
    })
  )
})

/** What an open descriptor of this process is. */
const linkOf = (fd: string): string => {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    // The one that read the directory itself is gone.
    return ""
  }
}

describe.runIf(process.platform === "linux")("files on Linux", () => {
  test(subject, "are made with the permissions that were asked for", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      yield* opening(path, { access: "write", create: "exclusively", mode: 0o640 })
      assert.strictEqual(fs.statSync(path).mode & 0o777, 0o640 & ~process.umask())
    })
  )

  test(subject, "are not inherited by child processes", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      yield* File.open(path, { access: "readWrite", create: "exclusively" })
      assert.include(fs.readdirSync("/proc/self/fd").map(linkOf).join(), path)
      assert.notInclude(execFileSync("ls", ["-l", "/proc/self/fd"], { encoding: "utf8" }), path)
    })
  )

  test(subject, "what has no positions is refused, and nobody waits for it", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const fifo = join(folder, "fifo")
      execFileSync("mkfifo", [fifo])
      for (const access of ["read", "write", "readWrite"] as const) {
        assert.strictEqual((yield* failing(opening(fifo, { access }))).reason, "Unsupported", access)
      }
      assert.strictEqual((yield* failing(opening("/dev/zero"))).reason, "Unsupported")
    })
  )

  test(subject, "what the kernel makes up is sent as well, in whatever way", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const expected = fs.readFileSync("/proc/version")
      const file = yield* File.open("/proc/version", { access: "read" })
      assert.strictEqual(yield* client.sendFile(file, { length: expected.length }), expected.length)
      yield* client.shutdown("write")
      assert.isTrue((yield* readToEnd(server)).equals(expected))
    })
  )

  test(subject, "links in a circle", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = join(folder, "circle")
      fs.symlinkSync(path, path)
      assert.deepInclude(yield* failing(opening(path)), { reason: "InvalidArgument", codeName: "ELOOP" })
    })
  )

  /** As somebody else than root, to whom everything is permitted. */
  const asNobody = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
    const { geteuid, seteuid } = process
    if (geteuid === undefined || seteuid === undefined || geteuid() !== 0) return effect
    return Effect.acquireUseRelease(
      Effect.sync(() => seteuid(65_534)),
      () => effect,
      () => Effect.sync(() => seteuid(0))
    )
  }

  test(subject, "a file of somebody else's", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = join(folder, "secret")
      fs.writeFileSync(path, "secret")
      fs.chmodSync(path, 0)
      fs.chmodSync(folder, 0o711)
      const failure = yield* failing(asNobody(opening(path)))
      assert.deepInclude(failure, { reason: "PermissionDenied", code: 13, codeName: "EACCES" })
    })
  )

  const needingUnshare = (name: string, program: () => Parameters<typeof runChecked>[1]) =>
    it(name, () => {
      const absence = absenceOf("unshare")
      return absence === undefined ? runChecked(subject, program()) : assert.fail(absence)
    })

  needingUnshare("a disk that is full", () =>
    Effect.gen(function* () {
      const { root } = yield* tinyDisk()
      const path = join(root, "file")
      const file = yield* File.open(path, { access: "readWrite", create: "exclusively" })
      const all = pattern(3 * 1024 * 1024)
      const failure = yield* failing(file.writeAll(all, { offset: 0 }))
      assert.deepInclude(failure, { reason: "DiskFull", codeName: "ENOSPC", operation: "write", path })
      const written = failure.bytesTransferred ?? 0
      assert.isAbove(written, 500_000)
      assert.strictEqual(yield* file.size, written)
      const [last] = yield* file.read({ offset: written - 1 })
      assert.strictEqual(last, all[written - 1])
      // Room again: the same file goes on.
      yield* file.truncate(0)
      yield* file.writeAll(bytes("room"), { offset: 0 })
      assert.strictEqual(text(yield* file.read({ offset: 0 })), "room")
    })
  )

  needingUnshare("a file system that is read-only", () =>
    Effect.gen(function* () {
      // Refused as long as a file is open to be written, which is what is tried below.
      const { root } = yield* tinyDisk(`until mount -o remount,ro none "$PWD"; do sleep 0.02; done`)
      const path = join(root, "ready")
      // The remounting comes a moment after the file that says that it was mounted.
      const failure = yield* failing(opening(path, { access: "write" })).pipe(
        Effect.retry(Schedule.intersect(Schedule.spaced("20 millis"), Schedule.recurs(250)))
      )
      assert.deepInclude(failure, { reason: "ReadOnly", codeName: "EROFS", operation: "open" })
    })
  )

  test(subject, "a write beyond what the file system can have", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      const file = yield* File.open(path, { access: "write", create: "exclusively" })
      const failure = yield* failing(file.writeAll(bytes("x"), { offset: Number.MAX_SAFE_INTEGER - 1 }))
      assert.include(["TooLarge", "InvalidArgument"], failure.reason)
    })
  )
})
