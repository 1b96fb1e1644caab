/**
 * A part of a file, as what a write is of.
 *
 * How its bytes get into the stream:
 *
 *     Sent by the system --the stream cannot, or not with this file--> Copied: read, sent, read, sent, ...
 *
 * Where the system can send a file by itself, each piece is an operation of the stream's. Where it cannot, it says so before
 * it has sent anything of the piece, and from then on the pieces are read into this program's memory, one at a time, and
 * sent from there. That a stream or a file is not up to it need not be known beforehand; and what sending a file fails
 * with need not be told apart: if it was the file that is broken, reading it fails, and if it was the stream, sending does.
 *
 * A file that ends too early, that cannot be read or that is closed meanwhile is the file's failure. The stream is well,
 * and where it stands is known: after as many bytes as were sent.
 *
 * @since 0.1.0
 */

import * as Effect from "effect/Effect"
import { toFileError } from "../../Errors/FileTable.js"
import { closed, FileError, type SocketError } from "../../Errors/index.js"
import type { File } from "../../File/File.js"
import { ReadAtOperation, type SendFileOperation } from "../../Proactor/FileOperation.js"
import type { SendOperation } from "../../Proactor/Operation.js"
import type { FileSource, FileUse } from "./FileSource.js"
import { isOffset, offsetIs } from "./Numbers.js"

/** What is in memory at a time, at most. */
const CHUNK_BYTES = 128 * 1024

const noBytes = new Uint8Array(0)

/** @internal */
export class FilePart {
  readonly byteLength: number
  readonly source: FileSource
  /** Why no more of it can be sent, if that is the file's fault. */
  failure: FileError | undefined
  /** Whether the system does not send it by itself. */
  isCopied = false
  private readonly start: number
  private sent = 0
  private chunk: Uint8Array = noBytes
  private chunkOffset = 0
  private readonly reading = new ReadAtOperation()
  /** Made when it is first read into. It is this part's alone, and used for every chunk. */
  private buffer: Uint8Array | undefined
  private isDropped = false

  /** So many bytes of the file, from `start` on. */
  constructor(source: FileSource, start: number, byteLength: number) {
    this.source = source
    this.start = start
    this.byteLength = byteLength
  }

  /** Whether a read is under way that brings bytes for this. */
  get isReading(): boolean {
    return this.reading.isInFlight && !this.isDropped
  }

  /** Whether there are bytes in memory to be sent. */
  get isRead(): boolean {
    return this.chunkOffset < this.chunk.length
  }

  /** So many bytes more were sent. */
  advance(count: number): void {
    this.sent += count
    if (this.isCopied) this.chunkOffset += count
  }

  /** Makes the operation send what comes next. */
  aim(operation: SendFileOperation): void {
    operation.file = this.source.handle
    operation.position = this.start + this.sent
    operation.length = this.byteLength - this.sent
  }

  /** Makes the operation send what was read. */
  aimCopy(operation: SendOperation): void {
    operation.bytes = this.chunk
    operation.offset = this.chunkOffset
  }

  /** Reads what comes next. `true`: that is over, see `isRead` and `failure`; `false`: `onRead` will be called. */
  read(onRead: () => void): boolean {
    if (!this.source.isOpen) {
      this.fail(closed("sendFile"))
      return true
    }
    const { handle } = this.source
    const { reading } = this
    this.buffer ??= new Uint8Array(Math.min(CHUNK_BYTES, this.byteLength))
    reading.target = this.buffer
    reading.position = this.start + this.sent
    reading.maxBytes = this.byteLength - this.sent
    const use: FileUse = { cancel: () => handle.cancel(reading) }
    const over = () => {
      this.source.end(use)
      this.take(reading)
    }
    reading.onRetired = () => {
      over()
      if (!this.isDropped) onRead()
    }
    this.source.begin(use)
    if (!handle.submit(reading)) return false
    over()
    return true
  }

  /** Lets a read end by itself: what it brings is for nobody. */
  drop(): void {
    this.isDropped = true
    this.source.handle.cancel(this.reading)
  }

  /** There is nothing where the next bytes ought to be. */
  endedEarly(): void {
    const { byteLength, sent } = this
    this.failure = new FileError({
      reason: "EndOfFile",
      operation: "sendFile",
      path: this.source.path,
      bytesTransferred: sent,
      advice: `it is ${byteLength - sent} bytes shorter than what was to be sent of it`
    })
  }

  private take({ chunk, failure }: ReadAtOperation): void {
    if (failure !== undefined) this.fail(failure)
    else if (chunk.length === 0) this.endedEarly()
    else {
      this.chunk = chunk
      this.chunkOffset = 0
    }
  }

  private fail(failure: SocketError): void {
    const { isOpen, path } = this.source
    const told = failure.reason === "Cancelled" && !isOpen ? closed("sendFile") : failure
    this.failure = toFileError(told, { operation: "sendFile", path, bytesTransferred: this.sent })
  }
}

const refuse = (advice: string, path?: string): Effect.Effect<never, FileError> =>
  Effect.fail(new FileError({ reason: "InvalidArgument", operation: "sendFile", path, advice }))

/**
 * The part of a file that a program asks to send.
 *
 * @internal
 */
export const partOf = (
  file: File,
  { length, offset = 0 }: { readonly offset?: number | undefined; readonly length?: number | undefined }
): Effect.Effect<FilePart, FileError> => {
  const source: FileSource | undefined = file?.source
  // For callers whom no compiler told.
  if (source === undefined) return refuse("it is no file that `File.open` has given")
  const { isOpen, isReadable, path } = source
  if (!isOpen) return Effect.fail(toFileError(closed("sendFile"), { path }))
  if (!isReadable) return refuse("it is open for writing only", path)
  if (!isOffset(offset)) return refuse(`offset ${offsetIs}`, path)
  if (length === undefined) {
    return Effect.map(file.size, (size) => new FilePart(source, offset, Math.max(0, size - offset)))
  }
  if (!isOffset(length) || !isOffset(offset + length)) {
    return refuse("length is a whole number, and offset + length is 2^53 - 1 at most", path)
  }
  return Effect.succeed(new FilePart(source, offset, length))
}
