/**
 * The connection over a stream of the proactor's, whatever carries that: a half that reads, a half that writes, and what a
 * program asks of them (see `Connection` for the promises).
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Endpoint, SocketAddress } from "../../Address/index.js"
import {
  closed,
  type FileError,
  invalidArgument,
  type SocketError,
  type TimeoutError
} from "../../Errors/index.js"
import type { File } from "../../File/File.js"
import { Pieces } from "../../Proactor/Pieces.js"
import type { ProactorStream, ShutdownHow } from "../../Proactor/Proactor.js"
import { isSocketOptionName, type SocketOptionName, type SocketOptions } from "../../Proactor/SocketOption.js"
import type {
  Connection,
  ReadLineOptions,
  ReadOptions,
  SendFileOptions,
  TimeoutOptions
} from "../Connection.js"
import { giveUp } from "./Atomic.js"
import { holdsWithin } from "./Condition.js"
import { timedOut } from "./Deadline.js"
import { partOf } from "./FilePart.js"
import { contentOf, type FoundFrame, type Measure } from "./Frame.js"
import { type Demand, mapDemand } from "./Intake.js"
import type { Half } from "./Lifetime.js"
import { LivingConnection } from "./LivingConnection.js"
import { isPositiveInteger } from "./Numbers.js"
import { thisFiber } from "./Parking.js"
import type { Source } from "./Pulling.js"
import { ReadHalf } from "./ReadHalf.js"
import { startIn, starting, type WaitFor } from "./Starting.js"
import { WriteHalf } from "./WriteHalf.js"
import { awaitDone, type WriteJob } from "./WriteJob.js"

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
    return this.receive("read", this.reading.into([...buffers]), options?.timeout)
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
      const job = this.writing.startVectored(new Pieces(chunks), extent)
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
