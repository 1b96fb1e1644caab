/**
 * The sending half of a datagram socket.
 *
 * Lifecycle of a send, which is a job in a queue, since the socket has one send in flight at a time:
 *
 *     Queued --its turn--> Sending --all sent--> Done
 *        |                    |  ^
 *        |                    +--+ some of it sent, or one of several failed: the rest is submitted
 *        |
 *        +--stopped, or the socket closed--> Done; what was not sent, is not
 *
 * Nearly every send is over in the call that makes it: a system whose buffers are not full takes a datagram at once.
 *
 * Datagrams are independent of each other. So one that cannot be sent does not keep the others of its job from being sent;
 * the job then fails as the first of them did, and says how many were sent.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { format } from "../../Address/index.js"
import { closed, type SocketError, withDetails } from "../../Errors/index.js"
import { type OutgoingDatagram, SendToOperation } from "../../Proactor/Datagram.js"
import type { ProactorHandle } from "../../Proactor/Proactor.js"
import type { Ending, Half, Peer } from "./Lifetime.js"
import type { WaitFor } from "./Starting.js"
import { Waiters } from "./Waiters.js"
import { awaitDone } from "./WriteJob.js"

class SendJob {
  readonly datagrams: ReadonlyArray<OutgoingDatagram>
  /** How many of them are dealt with. */
  dealtWith = 0
  failures = 0
  isStopped = false
  isDone = false
  failure: SocketError | undefined
  private waiters: Waiters | undefined

  constructor(datagrams: ReadonlyArray<OutgoingDatagram>) {
    this.datagrams = datagrams
  }

  get isOver(): boolean {
    return this.isStopped || this.dealtWith === this.datagrams.length
  }

  /** What is not dealt with yet is not sent any more. */
  stop(failure?: SocketError): void {
    this.isStopped = true
    this.failure ??= failure
  }

  /** The next one is not sent; those after it are. */
  fail(failure: SocketError): void {
    this.failure ??= failure
    this.failures += 1
    this.dealtWith += 1
  }

  finish(): void {
    this.isDone = true
    this.waiters?.wakeAll()
  }

  onDone(wake: () => void): void {
    this.waiters ??= new Waiters()
    this.waiters.add(wake)
  }

  offDone(wake: () => void): void {
    this.waiters?.remove(wake)
  }
}

class Sending extends SendToOperation {
  private readonly sender: DatagramSender

  constructor(sender: DatagramSender) {
    super()
    this.sender = sender
  }

  override get purpose(): string {
    return "send"
  }

  override get peer(): string {
    return this.sender.receiverOf(this.datagrams[this.offset])
  }

  override onRetired(): void {
    this.sender.retired()
  }
}

/** @internal */
export class DatagramSender implements Half {
  private readonly socket: ProactorHandle<SendToOperation>
  private readonly owner: Peer
  private readonly operation = new Sending(this)
  private current: SendJob | undefined
  /** Made when a send first has to wait for another. */
  private queue: Array<SendJob> | undefined
  private draining: Waiters | undefined
  private ending: (() => SocketError) | undefined

  constructor(socket: ProactorHandle<SendToOperation>, owner: Peer) {
    this.socket = socket
    this.owner = owner
  }

  get isInFlight(): boolean {
    return this.operation.isInFlight
  }

  /** Sends, here and now if that can be; answers what is left to do. */
  begin(datagrams: ReadonlyArray<OutgoingDatagram>, waitFor: WaitFor): Effect.Effect<void, SocketError> {
    if (this.ending !== undefined) return Effect.fail(this.ending())
    const job = new SendJob(datagrams)
    if (this.current === undefined && !this.operation.isInFlight) this.run(job)
    else this.enqueue(job)
    if (job.isDone) return outcomeOf(job)
    return waitFor(
      awaitDone(job),
      () => this.stop(job),
      () => outcomeOf(job)
    )
  }

  /** Whom a datagram is for, in words. */
  receiverOf(datagram: OutgoingDatagram | undefined): string {
    return datagram?.address === undefined ? this.owner.peer : format(datagram.address)
  }

  /** From now on sends fail, those that wait too. */
  close(why?: Ending): void {
    this.ending ??= () => why?.("send") ?? closed("send", this.owner.peer)
    for (const job of this.queue?.splice(0) ?? []) {
      job.stop(this.ending())
      job.finish()
    }
    this.socket.cancel(this.operation)
  }

  whenDrained(drained: () => void): void {
    if (this.operation.isInFlight) {
      this.draining ??= new Waiters()
      this.draining.add(drained)
    } else drained()
  }

  /** To be called by the operation when it retires. */
  retired(): void {
    const job = this.current
    if (job !== undefined && !this.settle(job)) this.run(job)
    while (this.current === undefined && !this.operation.isInFlight) {
      const next = this.queue?.shift()
      if (next === undefined) break
      this.run(next)
    }
    this.draining?.wakeAll()
  }

  private enqueue(job: SendJob): void {
    this.queue ??= []
    this.queue.push(job)
  }

  /** Submits what is left of the job until it is over, or in flight. */
  private run(job: SendJob): void {
    this.current = job
    do {
      this.operation.datagrams = job.datagrams
      this.operation.offset = job.dealtWith
      if (!this.socket.submit(this.operation)) return
    } while (!this.settle(job))
  }

  /** Books a retired operation. `true`: the job is over. */
  private settle(job: SendJob): boolean {
    const { failure, sent } = this.operation
    if (failure === undefined) job.dealtWith += sent
    else if (failure.reason === "Cancelled") job.stop(this.ending?.() ?? this.told(job, failure))
    else job.fail(this.told(job, failure))
    if (!job.isOver && this.ending === undefined) return false
    this.current = undefined
    this.operation.forget()
    if (!job.isOver) job.stop(this.ending?.())
    job.finish()
    return true
  }

  /** Why the datagram whose turn it is was not sent, in the words of what the program asked for. */
  private told(job: SendJob, failure: SocketError): SocketError {
    const address = this.receiverOf(job.datagrams[job.dealtWith])
    return failure.operation === "send" && failure.address === address
      ? failure
      : withDetails(failure, { operation: "send", address })
  }

  /** Takes the rest of a job back; answers when it is settled what was sent and what was not. */
  private stop(job: SendJob): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (job.isDone) return Effect.void
      job.stop()
      if (this.current !== job) {
        const at = this.queue?.indexOf(job) ?? -1
        if (at >= 0) this.queue?.splice(at, 1)
        return Effect.sync(() => job.finish())
      }
      this.socket.cancel(this.operation)
      if (job.isDone) return Effect.void
      return Effect.async<void>((resume) => job.onDone(() => resume(Effect.void)))
    })
  }
}

const outcomeOf = ({ datagrams, failure, failures }: SendJob): Effect.Effect<void, SocketError> => {
  if (failure === undefined) return Effect.void
  if (datagrams.length === 1 || failures === 0) return Effect.fail(failure)
  const sent = `${datagrams.length - failures} of ${datagrams.length} datagrams were sent`
  return Effect.fail(
    withDetails(failure, { advice: failure.advice === undefined ? sent : `${failure.advice} (${sent})` })
  )
}
