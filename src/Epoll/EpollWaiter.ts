/**
 * Waits on one epoll instance without ever blocking the thread, and without another thread.
 *
 * Lifecycle. `poll` fetches a batch into a foreign block and answers how many events it holds; the accessors
 * (`events`, `dataLow`, `dataHigh`) read them until the next `poll`. When a poll came back empty, `park` lets Node's
 * event loop watch the epoll descriptor, which is readable while the instance has an event to give:
 *
 *     Idle       the event loop does not look at the descriptor.
 *     Parked     it looks, and keeps the process alive; `onReady` is called once there is something to poll.
 *     Told       it saw something; `onReady` is called in this turn of the loop.
 *     Lingering  it still looks, for nobody, and does not keep the process alive. Most who poll park again at once,
 *                and find the watch as they left it. If something comes while nobody is parked, the watch is
 *                stopped (Idle): the loop's watch is level-triggered, and would come back for ever.
 *     Closed     the descriptors are closed and the block is freed.
 *
 * (That is the main thread. In a worker thread timers look instead; see `TimerWatch`.)
 *
 * `onReady` does not run inside the foreign callback but as an immediate right after it: what it throws is then
 * reported like any other exception, and promises and ticks that it settles run when it returns.
 *
 * `wake` makes the instance readable by writing to an event counter that is registered with it. The counter is
 * registered edge-triggered, so it never needs to be read; `poll` takes its event out before anybody sees the batch.
 *
 * The 64 bits of data that come back with an event are two halves of 32, which this class hands out as numbers. The
 * low half `0xffffffff` is its own.
 *
 * @since 0.1.0
 */
import { isMainThread } from "node:worker_threads"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { NetworkError } from "../Errors/index.js"
import { ForeignMemory } from "../Foreign/Memory.js"
import {
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EINTR,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLET,
  EPOLLIN
} from "./Constants.js"
import { EpollEventLayout, type Libc, libc } from "./Libc.js"
import { LoopWatch } from "./LoopWatch.js"
import { onLinux, systemError } from "./Support.js"
import { TimerWatch } from "./TimerWatch.js"
import type { Watch } from "./Watch.js"

/** How many events one poll fetches unless told otherwise. */
export const DEFAULT_CAPACITY = 256

/** The low half of the data that marks this class's own event counter. */
const WAKE_MARK = 0xffff_ffff

const WORDS_PER_EVENT = EpollEventLayout.size / 4
const EVENTS_WORD = EpollEventLayout.events / 4
const LOW_WORD = EpollEventLayout.data / 4
const HIGH_WORD = LOW_WORD + 1

const one = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)

type State = "Idle" | "Parked" | "Told" | "Lingering" | "Closed"

/** @internal */
export class EpollWaiter {
  /** The epoll descriptor. This class closes it. */
  readonly descriptor: number
  /** How many events one batch holds at most. */
  readonly capacity: number
  private readonly system: Libc
  private readonly counter: number
  private readonly block: ForeignMemory
  private words: Uint32Array
  /** Where in the block, behind the batch, the one event is that is passed to `epoll_ctl`. */
  private readonly controlWord: number
  private readonly watch: Watch
  private state: State = "Idle"
  private onReady: (() => void) | undefined
  private immediate: NodeJS.Immediate | undefined
  private wakeWritten = false
  private wakeSeen = false
  private failureCode = 0

  private constructor(system: Libc, descriptor: number, counter: number, capacity: number) {
    this.system = system
    this.descriptor = descriptor
    this.counter = counter
    this.capacity = capacity
    this.block = ForeignMemory.allocate((capacity + 1) * EpollEventLayout.size)
    const { buffer, byteOffset, byteLength } = this.block.bytes
    this.words = new Uint32Array(buffer, byteOffset, byteLength / 4)
    this.controlWord = capacity * WORDS_PER_EVENT
    const Looking = isMainThread ? LoopWatch : TimerWatch
    this.watch = new Looking(descriptor, () => this.arrived())
  }

  /** An epoll instance that is closed with the scope. */
  static readonly make: Effect.Effect<EpollWaiter, NetworkError, Scope.Scope> = Effect.suspend(() =>
    Effect.acquireRelease(EpollWaiter.open("make", DEFAULT_CAPACITY), (waiter) =>
      Effect.sync(() => waiter.close())
    )
  )

  /** An epoll instance; the caller closes it. */
  static open(operation: string, capacity: number): Effect.Effect<EpollWaiter, NetworkError> {
    return onLinux(operation, () => {
      const system = libc()
      const descriptor = system.epoll_create1(EPOLL_CLOEXEC)
      if (descriptor < 0) {
        return Effect.fail(systemError(system.errno(), { operation, syscall: "epoll_create1" }))
      }
      const counter = system.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
      if (counter < 0) {
        const error = systemError(system.errno(), { operation, syscall: "eventfd" })
        system.close(descriptor)
        return Effect.fail(error)
      }
      const waiter = new EpollWaiter(system, descriptor, counter, capacity)
      const code = waiter.add(counter, EPOLLIN | EPOLLET, WAKE_MARK, WAKE_MARK)
      if (code === 0) return Effect.succeed(waiter)
      waiter.close()
      return Effect.fail(systemError(code, { operation, syscall: "epoll_ctl" }))
    })
  }

  get isClosed(): boolean {
    return this.state === "Closed"
  }

  /** Whether somebody waits to be told. */
  get isParked(): boolean {
    return this.state === "Parked" || this.state === "Told"
  }

  /** Whether the event loop looks at the descriptor, for somebody or for nobody. */
  get isWatched(): boolean {
    return this.state !== "Idle" && this.state !== "Closed"
  }

  /** The code of the last `epoll_wait` that failed; 0 if none did. */
  get failure(): number {
    return this.failureCode
  }

  /** Registers a descriptor. Answers 0, or the errno. */
  add(fd: number, events: number, low: number, high: number): number {
    return this.control(EPOLL_CTL_ADD, fd, events, low, high)
  }

  /** Changes a registration, and arms it again. Answers 0, or the errno. */
  modify(fd: number, events: number, low: number, high: number): number {
    return this.control(EPOLL_CTL_MOD, fd, events, low, high)
  }

  /** Ends a registration; the descriptor must still be open. Answers 0, or the errno. */
  remove(fd: number): number {
    return this.control(EPOLL_CTL_DEL, fd, 0, 0, 0)
  }

  /** Fetches up to `max` events without waiting and answers how many there are. */
  poll(max: number = this.capacity): number {
    if (this.state === "Closed") return 0
    const wanted = Math.min(max, this.capacity)
    let count = this.system.epoll_wait(this.descriptor, this.block.address, wanted, 0)
    while (count < 0) {
      const code = this.system.errno()
      if (code !== EINTR) {
        this.failureCode = code
        return 0
      }
      count = this.system.epoll_wait(this.descriptor, this.block.address, wanted, 0)
    }
    return this.wakeWritten ? this.withoutWake(count) : count
  }

  /** What happened to a descriptor: `EPOLLIN`, `EPOLLOUT`, ... */
  events(index: number): number {
    return this.words[index * WORDS_PER_EVENT + EVENTS_WORD] ?? 0
  }

  /** The lower 32 bits of what the descriptor was registered with. */
  dataLow(index: number): number {
    return this.words[index * WORDS_PER_EVENT + LOW_WORD] ?? 0
  }

  /** The upper 32 bits of what the descriptor was registered with. */
  dataHigh(index: number): number {
    return this.words[index * WORDS_PER_EVENT + HIGH_WORD] ?? 0
  }

  /** Whether a `wake` was among what has been polled since this was last asked. */
  takeWake(): boolean {
    const seen = this.wakeSeen
    this.wakeSeen = false
    return seen
  }

  /**
   * Asks for one call of `onReady` as soon as there is something to poll. Keeps the process alive until then. A
   * second `park` replaces the first one's callback.
   */
  park(onReady: () => void): void {
    if (this.state === "Closed") return
    this.onReady = onReady
    if (this.state === "Parked" || this.state === "Told") return
    this.watch.start()
    this.watch.ref()
    this.state = "Parked"
  }

  /** Takes a `park` back: its callback is not called any more, and the process is not kept alive for it. */
  unpark(): void {
    this.onReady = undefined
    if (this.state !== "Parked" && this.state !== "Told") return
    if (this.state === "Told") clearImmediate(this.immediate)
    this.watch.unref()
    this.state = "Lingering"
  }

  /**
   * Makes whoever is parked poll, and if nobody is, the next who parks. Wakes that nobody has polled yet count as
   * one. Answers 0, or the errno.
   */
  wake(): number {
    if (this.state === "Closed" || this.wakeWritten) return 0
    this.wakeWritten = this.system.write(this.counter, one, one.length) === one.length
    return this.wakeWritten ? 0 : this.system.errno()
  }

  /** Closes the instance. Nobody is told; descriptors that are registered stay open. */
  close(): void {
    if (this.state === "Closed") return
    this.unpark()
    this.state = "Closed"
    this.watch.close()
    // Both descriptors are this class's own and closed once only: there is nothing to do about a failure.
    this.system.close(this.counter)
    this.system.close(this.descriptor)
    this.words = new Uint32Array(0)
    this.block.free()
  }

  private control(op: number, fd: number, events: number, low: number, high: number): number {
    const at = this.controlWord
    this.words[at + EVENTS_WORD] = events
    this.words[at + LOW_WORD] = low
    this.words[at + HIGH_WORD] = high
    const result = this.system.epoll_ctl(this.descriptor, op, fd, this.block.address + at * 4)
    return result === 0 ? 0 : this.system.errno()
  }

  /** Called by the watch, inside a foreign callback perhaps: must not throw, and runs nobody's code. */
  private arrived(): void {
    if (this.state === "Parked") {
      this.state = "Told"
      this.immediate = setImmediate(() => this.tell())
    } else if (this.state === "Lingering") {
      this.state = "Idle"
      this.watch.stop()
    }
  }

  private tell(): void {
    const onReady = this.onReady
    this.onReady = undefined
    this.state = "Lingering"
    try {
      onReady?.()
    } finally {
      // Most who are told park again at once: then nothing has to be changed.
      if (this.state === "Lingering") this.watch.unref()
    }
  }

  /** Takes the event of the counter out of the batch. */
  private withoutWake(count: number): number {
    for (let index = 0; index < count; index++) {
      if (this.dataLow(index) !== WAKE_MARK) continue
      this.wakeWritten = false
      this.wakeSeen = true
      const at = index * WORDS_PER_EVENT
      this.words.copyWithin(at, at + WORDS_PER_EVENT, count * WORDS_PER_EVENT)
      return count - 1
    }
    return count
  }
}
