/**
 * On Linux a thread closes the descriptor of a file. Whoever closes waits for that: what is looked at here are the open
 * descriptors of this process, and whether a file system can be unmounted.
 */
import { pbkdf2 } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as File from "../../src/File/index.js"
import * as Net from "../../src/Net/index.js"
import { pair, pattern, runChecked, type Subject, test } from "../Net/harness.js"
import { absenceOf } from "../support/absence.js"
import { temporaryFile } from "../support/folder.js"
import { fullPool } from "../support/fullPool.js"
import { tinyDisk } from "../support/tinyDisk.js"

const subject: Subject = { name: "epoll", layer: Net.layer, isSlow: false }

/** What an open descriptor of this process is. */
const linkOf = (fd: string): string => {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    // The one that read the directory itself is gone.
    return ""
  }
}

/** How many descriptors this process has for the file. */
const descriptorsOf = (path: string): number =>
  fs.readdirSync("/proc/self/fd").filter((fd) => linkOf(fd) === path).length

const assertGone = (path: string) => Effect.sync(() => assert.strictEqual(descriptorsOf(path), 0))

const opened = (path: string) => File.open(path, { access: "readWrite", create: "ifMissing" })

/** A file that is there, in a scope of its own. */
const openedAlone = Effect.gen(function* () {
  const path = yield* temporaryFile
  const scope = yield* Scope.make()
  const file = yield* Scope.extend(opened(path), scope)
  assert.strictEqual(descriptorsOf(path), 1)
  return { file, path, end: Scope.close(scope, Exit.void) }
})

/** Gives libuv's threads something to do, for a moment: what is to be closed waits for its turn. */
const keepThreadsBusy = () => {
  for (let job = 0; job < 8; job++) pbkdf2("password", "salt", 150_000, 64, "sha512", () => {})
}

/** A file system is busy for as long as anything in it is open. */
const unmounting = Effect.gen(function* () {
  const { root, unmount } = yield* tinyDisk()
  const open = yield* Effect.forEach(["a", "b", "c"], (name) => opened(join(root, name)))
  assert.throws(unmount, /busy/)
  keepThreadsBusy()
  yield* Effect.forEach(open, ({ close }) => close, { concurrency: "unbounded" })
  unmount()
})

describe.runIf(process.platform === "linux")("a file that is closed on Linux", () => {
  test(subject, "has no descriptor any more, each time, by its scope's end or by `close`", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      for (let round = 0; round < 300; round++) {
        if (round % 2 === 0) yield* Effect.scoped(opened(path))
        else
          yield* Effect.scoped(
            Effect.flatMap(opened(path), ({ close }) => Effect.zipRight(close, assertGone(path)))
          )
        yield* assertGone(path)
      }
    })
  )

  it.scopedLive("is waited for: by each of several who close it, and by the scope that it is in", () =>
    Effect.gen(function* () {
      const { end, file, path } = yield* openedAlone
      const release = yield* fullPool
      const closings = yield* Effect.forEach([file.close, end, file.close], (close) =>
        Effect.fork(Effect.zipRight(close, assertGone(path)))
      )
      yield* Effect.sleep("20 millis")
      assert.strictEqual(descriptorsOf(path), 1, "no thread is free to close it")
      for (const closing of closings)
        assert.isTrue(Option.isNone(yield* Fiber.poll(closing)), "it is waited for")
      // Meanwhile it is no open file any more.
      assert.strictEqual((yield* Effect.flip(file.size)).reason, "Closed")
      yield* release
      yield* Fiber.joinAll(closings)
      yield* file.close
    }).pipe(Effect.provide(Net.layer))
  )

  test(
    subject,
    "while it is read and written, has no descriptor afterwards, and what was under way is over",
    () =>
      Effect.gen(function* () {
        for (let round = 0; round < 30; round++) {
          const { end, file, path } = yield* openedAlone
          yield* file.writeAll(pattern(100_000), { offset: 0 })
          const asked = [file.read({ offset: 0 }), file.writeAll(pattern(3_000_000), { offset: 0 })]
          const asking = yield* Effect.forEach(asked, Effect.fork)
          if (round % 3 > 0) yield* Effect.yieldNow()
          yield* round % 2 === 0 ? file.close : end
          yield* assertGone(path)
          for (const one of asking) {
            const exit = yield* Fiber.await(one)
            if (Exit.isFailure(exit)) assert.include(String(exit.cause), "closed")
          }
          yield* end
        }
      })
  )

  test(subject, "while a connection sends it, has no descriptor afterwards", () =>
    Effect.gen(function* () {
      const { client } = yield* pair
      const { end, file, path } = yield* openedAlone
      yield* file.truncate(64 * 1024 * 1024)
      // Nobody reads: it stands still.
      const sending = yield* Effect.fork(client.sendFile(file))
      yield* Effect.sleep("20 millis")
      yield* end
      yield* assertGone(path)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(sending)))
    })
  )

  it.scopedLive("is closed to the end although the one who closes it is interrupted", () =>
    Effect.gen(function* () {
      const { file, path } = yield* openedAlone
      const release = yield* fullPool
      const closing = yield* Effect.fork(file.close)
      yield* Effect.sleep("5 millis")
      const interrupting = yield* Effect.fork(Fiber.interrupt(closing))
      yield* Effect.sleep("5 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(interrupting)))
      yield* release
      yield* Fiber.join(interrupting)
      yield* assertGone(path)
    }).pipe(Effect.provide(Net.layer))
  )

  it.scoped("is not waited for longer than 10 s, and the log says so", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => void logged.push(String(message)))
    return Effect.gen(function* () {
      const { end, file, path } = yield* openedAlone
      const release = yield* fullPool
      const closings = yield* Effect.forEach([file.close, end], Effect.fork)
      yield* TestClock.adjust("9999 millis")
      for (const closing of closings) assert.isTrue(Option.isNone(yield* Fiber.poll(closing)))
      assert.deepStrictEqual(logged, [])
      yield* TestClock.adjust("1 millis")
      yield* Fiber.joinAll(closings)
      assert.deepStrictEqual(logged, [`the system has not closed ${path} yet`])
      yield* release
    }).pipe(Effect.provide(Net.layer), Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })

  it.scopedLive("and left open, is closed when the service has ended", () =>
    Effect.gen(function* () {
      const path = yield* temporaryFile
      for (let round = 0; round < 50; round++) {
        const [service, files] = [yield* Scope.make(), yield* Scope.make()]
        const net = yield* Layer.buildWithScope(Net.layer, service)
        const file = yield* Scope.extend(opened(path), files).pipe(Effect.provide(net))
        yield* Scope.close(service, Exit.void)
        yield* assertGone(path)
        assert.strictEqual((yield* Effect.flip(file.size)).reason, "Closed")
        yield* Scope.close(files, Exit.void)
      }
    })
  )

  it("leaves a file system that can be unmounted", () => {
    const absence = absenceOf("unshare") ?? absenceOf("nsenter")
    return absence === undefined ? runChecked(subject, unmounting) : assert.fail(absence)
  })
})
