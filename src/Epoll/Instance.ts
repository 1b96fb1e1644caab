/**
 * An epoll instance: its registrations, the events that were fetched, and the fibers that wait for them.
 *
 * Lifecycle:
 *
 *     Open      events are fetched into the inbox, by a poll when somebody asks, by Node's event loop while somebody
 *               waits. It looks at the instance for as long as somebody waits, and not longer.
 *     Closed    the descriptors are closed. Those who waited were told; whoever uses it gets `InvalidHandle`.
 *
 * Every event goes through the inbox, and is taken out of it by the fiber that returns it, in its very last step. A
 * fiber that waits is only ever told to look again, and all who wait are told whenever something is put in. So who is
 * interrupted at any point before that step takes nothing with it.
 *
 * What other threads post comes by inlets, which are registered like descriptors of the program's own; it is read a batch
 * at a time, and only when the batch before is taken, so that whoever posts faster than the program takes is held up.
 *
 * The system is given a descriptor's number and a generation, never the program's own data: a number is reused at
 * once, and an event of a registration that is over must find nobody home.
 *
 * @since 0.1.0
 */
import type { NetworkError } from "../Errors/index.js"
import { EBADF, ENOENT, EPOLLIN } from "./Constants.js"
import type { EpollWaiter } from "./EpollWaiter.js"
import { type EpollEvent, readyEvent, wakeEvent } from "./Event.js"
import { Inbox } from "./Inbox.js"
import type { Inlet } from "./Inlet.js"
import { instanceClosed } from "./Support.js"

interface Registration {
  readonly generation: number
  readonly data: bigint
}

/**
 * An epoll instance. `make` makes one.
 *
 * @since 0.1.0
 * @category models
 */
export class Epoll {
  private readonly waiter: EpollWaiter
  private readonly inbox = new Inbox()
  private readonly registrations = new Map<number, Registration>()
  /** By the number of their reading ends. */
  private readonly inlets = new Map<number, Inlet>()
  /** What is in the inbox that other threads posted. */
  private readonly fromOutside = new Set<EpollEvent>()
  /** Tells each of those who wait. */
  private line: Array<() => void> = []
  private generation = 0
  private readonly service = (): void => this.serve()

  /** @internal */
  constructor(waiter: EpollWaiter) {
    this.waiter = waiter
  }

  /** The epoll descriptor, for logs and for calls of your own. */
  get descriptor(): number {
    return this.waiter.descriptor
  }

  /** Whether it can still be used. */
  get isOpen(): boolean {
    return !this.waiter.isClosed
  }

  /** How many descriptors are registered. */
  get registered(): number {
    return this.registrations.size
  }

  /**
   * How many events one call to the system fetches at most.
   *
   * @internal
   */
  get batch(): number {
    return this.waiter.capacity
  }

  /**
   * The errno of a wait that the system refused; 0 if none was.
   *
   * @internal
   */
  get failure(): number {
    return this.waiter.failure
  }

  /**
   * Registers a descriptor; answers 0, or the errno.
   *
   * @internal
   */
  add(fd: number, bits: number, data: bigint): number {
    const registration = this.nextRegistration(data)
    const code = this.waiter.add(fd, bits, fd, registration.generation)
    if (code !== 0) return code
    // Whatever was registered under this number before was closed without being removed, or this would have failed.
    this.inbox.forget(fd)
    this.registrations.set(fd, registration)
    return 0
  }

  /**
   * Changes a registration; answers 0, or the errno. The system looks anew whether the descriptor is ready, so what
   * was fetched about it can be dropped without loss.
   *
   * @internal
   */
  modify(fd: number, bits: number, data: bigint | undefined): number {
    const registration = this.nextRegistration(data ?? this.registrations.get(fd)?.data ?? 0n)
    const code = this.waiter.modify(fd, bits, fd, registration.generation)
    if (code === 0 || code === ENOENT || code === EBADF) this.forget(fd)
    if (code === 0) this.registrations.set(fd, registration)
    return code
  }

  /**
   * Ends a registration; answers 0, or the errno. Nothing is told of the descriptor from here on, whatever the answer.
   *
   * @internal
   */
  remove(fd: number): number {
    const code = this.waiter.remove(fd)
    this.forget(fd)
    return code
  }

  /** @internal */
  post(data: bigint, bytes: number): undefined {
    this.inbox.push({ _tag: "PostedEvent", data, bytes })
    this.tellAll()
  }

  /** @internal */
  refusal(operation: string): NetworkError {
    return instanceClosed(operation)
  }

  /**
   * Lets other threads post by the inlet; answers 0, or the errno.
   *
   * @internal
   */
  addInlet(inlet: Inlet): number {
    const { generation } = this.nextRegistration(0n)
    const code = this.waiter.add(inlet.reader, EPOLLIN, inlet.reader, generation)
    if (code !== 0) return code
    inlet.generation = generation
    this.inlets.set(inlet.reader, inlet)
    return 0
  }

  /**
   * Takes in what has come by the inlet, and closes it.
   *
   * @internal
   */
  removeInlet(inlet: Inlet): void {
    inlet.lease.end()
    if (this.inlets.delete(inlet.reader)) {
      while (this.takeIn(inlet));
      this.waiter.remove(inlet.reader)
      if (this.inbox.size > 0) this.tellAll()
    }
    inlet.close()
  }

  /**
   * Wakes; answers 0, or the errno.
   *
   * @internal
   */
  wake(): number {
    return this.waiter.wake()
  }

  /**
   * Whether there is an event to take, asking the system if need be.
   *
   * @internal
   */
  hasEvent(): boolean {
    // Also asked while only posted events are here: who posts all the time must not keep descriptors from being heard.
    if (!this.inbox.hasReady) this.collect()
    return this.inbox.size > 0
  }

  /** @internal */
  take(): EpollEvent | undefined {
    const event = this.inbox.shift()
    if (event !== undefined) this.fromOutside.delete(event)
    return event
  }

  /**
   * Joins those who wait. `tell` is called once, when there may be something to take or the instance is unusable.
   * False, and `tell` is not called, if that is so already.
   *
   * @internal
   */
  join(tell: () => void): boolean {
    if (!this.isOpen || this.failure !== 0 || this.inbox.size > 0) return false
    this.line.push(tell)
    this.waiter.park(this.service)
    return true
  }

  /** @internal */
  leave(tell: () => void): void {
    this.line = this.line.filter((other) => other !== tell)
    if (this.line.length === 0) this.waiter.unpark()
  }

  /** @internal */
  close(): void {
    if (!this.isOpen) return
    this.waiter.close()
    for (const inlet of this.inlets.values()) inlet.lease.end()
    this.inlets.clear()
    this.fromOutside.clear()
    this.registrations.clear()
    this.inbox.clear()
    this.tellAll()
  }

  private nextRegistration(data: bigint): Registration {
    this.generation = (this.generation + 1) >>> 0
    return { generation: this.generation, data }
  }

  private forget(fd: number): void {
    this.inbox.forget(fd)
    this.registrations.delete(fd)
  }

  /** The event loop saw something: fetches it, tells, and waits on if nobody was told. */
  private serve(): void {
    this.collect()
    if (this.failure !== 0) this.tellAll()
    else if (this.line.length > 0) this.waiter.park(this.service)
  }

  private collect(): void {
    const { waiter } = this
    const count = waiter.poll()
    // Otherwise what other threads post waits where it is, until what they posted before is taken.
    const wantsMore = this.fromOutside.size === 0
    for (let index = 0; index < count; index++) {
      const fd = waiter.dataLow(index)
      const generation = waiter.dataHigh(index)
      const registration = this.registrations.get(fd)
      if (registration?.generation === generation) {
        this.inbox.push(readyEvent(fd, registration.data, waiter.events(index)))
      } else if (wantsMore) {
        const inlet = this.inlets.get(fd)
        if (inlet?.generation === generation) this.takeIn(inlet)
      }
    }
    if (waiter.takeWake()) this.inbox.push(wakeEvent)
    if (this.inbox.size > 0) this.tellAll()
  }

  /** Takes in a batch of what other threads posted, and answers whether there was any. */
  private takeIn(inlet: Inlet): boolean {
    const events = inlet.read()
    for (const event of events) {
      this.fromOutside.add(event)
      this.inbox.push(event)
    }
    return events.length > 0
  }

  private tellAll(): void {
    if (this.line.length === 0) return
    const line = this.line
    this.line = []
    this.waiter.unpark()
    for (const tell of line) tell()
  }
}
