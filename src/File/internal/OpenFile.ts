/**
 * An open file: what it is asked for is checked, and becomes a request (see `Request`).
 *
 * A write of many bytes is several pieces, one after the other, each as long as the proactor likes. An interruption, or a
 * deadline, ends it between two of them: what was written before stays.
 *
 * The life of the file is that of a socket (see `Lifetime`): closing cancels, waits, and then closes. Whoever sends the file
 * over a connection uses it too, and is waited for (see `FileSource`).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { toFileError } from "../../Errors/FileTable.js"
import { closed, FileError, type TimeoutError } from "../../Errors/index.js"
import type { TimeoutOptions } from "../../Net/Connection.js"
import type { FileSource, FileUse } from "../../Net/internal/FileSource.js"
import { Lifetime, type Owner } from "../../Net/internal/Lifetime.js"
import { isOffset, isPositiveInteger, offsetIs } from "../../Net/internal/Numbers.js"
import {
  type FileOperation,
  type FileStat,
  FlushOperation,
  ReadAtOperation,
  StatOperation,
  TruncateOperation,
  WriteAtOperation
} from "../../Proactor/FileOperation.js"
import type { FileOpening, ProactorFile } from "../../Proactor/Proactor.js"
import type { File, FlushOptions, PositionOptions, ReadOptions } from "../File.js"
import { type Asked, Request } from "./Request.js"
import { Uses } from "./Uses.js"

const DEFAULT_MAX_BYTES = 64 * 1024

/** Whether a write is over when all of it is written, or when some of it is. */
type Extent = "all" | "some"

/** Without a timeout there is no `TimeoutError`. */
type Answer<A> = Effect.Effect<A, FileError>

const readOnly = "it is open for reading only"
const notAnOffset = `offset ${offsetIs}, and so is where the bytes end`
const notBytes = "bytes are a Uint8Array"

/** @internal */
export class OpenFile implements File, FileSource, Owner {
  readonly path: string
  readonly handle: ProactorFile
  private readonly opening: FileOpening
  private readonly uses = new Uses()
  private readonly lifetime: Lifetime
  /** Appends go out whole, one after the other. */
  private readonly appending = Effect.unsafeMakeSemaphore(1)
  private own: Scope.CloseableScope | undefined

  constructor(handle: ProactorFile, opening: FileOpening) {
    this.handle = handle
    this.opening = opening
    this.path = opening.path
    this.lifetime = new Lifetime(handle, this)
  }

  get halves(): ReadonlyArray<Uses> {
    return [this.uses]
  }

  /** For messages. */
  get peer(): string {
    return this.path
  }

  get source(): FileSource {
    return this
  }

  get isOpen(): boolean {
    return this.lifetime.isOpen
  }

  get isReadable(): boolean {
    return this.opening.access !== "write"
  }

  read(options: ReadOptions & { readonly timeout?: undefined }): Effect.Effect<Uint8Array, FileError>
  read(options: ReadOptions): Effect.Effect<Uint8Array, FileError | TimeoutError>
  read(options: ReadOptions): Effect.Effect<Uint8Array, FileError | TimeoutError> {
    return Effect.suspend(() => {
      const { maxBytes = DEFAULT_MAX_BYTES } = options
      if (!isPositiveInteger(maxBytes)) return this.refuse("read", "maxBytes is a whole number, 1 or more")
      const operation = new ReadAtOperation()
      operation.maxBytes = maxBytes
      return Effect.map(this.readWith(operation, options), ({ chunk }) => chunk)
    })
  }

  readInto(
    buffer: Uint8Array,
    options: PositionOptions & { readonly timeout?: undefined }
  ): Effect.Effect<number, FileError>
  readInto(buffer: Uint8Array, options: PositionOptions): Effect.Effect<number, FileError | TimeoutError>
  readInto(buffer: Uint8Array, options: PositionOptions): Effect.Effect<number, FileError | TimeoutError> {
    return Effect.suspend(() => {
      if (!(buffer instanceof Uint8Array) || buffer.length === 0) {
        return this.refuse("read", "the buffer is a Uint8Array with room for at least one byte")
      }
      const operation = new ReadAtOperation()
      operation.target = buffer
      operation.maxBytes = buffer.length
      return Effect.map(this.readWith(operation, options), ({ chunk }) => chunk.length)
    })
  }

  write(
    bytes: Uint8Array,
    options: PositionOptions & { readonly timeout?: undefined }
  ): Effect.Effect<number, FileError>
  write(bytes: Uint8Array, options: PositionOptions): Effect.Effect<number, FileError | TimeoutError>
  write(bytes: Uint8Array, options: PositionOptions): Effect.Effect<number, FileError | TimeoutError> {
    return this.writeAt(bytes, options, "some")
  }

  writeAll(
    bytes: Uint8Array,
    options: PositionOptions & { readonly timeout?: undefined }
  ): Effect.Effect<void, FileError>
  writeAll(bytes: Uint8Array, options: PositionOptions): Effect.Effect<void, FileError | TimeoutError>
  writeAll(bytes: Uint8Array, options: PositionOptions): Effect.Effect<void, FileError | TimeoutError> {
    return Effect.asVoid(this.writeAt(bytes, options, "all"))
  }

  append(bytes: Uint8Array): Effect.Effect<void, FileError> {
    return Effect.suspend(() => {
      if (!this.opening.append) return this.refuse("append", "it was not opened with `append`")
      if (!(bytes instanceof Uint8Array)) return this.refuse("append", notBytes)
      return Effect.asVoid(this.appending.withPermits(1)(this.writePieces("append", bytes, "end", "all")))
    })
  }

  truncate(size: number): Effect.Effect<void, FileError> {
    return Effect.suspend(() => {
      if (this.opening.access === "read") return this.refuse("truncate", readOnly)
      if (!isOffset(size)) return this.refuse("truncate", `size ${offsetIs}`)
      const operation = new TruncateOperation()
      operation.size = size
      return Effect.asVoid(this.ask({ name: "truncate", operation }))
    })
  }

  flush({ dataOnly = false }: FlushOptions = {}): Effect.Effect<void, FileError> {
    return Effect.suspend(() => {
      if (this.opening.access === "read") return this.refuse("flush", readOnly)
      const operation = new FlushOperation()
      operation.isDataOnly = dataOnly
      return Effect.asVoid(this.ask({ name: "flush", operation }))
    })
  }

  get stat(): Effect.Effect<FileStat, FileError> {
    return Effect.suspend(() =>
      Effect.flatMap(this.ask({ name: "stat", operation: new StatOperation() }), ({ stat }) =>
        stat === undefined ? Effect.dieMessage("a stat succeeded without an answer") : Effect.succeed(stat)
      )
    )
  }

  get size(): Effect.Effect<number, FileError> {
    return Effect.map(this.stat, ({ size }) => size)
  }

  get close(): Effect.Effect<void> {
    const { own } = this
    const closing = this.lifetime.close()
    return own === undefined ? closing : Effect.zipRight(closing, Scope.close(own, Exit.void))
  }

  begin(use: FileUse): void {
    this.uses.begin(use)
  }

  end(use: FileUse): void {
    this.uses.end(use)
  }

  /** Makes the file close with `surrounding`, in one step; see the same of `StreamConnection`. */
  adoptInto(surrounding: Scope.Scope): this {
    this.own = Effect.runSync(Scope.fork(surrounding, ExecutionStrategy.sequential))
    Effect.runSync(Scope.addFinalizer(this.own, this.close))
    return this
  }

  private readWith(
    operation: ReadAtOperation,
    { offset, timeout }: PositionOptions
  ): Effect.Effect<ReadAtOperation, FileError | TimeoutError> {
    if (!this.isReadable) return this.refuse("read", "it is open for writing only")
    if (!isOffset(offset)) return this.refuse("read", `offset ${offsetIs}`)
    operation.position = offset
    return this.ask({ name: "read", operation }, timeout)
  }

  private writeAt(
    bytes: Uint8Array,
    { offset, timeout }: PositionOptions,
    extent: Extent
  ): Effect.Effect<number, FileError | TimeoutError> {
    return Effect.suspend(() => {
      const { access, append } = this.opening
      if (access === "read") return this.refuse("write", readOnly)
      if (append) return this.refuse("write", "it was opened with `append`: that is how to write to it")
      if (!(bytes instanceof Uint8Array)) return this.refuse("write", notBytes)
      if (!isOffset(offset) || !isOffset(offset + bytes.length)) {
        return this.refuse("write", notAnOffset)
      }
      return this.writePieces("write", bytes, offset, extent, timeout)
    })
  }

  private writePieces(
    name: string,
    bytes: Uint8Array,
    position: number | "end",
    extent: Extent
  ): Answer<number>
  private writePieces(
    name: string,
    bytes: Uint8Array,
    position: number | "end",
    extent: Extent,
    timeout: TimeoutOptions["timeout"]
  ): Effect.Effect<number, FileError | TimeoutError>
  private writePieces(
    name: string,
    bytes: Uint8Array,
    position: number | "end",
    extent: Extent,
    timeout?: TimeoutOptions["timeout"]
  ): Effect.Effect<number, FileError | TimeoutError> {
    return Effect.suspend(() => {
      if (!this.isOpen) return Effect.fail(toFileError(closed(name, this.path)))
      // Nothing is written before it starts.
      if (bytes.length === 0) return Effect.succeed(0)
      const { length } = bytes
      const operation = new WriteAtOperation()
      operation.bytes = bytes
      operation.position = position
      const book = () => {
        operation.offset += operation.written
        return operation.offset
      }
      const aim = () => {
        if (position !== "end") operation.position = position + operation.offset
        return extent === "all" && operation.offset < length
      }
      const writing = this.ask({ name, operation, book, aim }, timeout)
      return Effect.map(writing, ({ offset }) => offset)
    })
  }

  private ask<Op extends FileOperation>(asked: Asked<Op>): Answer<Op>
  private ask<Op extends FileOperation>(
    asked: Asked<Op>,
    timeout: TimeoutOptions["timeout"]
  ): Effect.Effect<Op, FileError | TimeoutError>
  private ask<Op extends FileOperation>(
    asked: Asked<Op>,
    timeout?: TimeoutOptions["timeout"]
  ): Effect.Effect<Op, FileError | TimeoutError> {
    return new Request(this, asked).answer(timeout)
  }

  private refuse(operation: string, advice: string): Effect.Effect<never, FileError> {
    const { path } = this
    return Effect.fail(new FileError({ reason: "InvalidArgument", operation, path, advice }))
  }
}
