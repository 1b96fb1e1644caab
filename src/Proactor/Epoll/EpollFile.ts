/**
 * A file on Linux, served by threads.
 *
 * Epoll has nothing to say about a file on a disk: it is always ready, and a read that finds its bytes on no page in
 * memory blocks until the disk has brought them. So these operations go to libuv's threads, by the functions of
 * `node:fs`, and come back from there:
 *
 *     submit --> a thread makes the call (or waits for its turn) --> the event loop --> retired, its submitter is told
 *
 * The completion loop has no part in it: libuv keeps the process while a call is under way. There are 4 such threads
 * unless UV_THREADPOOL_SIZE says otherwise, and name resolution is theirs too.
 *
 * Why not io_uring, which has true completions for files: it wants Linux 5.6 and a good deal later for most of what would
 * be asked of it, containers and distributions switch it off for its record of holes, and so does Node since 20.3.1. A
 * second engine would be needed beside this one in any case.
 *
 * The thread reads into the target itself, and writes from the bytes themselves. Who transfers such memory meanwhile moves it
 * from under the thread: that is found out when the call is back, and is a failure of the operation.
 *
 * Cancelling. A call that is with a thread cannot be taken back, and `cancel` does not try: the operation completes, or
 * fails, like any other, and until then its buffer is the thread's.
 *
 * Lifecycle of the file:
 *
 *     Open --close, nothing in flight--> Closing --a thread has closed the descriptor--> Closed
 *       |                                   |
 *       |                                   +--the last operation is back
 *       |                                   |
 *       +--close, or abandon, with operations in flight--> Draining
 *
 * The descriptor is closed only when no thread uses it: its number is reused at once. It is closed by a thread too, since a
 * file system across the network may take its time over that. Whoever closes is called back at the end (`whenClosed`).
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import { closed, fromErrno, type SocketError } from "../../Errors/index.js"
import type {
  FileOperation,
  FlushOperation,
  ReadAtOperation,
  StatOperation,
  WriteAtOperation
} from "../FileOperation.js"
import type { Ledger } from "../Operation.js"
import type { ProactorFile } from "../Proactor.js"
import { ScratchBuffer } from "../ReceiveMemory.js"

/** The most that one read or write moves: so long it cannot be called back, and its thread does nothing else. */
const PIECE_BYTES = 1024 * 1024

/**
 * What a file needs of its proactor.
 *
 * @internal
 */
export interface FileHost {
  readonly ledger: Ledger
  /** Whether the proactor takes no operation any more. */
  readonly isClosed: boolean
  /** An operation is with the threads. */
  readonly handedOver: () => void
  /** Such an operation is over, and its outcome in its fields: it retires, and its submitter is to be told. */
  readonly broughtBack: (operation: FileOperation) => void
  /** The file is no open one any more: its descriptor is to be closed, and perhaps some thread still uses it. */
  readonly forget: (file: EpollFile) => void
  /** The descriptor is closed, or nobody waits for that. */
  readonly gone: (file: EpollFile) => void
}

type Failure = NodeJS.ErrnoException | null

/** @internal */
export class EpollFile implements ProactorFile {
  private readonly host: FileHost
  private readonly fd: number
  private inFlight = 0
  private isClosed = false
  /** Whether the descriptor is closed too. */
  private isGone = false
  private readonly closers: Array<() => void> = []

  constructor(host: FileHost, fd: number) {
    this.host = host
    this.fd = fd
  }

  /** For calls that are over when they return; -1 once it is closed. */
  get descriptor(): number {
    return this.isClosed ? -1 : this.fd
  }

  submit(operation: FileOperation): boolean {
    operation.begin(this.host.ledger)
    const refusal = this.refusalOf(operation)
    if (refusal !== undefined) {
      operation.failure = refusal
      operation.finish()
      return true
    }
    this.inFlight += 1
    this.host.handedOver()
    this.start(operation)
    return false
  }

  cancel(_operation: FileOperation): void {
    // A thread has it, or will have it: it comes back by itself.
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.host.forget(this)
    this.closeIfDrained()
  }

  abandon(): void {
    // What comes back after all closes it then.
    this.close()
    this.host.gone(this)
  }

  whenClosed(closed: () => void): void {
    if (this.isGone) closed()
    else this.closers.push(closed)
  }

  private refusalOf(operation: FileOperation): SocketError | undefined {
    if (this.isClosed || this.host.isClosed) return closed(operation.purpose, operation.peer)
    return operation.kind === "WriteAt" || operation.kind === "ReadAt" ? operation.vanished : undefined
  }

  private start(operation: FileOperation): void {
    switch (operation.kind) {
      case "ReadAt":
        this.read(operation)
        break
      case "WriteAt":
        this.write(operation)
        break
      case "Stat":
        this.stat(operation)
        break
      case "Truncate":
        fs.ftruncate(this.fd, operation.size, (error) => this.over(operation, "ftruncate", error))
        break
      case "Flush":
        this.flush(operation)
        break
    }
  }

  private read(operation: ReadAtOperation): void {
    const { position, room, target } = operation
    const length = Math.min(room, PIECE_BYTES)
    const scratch = new ScratchBuffer(length)
    fs.read(this.fd, target ?? scratch.bytes, 0, length, position, (error, count) => {
      if (error === null) {
        if (target === undefined) operation.chunk = scratch.take(count)
        else operation.filled(target, count)
      }
      this.over(operation, "pread", error)
    })
  }

  private write(operation: WriteAtOperation): void {
    const { bytes, offset, position } = operation
    const length = Math.min(bytes.length - offset, PIECE_BYTES)
    const isAtEnd = position === "end"
    fs.write(this.fd, bytes, offset, length, isAtEnd ? null : position, (error, count) => {
      operation.took(error === null ? count : 0)
      this.over(operation, isAtEnd ? "write" : "pwrite", error)
    })
  }

  private stat(operation: StatOperation): void {
    fs.fstat(this.fd, (error, stats) => {
      if (error === null) operation.stat = { size: stats.size, modified: stats.mtime }
      this.over(operation, "fstat", error)
    })
  }

  private flush(operation: FlushOperation): void {
    if (operation.isDataOnly) fs.fdatasync(this.fd, (error) => this.over(operation, "fdatasync", error))
    else fs.fsync(this.fd, (error) => this.over(operation, "fsync", error))
  }

  /** The thread is done with it: the one place where an operation retires. */
  private over(operation: FileOperation, syscall: string, error: Failure): void {
    if (error !== null) operation.failure = failureOf(error, operation.purpose, syscall, operation.peer)
    this.inFlight -= 1
    this.host.broughtBack(operation)
    if (this.isClosed) this.closeIfDrained()
  }

  private closeIfDrained(): void {
    if (this.inFlight > 0) return
    // What close(2) answers concerns what was written earlier, which is for `Flush` to tell: it is closed in any case.
    fs.close(this.fd, () => this.wasClosed())
  }

  private wasClosed(): void {
    this.isGone = true
    this.host.gone(this)
    for (const closed of this.closers.splice(0)) closed()
  }
}

/**
 * The error for what a function of `node:fs` gave its callback: its `errno` is the system's, negated.
 *
 * @internal
 */
export const failureOf = (
  error: NodeJS.ErrnoException,
  operation: string,
  syscall: string,
  address?: string
) => fromErrno(-(error.errno ?? 0), { operation, syscall, address })
