/**
 * The sending half of a connection whose messages have borders of their own.
 *
 * Lifecycle of a write, which is a job in a queue:
 *
 *     Queued --its turn--> Sending --sent--> Done
 *        |                    |
 *        |                    +--stopped--> Done: the system has the message, and sends it
 *        |                    +--the connection failed--> Failed, and so does everything behind it
 *        +--stopped--> Done, nothing was sent
 *
 * A message leaves in one piece. So whether a write is interrupted or runs out of its time, it was sent whole or not at all,
 * and the half is good for the next one. One that ran out of its time counts as written once the system has it: a half that
 * closes does not cancel it, until it is given up.
 *
 * @since 0.1.0
 */
import { ConnectionError, closed, type SocketError } from "../../Errors/index.js"
import { SendMessageOperation } from "../../Proactor/NamedPipe.js"
import type { ProactorHandle } from "../../Proactor/Proactor.js"
import { type Ending, type Half, inWords, type Peer } from "./Lifetime.js"
import { Waiters } from "./Waiters.js"
import { WriteJob } from "./WriteJob.js"

class SendingMessage extends SendMessageOperation {
  private readonly half: MessageWriteHalf

  constructor(half: MessageWriteHalf) {
    super()
    this.half = half
  }

  override get purpose(): string {
    return "writeMessage"
  }

  override get peer(): string {
    return this.half.owner.peer
  }

  override onRetired(): void {
    this.half.retired()
  }
}

/** @internal */
export class MessageWriteHalf implements Half {
  readonly owner: Peer
  /** Grows with everything that leaves. */
  sent = 0
  private readonly socket: ProactorHandle<SendMessageOperation>
  private readonly operation = new SendingMessage(this)
  private queue: Array<WriteJob> = []
  private readonly draining = new Waiters()
  /** The job whose turn it is; none, if it was stopped and its message is still on its way. */
  private current: WriteJob | undefined
  /** Whether somebody was told that what is in flight is written. */
  private isPromised = false
  /** Why nothing can be written any more. Makes the error, if anybody asks. */
  private ending: (() => SocketError) | undefined

  constructor(socket: ProactorHandle<SendMessageOperation>, owner: Peer) {
    this.socket = socket
    this.owner = owner
  }

  /** Starts a write, or puts it in the queue. It may be done when this returns. */
  start(message: Uint8Array): WriteJob {
    const job = new WriteJob(message, "all")
    if (this.ending !== undefined) job.finish(this.ending())
    else if (this.current !== undefined || this.isInFlight) this.queue.push(job)
    else this.run(job)
    return job
  }

  /** Stops a job that is not done, for a caller that is told. `true`: its message is on its way all the same. */
  stop(job: WriteJob): boolean {
    const isSent = this.current === job
    this.interrupt(job)
    this.isPromised = this.isPromised || isSent
    return isSent
  }

  /** Stops a job that is not done, for a caller that is told nothing. */
  interrupt(job: WriteJob): void {
    if (this.current === job) this.current = undefined
    else this.queue = this.queue.filter((other) => other !== job)
    job.finish()
  }

  /** From now on writes fail, those in the queue too. What is in flight is cancelled, unless it is being delivered. */
  close(why?: Ending): void {
    this.end(() => why?.("writeMessage") ?? closed("writeMessage", this.owner.peer))
    if (why !== undefined || !this.isDelivering) this.giveUp()
  }

  get isDelivering(): boolean {
    return this.isPromised && this.isInFlight
  }

  giveUp(): void {
    this.isPromised = false
    this.socket.cancel(this.operation)
  }

  get isInFlight(): boolean {
    return this.operation.isInFlight
  }

  whenDrained(drained: () => void): void {
    if (this.isInFlight) this.draining.add(drained)
    else drained()
  }

  /** To be called by the operation when it retires. */
  retired(): void {
    this.settle()
    this.next()
    this.draining.wakeAll()
  }

  private run(job: WriteJob): void {
    const { operation } = this
    this.current = job
    operation.message = job.bytes
    operation.byteLength = job.byteLength
    if (this.socket.submit(operation)) this.settle()
  }

  private settle(): void {
    const { current, operation } = this
    const failure = operation.failure && inWords(operation.failure, "writeMessage", this.owner)
    this.current = undefined
    this.isPromised = false
    operation.forget()
    if (failure === undefined) this.sent += operation.byteLength + 1
    else if (failure instanceof ConnectionError) this.end(() => failure)
    else if (current === undefined) this.end(() => this.lost())
    current?.finish(failure && (this.ending?.() ?? failure))
  }

  private next(): void {
    while (this.current === undefined && !this.isInFlight) {
      const job = this.queue.shift()
      if (job === undefined) return
      this.run(job)
    }
  }

  /** A message that a stopped write had left to the system did not leave, and nobody was told. */
  private lost(): ConnectionError {
    const advice = "a message that was promised to a stopped write did not leave; close the connection"
    const address = this.owner.peer
    return new ConnectionError({ reason: "Aborted", operation: "writeMessage", address, advice })
  }

  private end(ending: () => SocketError): void {
    this.ending ??= ending
    for (const job of this.queue.splice(0)) job.finish(ending())
  }
}
