/**
 * Connections: streams of bytes both ways, over TCP, Unix domain sockets or named pipes.
 *
 * A connection is a scoped resource: it is closed with the scope it was made in, or earlier by `close`. Its two
 * halves are independent: one fiber may read while another writes. Several fibers may write: each write goes out
 * whole, one after the other. Several may read: each byte goes to one of them.
 *
 * Interruption. A read that is interrupted takes nothing; the bytes are there for the next read. A write that is
 * interrupted before any byte left, or after all had, changes nothing either; one that is interrupted in the middle
 * breaks the sending half, because nobody knows where the stream stands: later writes fail with `Aborted`.
 *
 * Time. A read or write that runs out of its `timeout` fails with `TimeoutError` and leaves the connection usable:
 * a read has taken nothing, and a write tells in `bytesTransferred` how many bytes are on their way.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Endpoint, SocketAddress } from "../Address/index.js"
import {
  closed,
  type FileError,
  invalidArgument,
  type SocketError,
  type TimeoutError
} from "../Errors/index.js"
import type { File } from "../File/File.js"
import { Pieces } from "../Proactor/Pieces.js"
import type { ProactorStream, ShutdownHow } from "../Proactor/Proactor.js"
import { isSocketOptionName, type SocketOptionName, type SocketOptions } from "../Proactor/SocketOption.js"
import { giveUp } from "./internal/Atomic.js"
import { holdsWithin } from "./internal/Condition.js"
import { timedOut } from "./internal/Deadline.js"
import { partOf } from "./internal/FilePart.js"
import { contentOf, type FoundFrame, type Measure } from "./internal/Frame.js"
import { type Demand, mapDemand } from "./internal/Intake.js"
import type { Half } from "./internal/Lifetime.js"
import { LivingConnection } from "./internal/LivingConnection.js"
import { isPositiveInteger } from "./internal/Numbers.js"
import { thisFiber } from "./internal/Parking.js"
import type { Source } from "./internal/Pulling.js"
import { ReadHalf } from "./internal/ReadHalf.js"
import { startIn, starting, type WaitFor } from "./internal/Starting.js"
import { WriteHalf } from "./internal/WriteHalf.js"
import { awaitDone, type WriteJob } from "./internal/WriteJob.js"

/**
 * How long an operation may take.
 *
 * @since 0.1.0
 * @category options
 */
export interface TimeoutOptions {
  /** No limit if absent or infinite. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface ReadOptions extends TimeoutOptions {
  /** The most bytes to take. 65 536 if absent. */
  readonly maxBytes?: number | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface ReadLineOptions extends TimeoutOptions {
  /** The most bytes a line may have, not counting its end. 65 536 if absent. */
  readonly maxBytes?: number | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface SendFileOptions extends TimeoutOptions {
  /** Where in the file to begin, in bytes. 0 if absent. */
  readonly offset?: number | undefined
  /** How many bytes to send. If absent, all that the file has from there on when sending is asked for. */
  readonly length?: number | undefined
}

/**
 * A connection. `A` is how its ends are addressed: by IP address and port unless said otherwise.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection<out A extends Endpoint = SocketAddress> {
  /** Whom the connection is with. */
  readonly remoteAddress: A
  /** This side's address (`getsockname`). */
  readonly localAddress: Effect.Effect<A, SocketError>

  /** What has arrived, at least one byte; empty at the end of the stream, as with `recv(2)`. */
  readonly read: Effect.Effect<Uint8Array, SocketError>
  readonly readWith: (options: ReadOptions) => Effect.Effect<Uint8Array, SocketError | TimeoutError>

  /**
   * Fills the buffers, one after the other, with what has arrived, at least one byte, and answers how many that was; 0 at
   * the end of the stream, as with `readv(2)`. The buffers are left alone until then, and are untouched if nothing was read.
   */
  readonly readVectored: {
    (buffers: ReadonlyArray<Uint8Array>): Effect.Effect<number, SocketError>
    (
      buffers: ReadonlyArray<Uint8Array>,
      options: TimeoutOptions
    ): Effect.Effect<number, SocketError | TimeoutError>
  }

  /**
   * The next line, decoded as UTF-8, without its end (LF or CRLF). The last line may lack its end. None at the end of
   * the stream. A line over the limit or not UTF-8 fails, and is still there to be read as bytes.
   */
  readonly readLine: Effect.Effect<Option.Option<string>, SocketError>
  readonly readLineWith: (
    options: ReadLineOptions
  ) => Effect.Effect<Option.Option<string>, SocketError | TimeoutError>

  /** Writes some of the bytes, at least one, and answers how many, as `send(2)` does. */
  readonly write: {
    (bytes: Uint8Array): Effect.Effect<number, SocketError>
    (bytes: Uint8Array, options: TimeoutOptions): Effect.Effect<number, SocketError | TimeoutError>
  }

  /** Writes all of the bytes. The caller leaves them unchanged until then. */
  readonly writeAll: {
    (bytes: Uint8Array): Effect.Effect<void, SocketError>
    (bytes: Uint8Array, options: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError>
  }

  /**
   * Writes some of the bytes of the chunks, one chunk after the other, at least one byte, and answers how many, as
   * `writev(2)` does.
   */
  readonly writeVectored: {
    (chunks: ReadonlyArray<Uint8Array>): Effect.Effect<number, SocketError>
    (
      chunks: ReadonlyArray<Uint8Array>,
      options: TimeoutOptions
    ): Effect.Effect<number, SocketError | TimeoutError>
  }

  /**
   * Writes all of the chunks, one after the other, as one write: like `writeAll` of a buffer with all of them in it, without
   * that buffer. The caller leaves the chunks unchanged until then.
   */
  readonly writeAllVectored: {
    (chunks: ReadonlyArray<Uint8Array>): Effect.Effect<void, SocketError>
    (
      chunks: ReadonlyArray<Uint8Array>,
      options: TimeoutOptions
    ): Effect.Effect<void, SocketError | TimeoutError>
  }

  /**
   * Sends a file, or a part of it, and answers how many bytes that was. It is one write among the others: it goes out whole,
   * in its turn, and is interrupted and timed out like them. TCP, and on Linux Unix sockets, have the system send it, without
   * the bytes coming through this program (`sendfile(2)`, `TransmitFile`); the others read and send it, a chunk at a time.
   *
   * A file that ends before `length` bytes of it were sent, or cannot be read, fails with a `FileError`. Its
   * `bytesTransferred` tells how many bytes were sent; the connection is well, and goes on after them.
   */
  readonly sendFile: {
    (file: File): Effect.Effect<number, SocketError | FileError>
    (file: File, options: SendFileOptions): Effect.Effect<number, SocketError | FileError | TimeoutError>
  }

  /** Writes all of the text, as UTF-8. */
  readonly writeString: {
    (text: string): Effect.Effect<void, SocketError>
    (text: string, options: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError>
  }

  /**
   * Shuts one half down, or both (`shutdown(2)`). `write` lets earlier writes out first and then tells the peer that
   * nothing more comes: it reads the end of the stream, and can still answer. The timeout is for those earlier writes;
   * if it passes first, nothing has been shut down.
   */
  readonly shutdown: {
    (how: ShutdownHow): Effect.Effect<void, SocketError>
    (how: ShutdownHow, options: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError>
  }

  /** Closes the connection now rather than with its scope. Operations under way fail with `Closed`. Closing twice is no error. */
  readonly close: Effect.Effect<void>
  /**
   * Says that the handshake is over, whatever that is in this protocol: the `handshakeTimeout` of the server that serves
   * this connection no longer counts. Means nothing elsewhere.
   */
  readonly established: Effect.Effect<void>
  /** Closes the connection with a reset (`SO_LINGER` 0): the peer learns that it was cut off. */
  readonly abort: Effect.Effect<void>

  readonly getOption: <Name extends SocketOptionName>(
    name: Name
  ) => Effect.Effect<SocketOptions[Name], SocketError>
  readonly setOption: <Name extends SocketOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ) => Effect.Effect<void, SocketError>
}

/**
 * A connection over whatever transport: what works on bytes takes any.
 *
 * @since 0.1.0
 * @category models
 */
export type AnyConnection = Connection<Endpoint>

const DEFAULT_MAX_BYTES = 64 * 1024

const encoder = new TextEncoder()

/** @internal */
export class StreamConnection<out A extends Endpoint = SocketAddress>
  extends LivingConnection<A>
  implements Connection<A>
{
  private readonly socket: ProactorStream<A>
  private readonly reading: ReadHalf
  private readonly writing: WriteHalf

  constructor(socket: ProactorStream<A>, remoteAddress: A) {
    super(socket, remoteAddress)
    this.socket = socket
    this.reading = new ReadHalf(socket, this)
    this.writing = new WriteHalf(socket, this)
  }

  get halves(): ReadonlyArray<Half> {
    return [this.reading, this.writing]
  }

  /** For bridges that work with callbacks, and no fiber for each read and write. */
  get raw(): { readonly reading: ReadHalf; readonly writing: WriteHalf } {
    const { reading, writing } = this
    return { reading, writing }
  }

  /** What carries it, for modules of one transport. */
  get transport(): ProactorStream<A> {
    return this.socket
  }

  protected override get progress(): number {
    return this.reading.received + this.writing.sent
  }

  get read(): Effect.Effect<Uint8Array, SocketError> {
    return this.reading.next
  }

  get readLine(): Effect.Effect<Option.Option<string>, SocketError> {
    return Effect.suspend(() => this.reading.consume(this.reading.line(DEFAULT_MAX_BYTES)))
  }

  get localAddress(): Effect.Effect<A, SocketError> {
    return this.socket.localAddress
  }

  readWith(options: ReadOptions): Effect.Effect<Uint8Array, SocketError | TimeoutError> {
    const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
    if (!isPositiveInteger(maxBytes)) return this.refuseMaxBytes("read")
    return this.receive("read", this.reading.upTo(maxBytes), options.timeout)
  }

  readVectored(buffers: ReadonlyArray<Uint8Array>): Effect.Effect<number, SocketError>
  readVectored(
    buffers: ReadonlyArray<Uint8Array>,
    options: TimeoutOptions
  ): Effect.Effect<number, SocketError | TimeoutError>
  readVectored(
    buffers: ReadonlyArray<Uint8Array>,
    options?: TimeoutOptions
  ): Effect.Effect<number, SocketError | TimeoutError> {
    if (!isChunks(buffers)) return this.refuseChunks("read", "buffers")
    return this.receive("read", this.reading.into(buffers), options?.timeout)
  }

  readLineWith(options: ReadLineOptions): Effect.Effect<Option.Option<string>, SocketError | TimeoutError> {
    const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
    if (!isPositiveInteger(maxBytes)) return this.refuseMaxBytes("readLine")
    return Effect.suspend(() => this.receive("readLine", this.reading.line(maxBytes), options.timeout))
  }

  /** For `Framing` and its like: what `make` makes of the next frame, in the step that takes it. */
  readFrame<A>(
    measure: Measure,
    timeout: Duration.DurationInput | undefined,
    make: (found: FoundFrame) => A
  ): Effect.Effect<Option.Option<A>, SocketError | TimeoutError> {
    return Effect.suspend(() =>
      this.receive("readFrame", mapDemand(this.reading.frame(measure), Option.map(make)), timeout)
    )
  }

  /** For streams of frames, without what marks their borders. One that is ready can be looked at before it is taken. */
  frames(
    measure: Measure,
    timeout: Duration.DurationInput | undefined
  ): Source<Uint8Array, SocketError | TimeoutError> & { readonly look: () => Option.Option<Uint8Array> } {
    const demand = this.reading.frame(measure)
    const contents = mapDemand(demand, Option.map(contentOf))
    return {
      ...this.source("readFrame", contents, timeout),
      look: () => Option.map(demand.look(), contentOf)
    }
  }

  /** For streams of what arrives. */
  chunks({
    maxBytes = DEFAULT_MAX_BYTES,
    timeout
  }: ReadOptions): Source<Uint8Array, SocketError | TimeoutError> {
    if (!isPositiveInteger(maxBytes)) return { ready: this.refuseMaxBytes("read"), take: giveUp }
    const demand = mapDemand(this.reading.upTo(maxBytes), (chunk) =>
      chunk.length === 0 ? Option.none() : Option.some(chunk)
    )
    return this.source("read", demand, timeout)
  }

  /** For streams of lines. */
  lines({
    maxBytes = DEFAULT_MAX_BYTES,
    timeout
  }: ReadLineOptions): Source<string, SocketError | TimeoutError> {
    if (!isPositiveInteger(maxBytes)) return { ready: this.refuseMaxBytes("readLine"), take: giveUp }
    return this.source("readLine", this.reading.line(maxBytes), timeout)
  }

  write(bytes: Uint8Array): Effect.Effect<number, SocketError>
  write(bytes: Uint8Array, options: TimeoutOptions): Effect.Effect<number, SocketError | TimeoutError>
  write(bytes: Uint8Array, options?: TimeoutOptions): Effect.Effect<number, SocketError | TimeoutError> {
    return this.send(bytes, "some", options, bytesSent)
  }

  writeAll(bytes: Uint8Array): Effect.Effect<void, SocketError>
  writeAll(bytes: Uint8Array, options: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError>
  writeAll(bytes: Uint8Array, options?: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError> {
    return this.send(bytes, "all", options, nothing)
  }

  /**
   * For a caller that is within a step of a fiber already: the write begins here and now, and what is left to do of it is to
   * be returned from that step. Most often that is nothing, `Effect.void` itself.
   *
   * @internal
   */
  unsafeWriteAll(bytes: Uint8Array): Effect.Effect<void, SocketError | TimeoutError> {
    return startIn(thisFiber(), (waitFor) => this.begin(bytes, "all", undefined, nothing, waitFor))
  }

  writeVectored(chunks: ReadonlyArray<Uint8Array>): Effect.Effect<number, SocketError>
  writeVectored(
    chunks: ReadonlyArray<Uint8Array>,
    options: TimeoutOptions
  ): Effect.Effect<number, SocketError | TimeoutError>
  writeVectored(
    chunks: ReadonlyArray<Uint8Array>,
    options?: TimeoutOptions
  ): Effect.Effect<number, SocketError | TimeoutError> {
    return this.sendVectored(chunks, "some", options, bytesSent)
  }

  writeAllVectored(chunks: ReadonlyArray<Uint8Array>): Effect.Effect<void, SocketError>
  writeAllVectored(
    chunks: ReadonlyArray<Uint8Array>,
    options: TimeoutOptions
  ): Effect.Effect<void, SocketError | TimeoutError>
  writeAllVectored(
    chunks: ReadonlyArray<Uint8Array>,
    options?: TimeoutOptions
  ): Effect.Effect<void, SocketError | TimeoutError> {
    return this.sendVectored(chunks, "all", options, nothing)
  }

  sendFile(file: File): Effect.Effect<number, SocketError | FileError>
  sendFile(
    file: File,
    options: SendFileOptions
  ): Effect.Effect<number, SocketError | FileError | TimeoutError>
  sendFile(
    file: File,
    options: SendFileOptions = {}
  ): Effect.Effect<number, SocketError | FileError | TimeoutError> {
    return Effect.flatMap(
      Effect.suspend(() => partOf(file, options)),
      (part) =>
        starting((waitFor) => {
          const job = this.writing.startFile(part)
          const answer = (): Effect.Effect<number, FileError> =>
            part.failure === undefined ? Effect.succeed(job.sent) : Effect.fail(part.failure)
          return this.finish(job, options.timeout, answer, waitFor, "sendFile")
        })
    )
  }

  writeString(text: string): Effect.Effect<void, SocketError>
  writeString(text: string, options: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError>
  writeString(text: string, options?: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError> {
    return Effect.suspend(() => this.send(encoder.encode(text), "all", options, nothing))
  }

  shutdown(how: ShutdownHow): Effect.Effect<void, SocketError>
  shutdown(how: ShutdownHow, options: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError>
  shutdown(how: ShutdownHow, options?: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError> {
    return Effect.suspend(() => {
      if (how !== "read" && how !== "write" && how !== "both") return this.refuseHow(how)
      if (!this.lifetime.isOpen) return Effect.fail(closed("shutdown", this.peer))
      const flushed = how === "read" ? Effect.void : this.flushed(options?.timeout)
      const ended = Effect.sync(() => this.endHalves(how))
      return Effect.zipRight(Effect.zipRight(flushed, ended), this.socket.shutdown(how))
    })
  }

  get abort(): Effect.Effect<void> {
    return Effect.zipRight(
      // If the option cannot be set, the socket is gone already and there is nothing left to reset.
      Effect.ignore(this.setOption("lingerSeconds", 0)),
      this.close
    )
  }

  getOption<Name extends SocketOptionName>(name: Name): Effect.Effect<SocketOptions[Name], SocketError> {
    return Effect.suspend(() =>
      isSocketOptionName(name) ? this.socket.getOption(name) : this.refuseOption("getOption", name)
    )
  }

  setOption<Name extends SocketOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return Effect.suspend(() =>
      isSocketOptionName(name) ? this.socket.setOption(name, value) : this.refuseOption("setOption", name)
    )
  }

  /** Waits until earlier writes have left. If that takes too long, nothing has happened. */
  private flushed(timeout: Duration.DurationInput = Duration.infinity): Effect.Effect<void, TimeoutError> {
    if (!this.writing.isBusy) return Effect.void
    return Effect.flatMap(holdsWithin(this.writing.flushed, timeout), (isFlushed) =>
      isFlushed ? Effect.void : Effect.fail(timedOut("shutdown", timeout, this.peer))
    )
  }

  private endHalves(how: ShutdownHow): void {
    if (how !== "write") this.reading.close()
    if (how !== "read") this.writing.end(() => closed("write", this.peer))
  }

  /** Writes, and answers with what `answer` makes of the job once it is done. */
  private send<A>(
    bytes: Uint8Array,
    extent: "all" | "some",
    options: TimeoutOptions | undefined,
    answer: Answer<A>
  ): Effect.Effect<A, SocketError | TimeoutError> {
    return starting((waitFor) => this.begin(bytes, extent, options, answer, waitFor))
  }

  private sendVectored<A>(
    chunks: ReadonlyArray<Uint8Array>,
    extent: "all" | "some",
    options: TimeoutOptions | undefined,
    answer: Answer<A>
  ): Effect.Effect<A, SocketError | TimeoutError> {
    return starting((waitFor) => {
      if (!isChunks(chunks)) return this.refuseChunks("write", "chunks")
      // A copy of the list, which is the caller's to use again. (Of the chunks there is none.)
      const job = this.writing.startVectored(new Pieces([...chunks]), extent)
      return this.finish(job, options?.timeout, answer, waitFor)
    })
  }

  private begin<A>(
    bytes: Uint8Array,
    extent: "all" | "some",
    options: TimeoutOptions | undefined,
    answer: Answer<A>,
    waitFor: WaitFor
  ): Effect.Effect<A, SocketError | TimeoutError> {
    if (!(bytes instanceof Uint8Array)) {
      const advice = "bytes are a Uint8Array; text goes to writeString"
      return Effect.fail(invalidArgument("write", advice, this.peer))
    }
    const job = this.writing.start(bytes, extent)
    return this.finish(job, options?.timeout, answer, waitFor)
  }

  /** The outcome, at once or when it is there. An interruption of the waiting, or of the stopping after it, breaks what is half sent. */
  private finish<A, E = never>(
    job: WriteJob,
    timeout: Duration.DurationInput | undefined,
    answer: Answer<A, E>,
    waitFor: WaitFor,
    operation = "write"
  ): Effect.Effect<A, E | SocketError | TimeoutError> {
    if (job.isDone) return outcome(job, answer)
    const interrupted = () => this.writing.interrupt(job)
    if (timeout === undefined) return waitFor(awaitDone(job), interrupted, () => outcome(job, answer))
    const doneOrStopped = Effect.flatMap(holdsWithin(job.done, timeout), (isDone) =>
      isDone ? Effect.succeed(true) : Effect.as(this.writing.stop(job), false)
    )
    return waitFor(
      doneOrStopped,
      interrupted,
      (isDone): Effect.Effect<A, E | SocketError | TimeoutError> =>
        // It may have ended while it was being stopped.
        isDone || job.isComplete || job.failure !== undefined
          ? outcome(job, answer)
          : Effect.fail(timedOut(operation, timeout, this.peer, job.sent))
    )
  }

  private receive<A>(
    operation: string,
    demand: Demand<A>,
    timeout: Duration.DurationInput | undefined
  ): Effect.Effect<A, SocketError | TimeoutError> {
    return this.reading.consume(demand, timeout, () => this.late(operation, timeout))
  }

  private source<A>(
    operation: string,
    demand: Demand<Option.Option<A>>,
    timeout: Duration.DurationInput | undefined
  ): Source<A, SocketError | TimeoutError> {
    return this.reading.source(demand, timeout, () => this.late(operation, timeout))
  }

  private late(operation: string, timeout: Duration.DurationInput = 0): Effect.Effect<never, TimeoutError> {
    return Effect.fail(timedOut(operation, timeout, this.peer))
  }

  private refuseOption(operation: string, name: string): Effect.Effect<never, SocketError> {
    return Effect.fail(invalidArgument(operation, `${JSON.stringify(name)} is no socket option`, this.peer))
  }

  /** For callers whom no compiler told. */
  private refuseHow(how: never): Effect.Effect<never, SocketError> {
    return Effect.fail(
      invalidArgument("shutdown", `${JSON.stringify(how)} is not "read", "write" or "both"`, this.peer)
    )
  }

  private refuseChunks(operation: string, name: string): Effect.Effect<never, SocketError> {
    return Effect.fail(invalidArgument(operation, `${name} is an array of Uint8Array`, this.peer))
  }

  private refuseMaxBytes(operation: string): Effect.Effect<never, SocketError> {
    return Effect.fail(invalidArgument(operation, "maxBytes is a whole number, 1 or more", this.peer))
  }
}

/** For callers whom no compiler told. */
const isChunks = (value: unknown): value is ReadonlyArray<Uint8Array> =>
  Array.isArray(value) && value.every((chunk) => chunk instanceof Uint8Array)

type Answer<A, E = never> = (job: WriteJob) => Effect.Effect<A, E>

const nothing: Answer<void> = () => Effect.void
const bytesSent: Answer<number> = (job) => Effect.succeed(job.sent)

const outcome = <A, E>(job: WriteJob, answer: Answer<A, E>): Effect.Effect<A, E | SocketError> =>
  job.failure === undefined ? answer(job) : Effect.fail(job.failure)
