/**
 * A directory that is watched on Linux, by inotify(7).
 *
 * An inotify instance is a descriptor like a socket: reading from it gives the events that there are, or would block. So
 * everything about waiting is `EpollDescriptor`'s. Between two operations the kernel keeps what happens, up to
 * fs.inotify.max_queued_events; what is beyond is lost, and the kernel says so in an event, which is passed on.
 *
 * Every directory has an instance of its own, rather than all of them one: a directory that nobody looks after then makes
 * only its own events overflow. A user has 128 instances at most unless fs.inotify.max_user_instances says otherwise.
 *
 * It is not recursive. To watch what is below, every directory there would need a watch, and what happens in a new one
 * before it has its own is seen by nobody: an answer that is right most of the time is no answer.
 *
 * When the directory is deleted, or its file system unmounted, the watch ends: the last events are told, and the next
 * operation fails.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as C from "../../Epoll/Constants.js"
import { InotifyEventLayout, libc } from "../../Epoll/Libc.js"
import { fromErrno, type SocketError, unsupported } from "../../Errors/index.js"
import { type DirectoryChange, type NamedKind, namedChange } from "../DirectoryChange.js"
import type { ChangesOperation } from "../FileOperation.js"
import type { ProactorDirectory } from "../Proactor.js"
import { EpollDescriptor, type EpollHost, wouldBlock } from "./EpollDescriptor.js"

const MASK =
  C.IN_CREATE | C.IN_DELETE | C.IN_MODIFY | C.IN_ATTRIB | C.IN_MOVED_FROM | C.IN_MOVED_TO | C.IN_ONLYDIR

/** The most events that one read takes, in bytes. */
const SCRATCH_BYTES = 64 * 1024

const scratch = new Uint8Array(SCRATCH_BYTES)
const scratchView = new DataView(scratch.buffer)
const decoder = new TextDecoder()

const kinds: ReadonlyArray<readonly [bit: number, kind: NamedKind]> = [
  [C.IN_CREATE, "created"],
  [C.IN_DELETE, "removed"],
  [C.IN_MODIFY, "modified"],
  [C.IN_ATTRIB, "modified"],
  [C.IN_MOVED_FROM, "renamedFrom"],
  [C.IN_MOVED_TO, "renamedTo"]
]

const kindOf = (mask: number): NamedKind | undefined => kinds.find(([bit]) => (mask & bit) !== 0)?.[1]

/** Without the zeros after it. */
const nameAt = (start: number, length: number): string => {
  const padded = scratch.subarray(start, start + length)
  const end = padded.indexOf(0)
  return decoder.decode(end < 0 ? padded : padded.subarray(0, end))
}

class EpollDirectory extends EpollDescriptor<ChangesOperation> implements ProactorDirectory {
  /** Whether the watch has ended, since the directory is gone. */
  private isGone = false

  protected override isWriting(): boolean {
    return false
  }

  protected override start(operation: ChangesOperation): boolean {
    for (;;) {
      if (this.isGone) return this.failed(operation, "inotify_add_watch", C.ENOENT)
      const count = this.system.read(this.fd, scratch, SCRATCH_BYTES)
      if (count > 0) {
        operation.changes = this.changesIn(count)
        // What says that the directory is gone may come alone: then that is all there is to tell.
        if (operation.changes.length > 0) return true
      } else if (count === 0) {
        return false
      } else {
        const code = this.system.errno()
        if (wouldBlock(code)) return false
        if (code !== C.EINTR) return this.failed(operation, "read", code)
      }
    }
  }

  private changesIn(count: number): ReadonlyArray<DirectoryChange> {
    const changes: Array<DirectoryChange> = []
    for (let at = 0; at < count; ) {
      const nameLength = scratchView.getUint32(at + InotifyEventLayout.nameLength, true)
      const change = this.changeAt(at, nameLength)
      if (change !== undefined) changes.push(change)
      at += InotifyEventLayout.size + nameLength
    }
    return changes
  }

  /** What the event that begins there tells. */
  private changeAt(at: number, nameLength: number): DirectoryChange | undefined {
    const mask = scratchView.getUint32(at + InotifyEventLayout.mask, true)
    if ((mask & C.IN_Q_OVERFLOW) !== 0) return { kind: "overflow" }
    if ((mask & (C.IN_IGNORED | C.IN_UNMOUNT)) !== 0) this.isGone = true
    const kind = kindOf(mask)
    // Without a name it is about the directory itself.
    if (kind === undefined || nameLength === 0) return undefined
    const cookie = scratchView.getUint32(at + InotifyEventLayout.cookie, true)
    return namedChange(kind, nameAt(at + InotifyEventLayout.size, nameLength), cookie)
  }
}

/** @internal */
export const openDirectory = (
  host: EpollHost,
  path: string,
  isRecursive: boolean
): Effect.Effect<ProactorDirectory, SocketError> =>
  Effect.suspend(() => {
    if (isRecursive) {
      const advice = "inotify watches one directory, and not what is below it: watch each of them"
      return Effect.fail(unsupported("watch", advice))
    }
    const system = libc()
    const call = { operation: "watch", address: path }
    const fd = system.inotify_init1(C.IN_NONBLOCK | C.IN_CLOEXEC)
    if (fd < 0) return Effect.fail(fromErrno(system.errno(), { ...call, syscall: "inotify_init1" }))
    if (system.inotify_add_watch(fd, path, MASK) >= 0) return Effect.succeed(new EpollDirectory(host, fd))
    const failure = fromErrno(system.errno(), { ...call, syscall: "inotify_add_watch" })
    system.close(fd)
    return Effect.fail(failure)
  })
