/**
 * A lease: the use of a handle by one other thread of this process, which knows it by its number.
 *
 * Handles and descriptors are numbers of the whole process, so another thread can use one. It cannot know when the owner
 * closes it, and then the number is soon a stranger's. So the two share a word, which says whether the thread is in the middle
 * of a call, and whether the lease has ended; and only the owner ever closes the handle.
 *
 *     Offered   nobody has claimed it. The first thread that does is the borrower; there is no second.
 *     Claimed   the borrower says so before each call, and after it.
 *     Ended     no call begins any more. The owner closes the handle at once or, if a call is out, as soon as it is over: calls
 *               take microseconds, and a thread that was terminated in the middle of one is found to be gone.
 *
 * So no thread uses a number that was given back, and none that is terminated, wherever that may be, leaves a handle open.
 * Nobody blocks: who ends a lease looks again a moment later.
 *
 * What closes the handle and what knows about threads is given: this file itself is pure.
 *
 * @since 0.1.0
 */
import { NetworkError } from "../Errors/index.js"

const OFFERED = 0
const CLAIMED = 1
const CALLING = 2
/** Added to each of them. */
const ENDED = 4

/** The words: the state, and which thread of the system's the borrower is. */
const STATE = 0
const THREAD = 1
const WORDS_BYTES = 2 * Int32Array.BYTES_PER_ELEMENT

/** How often a call that is out is looked at before something else is done meanwhile. */
const LOOKS_AT_ONCE = 100
const FIRST_WAIT_MILLISECONDS = 1
const LONGEST_WAIT_MILLISECONDS = 1000

/**
 * What a lease needs to know of the system.
 *
 * @internal
 */
export interface ThreadSystem {
  readonly close: (handle: number) => void
  /** Of this thread, while it runs: a number of 32 bits that no other thread of this process has. */
  readonly currentThread: () => number
  /** Whether that thread is there. In doubt it is. */
  readonly isThere: (thread: number) => boolean
}

/**
 * What the borrower needs to know. Plain data: it goes through `workerData` and `postMessage`, and no further than this
 * process, since shared memory does not.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lent {
  readonly handle: number
  readonly words: SharedArrayBuffer
}

/**
 * Whether something that came from elsewhere is what a lease lends.
 *
 * @internal
 */
export const isLent = (value: unknown): value is Lent => {
  if (typeof value !== "object" || value === null || !("handle" in value) || !("words" in value)) return false
  const { handle, words } = value
  const isNumber = typeof handle === "number" && Number.isSafeInteger(handle) && handle >= 0
  return isNumber && words instanceof SharedArrayBuffer && words.byteLength === WORDS_BYTES
}

/**
 * The error for a token that was opened before.
 *
 * @internal
 */
export const openedBefore = (operation: string): NetworkError =>
  new NetworkError({
    operation,
    reason: "InvalidHandle",
    advice: "the token was opened before, and is for one thread: share once more"
  })

/**
 * The owner's end.
 *
 * @internal
 */
export class Lease {
  /** For the borrower. */
  readonly lent: Lent
  private readonly words: Int32Array
  private readonly system: ThreadSystem

  /** From here on the handle is the lease's to close. */
  constructor(handle: number, system: ThreadSystem) {
    this.lent = { handle, words: new SharedArrayBuffer(WORDS_BYTES) }
    this.words = new Int32Array(this.lent.words)
    this.system = system
  }

  /** Ends the lease. To do so twice does nothing. */
  end(): void {
    if ((Atomics.or(this.words, STATE, ENDED) & ENDED) !== 0) return
    for (let look = 0; look < LOOKS_AT_ONCE; look++) if (this.closeIfOver()) return
    this.lookAgain(FIRST_WAIT_MILLISECONDS)
  }

  /** Closes the handle, unless the borrower is using it. */
  private closeIfOver(): boolean {
    const isCalling = (Atomics.load(this.words, STATE) & CALLING) !== 0
    if (isCalling && this.system.isThere(Atomics.load(this.words, THREAD))) return false
    this.system.close(this.lent.handle)
    return true
  }

  private lookAgain(milliseconds: number): void {
    const again = () => {
      if (!this.closeIfOver()) this.lookAgain(Math.min(2 * milliseconds, LONGEST_WAIT_MILLISECONDS))
    }
    // When the process ends, the system closes the handle.
    setTimeout(again, milliseconds).unref()
  }
}

/**
 * One lease of several, as who granted it has it.
 *
 * @internal
 */
export interface Granted {
  readonly lent: Lent
  /** Ends the lease. To do so twice does nothing. */
  readonly end: () => void
}

/**
 * The leases of one owner, which end with it.
 *
 * @internal
 */
export class Leases {
  private readonly leases = new Set<Lease>()

  /** From here on the handle is the lease's to close. */
  grant(handle: number, system: ThreadSystem): Granted {
    const lease = new Lease(handle, system)
    this.leases.add(lease)
    const end = () => {
      this.leases.delete(lease)
      lease.end()
    }
    return { lent: lease.lent, end }
  }

  endAll(): void {
    for (const lease of this.leases) lease.end()
    this.leases.clear()
  }
}

/**
 * The borrower's end.
 *
 * @internal
 */
export class Borrowed {
  private readonly handle: number
  private readonly words: Int32Array

  private constructor(lent: Lent) {
    this.handle = lent.handle
    this.words = new Int32Array(lent.words)
  }

  /** Claims the lease for this thread. If it cannot be had, says why. */
  static claim(lent: Lent, { currentThread }: ThreadSystem): Borrowed | "Claimed" | "Ended" {
    const borrowed = new Borrowed(lent)
    const state = Atomics.compareExchange(borrowed.words, STATE, OFFERED, CLAIMED)
    if (state !== OFFERED) return (state & ENDED) === 0 ? "Claimed" : "Ended"
    Atomics.store(borrowed.words, THREAD, currentThread())
    return borrowed
  }

  get hasEnded(): boolean {
    return (Atomics.load(this.words, STATE) & ENDED) !== 0
  }

  /** Makes a call with the handle, which is open until it returns; `undefined`, and no call, if the lease has ended. */
  use<A>(call: (handle: number) => A): A | undefined {
    if (!this.enter()) return undefined
    try {
      return call(this.handle)
    } finally {
      this.leave()
    }
  }

  /** False if the lease has ended. Otherwise `leave` has to follow. */
  enter(): boolean {
    return Atomics.compareExchange(this.words, STATE, CLAIMED, CALLING) === CLAIMED
  }

  leave(): void {
    // From calling to claimed, and what else is said stays.
    Atomics.xor(this.words, STATE, CALLING | CLAIMED)
  }
}
