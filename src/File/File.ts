/**
 * Files: opened, read, written, appended to, cut and flushed, at any position of theirs.
 *
 * A file is a scoped resource: it is closed with the scope it was opened in, or earlier by `close`, and whoever closes it waits
 * for the system to do so, for 10 s at most. It has no position of its own: whoever reads or writes says where. So any number
 * of fibers may use one file at once, and none is in another's way; what they write to the same place comes there in any order.
 *
 * On Windows the operations go through the completion port. On Linux, where no file is ever not ready, they go to libuv's
 * threads. In `Net.layerSimulated` there is a disk in memory for each host.
 *
 * Interruption. A read that is interrupted has no effect. A write that is interrupted is waited for: the piece that the
 * system has happens, and no more is written. Pieces are 64 KiB (Windows) or 1 MiB.
 *
 * Time. A read or write that runs out of its `timeout` fails with `TimeoutError`; a write tells in `bytesTransferred` how
 * many bytes were written.
 *
 * @since 0.1.0
 */
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import { toFileError } from "../Errors/FileTable.js"
import { FileError, type TimeoutError } from "../Errors/index.js"
import type { TimeoutOptions } from "../Net/Connection.js"
import type { FileSource } from "../Net/internal/FileSource.js"
import { isOffset, isPositiveInteger, offsetIs } from "../Net/internal/Numbers.js"
import { Net } from "../Net/Net.js"
import type { FileStat } from "../Proactor/FileOperation.js"
import type { FileOpening } from "../Proactor/Proactor.js"
import { OpenFile } from "./internal/OpenFile.js"
import { isOptions, nameOf, wrongPath } from "./internal/Paths.js"

export type { FileStat } from "../Proactor/FileOperation.js"

/**
 * @since 0.1.0
 * @category options
 */
export interface OpenOptions {
  readonly access: "read" | "write" | "readWrite"
  /**
   * What to do about a file that is missing, or there. If absent, it has to be there. `ifMissing`: it is made if it is
   * missing. `exclusively`: it is made, and must not have been there. `truncated`: it is made if it is missing, and is empty
   * then in any case.
   */
  readonly create?: "ifMissing" | "exclusively" | "truncated" | undefined
  /** Whether all writing is at the end, wherever that is by then: by `append`, and by nothing else. */
  readonly append?: boolean | undefined
  /**
   * Whether what was never written is to take no room on the disk. On Linux that is always so. On Windows it has to be
   * asked for, and without it the system fills the gap with zeros when something is written after it.
   */
  readonly sparse?: boolean | undefined
  /** The permissions of a file that is made, less the process's umask. 0o666 if absent. Windows has none: `Unsupported`. */
  readonly mode?: number | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface PositionOptions extends TimeoutOptions {
  /** Where to begin, in bytes: a whole number, 0 to 2^53 - 1. */
  readonly offset: number
}

/**
 * @since 0.1.0
 * @category options
 */
export interface ReadOptions extends PositionOptions {
  /** The most bytes to read. 65 536 if absent. It may be fewer, at most 65 536 (Windows) or 1 MiB at a time. */
  readonly maxBytes?: number | undefined
}

/** Without a timeout there is no `TimeoutError`. */
type Untimed<Options> = Options & { readonly timeout?: undefined }

/**
 * @since 0.1.0
 * @category options
 */
export interface FlushOptions {
  /** Whether what only concerns the file's times may stay behind (`fdatasync`). On Windows that is no difference. */
  readonly dataOnly?: boolean | undefined
}

/**
 * An open file.
 *
 * @since 0.1.0
 * @category models
 */
export interface File {
  /** As it was opened. */
  readonly path: string

  /**
   * What is there from `offset` on: at least one byte; empty at the end of the file. The bytes may be a part of a larger
   * `buffer`, as those of a `Buffer` are.
   */
  readonly read: {
    (options: Untimed<ReadOptions>): Effect.Effect<Uint8Array, FileError>
    (options: ReadOptions): Effect.Effect<Uint8Array, FileError | TimeoutError>
  }

  /**
   * Fills the buffer with what is there from `offset` on, and answers how many bytes that was, at least one; 0 at the end of
   * the file. The caller leaves the buffer alone until then, and so does the file afterwards, also if the read is interrupted.
   * In particular its memory is not transferred to another thread meanwhile: the read fails then (`InvalidArgument`), and on
   * Linux what is read may still be written to that memory, wherever it went. For who reads much: unlike `read`, it leaves
   * no garbage.
   */
  readonly readInto: {
    (buffer: Uint8Array, options: Untimed<PositionOptions>): Effect.Effect<number, FileError>
    (buffer: Uint8Array, options: PositionOptions): Effect.Effect<number, FileError | TimeoutError>
  }

  /**
   * Writes some of the bytes, at least one, and answers how many. The caller leaves them unchanged until then. A gap between
   * the end of the file and `offset` reads as zeros.
   */
  readonly write: {
    (bytes: Uint8Array, options: Untimed<PositionOptions>): Effect.Effect<number, FileError>
    (bytes: Uint8Array, options: PositionOptions): Effect.Effect<number, FileError | TimeoutError>
  }

  /** Writes all of the bytes. Where that fails on the way, `bytesTransferred` tells how many were written. */
  readonly writeAll: {
    (bytes: Uint8Array, options: Untimed<PositionOptions>): Effect.Effect<void, FileError>
    (bytes: Uint8Array, options: PositionOptions): Effect.Effect<void, FileError | TimeoutError>
  }

  /**
   * Writes all of the bytes at the end of a file that was opened with `append`. Appends of several fibers go out whole, one
   * after the other. What another program appends meanwhile comes before or after, or between two pieces.
   */
  readonly append: (bytes: Uint8Array) => Effect.Effect<void, FileError>

  /** Makes the file that long: what is beyond is cut off, and what is missing reads as zeros. */
  readonly truncate: (size: number) => Effect.Effect<void, FileError>

  /** Waits until what was written is on the disk (`fsync`, `FlushFileBuffers`). */
  readonly flush: (options?: FlushOptions) => Effect.Effect<void, FileError>

  readonly stat: Effect.Effect<FileStat, FileError>
  /** How long it is, in bytes. */
  readonly size: Effect.Effect<number, FileError>

  /**
   * Closes the file now rather than with its scope. What is under way fails with `Closed`, or is over. Twice is no error. When
   * this ends, the system has closed it, and its disk can be unmounted. Should that take longer than 10 s, as with a disk across
   * the network that does not answer, it ends all the same, and the log says so (a warning). So it is when the scope closes.
   */
  readonly close: Effect.Effect<void>

  /**
   * For `connection.sendFile`.
   *
   * @internal
   */
  readonly source: FileSource
}

const DEFAULT_CHUNK_BYTES = 64 * 1024
const MOST_MODE = 0o7777

const accesses: ReadonlySet<unknown> = new Set(["read", "write", "readWrite"])
const creations: ReadonlySet<unknown> = new Set([undefined, "ifMissing", "exclusively", "truncated"])

/** For callers whom no compiler told, and for what no system makes sense of. */
const wrongWith = (path: string, options: OpenOptions): string | undefined => {
  const wrong = wrongPath(path)
  if (wrong !== undefined) return wrong
  if (!isOptions(options)) return "the options say what access is wanted"
  const { access, append, create, mode } = options
  if (!accesses.has(access)) return 'access is "read", "write" or "readWrite"'
  if (!creations.has(create)) return 'create is "ifMissing", "exclusively" or "truncated"'
  if (access === "read" && append === true) return "what is open for reading only cannot be appended to"
  if (access === "read" && create === "truncated") return "what is open for reading only cannot be emptied"
  if (mode !== undefined && !(Number.isInteger(mode) && mode >= 0 && mode <= MOST_MODE)) {
    return "mode is a whole number, 0 to 0o7777"
  }
  return undefined
}

const openingOf = (path: string, options: OpenOptions): FileOpening => ({
  path,
  access: options.access,
  create: options.create ?? "never",
  append: options.append === true,
  sparse: options.sparse === true,
  mode: options.mode
})

/**
 * Opens a file, which is closed with the scope. Handles are not inherited by child processes; on Windows others may read,
 * write, rename and delete the file meanwhile, as they may on Linux.
 *
 * Fails with `FileError` (`NotFound`, `AlreadyExists`, `PermissionDenied`, `IsDirectory`, ...). What has no positions, a
 * pipe or a terminal, is `Unsupported`; what is no path, or no such option, `InvalidArgument`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (path: string, options: OpenOptions): Effect.Effect<File, FileError, Net | Scope.Scope> =>
  Effect.flatMap(Net, ({ proactor }) => {
    const wrong = wrongWith(path, options)
    if (wrong !== undefined) {
      return Effect.fail(
        new FileError({ reason: "InvalidArgument", operation: "open", path: nameOf(path), advice: wrong })
      )
    }
    const opening = openingOf(path, options)
    const opened = Effect.mapError(proactor.openFile(opening), (failure) =>
      toFileError(failure, { operation: "open", path })
    )
    // Between having the file and being responsible for it there is no step.
    return Effect.uninterruptible(
      Effect.flatMap(Effect.scope, (scope) =>
        Effect.map(opened, (handle) => new OpenFile(handle, opening).adoptInto(scope))
      )
    )
  })

/**
 * @since 0.1.0
 * @category options
 */
export interface StreamOptions {
  /** Where to begin, in bytes. 0 if absent. */
  readonly offset?: number | undefined
  /** How many bytes at most. All of them if absent. */
  readonly length?: number | undefined
  /** The most bytes of a chunk. 65 536 if absent. */
  readonly chunkBytes?: number | undefined
}

const refuse = (operation: string, { path }: File, advice: string) =>
  new FileError({ reason: "InvalidArgument", operation, path, advice })

/**
 * A part of a file, or all of it, chunk by chunk, each read when it is asked for. It ends where the file does.
 *
 * @since 0.1.0
 * @category streams
 */
export const stream = (file: File, options: StreamOptions = {}): Stream.Stream<Uint8Array, FileError> => {
  const { chunkBytes = DEFAULT_CHUNK_BYTES, length = Number.POSITIVE_INFINITY, offset = 0 } = options
  if (!isPositiveInteger(chunkBytes)) {
    return Stream.fail(refuse("stream", file, "chunkBytes is a whole number, 1 or more"))
  }
  if (!isOffset(offset)) return Stream.fail(refuse("stream", file, `offset ${offsetIs}`))
  if (options.length !== undefined && !isOffset(length)) {
    return Stream.fail(refuse("stream", file, `length ${offsetIs}`))
  }
  return Stream.unfoldEffect(0, (done) =>
    done === length
      ? Effect.succeedNone
      : Effect.map(
          file.read({ offset: offset + done, maxBytes: Math.min(chunkBytes, length - done) }),
          (chunk) => (chunk.length === 0 ? Option.none() : Option.some([chunk, done + chunk.length] as const))
        )
  )
}

/**
 * @since 0.1.0
 * @category options
 */
export interface SinkOptions {
  /** Where to begin, in bytes. 0 if absent. */
  readonly offset?: number | undefined
}

/**
 * Writes all that it is given, one after the other, each before the next is asked for, and answers how many bytes that was.
 *
 * @since 0.1.0
 * @category sinks
 */
export const sink = (
  file: File,
  { offset = 0 }: SinkOptions = {}
): Sink.Sink<number, Uint8Array, never, FileError> =>
  Sink.foldLeftChunksEffect(0, (done: number, chunks: Chunk.Chunk<Uint8Array>) =>
    Effect.reduce(chunks, done, (at, bytes) =>
      Effect.as(file.writeAll(bytes, { offset: offset + at }), at + bytes.length)
    )
  )

/**
 * Appends all that it is given to a file that was opened with `append`, and answers how many bytes that was.
 *
 * @since 0.1.0
 * @category sinks
 */
export const appendingSink = (file: File): Sink.Sink<number, Uint8Array, never, FileError> =>
  Sink.foldLeftChunksEffect(0, (done: number, chunks: Chunk.Chunk<Uint8Array>) =>
    Effect.reduce(chunks, done, (at, bytes) => Effect.as(file.append(bytes), at + bytes.length))
  )
