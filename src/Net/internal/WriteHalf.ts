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
 * A job may be of several pieces (see `Pieces`): it is one write all the same, and its pieces go out in one call as far as
 * the proactor can do that.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { ConnectionError, closed, type SocketError } from "../../Errors/index.js"
import { SendOperation } from "../../Proactor/Operation.js"
import type { Pieces } from "../../Proactor/Pieces.js"
import type { ProactorHandle } from "../../Proactor/Proactor.js"
import type { Condition } from "./Condition.js"
import { type Ending, type Half, inWords, type Peer } from "./Lifetime.js"
import { Waiters } from "./Waiters.js"

/** Whether a write is over when all of it is sent, or when some of it is. */
type Extent = "all" | "some"

/** @internal */
export class WriteJob {
  /** What is to be written; with `pieces`, nothing. */
  readonly bytes: Uint8Array
  /** What is to be written, where it is in several pieces. */
  readonly pieces: Pieces | undefined
  readonly extent: Extent
  /** How many bytes are to be written. */
  readonly byteLength: number
  /** Bytes that the system has taken. */
  sent = 0
  isDone = false
  /** Stopped: no further part is to be submitted. */
  isStopped = false
  failure: SocketError | undefined
  private waiters: Waiters | undefined

  constructor(bytes: Uint8Array, extent: Extent, pieces: Pieces | undefined) {
    this.bytes = bytes
    this.pieces = pieces
    this.extent = extent
    this.byteLength = pieces === undefined ? bytes.length : pieces.byteLength
  }

  get isComplete(): boolean {
    return this.sent === this.byteLength || (this.extent === "some" && this.sent > 0)
  }

  /** So many bytes more were taken. */
  advance(count: number): void {
    this.sent += count
    this.pieces?.advance(count)
  }

  finish(failure?: SocketError): void {
    this.isDone = true
    this.failure = failure
    this.waiters?.wakeAll()
  }

  onDone(wake: () => void): void {
    this.waiters ??= new Waiters()
    this.waiters.add(wake)
  }

  offDone(wake: () => void): void {
    this.waiters?.remove(wake)
  }

  /** Whether it is over, for who waits for it within a time. */
  get done(): Condition {
    return {
      holds: () => this.isDone,
      onChange: (wake) => this.onDone(wake),
      offChange: (wake) => this.offDone(wake)
    }
  }
}

const noBytes = new Uint8Array(0)

/** Makes the operation begin where the pieces stand. */
const aim = (operation: SendOperation, pieces: Pieces): void => {
  operation.bytes = pieces.current
  operation.offset = pieces.offset
  operation.pieces = pieces
}

class Sending extends SendOperation {
  private readonly half: WriteHalf

  constructor(half: WriteHalf) {
    super()
    this.half = half
  }

  override get purpose(): string {
    return "write"
  }

  override get peer(): string {
    return this.half.owner.peer
  }

  override onRetired(): void {
    this.half.retired()
  }
}

/** @internal */
export class WriteHalf implements Half {
  private readonly socket: ProactorHandle<SendOperation>
  readonly owner: Peer
  private readonly operation = new Sending(this)
  /** Made when a write first has to wait for another. */
  private queue: Array<WriteJob> | undefined
  private draining: Waiters | undefined
  /** The job whose turn it is. */
  private current: WriteJob | undefined
  /** How many bytes have left. */
  sent = 0
  /** Why nothing can be written any more. Makes the error, if anybody asks. */
  private ending: (() => SocketError) | undefined

  constructor(socket: ProactorHandle<SendOperation>, owner: Peer) {
    this.socket = socket
    this.owner = owner
  }

  /** Starts a write, or puts it in the queue. It may be done when this returns. */
  start(bytes: Uint8Array, extent: Extent): WriteJob {
    return this.begin(new WriteJob(bytes, extent, undefined))
  }

  /** Starts a write of several pieces, or puts it in the queue. */
  startVectored(pieces: Pieces, extent: Extent): WriteJob {
    return this.begin(new WriteJob(noBytes, extent, pieces))
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
    return Effect.suspend(() => {
      if (job.isDone) return Effect.void
      job.isStopped = true
      if (this.current !== job) return Effect.sync(() => this.leaveQueue(job))
      if (this.operation.committed > 0) return Effect.sync(() => this.detach(job))
      this.socket.cancel(this.operation)
      return job.isDone ? Effect.void : Effect.uninterruptible(awaitDone(job))
    })
  }

  /** Stops a job for a caller that is told nothing. In the middle of the job, that breaks the half. */
  interrupt(job: WriteJob): Effect.Effect<void> {
    return Effect.map(this.stop(job), () => {
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

  /** Ends the half, and cancels what is in flight. */
  close(why?: Ending): void {
    this.end(() => why?.("write") ?? closed("write", this.owner.peer))
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

  /** Submits parts of the job until it is over or a part is in flight. */
  private run(job: WriteJob): void {
    const { operation } = this
    this.current = job
    do {
      if (job.pieces === undefined) {
        operation.bytes = job.bytes
        operation.offset = job.sent
      } else aim(operation, job.pieces)
      operation.committed = 0
      if (!this.socket.submit(operation)) return
    } while (!this.settle(job))
  }

  /** Books a part that has retired. `true`: the job is over. */
  private settle(job: WriteJob): boolean {
    const failure = this.failure()
    if (failure === undefined) {
      job.advance(this.operation.sent)
      this.sent += this.operation.sent
    } else if (isLasting(failure, job)) {
      this.end(() => failure)
    }
    if (failure === undefined && !job.isComplete && !job.isStopped && this.ending === undefined) return false
    this.current = undefined
    this.operation.forget()
    const isStop = job.isStopped && failure?.reason === "Cancelled"
    job.finish(job.isComplete || isStop ? undefined : (this.ending?.() ?? failure))
    return true
  }

  /** Why the last part failed, in the words of what the program asked for. */
  private failure(): SocketError | undefined {
    const { failure } = this.operation
    return failure && inWords(failure, "write", this.owner)
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
  private detach(job: WriteJob): void {
    job.sent += this.operation.committed
    this.current = undefined
    job.finish()
  }
}

/** A connection that failed stays failed. Lack of memory passes, but not in the middle of a write. */
const isLasting = (failure: SocketError, job: WriteJob): boolean =>
  failure instanceof ConnectionError || (job.sent > 0 && !job.isStopped)

/** @internal */
export const awaitDone = (job: WriteJob): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (job.isDone) return resume(Effect.void)
    const wake = () => resume(Effect.void)
    job.onDone(wake)
    return Effect.sync(() => job.offDone(wake))
  })
