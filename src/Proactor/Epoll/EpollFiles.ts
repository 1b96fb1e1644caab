/**
 * The files of a proactor on Linux: how they are opened, which are open, and how many operations are with threads.
 *
 * Opening is a thread's as well (see `EpollFile`): a path may lead across the network. It is not an operation and cannot be
 * called back; a descriptor that comes when the proactor has closed is closed at once. Closing is a thread's too, and a proactor
 * that ends waits for what is being closed, for a while.
 *
 * What is no regular file (and no disk as such) is refused once it is open, by what it says it is: directories; pipes,
 * sockets and terminals, which have no positions, and would hold a thread for as long as nobody writes. To open one of those
 * might wait too, so it is opened non-blocking, which means nothing for a regular file.
 *
 * @since 0.1.0
 */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import { EISDIR } from "../../Epoll/Constants.js"
import { closed, fromErrno, type SocketError, unsupported } from "../../Errors/index.js"
import type { FileOperation } from "../FileOperation.js"
import type { Ledger } from "../Operation.js"
import type { FileOpening, ProactorFile } from "../Proactor.js"
import { EpollFile, type FileHost, failureOf } from "./EpollFile.js"

const DEFAULT_MODE = 0o666

/** How long a proactor that ends waits for its descriptors to be closed. */
const CLOSE_MILLISECONDS = 10_000

const ACCESS: Record<FileOpening["access"], number> = {
  read: fs.constants.O_RDONLY,
  write: fs.constants.O_WRONLY,
  readWrite: fs.constants.O_RDWR
}

const CREATE: Record<FileOpening["create"], number> = {
  never: 0,
  ifMissing: fs.constants.O_CREAT,
  exclusively: fs.constants.O_CREAT | fs.constants.O_EXCL,
  truncated: fs.constants.O_CREAT | fs.constants.O_TRUNC
}

/** libuv adds O_CLOEXEC. */
const flagsOf = ({ access, append, create }: FileOpening): number =>
  ACCESS[access] |
  CREATE[create] |
  (append ? fs.constants.O_APPEND : 0) |
  fs.constants.O_NONBLOCK |
  fs.constants.O_NOCTTY

/** @internal */
export class EpollFiles implements FileHost {
  readonly ledger: Ledger
  isClosed = false
  private readonly open = new Set<EpollFile>()
  /** Those that are closed, and whose descriptors are not yet. */
  private readonly leaving = new Set<EpollFile>()
  private onAllGone: (() => void) | undefined
  private withThreads = 0
  private readonly retire: (operation: FileOperation) => void

  /** `retire` tells the submitter of an operation that is over. */
  constructor(ledger: Ledger, retire: (operation: FileOperation) => void) {
    this.ledger = ledger
    this.retire = retire
  }

  /** How many files are open. */
  get size(): number {
    return this.open.size
  }

  /** How many operations the completion loop has not to wait for. */
  get inFlight(): number {
    return this.withThreads
  }

  openFile(opening: FileOpening): Effect.Effect<ProactorFile, SocketError> {
    return Effect.uninterruptible(
      Effect.async<ProactorFile, SocketError>((resume) => {
        if (this.isClosed) return resume(Effect.fail(closed("open", opening.path)))
        const { mode = DEFAULT_MODE, path } = opening
        fs.open(path, flagsOf(opening), mode, (error, fd) => {
          if (error !== null) resume(Effect.fail(failureOf(error, "open", "open", path)))
          else this.inspect(fd, path, (answer) => resume(answer))
        })
      })
    )
  }

  handedOver(): void {
    this.withThreads += 1
  }

  broughtBack(operation: FileOperation): void {
    this.withThreads -= 1
    operation.finish()
    this.retire(operation)
  }

  forget(file: EpollFile): void {
    this.open.delete(file)
    this.leaving.add(file)
  }

  gone(file: EpollFile): void {
    this.leaving.delete(file)
    if (this.leaving.size === 0) this.onAllGone?.()
  }

  /** Ends what a careless owner left open. What a thread has comes back by itself, and closes its file: see `ended`. */
  shutDown(): void {
    this.isClosed = true
    for (const file of [...this.open]) file.close()
  }

  /** After `shutDown`: waits until every descriptor is closed. */
  get ended(): Effect.Effect<void> {
    return Effect.flatMap(this.allGone, (areGone) =>
      areGone ? Effect.void : Effect.logWarning(`the system has not closed ${this.leaving.size} files yet`)
    )
  }

  /** Waits until every descriptor is closed: `true`; or for a time that is long enough: `false`. */
  private get allGone(): Effect.Effect<boolean> {
    return Effect.async((resume) => {
      if (this.leaving.size === 0) return resume(Effect.succeed(true))
      // The system's time, not the program's: under a test's clock no time passes.
      const timer = setTimeout(() => resume(Effect.succeed(false)), CLOSE_MILLISECONDS)
      this.onAllGone = () => {
        clearTimeout(timer)
        resume(Effect.succeed(true))
      }
    })
  }

  /** Makes a file of the descriptor, if it is one. */
  private inspect(
    fd: number,
    path: string,
    answer: (effect: Effect.Effect<ProactorFile, SocketError>) => void
  ): void {
    fs.fstat(fd, (error, stats) => {
      const failure = error === null ? this.whyNot(stats, path) : failureOf(error, "open", "fstat", path)
      if (failure === undefined) answer(Effect.succeed(this.admit(fd)))
      else fs.close(fd, () => answer(Effect.fail(failure)))
    })
  }

  private whyNot(stats: fs.Stats, path: string): SocketError | undefined {
    if (this.isClosed) return closed("open", path)
    if (stats.isFile() || stats.isBlockDevice()) return undefined
    if (stats.isDirectory()) return fromErrno(EISDIR, { operation: "open", syscall: "open", address: path })
    return unsupported(
      "open",
      "it is a pipe, a socket or a device, and has no positions to read and write at"
    )
  }

  private admit(fd: number): EpollFile {
    const file = new EpollFile(this, fd)
    this.open.add(file)
    return file
  }
}
