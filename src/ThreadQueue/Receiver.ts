/**
 * The receiving end of a queue: an intake whose operation is "wait for the signal".
 *
 * Every way to take goes through `Intake`: what is in a ring is taken in the very last step, so an interruption, or a timeout,
 * leaves it where it is. While nobody takes there is no operation in flight, and nothing keeps the process.
 *
 * Lifecycle of a take that finds nothing:
 *
 *     arm the alarm --> submit the operation --> look once more --> wait --raised--> disarm, take
 *
 * (see `Alarm` for why no wake-up is lost). What is found in that last look raises the signal from here, in the next turn of
 * the event loop. So does, after a number of entries taken in a row, the next one though it is there: a sender that is fast
 * could otherwise keep timers and other I/O from their turn.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { invalidArgument, type SocketError, type TimeoutError, withDetails } from "../Errors/index.js"
import type { TimeoutOptions } from "../Net/Connection.js"
import { giveUp } from "../Net/internal/Atomic.js"
import { timedOut } from "../Net/internal/Deadline.js"
import { type Demand, Intake, mapDemand } from "../Net/internal/Intake.js"
import { pulled } from "../Net/internal/Pulling.js"
import { SignalOperation } from "../Proactor/Operation.js"
import type { ProactorHandle, ProactorSignal, SignalShare } from "../Proactor/Proactor.js"
import { Alarm, alarmMemory } from "./Alarm.js"
import type { Entry } from "./Entry.js"
import { Ring, ringMemory } from "./Ring.js"
import { Rings } from "./Rings.js"
import { type QueueToken, queueClosed } from "./Token.js"

/** So many entries are taken in a row before the loop gets a turn. */
const ENTRIES_IN_A_ROW = 256

/** So many at once at most: a sender may be as fast as the receiver. */
const MOST_AT_ONCE = 4096

/**
 * A queue into this thread's loop. `make` makes one.
 *
 * @since 0.1.0
 * @category models
 */
export interface ThreadQueue {
  /** Whether it is not closed. */
  readonly isOpen: boolean
  /**
   * A way in for one sender, until the scope closes: `open` its token, in another thread or in this one. What was put in before
   * that is still taken; who posts later gets `Closed`.
   */
  readonly share: Effect.Effect<QueueToken, SocketError, Scope.Scope>
  /** Takes the next entry, and waits for one if there is none. Of each sender in order, and the senders take turns. */
  readonly take: Effect.Effect<Entry, SocketError>
  readonly takeWith: (options: TimeoutOptions) => Effect.Effect<Entry, SocketError | TimeoutError>
  /** Waits for one entry, and takes up to `max` that are there by then, 4096 at most. */
  readonly takeUpTo: {
    (max: number): Effect.Effect<Arr.NonEmptyArray<Entry>, SocketError>
    (
      max: number,
      options: TimeoutOptions
    ): Effect.Effect<Arr.NonEmptyArray<Entry>, SocketError | TimeoutError>
  }
  /** The entries, each taken when it is asked for. It ends with the failure `Closed`. */
  readonly stream: Stream.Stream<Entry, SocketError>
  /** Closes it now rather than with its scope. What is in it is dropped; who takes, and who posts, gets `Closed`. */
  readonly close: Effect.Effect<void>
}

/** What a sender has of the queue. */
interface WayIn {
  readonly ring: Ring
  readonly share: SignalShare
}

/** A signal that is waited for only while the alarm is armed. */
class ArmedSignal implements ProactorHandle<SignalOperation> {
  private readonly signal: ProactorSignal
  private readonly alarm: Alarm
  private readonly rings: Rings

  constructor(signal: ProactorSignal, alarm: Alarm, rings: Rings) {
    this.signal = signal
    this.alarm = alarm
    this.rings = rings
  }

  submit(operation: SignalOperation): boolean {
    this.alarm.arm()
    if (this.signal.submit(operation)) {
      this.alarm.disarm()
      return true
    }
    // When the loop has turned: a completion loop that was idle may find what is raised now without a turn.
    if (this.rings.hasEntry) setImmediate(() => this.signal.raise())
    return false
  }

  cancel(operation: SignalOperation): void {
    this.signal.cancel(operation)
  }

  close(): void {
    this.signal.close()
  }

  abandon(): void {
    this.signal.abandon()
  }
}

/** What the senders have put in, for those who take. */
class EntryIntake extends Intake<SignalOperation> {
  private readonly rings: Rings
  private takenInARow = 0

  constructor(signal: ProactorSignal, alarm: Alarm, rings: Rings) {
    const operation = new SignalOperation()
    super(new ArmedSignal(signal, alarm, rings), operation)
    operation.onRetired = () => {
      alarm.disarm()
      this.takenInARow = 0
      this.retired()
    }
    this.rings = rings
  }

  /** What it takes to have `take`, which may ask for one more entry as often as it likes. */
  demand<A>(take: (next: () => Entry | undefined) => A): Demand<A> {
    const next = () => {
      const entry = this.rings.take()
      if (entry !== undefined) this.takenInARow += 1
      return entry
    }
    return {
      ready: () => this.takenInARow < ENTRIES_IN_A_ROW && this.rings.hasEntry,
      take: () => take(next)
    }
  }

  override close(): void {
    this.closeWith(() => queueClosed("take"))
  }

  /** The signal brings nothing by itself: it says that there is something in the rings. */
  protected override land(): void {}

  protected override isFinal(failure: SocketError): boolean {
    return failure.reason === "Closed"
  }

  protected override told(failure: SocketError): SocketError {
    return withDetails(failure, { operation: "take" })
  }
}

/** Takes one. */
const one = (next: () => Entry | undefined): Entry => next() ?? giveUp()

/** Takes several, as far as they are there. */
const several =
  (max: number) =>
  (next: () => Entry | undefined): Arr.NonEmptyArray<Entry> => {
    const entries: Arr.NonEmptyArray<Entry> = [one(next)]
    while (entries.length < Math.min(max, MOST_AT_ONCE)) {
      const entry = next()
      if (entry === undefined) break
      entries.push(entry)
    }
    return entries
  }

/** @internal */
export class Receiver implements ThreadQueue {
  private readonly signal: ProactorSignal
  private readonly capacityBytes: number
  private readonly alarm = new Alarm(alarmMemory())
  private readonly rings = new Rings()
  private readonly intake: EntryIntake
  readonly take: Effect.Effect<Entry, SocketError>
  private state: "Open" | "Closed" = "Open"

  constructor(signal: ProactorSignal, capacityBytes: number) {
    this.signal = signal
    this.capacityBytes = capacityBytes
    this.intake = new EntryIntake(signal, this.alarm, this.rings)
    this.take = this.intake.consume(this.intake.demand(one))
  }

  get isOpen(): boolean {
    return this.state === "Open"
  }

  get share(): Effect.Effect<QueueToken, SocketError, Scope.Scope> {
    const signal = Effect.suspend(() => (this.isOpen ? this.signal.share : Effect.fail(queueClosed("share"))))
    const way = Effect.map(signal, (share): WayIn => {
      const ring = new Ring(ringMemory(this.capacityBytes))
      this.rings.add(ring)
      return { ring, share }
    })
    return Effect.map(
      Effect.acquireRelease(way, (way) => Effect.sync(() => this.shut(way))),
      ({ ring, share }) =>
        ({ _tag: "QueueToken", ring: ring.memory, alarm: this.alarm.memory, signal: share.token }) as const
    )
  }

  takeWith({ timeout }: TimeoutOptions): Effect.Effect<Entry, SocketError | TimeoutError> {
    return timeout === undefined ? this.take : this.within("take", one, { timeout })
  }

  takeUpTo(max: number): Effect.Effect<Arr.NonEmptyArray<Entry>, SocketError>
  takeUpTo(
    max: number,
    options: TimeoutOptions
  ): Effect.Effect<Arr.NonEmptyArray<Entry>, SocketError | TimeoutError>
  takeUpTo(
    max: number,
    options: TimeoutOptions = {}
  ): Effect.Effect<Arr.NonEmptyArray<Entry>, SocketError | TimeoutError> {
    if (!Number.isInteger(max) || max < 1) {
      return Effect.fail(invalidArgument("takeUpTo", "max is a whole number, 1 or more"))
    }
    return this.within("takeUpTo", several(max), options)
  }

  get stream(): Stream.Stream<Entry, SocketError> {
    return pulled(() => this.intake.source(mapDemand(this.intake.demand(one), Option.some)))
  }

  get close(): Effect.Effect<void> {
    return Effect.sync(() => {
      if (!this.isOpen) return
      this.state = "Closed"
      this.rings.closeAll()
      this.intake.close()
      this.signal.close()
    })
  }

  private within<A>(
    operation: string,
    take: (next: () => Entry | undefined) => A,
    { timeout }: TimeoutOptions
  ): Effect.Effect<A, SocketError | TimeoutError> {
    const demand = this.intake.demand(take)
    return this.intake.consume(demand, timeout, () =>
      Effect.fail(timedOut(operation, timeout ?? 0, undefined))
    )
  }

  private shut({ ring, share }: WayIn): void {
    this.rings.close(ring)
    share.end()
    // A thread that was terminated between putting an entry in and saying so has left it unsaid.
    if (this.isOpen && !ring.isEmpty && this.intake.isInFlight) this.signal.raise()
  }
}
