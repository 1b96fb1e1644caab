/**
 * A signal in memory: a word that threads share, which counts how often it was raised.
 *
 * Lifecycle:
 *
 *     Quiet --submit--> Awaited --raised, or cancel--> Quiet
 *
 * and from both to Closed. A raise by this very thread is told at once, and is as deterministic as everything on a
 * simulated network. One by another thread is told by `Atomics.waitAsync`, and comes when it comes; while it is waited for,
 * the driver keeps the process, as with every operation in flight.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { closed, type SocketError } from "../../Errors/index.js"
import { Leases, type Lent, type ThreadSystem } from "../../Foreign/Lease.js"
import type { SignalOperation } from "../Operation.js"
import type { ProactorSignal, SignalShare } from "../Proactor.js"
import { failure } from "./Faults.js"
import type { SimulatedProactor } from "./SimulatedProactor.js"

/**
 * What raises a signal of a simulated proactor. Plain data.
 *
 * @since 0.1.0
 * @category models
 */
export interface SimulatedSignalToken {
  readonly _tag: "SimulatedSignal"
  readonly lent: Lent
  readonly raises: SharedArrayBuffer
}

/** @internal */
export const isRaises = (raises: unknown): boolean =>
  raises instanceof SharedArrayBuffer && raises.byteLength === Int32Array.BYTES_PER_ELEMENT

/**
 * There is no handle to be closed, and so nothing to wait for.
 *
 * @internal
 */
export const inMemory: ThreadSystem = { close: () => {}, currentThread: () => 0, isThere: () => false }

/** The signals of this thread, by what their tokens carry; a token that went to another thread carries a copy of that. */
const here = new WeakMap<SharedArrayBuffer, SimulatedSignal>()

const raise = (raises: SharedArrayBuffer, word: Int32Array): void => {
  Atomics.add(word, 0, 1)
  Atomics.notify(word, 0)
  here.get(raises)?.look()
}

/** @internal */
export const raiseInMemory = ({ raises }: SimulatedSignalToken): (() => boolean) => {
  const word = new Int32Array(raises)
  return () => {
    raise(raises, word)
    return true
  }
}

/** @internal */
export class SimulatedSignal implements ProactorSignal {
  private readonly owner: SimulatedProactor
  private readonly raises = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  private readonly word = new Int32Array(this.raises)
  private readonly leases = new Leases()
  /** How many raises were told. */
  private told = 0
  private awaiting: SignalOperation | undefined
  private isWatching = false
  private isClosed = false

  constructor(owner: SimulatedProactor) {
    this.owner = owner
    here.set(this.raises, this)
  }

  get share(): Effect.Effect<SignalShare, SocketError> {
    return Effect.suspend(() => {
      if (this.isClosed) return Effect.fail(closed("share"))
      const { end, lent } = this.leases.grant(0, inMemory)
      const token = { _tag: "SimulatedSignal", lent, raises: this.raises } as const
      return Effect.succeed({ token, end })
    })
  }

  raise(): void {
    if (!this.isClosed) raise(this.raises, this.word)
  }

  submit(operation: SignalOperation): boolean {
    operation.begin(this.owner.ledger)
    const isRefused = this.isClosed || this.owner.isClosed
    if (!isRefused && !this.takeRaises()) {
      this.awaiting = operation
      this.watch()
      // It is to keep the process from now on.
      this.owner.network.simulation.wake()
      return false
    }
    if (isRefused) operation.failure = closed(operation.purpose)
    operation.finish()
    return true
  }

  cancel(operation: SignalOperation): void {
    if (this.awaiting !== operation) return
    this.awaiting = undefined
    operation.failure = failure(operation.purpose, "Cancelled")
    operation.finish()
    operation.onRetired()
    // The driver may have nothing left that it keeps the process for.
    this.owner.network.simulation.wake()
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.leases.endAll()
    // Whoever watches finds nobody.
    Atomics.notify(this.word, 0)
    if (this.awaiting !== undefined) this.cancel(this.awaiting)
    this.owner.forgetSignal(this)
  }

  abandon(): void {
    this.close()
  }

  /** Tells of a raise, if there was one and somebody waits for it. */
  look(): void {
    const operation = this.awaiting
    if (operation === undefined || !this.takeRaises()) return
    this.awaiting = undefined
    this.owner.network.simulation.retired(operation)
  }

  private takeRaises(): boolean {
    const raises = Atomics.load(this.word, 0)
    const isRaised = raises !== this.told
    this.told = raises
    return isRaised
  }

  /** Looks when another thread raises it, for as long as somebody waits for that. */
  private watch(): void {
    if (this.isWatching) return
    const wait = Atomics.waitAsync(this.word, 0, this.told)
    if (!wait.async) {
      this.look()
      return
    }
    this.isWatching = true
    void wait.value.then(() => {
      this.isWatching = false
      this.look()
      if (this.awaiting !== undefined) this.watch()
    })
  }
}
