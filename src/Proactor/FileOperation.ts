/**
 * Operations on files and directories. Their lifecycle is that of every operation, see `Operation`.
 *
 * A file has no position of its own here: each operation says where it begins, so any number may be in flight on one file,
 * and they do not depend on each other. Positions and sizes are whole numbers, 0 to 2^53 - 1.
 *
 * Cancelling is a request here as everywhere. A proactor whose files are served by threads cannot call an operation back
 * that a thread is at: it completes. So until an operation retires, its bytes are the proactor's in any case.
 *
 * @since 0.1.0
 */
import type { SocketError } from "../Errors/index.js"
import type { DirectoryChange } from "./DirectoryChange.js"
import { Operation, takenAway } from "./Operation.js"
import type { ProactorFile } from "./Proactor.js"

const noBytes = new Uint8Array(0)

/**
 * Reads from `position` on: at least one byte and at most `maxBytes`. A success with an empty `chunk` is the end of the
 * file: there is nothing at that position, or after it.
 *
 * With a `target` the bytes come there, as many as it has room for; it is the proactor's until the operation retires. If its
 * memory was transferred by then, the operation fails.
 *
 * @since 0.1.0
 * @category models
 */
export class ReadAtOperation extends Operation {
  readonly kind = "ReadAt"
  position = 0
  maxBytes = 0
  target: Uint8Array | undefined
  /** The bytes read: memory of its own, the submitter's to keep; or the part of `target` that was filled. */
  chunk: Uint8Array = noBytes

  /** For proactors: how many bytes to read at most. */
  get room(): number {
    const { maxBytes, target } = this
    return target === undefined ? maxBytes : Math.min(maxBytes, target.length)
  }

  /** For proactors, before they read: what is wrong, if the target has no room. See the same of `SendOperation`. */
  get vanished(): SocketError | undefined {
    return this.target?.length === 0 ? takenAway(this) : undefined
  }

  /** For proactors: fills the target, if there is one, with bytes that came into memory of theirs; else `copy` makes the chunk. */
  fill(bytes: Uint8Array, copy: (bytes: Uint8Array) => Uint8Array): void {
    const { target } = this
    if (target === undefined) this.chunk = copy(bytes)
    else if (this.filled(target, bytes.length)) target.set(bytes)
  }

  /**
   * For proactors: the chunk is the first `count` bytes of the target. If that was taken away meanwhile, the operation has
   * failed, and there is nowhere to put them.
   */
  filled(target: Uint8Array, count: number): boolean {
    const isThere = target.length > 0 && target.length >= count
    if (isThere) this.chunk = target.subarray(0, count)
    else this.failure = takenAway(this)
    return isThere
  }
}

/**
 * Writes `bytes` from `offset` on to `position`, or to the end of the file, wherever that is by then: at least one byte,
 * perhaps not all. A file that was opened to append takes the latter only, and another the former only. The submitter
 * leaves `bytes` unchanged until the operation retires.
 *
 * @since 0.1.0
 * @category models
 */
export class WriteAtOperation extends Operation {
  readonly kind = "WriteAt"
  position: number | "end" = 0
  bytes: Uint8Array = noBytes
  offset = 0
  /** How many bytes were written, once retired. */
  written = 0

  /** For proactors, before they look at the bytes: see the same of `SendOperation`. */
  get vanished(): SocketError | undefined {
    return this.offset < this.bytes.length ? undefined : takenAway(this)
  }

  /** For proactors that write from the bytes themselves, when they have: were these taken away, nobody knows what was written. */
  took(count: number): void {
    this.written = count
    if (this.bytes.length < this.offset + count) this.failure = takenAway(this)
  }
}

/**
 * Makes the file `size` bytes long: what is beyond is cut off, and what is missing reads as zeros.
 *
 * @since 0.1.0
 * @category models
 */
export class TruncateOperation extends Operation {
  readonly kind = "Truncate"
  size = 0
}

/**
 * Waits until what was written is on the disk, as far as the system knows (`fsync`, `FlushFileBuffers`).
 *
 * @since 0.1.0
 * @category models
 */
export class FlushOperation extends Operation {
  readonly kind = "Flush"
  /** Whether what only concerns the file's times may stay behind (`fdatasync`), where the system makes that difference. */
  isDataOnly = false
}

/**
 * What the system knows about a file.
 *
 * @since 0.1.0
 * @category models
 */
export interface FileStat {
  /** In bytes. */
  readonly size: number
  /** When it was last written to. */
  readonly modified: Date
}

/**
 * Asks what the system knows about the file.
 *
 * @since 0.1.0
 * @category models
 */
export class StatOperation extends Operation {
  readonly kind = "Stat"
  /** The answer, after a success. */
  stat: FileStat | undefined
}

/**
 * The operations of a file.
 *
 * @since 0.1.0
 * @category models
 */
export type FileOperation =
  | ReadAtOperation
  | WriteAtOperation
  | TruncateOperation
  | FlushOperation
  | StatOperation

/**
 * Sends a part of a file over a stream, without copying it through this program: at least one byte, perhaps not all of
 * `length`. A success that sent nothing is the end of the file: there is nothing at `position`, or after it.
 *
 * A stream that cannot do that, or not with this file, retires it with a failure, and has sent nothing.
 *
 * @since 0.1.0
 * @category models
 */
export class SendFileOperation extends Operation {
  readonly kind = "SendFile"
  file: ProactorFile | undefined
  position = 0
  /** At least 1. */
  length = 0
  /** While in flight, and after a failure: how many bytes the system took upon itself to send, whatever happens here. */
  committed = 0
  /** How many bytes were sent, once retired. */
  sent = 0

  /** Lets go of the file, once retired. */
  forget(): void {
    this.file = undefined
  }
}

/**
 * Waits for changes in a directory, and takes those that there are: at least one. From the moment in which the first one
 * is submitted, the system keeps what happens until the next.
 *
 * @since 0.1.0
 * @category models
 */
export class ChangesOperation extends Operation {
  readonly kind = "Changes"
  /** In their order, after a success. */
  changes: ReadonlyArray<DirectoryChange> = []
}
