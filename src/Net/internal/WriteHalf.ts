/**
 * The sending half of a connection.
 *
 * Lifecycle of a write, which is a job in a queue, because two fibers may write to one connection and the bytes of
 * one must not end up within the other's:
 *
 *     Queued --its turn--> Sending --all sent--> Done
 *        |                    |  ^
 *        |                    +--+ part of it sent: the rest is submitted from the completion, no fiber wakes
 *        |                    |
 *        |                    +--the connection failed--> Failed, and so does everything behind it
 *        |
 *        +--stopped--> Done, nothing was sent
 *
 * A job can be stopped while it sends, by interruption or by a deadline. Bytes that the system already holds are not
 * called back: they are a copy, they leave in order, and so the position in the stream stays known. What follows from
 * that: a deadline tells how many bytes are on their way, and the caller can go on from there; an interruption has
 * nobody to tell, so if it hit a write in the middle, the half is broken, and says so to the next write. A write that
 * was all handed over, or not at all, breaks nothing.
 *
 * What was told to be on its way is being delivered: a half that closes does not cancel it, until it is given up.
 *
 * A job may be of several pieces (see `Pieces`): it is one write all the same, and its pieces go out in one call as far as
 * the proactor can do that. Or it may be of a part of a file (see `FilePart`), which the system sends by itself, or which is
 * read, a chunk at a time, while the job has its turn. What goes wrong with the file ends the job, and breaks nothing.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { ConnectionError, closed, type SocketError } from "../../Errors/index.js"
import type { SendFileOperation } from "../../Proactor/FileOperation.js"
import type { SendOperation } from "../../Proactor/Operation.js"
import type { Pieces } from "../../Proactor/Pieces.js"
import type { ProactorHandle } from "../../Proactor/Proactor.js"
import type { Condition } from "./Condition.js"
import type { FilePart } from "./FilePart.js"
import { type Ending, type Half, inWords, type Peer } from "./Lifetime.js"
import { type Sender, Sending, SendingFile } from "./Sending.js"
import { Waiters } from "./Waiters.js"
import { awaitDone, type Extent, WriteJob } from "./WriteJob.js"

const noBytes = new Uint8Array(0)

/** Makes the operation begin where the pieces stand. */
const aim = (operation: SendOperation, pieces: Pieces): void => {
  operation.bytes = pieces.current
  operation.offset = pieces.offset
  operation.pieces = pieces
}

/** @internal */
export class WriteHalf implements Half, Sender {
  private readonly socket: ProactorHandle<SendOperation | SendFileOperation>
  readonly owner: Peer
  private readonly sending = new Sending(this)
  /** Made when a file is first sent. */
  private sendingFile: SendingFile | undefined
  /** The one of the two that is in flight, or was last. */
  private operation: Sending | SendingFile = this.sending
  /** Made when a write first has to wait for another. */
  private queue: Array<WriteJob> | undefined
  private draining: Waiters | undefined
  /** The job whose turn it is. */
  private current: WriteJob | undefined
  /** Whether somebody was told that what is in flight is on its way. */
  private isPromised = false
  /** How many bytes have left. */
  sent = 0
  /** Why nothing can be written any more. Makes the error, if anybody asks. */
  private ending: (() => SocketError) | undefined

  constructor(socket: ProactorHandle<SendOperation | SendFileOperation>, owner: Peer) {
    this.socket = socket
    this.owner = owner
  }

  /** Starts a write, or puts it in the queue. It may be done when this returns. */
  start(bytes: Uint8Array, extent: Extent): WriteJob {
    return this.begin(new WriteJob(bytes, extent))
  }

  /** Starts a write of several pieces, or puts it in the queue. */
  startVectored(pieces: Pieces, extent: Extent): WriteJob {
    return this.begin(new WriteJob(noBytes, extent, pieces))
  }

  /** Starts to send a part of a file, or puts that in the queue. */
  startFile(part: FilePart): WriteJob {
    return this.begin(new WriteJob(noBytes, "all", undefined, part))
  }

  private begin(job: WriteJob): WriteJob {
    if (this.ending !== undefined) job.finish(this.ending())
    // An empty write is over before it starts; the systems disagree on what it would do.
    else if (job.byteLength === 0) job.finish()
    else if (this.isBusy) this.enqueue(job)
    else this.run(job)
    return job
  }

  /** Stops a job for a caller that is told how far it came. Answers when `job.sent` is final. */
  stop(job: WriteJob): Effect.Effect<void> {
    return this.halt(job, true)
  }

  private halt(job: WriteJob, isTold: boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (job.isDone) return Effect.void
      job.isStopped = true
      if (this.current !== job) return Effect.sync(() => this.leaveQueue(job))
      if (job.file?.isReading === true) return Effect.sync(() => this.stopReading(job))
      if (this.operation.committed > 0) return Effect.sync(() => this.detach(job, isTold))
      this.socket.cancel(this.operation)
      return job.isDone ? Effect.void : Effect.uninterruptible(awaitDone(job))
    })
  }

  /** Stops a job for a caller that is told nothing. In the middle of the job, that breaks the half. */
  interrupt(job: WriteJob): Effect.Effect<void> {
    return Effect.map(this.halt(job, false), () => {
      if (job.sent === 0 || job.sent === job.byteLength) return
      const advice = `a write was interrupted after ${job.sent} of ${job.byteLength} bytes; close the connection`
      this.end(this.aborted(advice))
    })
  }

  /** Whether what was written has left, for a shutdown; the last part of a stopped write may be on its way for a while. */
  get flushed(): Condition {
    return {
      holds: () => !this.isBusy,
      onChange: (wake) => {
        this.draining ??= new Waiters()
        this.draining.add(wake)
      },
      offChange: (wake) => this.draining?.remove(wake)
    }
  }

  /** From now on writes fail with `ending`, those in the queue too. */
  end(ending: () => SocketError): void {
    this.ending ??= ending
    for (const job of this.queue?.splice(0) ?? []) job.finish(ending())
  }

  /** Ends the half, and cancels what is in flight, unless that is being delivered and nothing is wrong with the connection. */
  close(why?: Ending): void {
    this.end(() => why?.("write") ?? closed("write", this.owner.peer))
    if (why !== undefined || !this.isDelivering) this.giveUp()
    if (this.current?.file?.isReading === true) this.stopReading(this.current)
  }

  get isDelivering(): boolean {
    return this.isPromised && this.isInFlight
  }

  giveUp(): void {
    this.isPromised = false
    this.socket.cancel(this.operation)
  }

  /** For the operation: the file that it sends is being closed. */
  cancelFile(): void {
    this.socket.cancel(this.operation)
  }

  get isInFlight(): boolean {
    return this.operation.isInFlight
  }

  /** Whether a write is under way, or waits for one. */
  get isBusy(): boolean {
    return this.current !== undefined || this.operation.isInFlight
  }

  whenDrained(drained: () => void): void {
    if (this.operation.isInFlight) {
      this.draining ??= new Waiters()
      this.draining.add(drained)
    } else drained()
  }

  private enqueue(job: WriteJob): void {
    this.queue ??= []
    this.queue.push(job)
  }

  /** Submits parts of the job until it is over, or one is in flight, or a part of a file is to be read first. */
  private run(job: WriteJob): void {
    const { file } = job
    this.current = job
    for (;;) {
      if (file?.isCopied === true && !file.isRead) {
        if (!file.read(() => this.readOn(job)) || this.isOver(job)) return
      } else if (!this.submit(job) || this.settle(job)) return
    }
  }

  /** Submits the next part of the job. `true`: it has retired already. */
  private submit(job: WriteJob): boolean {
    const { file, pieces } = job
    if (file !== undefined && !file.isCopied) return this.submitFile(file)
    const { sending } = this
    if (file !== undefined) file.aimCopy(sending)
    else if (pieces !== undefined) aim(sending, pieces)
    else {
      sending.bytes = job.bytes
      sending.offset = job.sent
    }
    sending.committed = 0
    this.operation = sending
    return this.socket.submit(sending)
  }

  private submitFile(file: FilePart): boolean {
    this.sendingFile ??= new SendingFile(this)
    const operation = this.sendingFile
    file.aim(operation)
    operation.committed = 0
    this.operation = operation
    operation.hold(file.source)
    if (!this.socket.submit(operation)) return false
    operation.release()
    return true
  }

  /** Books a part that has retired. `true`: the job is over. */
  private settle(job: WriteJob): boolean {
    const failure = this.failure()
    if (failure === undefined) this.advance(job, this.operation.sent)
    else if (!this.isToBeCopied(job, failure)) {
      const ending = this.endingBy(job, failure)
      if (ending !== undefined) this.end(ending)
      const isStop = job.isStopped && failure.reason === "Cancelled"
      this.conclude(job, isStop ? undefined : (this.ending?.() ?? failure))
      return true
    }
    return this.isOver(job)
  }

  private advance(job: WriteJob, count: number): void {
    job.advance(count)
    this.sent += count
    if (count === 0) job.file?.endedEarly()
  }

  /** Whether no further part of the job is to come. */
  private isOver(job: WriteJob): boolean {
    const goesOn = !job.isComplete && !job.isStopped && this.ending === undefined
    if (goesOn && job.file?.failure === undefined) return false
    this.conclude(job, job.isComplete ? undefined : this.ending?.())
    return true
  }

  private conclude(job: WriteJob, failure: SocketError | undefined): void {
    this.current = undefined
    this.operation.forget()
    job.finish(failure)
  }

  /** Whether the system did not send the file, and has sent nothing of this part; it is copied from here on. */
  private isToBeCopied({ file, isStopped }: WriteJob, failure: SocketError): boolean {
    if (file === undefined || file.isCopied || isStopped) return false
    if (failure instanceof ConnectionError || this.operation.committed > 0) return false
    file.isCopied = true
    return true
  }

  /** What all further writes fail with, if this failure is one that lasts. */
  private endingBy(job: WriteJob, failure: SocketError): (() => SocketError) | undefined {
    // A connection that failed stays failed.
    if (failure instanceof ConnectionError) return () => failure
    if (this.operation === this.sendingFile && this.operation.committed > 0) {
      return this.aborted("the system stopped in the middle of sending a file; close the connection")
    }
    // Lack of memory passes, but not in the middle of a write.
    return job.sent > 0 && !job.isStopped ? () => failure : undefined
  }

  /** A chunk of a file was read: the job goes on, unless it is over. */
  private readOn(job: WriteJob): void {
    if (!this.isOver(job)) this.run(job)
    this.next()
    this.draining?.wakeAll()
  }

  /** Leaves a read to end by itself. */
  private stopReading(job: WriteJob): void {
    job.file?.drop()
    this.conclude(job, this.ending?.())
    this.next()
    this.draining?.wakeAll()
  }

  /** Why the last part failed, in the words of what the program asked for. */
  private failure(): SocketError | undefined {
    const { failure } = this.operation
    return failure && inWords(failure, this.operation.purpose, this.owner)
  }

  /** To be called by the operation when it retires. */
  retired(): void {
    const job = this.current
    if (job === undefined) this.settleDetached()
    else if (!this.settle(job)) this.run(job)
    this.next()
    this.draining?.wakeAll()
  }

  /** A part that nobody waits for any more: if it did not leave as promised, the position is lost. */
  private settleDetached(): void {
    const { sent, committed } = this.operation
    this.isPromised = false
    this.operation.forget()
    const failure = this.failure()
    if (failure instanceof ConnectionError) this.end(() => failure)
    else if (failure !== undefined || sent !== committed) {
      const advice = "bytes that were promised to a stopped write did not leave; close the connection"
      this.end(this.aborted(advice))
    }
  }

  private aborted(advice: string): () => ConnectionError {
    return () =>
      new ConnectionError({ reason: "Aborted", operation: "write", address: this.owner.peer, advice })
  }

  private next(): void {
    while (this.current === undefined && !this.operation.isInFlight) {
      const job = this.queue?.shift()
      if (job === undefined) return
      this.run(job)
    }
  }

  private leaveQueue(job: WriteJob): void {
    const at = this.queue?.indexOf(job) ?? -1
    if (at >= 0) this.queue?.splice(at, 1)
    job.finish()
  }

  /** Leaves the part in flight to the system, which holds a copy of it. */
  private detach(job: WriteJob, isTold: boolean): void {
    job.sent += this.operation.committed
    this.current = undefined
    this.isPromised = isTold
    job.finish()
  }
}
