/**
 * The file of a Unix socket: making it with the right mode, and taking it away if it is the right one.
 *
 * A path is only a name, and what it names can change at any time. So nothing is done to a file because of its path alone:
 * its device and inode are looked at first. These are compared only while something holds on to the file (the socket that
 * is bound to it, or a descriptor that `O_PATH` has opened), since the system gives the inode's number to the next file as
 * soon as nobody does.
 *
 * What is left to chance is the moment between the last look and `unlink(2)`: no system call does both.
 *
 * @since 0.1.0
 */
import * as Fs from "node:fs"
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import type { UnixAddress } from "../../Address/index.js"
import * as C from "../../Epoll/Constants.js"
import type { Libc } from "../../Epoll/Libc.js"
import { fromErrno, isSocketError, type SocketError } from "../../Errors/index.js"
import { isSoTwice } from "../SecondLook.js"
import { unixDomain } from "./Domain.js"

const PERMISSIONS = 0o777n

/** `open(2)` without a right to anything but the file's identity, and to the link itself where it is one. */
const IDENTITY_ONLY = C.O_PATH | C.O_CLOEXEC | Fs.constants.O_NOFOLLOW

/** A file, whatever path leads to it. */
interface Identity {
  readonly dev: bigint
  readonly ino: bigint
}

const isSame = (one: Identity, other: Identity): boolean => one.dev === other.dev && one.ino === other.ino

/** What Node's file system has thrown: an errno, negative there. */
const codeOf = (failure: unknown): number => {
  if (failure instanceof Error && "errno" in failure && typeof failure.errno === "number") {
    return -failure.errno
  }
  throw failure
}

/** Makes calls on a file. All of them are part of a `bind`. */
const attempt = <A>(syscall: string, address: string, run: () => A): Effect.Effect<A, SocketError> =>
  Effect.try({
    try: run,
    catch: (failure) => fromErrno(codeOf(failure), { operation: "bind", syscall, address })
  })

/** The file that the path names now; `undefined` if it names none. */
const lookAt = (path: string): Fs.BigIntStats | undefined =>
  Fs.lstatSync(path, { bigint: true, throwIfNoEntry: false })

/**
 * Before `bind(2)`: the file will have this mode, less what the umask takes. So nobody can connect whom it keeps out.
 *
 * @internal
 */
export const restrict = (fd: number, mode: number, address: string): Effect.Effect<void, SocketError> =>
  attempt("fchmod", address, () => Fs.fchmodSync(fd, mode))

/**
 * The file that a socket was bound to. The socket holds on to it.
 *
 * @internal
 */
export class UnixFile {
  /** Absolute: the working folder may change. */
  private readonly path: string
  private readonly stats: Fs.BigIntStats

  private constructor(path: string, stats: Fs.BigIntStats) {
    this.path = path
    this.stats = stats
  }

  /** The file that `bind(2)` has made just now. */
  static bound(path: string): Effect.Effect<UnixFile, SocketError> {
    return attempt("lstat", path, () => {
      const absolute = resolve(path)
      return new UnixFile(absolute, Fs.lstatSync(absolute, { bigint: true }))
    })
  }

  /** Gives the file what the umask took from the mode. Nobody could connect until now: the socket does not listen. */
  widen(mode: number): Effect.Effect<void, SocketError> {
    if ((this.stats.mode & PERMISSIONS) === BigInt(mode)) return Effect.void
    return attempt("chmod", this.path, () => {
      const fd = Fs.openSync(this.path, IDENTITY_ONLY)
      try {
        // Through the descriptor: `chmod(2)` follows symbolic links, and the path may lead elsewhere by now. Then it is not
        // the file of this socket, to which no path leads any more.
        if (isSame(Fs.fstatSync(fd, { bigint: true }), this.stats)) Fs.chmodSync(`/proc/self/fd/${fd}`, mode)
      } finally {
        Fs.closeSync(fd)
      }
    })
  }

  /** Takes the file away, if the path still leads to it. To be called before the socket is closed. */
  unlink(): void {
    try {
      const found = lookAt(this.path)
      if (found !== undefined && isSame(found, this.stats)) Fs.unlinkSync(this.path)
    } catch {
      // The socket is closed all the same. What stays behind is a stale file, which the next listener takes away.
    }
  }
}

/** A file at a path, held on to. */
interface Held {
  readonly fd: number
  readonly stats: Fs.BigIntStats
}

/** `undefined`: there is none. */
const hold = (path: string): Held | undefined => {
  try {
    const fd = Fs.openSync(path, IDENTITY_ONLY)
    return { fd, stats: Fs.fstatSync(fd, { bigint: true }) }
  } catch (failure) {
    if (codeOf(failure) === C.ENOENT) return undefined
    throw failure
  }
}

/** Whether nobody listens there. A connect to a path is over when it returns. */
const isRefused = (system: Libc, sockaddr: Uint8Array): boolean => {
  const fd = system.socket(C.AF_UNIX, C.SOCK_STREAM | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC, 0)
  if (fd < 0) return false
  const isConnected = system.connect(fd, sockaddr, sockaddr.length) === 0
  const code = isConnected ? 0 : system.errno()
  system.close(fd)
  return code === C.ECONNREFUSED
}

/** Takes the file away, if the path still leads to it. Answers whether the path is free. */
const unlinkHeld = (path: string, { stats }: Held): boolean => {
  const found = lookAt(path)
  if (found === undefined) return true
  if (!isSame(found, stats)) return false
  Fs.unlinkSync(path)
  return true
}

/**
 * Takes away the file at the address if it is a socket's and nobody listens there; answers whether the path is free now.
 * What is no socket stays, and so does one that does not let this user connect.
 *
 * @internal
 */
export const removeStale = (system: Libc, address: UnixAddress): Effect.Effect<boolean, SocketError> => {
  const { path } = address
  const sockaddr = unixDomain.encode(address)
  if (isSocketError(sockaddr)) return Effect.fail(sockaddr)
  const isStale = isSoTwice(() => isRefused(system, sockaddr))
  return Effect.acquireUseRelease(
    attempt("open", path, () => hold(path)),
    (held) => {
      if (held === undefined) return Effect.succeed(true)
      if (!held.stats.isSocket()) return Effect.succeed(false)
      return Effect.if(isStale, {
        onTrue: () => attempt("unlink", path, () => unlinkHeld(path, held)),
        onFalse: () => Effect.succeed(false)
      })
    },
    (held) => Effect.sync(() => held !== undefined && Fs.closeSync(held.fd))
  )
}
