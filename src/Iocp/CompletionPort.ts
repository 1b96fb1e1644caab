/**
 * A completion port: where the packets of its handles are dequeued, kept and handed to those who wait.
 *
 * Lifecycle:
 *
 *     Open      packets are dequeued into the inbox: by a poll when somebody asks and none is there, by a parked
 *               call while somebody waits. The call is parked for as long as somebody waits, and not longer.
 *     Closing   those who wait are told. Operations in flight on the port's handles are cancelled, and their
 *               packets dequeued, since the system may write to their memory until then.
 *     Closed    the handle is closed. Whoever uses the port gets `InvalidHandle`.
 *
 * Every packet goes through the inbox, and its operation is retired on the way in. Who is interrupted while
 * waiting therefore loses nothing: the packet stays in the inbox for the next.
 *
 * @since 0.1.0
 */
import { fromNtStatus, type NetworkError, type SystemCall } from "../Errors/index.js"
import { Leases } from "../Foreign/Lease.js"
import type { Completion } from "./Completion.js"
import type { OverlappedHandle } from "./Handle.js"
import { Inbox, type Place } from "./Inbox.js"
import { enqueue, type Word } from "./Kernel32.js"
import { retire } from "./Overlapped.js"
import { PortWaiter } from "./PortWaiter.js"
import { portClosed } from "./Support.js"

/**
 * How long a cancelled operation's packet is waited for. It is prompt; this is for a system that is broken.
 */
const DRAIN_MILLISECONDS = 5000

/** The highest NTSTATUS that is no failure: from here on the values are warnings and errors. */
const FIRST_FAILURE = 0x8000_0000

/** Names the operation of a failed packet whose start this library has not seen. */
const unknownOperation: SystemCall = {
  operation: "waitForCompletion",
  syscall: "GetQueuedCompletionStatusEx"
}

/**
 * A completion port. `make` makes one.
 *
 * @since 0.1.0
 * @category models
 */
export class CompletionPort {
  /** The port's handle, for logs. */
  readonly handle: number
  /** @internal */
  readonly waiter: PortWaiter
  /** @internal */
  readonly handles = new Set<OverlappedHandle>()
  /**
   * By which other threads post to it.
   *
   * @internal
   */
  readonly leases = new Leases()
  private readonly inbox = new Inbox<Completion>()
  private readonly watchers = new Set<() => void>()
  private readonly lookers = new Set<Place>()
  private readonly onClosed: Array<() => void> = []
  private state: "Open" | "Closing" | "Closed" = "Open"
  private readonly service = (): void => this.serve()

  /** @internal */
  constructor(handle: number, capacity: number) {
    this.handle = handle
    this.waiter = new PortWaiter(handle, capacity)
  }

  /** Whether it can still be used. */
  get isOpen(): boolean {
    return this.state === "Open"
  }

  /** @internal */
  refusal(operation: string): NetworkError {
    return portClosed(operation)
  }

  /**
   * The code of a wait that the system refused; 0 if none was.
   *
   * @internal
   */
  get failure(): number {
    return this.waiter.failure
  }

  /**
   * Whether an OVERLAPPED pointer is one that the port itself makes use of.
   *
   * @internal
   */
  isMarker(overlapped: Word): boolean {
    return this.waiter.isMarker(overlapped)
  }

  /**
   * Queues a packet; answers 0, or the code.
   *
   * @internal
   */
  enqueue(bytes: number, key: Word, overlapped: Word): number {
    return enqueue(this.handle, bytes, key, overlapped)
  }

  /**
   * A packet that nobody else was told of, polling for one if none is here.
   *
   * @internal
   */
  take(): Completion | undefined {
    if (this.inbox.available === 0) this.collect()
    return this.inbox.take()
  }

  /**
   * Joins the line of those who wait. The place is to be given to `takeFor` or to `leave`.
   *
   * @internal
   */
  join(tell: () => void): Place {
    const place = this.inbox.join(tell)
    this.park()
    return place
  }

  /**
   * Joins the line for as long as it takes to learn what the parked call has dequeued so far. `undefined` if
   * no call is parked: then `take` has looked already.
   *
   * @internal
   */
  joinToLook(tell: () => void): Place | undefined {
    if (!this.waiter.isParked) return undefined
    const place = this.join(tell)
    this.lookers.add(place)
    this.waiter.wake()
    return place
  }

  /** @internal */
  takeFor(place: Place): Completion | undefined {
    return this.inbox.takeFor(place)
  }

  /** @internal */
  expire(place: Place): void {
    this.inbox.expire(place)
    this.unparkIfUnwatched()
  }

  /** @internal */
  leave(place: Place): void {
    this.inbox.leave(place)
    this.unparkIfUnwatched()
  }

  /**
   * Dequeues packets into the inbox until `isDone`, then calls `done` with true; with false if that takes too
   * long. The packets stay in the inbox.
   *
   * @internal
   */
  drain(isDone: () => boolean, done: (drained: boolean) => void): void {
    if (!isDone()) this.collect()
    this.inbox.serve()
    if (isDone()) {
      done(true)
      return
    }
    const finish = (drained: boolean) => {
      clearTimeout(timer)
      this.watchers.delete(watcher)
      this.unparkIfUnwatched()
      done(drained)
    }
    const watcher = () => {
      if (isDone()) finish(true)
    }
    const timer = setTimeout(finish, DRAIN_MILLISECONDS, false)
    this.watchers.add(watcher)
    this.park()
  }

  /**
   * Begins to close: from here on the port is not open, to no thread, and those who wait are told. False if that
   * was done before.
   *
   * @internal
   */
  beginClose(): boolean {
    if (this.state !== "Open") return false
    this.state = "Closing"
    this.leases.endAll()
    this.inbox.expireAll()
    return true
  }

  /**
   * Closes the handle as soon as no call is out on it.
   *
   * @internal
   */
  endClose(): void {
    this.waiter.close(() => {
      this.state = "Closed"
      for (const done of this.onClosed.splice(0)) done()
    })
  }

  /**
   * Calls `done` when the handle is closed.
   *
   * @internal
   */
  whenClosed(done: () => void): void {
    if (this.state === "Closed") done()
    else this.onClosed.push(done)
  }

  private get isAwaited(): boolean {
    return this.inbox.waiting > 0 || this.watchers.size > 0
  }

  private park(): void {
    this.waiter.park(this.service)
  }

  private unparkIfUnwatched(): void {
    if (!this.isAwaited) this.waiter.unpark()
  }

  /**
   * The parked call ended: stores what it brought and what has come since, tells, and parks again if need be.
   */
  private serve(): void {
    let count = this.collect()
    while (count > 0 && this.inbox.waiting > this.inbox.available) count = this.collect()
    this.inbox.serve()
    for (const place of this.lookers) this.inbox.expire(place)
    this.lookers.clear()
    for (const watcher of this.watchers) watcher()
    if (this.failure !== 0) this.inbox.expireAll()
    else if (this.isAwaited) this.park()
  }

  private collect(): number {
    const count = this.waiter.poll()
    for (let index = 0; index < count; index++) this.inbox.push(this.completion(index))
    return count
  }

  private completion(index: number): Completion {
    const { waiter } = this
    const submission = retire(waiter.overlapped(index))
    const packet = {
      key: waiter.keyBigInt(index),
      bytes: waiter.bytes(index),
      overlapped: waiter.overlappedBigInt(index),
      status: waiter.status(index)
    }
    if (packet.status < FIRST_FAILURE) return { _tag: "CompletionSuccess", ...packet }
    const { operation, syscall, address } = submission ?? unknownOperation
    const call = { operation, syscall, address }
    const error = submission?.target.failureOf(packet.status, call) ?? fromNtStatus(packet.status, call)
    return { _tag: "CompletionFailure", ...packet, error }
  }
}
