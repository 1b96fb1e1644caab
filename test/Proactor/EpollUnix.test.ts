/**
 * The files of Unix sockets, which only a real file system has: modes, paths that are stale, and paths that are not ours.
 */
import * as Fs from "node:fs"
import { join } from "node:path"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { encodeUnixSockaddr, unsafeMakeUnix } from "../../src/Address/index.js"
import * as C from "../../src/Epoll/Constants.js"
import { libc } from "../../src/Epoll/Libc.js"
import { ConnectOperation } from "../../src/Proactor/Operation.js"
import type { ProactorService } from "../../src/Proactor/Proactor.js"
import { temporaryFolder } from "../support/folder.js"
import { fairness } from "./contract/fairness.js"
import { epoll } from "./epollSubject.js"
import { accept, closing, perform, test } from "./harness.js"
import { connectUnix, freePath, listenUnix, openUnix, unixEnds, unixPair } from "./unixHarness.js"

const isHere = process.platform === "linux"

const modeOf = (path: string): number => Fs.lstatSync(path).mode & 0o777

/** A raw socket that is bound to the path; whoever closes it leaves the file behind, as a process does that is killed. */
const bindRaw = (path: string, kind = C.SOCK_STREAM): number => {
  const fd = libc().socket(C.AF_UNIX, kind | C.SOCK_CLOEXEC, 0)
  const sockaddr = encodeUnixSockaddr(unsafeMakeUnix(path))
  assert.strictEqual(libc().bind(fd, sockaddr, sockaddr.length), 0)
  return fd
}

const leaveStale = (path: string): void => {
  libc().close(bindRaw(path))
}

/** With another umask. */
const masked = <A, E, R>(mask: number, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => process.umask(mask)),
    () => effect,
    (before) => Effect.sync(() => process.umask(before))
  )

/** As a user that has to ask for permission: root has not. */
const asNobody = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  process.geteuid?.() === 0
    ? Effect.acquireUseRelease(
        Effect.sync(() => process.seteuid?.(65_534)),
        () => effect,
        () => Effect.sync(() => process.seteuid?.(0))
      )
    : effect

const removed = (proactor: ProactorService, path: string) =>
  Effect.flatMap(openUnix(proactor), (socket) => socket.removeStale(unsafeMakeUnix(path)))

describe.runIf(isHere)("the files of Unix sockets", () => {
  fairness(epoll, unixEnds)

  for (const [umask, mode] of [
    [0o022, 0o600],
    [0o022, 0o666],
    [0o077, 0o777],
    [0o777, 0o660],
    [0o000, 0o000]
  ] as const) {
    test(epoll, `a mode of ${mode.toString(8)} is had under a umask of ${umask.toString(8)}`, (proactor) =>
      Effect.gen(function* () {
        const address = yield* freePath
        const socket = yield* openUnix(proactor)
        yield* masked(umask, socket.bind(address, mode))
        assert.strictEqual(modeOf(address.path), mode)
      })
    )
  }

  test(epoll, "without a mode the umask says what the file's is", (proactor) =>
    Effect.gen(function* () {
      const address = yield* freePath
      yield* masked(0o027, listenUnix(proactor, address))
      assert.strictEqual(modeOf(address.path), 0o750)
    })
  )

  test(epoll, "whom the mode keeps out cannot connect", (proactor) =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      Fs.chmodSync(folder, 0o755)
      const address = unsafeMakeUnix(join(folder, "s"))
      const socket = yield* openUnix(proactor)
      yield* socket.bind(address, 0o600)
      yield* socket.listen(1)
      if (process.geteuid?.() === 0) {
        const failure = yield* Effect.flip(asNobody(connectUnix(proactor, address)))
        assert.deepInclude(failure, { _tag: "NetworkError", reason: "PermissionDenied" })
      }
      yield* connectUnix(proactor, address)
    })
  )

  test(epoll, "what stands at the path of another is not taken away", (proactor) =>
    Effect.gen(function* () {
      const address = yield* freePath
      const listener = yield* listenUnix(proactor, address)
      Fs.unlinkSync(address.path)
      const next = yield* listenUnix(proactor, address)
      yield* closing(listener)
      yield* connectUnix(proactor, address)
      yield* accept(next)
      Fs.unlinkSync(address.path)
      Fs.writeFileSync(address.path, "a file")
      yield* closing(next)
      assert.strictEqual(Fs.readFileSync(address.path, "utf8"), "a file")
    })
  )

  test(epoll, "a relative path is taken away from where it was, wherever the process has gone", (proactor) =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const before = process.cwd()
      yield* Effect.addFinalizer(() => Effect.sync(() => process.chdir(before)))
      process.chdir(folder)
      const listener = yield* listenUnix(proactor, unsafeMakeUnix("relative"))
      assert.strictEqual((yield* listener.localAddress).path, "relative")
      yield* connectUnix(proactor, unsafeMakeUnix("./relative"))
      process.chdir(before)
      yield* closing(listener)
      assert.deepStrictEqual(Fs.readdirSync(folder), [])
    })
  )

  test(epoll, "a path of 107 bytes is one; a folder that is missing or shut is a typed error", (proactor) =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const longest = join(folder, "x".repeat(107 - folder.length - 1))
      assert.strictEqual(longest.length, 107)
      const listener = yield* listenUnix(proactor, unsafeMakeUnix(longest))
      assert.strictEqual((yield* listener.localAddress).path, longest)
      const client = yield* connectUnix(proactor, unsafeMakeUnix(longest))
      assert.strictEqual((yield* client.remoteAddress).path, longest)

      const bind = (path: string) =>
        Effect.flatMap(openUnix(proactor), (socket) => Effect.flip(socket.bind(unsafeMakeUnix(path))))
      const missing = yield* bind(join(folder, "missing", "s"))
      assert.deepInclude(missing, { _tag: "NetworkError", operation: "bind", codeName: "ENOENT" })
      Fs.writeFileSync(join(folder, "file"), "")
      const within = yield* bind(join(folder, "file", "s"))
      assert.deepInclude(within, { reason: "InvalidArgument", codeName: "ENOTDIR" })
      Fs.chmodSync(folder, 0o555)
      const shut = yield* asNobody(bind(join(folder, "s")))
      assert.deepInclude(shut, { reason: "PermissionDenied", codeName: "EACCES", syscall: "bind" })
      Fs.chmodSync(folder, 0o755)
    })
  )

  test(epoll, "who is at the other end is known", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* unixPair(proactor)
      const own = {
        processId: process.pid,
        userId: process.geteuid?.() ?? -1,
        groupId: process.getegid?.() ?? -1
      }
      assert.deepStrictEqual(yield* client.peerCredentials, own)
      const fresh = yield* openUnix(proactor)
      assert.strictEqual((yield* Effect.flip(fresh.peerCredentials)).reason, "NotConnected")
      yield* closing(client)
      assert.strictEqual((yield* Effect.flip(client.peerCredentials)).reason, "Closed")
    })
  )
})

describe.runIf(isHere)("a stale path", () => {
  test(epoll, "is taken away, and can be bound", (proactor) =>
    Effect.gen(function* () {
      const address = yield* freePath
      leaveStale(address.path)
      const socket = yield* openUnix(proactor)
      assert.strictEqual((yield* Effect.flip(socket.bind(address))).reason, "AddressInUse")
      assert.isTrue(yield* socket.removeStale(address))
      yield* socket.bind(address)
      yield* socket.listen(1)
      yield* connectUnix(proactor, address)
    })
  )

  test(epoll, "is none if nothing is there", (proactor) =>
    Effect.gen(function* () {
      assert.isTrue(yield* removed(proactor, (yield* freePath).path))
    })
  )

  test(epoll, "is none if a file is there, a folder, or a link to a stale one", (proactor) =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const paths = ["file", "folder", "link", "stale"].map((name) => join(folder, name))
      const [file = "", directory = "", link = "", stale = ""] = paths
      Fs.writeFileSync(file, "kept")
      Fs.mkdirSync(directory)
      leaveStale(stale)
      Fs.symlinkSync(stale, link)
      for (const path of [file, directory, link]) assert.isFalse(yield* removed(proactor, path), path)
      assert.deepStrictEqual(Fs.readdirSync(folder), ["file", "folder", "link", "stale"])
    })
  )

  test(epoll, "is none if somebody listens there, though there is no room for one more", (proactor) =>
    Effect.gen(function* () {
      const address = yield* freePath
      const fd = bindRaw(address.path)
      yield* Effect.addFinalizer(() => Effect.sync(() => libc().close(fd)))
      assert.strictEqual(libc().listen(fd, 0), 0)
      yield* connectUnix(proactor, address)
      assert.isFalse(yield* removed(proactor, address.path))
      assert.isTrue(Fs.existsSync(address.path))
    })
  )

  test(epoll, "is none if a socket of datagrams has it", (proactor) =>
    Effect.gen(function* () {
      const { path } = yield* freePath
      const fd = bindRaw(path, C.SOCK_DGRAM)
      yield* Effect.addFinalizer(() => Effect.sync(() => libc().close(fd)))
      assert.isFalse(yield* removed(proactor, path))
      assert.isTrue(Fs.existsSync(path))
    })
  )

  test(epoll, "is none if who is bound there listens a moment later", (proactor) =>
    Effect.gen(function* () {
      const address = yield* freePath
      const starting = yield* openUnix(proactor)
      yield* starting.bind(address)
      const removing = yield* Effect.fork(removed(proactor, address.path))
      yield* Effect.yieldNow()
      yield* starting.listen(1)
      assert.isFalse(yield* Fiber.join(removing))
      yield* connectUnix(proactor, address)
    })
  )

  test(epoll, "stays when it is another by the time it would be taken away", (proactor) =>
    Effect.gen(function* () {
      const { path } = yield* freePath
      leaveStale(path)
      const removing = yield* Effect.fork(removed(proactor, path))
      // It has had its first look.
      yield* Effect.yieldNow()
      // The file is held on to, so the next one is told from it, whatever its number.
      Fs.unlinkSync(path)
      leaveStale(path)
      assert.isFalse(yield* Fiber.join(removing))
      assert.isTrue(Fs.existsSync(path))
    })
  )

  test(epoll, "that this user may not take away is a typed error", (proactor) =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = join(folder, "s")
      yield* masked(
        0,
        Effect.sync(() => leaveStale(path))
      )
      Fs.chmodSync(folder, 0o555)
      const failure = yield* asNobody(Effect.flip(removed(proactor, path)))
      assert.deepInclude(failure, { reason: "PermissionDenied", syscall: "unlink", address: path })
      Fs.chmodSync(folder, 0o755)
    })
  )

  test(epoll, "is let go of when the look at it is interrupted", (proactor) =>
    Effect.gen(function* () {
      const { path } = yield* freePath
      leaveStale(path)
      const removing = yield* Effect.fork(removed(proactor, path))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(removing)
      assert.isTrue(Fs.existsSync(path))
    })
  )

  test(epoll, "many clients of a listener without room get through in the end", (proactor) =>
    Effect.gen(function* () {
      const address = yield* freePath
      const listener = yield* listenUnix(proactor, address, 1)
      const connecting = Effect.scoped(
        Effect.flatMap(openUnix(proactor), (client) => perform(client, new ConnectOperation(address)))
      )
      const clients = yield* Effect.forkAll(Array.from({ length: 50 }, () => connecting))
      for (let count = 0; count < 50; count++) yield* Effect.scoped(accept(listener))
      yield* Fiber.join(clients)
    })
  )
})
