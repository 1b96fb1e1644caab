/**
 * The events that were fetched or posted and not yet taken, in order.
 *
 * Pure: no system call, no timer. Tested on every platform.
 *
 * @since 0.1.0
 */
import type { EpollEvent } from "./Event.js"

/** Taken events are cut off the front of the array in pieces of this size. */
const CUT = 1024

/** @internal */
export class Inbox {
  private events: Array<EpollEvent> = []
  private head = 0
  private readyCount = 0
  private wakes = 0

  get size(): number {
    return this.events.length - this.head
  }

  /** Whether there is an event here that came from the system's readiness list. */
  get hasReady(): boolean {
    return this.readyCount > 0
  }

  /** Stores an event behind those that are here; a wake only if none is. */
  push(event: EpollEvent): void {
    if (event._tag === "WakeEvent" && this.wakes > 0) return
    this.count(event, 1)
    this.events.push(event)
  }

  /** Takes the oldest event. */
  shift(): EpollEvent | undefined {
    const event = this.events[this.head]
    if (event === undefined) return undefined
    this.head += 1
    this.count(event, -1)
    if (this.head === this.events.length) this.reset([])
    // Cutting now and then keeps the cost of taking the same however many wait.
    else if (this.head >= CUT) this.reset(this.events.slice(this.head))
    return event
  }

  /** Drops what is here about a descriptor. */
  forget(fd: number): void {
    if (this.readyCount === 0) return
    const isAbout = (event: EpollEvent) => event._tag === "ReadyEvent" && event.fd === fd
    const kept = this.events.slice(this.head).filter((event) => !isAbout(event))
    this.readyCount -= this.size - kept.length
    this.reset(kept)
  }

  clear(): void {
    this.reset([])
    this.readyCount = 0
    this.wakes = 0
  }

  private reset(events: Array<EpollEvent>): void {
    this.events = events
    this.head = 0
  }

  private count(event: EpollEvent, by: 1 | -1): void {
    if (event._tag === "ReadyEvent") this.readyCount += by
    else if (event._tag === "WakeEvent") this.wakes += by
  }
}
