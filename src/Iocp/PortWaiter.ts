/**
 * Waits on one completion port without ever blocking the main thread.
 *
 * Lifecycle. `poll` dequeues a batch into a foreign block and answers how many packets it holds; the
 * accessors (`key`, `overlapped`, `bytes`, `status`) read them until the next `poll`. When a poll came back
 * empty, `park` sends one blocking `GetQueuedCompletionStatusEx` to a thread of libuv's pool:
 *
 *     Idle      the block belongs to this class; `poll` asks the system.
 *     Parked    a call is out and the block belongs to it; `poll` answers 0. There is at most one such call.
 *     Arrived   the call came back and the block holds what it dequeued; the next `poll` hands that out.
 *     Closing   closing was asked for while a call is out; its return leads to Closed.
 *     Closed    the handle is closed and the block is freed.
 *
 * `unpark` and `wake` end a parked call early by posting a private packet, known by the address of a foreign
 * word that only this class owns; it is taken out before anybody sees the batch. Nothing is lost by
 * unparking: what the call had dequeued by then is handed out by the next `poll`, in order. A parked call is
 * bounded in time, so that a lost wake or a terminated worker costs a moment, not for ever; after it `onWake`
 * is called as well, and the caller polls and parks again.
 *
 * A parked call holds a thread that file and name look-ups need too. Past a share of the pool, further ports
 * are looked at by a timer instead, which is slower and costs nobody a thread; so is a port whose handle went
 * bad.
 *
 * `process.exit` waits for parked calls, so one listener on `exit`, there only while something is parked,
 * wakes them all. The port is closed only after its call returned, since closing does not end the wait
 * everywhere.
 *
 * @since 0.1.0
 */
import { ForeignMemory } from "../Foreign/Memory.js"
import { SIZEOF_OVERLAPPED_ENTRY, WAIT_TIMEOUT } from "./Constants.js"
import { kernel32 } from "./Kernel32.js"

/** How long a parked call lasts at most. */
const PARK_MILLISECONDS = 1000

/** How often a port is looked at for which no thread is free. */
const TIMER_MILLISECONDS = 5

const threadsOfThePool = Number.parseInt(process.env["UV_THREADPOOL_SIZE"] ?? "4", 10)

/** How many of libuv's threads parked calls may hold; the others stay free for files and names. */
const threadShare = Math.max(1, (threadsOfThePool || 4) - 2)

const WORDS_PER_ENTRY = SIZEOF_OVERLAPPED_ENTRY / 4
const TWO_TO_32 = 0x1_0000_0000

type State =
  | { readonly _tag: "Idle" }
  | { readonly _tag: "Parked"; readonly timer: NodeJS.Timeout | undefined }
  | { readonly _tag: "Arrived"; readonly count: number }
  | { readonly _tag: "Closing" }
  | { readonly _tag: "Closed" }

const idle: State = { _tag: "Idle" }
const parkedOnThread: State = { _tag: "Parked", timer: undefined }
const closing: State = { _tag: "Closing" }
const closed: State = { _tag: "Closed" }

/** Every waiter that holds a thread of the pool. */
const onThreads = new Set<PortWaiter>()

const wakeAll = () => {
  for (const waiter of onThreads) waiter.wake()
}

const enlist = (waiter: PortWaiter) => {
  if (onThreads.size === 0) process.on("exit", wakeAll)
  onThreads.add(waiter)
}

const dismiss = (waiter: PortWaiter) => {
  onThreads.delete(waiter)
  if (onThreads.size === 0) process.off("exit", wakeAll)
}

/**
 * How many threads of libuv's pool are waiting for completion ports.
 *
 * @internal
 */
export const parkedCalls = (): number => onThreads.size

/** @internal */
export class PortWaiter {
  /** The port. This class closes it. */
  readonly handle: number
  /** How many packets one batch holds at most. */
  readonly capacity: number
  private readonly parkMilliseconds: number
  private readonly block: ForeignMemory
  private words: Uint32Array
  /** The address of the count behind the entries; as an OVERLAPPED it marks the private packet. */
  readonly marker: number
  private readonly countIndex: number
  private state: State = idle
  private onWake: (() => void) | undefined
  private readonly onClosed: Array<() => void> = []
  private wakePosted = false
  private failureCode = 0

  constructor(handle: number, capacity = 64, parkMilliseconds = PARK_MILLISECONDS) {
    const entriesBytes = capacity * SIZEOF_OVERLAPPED_ENTRY
    this.handle = handle
    this.capacity = capacity
    this.parkMilliseconds = parkMilliseconds
    this.block = ForeignMemory.allocate(entriesBytes + 8)
    const { buffer, byteOffset } = this.block.bytes
    this.words = new Uint32Array(buffer, byteOffset, entriesBytes / 4 + 2)
    this.marker = this.block.address + entriesBytes
    this.countIndex = entriesBytes / 4
  }

  /** Whether a call is out on a thread, or a timer stands in for it. */
  get isParked(): boolean {
    return this.state._tag === "Parked"
  }

  /** The code of the last wait that failed for another reason than an empty port; 0 if none did. */
  get failure(): number {
    return this.failureCode
  }

  /** Whether an OVERLAPPED pointer is the one that marks private packets. */
  isMarker(overlapped: number | bigint): boolean {
    return Number(overlapped) === this.marker
  }

  /**
   * Dequeues up to `max` packets without waiting and answers how many there are. 0 while a call is parked.
   */
  poll(max: number = this.capacity): number {
    if (this.state._tag === "Arrived") {
      const { count } = this.state
      this.state = idle
      return count
    }
    if (this.state._tag !== "Idle") return 0
    const wanted = Math.min(max, this.capacity)
    const { address } = this.block
    const ok = kernel32().GetQueuedCompletionStatusEx(this.handle, address, wanted, this.marker, 0, 0)
    return this.dequeued(ok, ok === 0 ? kernel32().GetLastError() : 0)
  }

  /** The completion key of a packet; exact below 2^53. */
  key(index: number): number {
    return this.word(index, 0) + this.word(index, 1) * TWO_TO_32
  }

  /** The lower 32 bits of a packet's completion key. */
  keyLow(index: number): number {
    return this.word(index, 0)
  }

  /** The upper 32 bits of a packet's completion key. */
  keyHigh(index: number): number {
    return this.word(index, 1)
  }

  /** All 64 bits of a packet's completion key. */
  keyBigInt(index: number): bigint {
    return (BigInt(this.word(index, 1)) << 32n) | BigInt(this.word(index, 0))
  }

  /** The address of a packet's OVERLAPPED; exact below 2^53, as every address of a process is. */
  overlapped(index: number): number {
    return this.word(index, 2) + this.word(index, 3) * TWO_TO_32
  }

  /** All 64 bits of a packet's OVERLAPPED pointer, which a posted packet may use as it likes. */
  overlappedBigInt(index: number): bigint {
    return (BigInt(this.word(index, 3)) << 32n) | BigInt(this.word(index, 2))
  }

  /** A packet's NTSTATUS, as an unsigned number. */
  status(index: number): number {
    return this.word(index, 4)
  }

  /** How many bytes a packet's operation transferred. */
  bytes(index: number): number {
    return this.word(index, 6)
  }

  /**
   * Asks for one call of `onWake` when there is something to poll, when `wake` was called, or when the bound
   * has passed. Keeps the process alive until then. A second `park` replaces the first one's callback.
   */
  park(onWake: () => void): void {
    this.onWake = onWake
    if (this.state._tag === "Idle") {
      const hasThread = this.failureCode === 0 && onThreads.size < threadShare
      if (!hasThread || !this.parkOnThread()) this.parkOnTimer()
    } else if (this.state._tag === "Arrived") {
      // Something came for an earlier park that was taken back: it is this one's now.
      setImmediate(() => this.tell())
    }
  }

  /** Takes a `park` back: its callback is not called any more, and the process is not kept alive for it. */
  unpark(): void {
    this.onWake = undefined
    if (this.state._tag === "Parked") this.wake()
  }

  /** Ends a parked call early. Without one it does nothing. */
  wake(): void {
    if (this.state._tag === "Parked" && this.state.timer !== undefined) setImmediate(() => this.endTimer())
    else if (this.state._tag === "Parked" || this.state._tag === "Closing") this.postWake()
  }

  /** Closes the port as soon as no call is out on it, then calls `done`. Packets still queued are dropped. */
  close(done: () => void): void {
    this.onWake = undefined
    this.onClosed.push(done)
    if (this.state._tag === "Closing") return
    if (this.state._tag === "Parked" && this.state.timer === undefined) {
      this.state = closing
      this.postWake()
    } else {
      if (this.state._tag === "Parked") clearTimeout(this.state.timer)
      this.shut()
    }
  }

  private postWake(): void {
    if (this.wakePosted) return
    // Should the post fail, for want of memory, the bound of the parked call ends it.
    this.wakePosted = kernel32().PostQueuedCompletionStatus(this.handle, 0, 0, this.marker) !== 0
  }

  private word(index: number, at: number): number {
    return this.words[index * WORDS_PER_ENTRY + at] ?? 0
  }

  private parkOnThread(): boolean {
    const { address } = this.block
    try {
      kernel32().GetQueuedCompletionStatusExAsync(
        this.handle,
        address,
        this.capacity,
        this.marker,
        this.parkMilliseconds,
        (ok, code) => this.returned(ok, code)
      )
    } catch {
      // Too many calls are outstanding in this process: the timer does for now.
      return false
    }
    this.state = parkedOnThread
    enlist(this)
    return true
  }

  private parkOnTimer(): void {
    this.state = { _tag: "Parked", timer: setTimeout(() => this.endTimer(), TIMER_MILLISECONDS) }
  }

  private endTimer(): void {
    if (this.state._tag !== "Parked" || this.state.timer === undefined) return
    clearTimeout(this.state.timer)
    this.state = idle
    this.tell()
  }

  private returned(ok: number, code: number): void {
    dismiss(this)
    if (this.state._tag === "Closing") {
      this.shut()
      return
    }
    const count = this.dequeued(ok, code)
    this.state = count === 0 ? idle : { _tag: "Arrived", count }
    this.tell()
  }

  private tell(): void {
    const onWake = this.onWake
    this.onWake = undefined
    onWake?.()
  }

  /** What a wait that ended left in the block, without the private packet. */
  private dequeued(ok: number, code: number): number {
    if (ok === 0) {
      if (code !== WAIT_TIMEOUT) this.failureCode = code
      return 0
    }
    const count = this.words[this.countIndex] ?? 0
    return this.wakePosted ? this.withoutWake(count) : count
  }

  private withoutWake(count: number): number {
    for (let index = 0; index < count; index++) {
      if (this.overlapped(index) !== this.marker) continue
      this.wakePosted = false
      const at = index * WORDS_PER_ENTRY
      this.words.copyWithin(at, at + WORDS_PER_ENTRY, count * WORDS_PER_ENTRY)
      return count - 1
    }
    return count
  }

  private shut(): void {
    if (this.state._tag !== "Closed") {
      this.state = closed
      // The handle is this class's own and closed once only: there is nothing to do about a failure.
      kernel32().CloseHandle(this.handle)
      this.words = new Uint32Array(0)
      this.block.free()
    }
    for (const done of this.onClosed.splice(0)) done()
  }
}
