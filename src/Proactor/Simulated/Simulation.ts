/**
 * Time, chance and order: what every part of a simulated network shares.
 *
 * Lifecycle of an event: something schedules it (`at`), its time comes, the driver runs it, and it is gone; or it is
 * dropped before. Events run one instant of time after the other. An event may retire operations; their submitters
 * are told after all events of the instant ran, and what those then do comes before the next instant. So no event
 * ever runs code of the user's, and nothing happens between an effect and its cause.
 *
 * Time is whole milliseconds of Effect's `Clock`, whichever that is where the network is made.
 *
 * @since 0.1.0
 */
import type * as Clock from "effect/Clock"
import type { Operation } from "../Operation.js"
import { type Event, EventQueue } from "./EventQueue.js"
import { Random } from "./Random.js"

/**
 * Something that happened on the network.
 *
 * @since 0.1.0
 * @category models
 */
export interface TraceEntry {
  /** In milliseconds of the clock. */
  readonly time: number
  readonly what: string
}

/** The driver runs, and will look at the queue by itself. */
const AWAKE = Number.NEGATIVE_INFINITY

/** @internal */
export class Simulation {
  readonly clock: Clock.Clock
  readonly random: Random
  /** What happened so far, if that is recorded. */
  readonly entries: Array<TraceEntry> = []
  private readonly isTraced: boolean
  private readonly shuffles: boolean
  private readonly queue = new EventQueue()
  private batch: Array<Operation> = []
  /** The instant whose events run now. */
  private instant: number | undefined
  private sleepsUntil = AWAKE
  private wakeDriver: () => void = () => {}

  constructor(clock: Clock.Clock, random: Random, options: { isTraced: boolean; shuffles: boolean }) {
    this.clock = clock
    this.random = random
    this.isTraced = options.isTraced
    this.shuffles = options.shuffles
  }

  now(): number {
    return this.instant ?? this.clock.unsafeCurrentTimeMillis()
  }

  /** Schedules an event, rounded up to a whole millisecond. */
  at(time: number, run: () => void): Event {
    const rank = this.shuffles ? this.random.below(0x10000) : 0
    const event = this.queue.add(Math.ceil(time), rank, run)
    if (event.time < this.sleepsUntil) this.wake()
    return event
  }

  after(delay: number, run: () => void): Event {
    return this.at(this.now() + delay, run)
  }

  drop(event: Event): void {
    if (event.isDropped) return
    event.isDropped = true
    // The driver may be asleep for nothing now, and whoever sleeps keeps the process.
    if (event.time <= this.sleepsUntil) this.wake()
  }

  /**
   * An operation is over: it retires after the instant. Not before, since it is its submitter's again from then on,
   * who would submit it once more and then be told of the time before.
   */
  retired(operation: Operation): void {
    this.batch.push(operation)
    this.wake()
  }

  trace(what: () => string): void {
    if (this.isTraced) this.entries.push({ time: this.now(), what: what() })
  }

  /** For the driver: when to act next, if ever. */
  nextTime(): number | undefined {
    return this.batch.length > 0 ? Number.NEGATIVE_INFINITY : this.queue.peek()?.time
  }

  /** For the driver: runs the events of the first instant that is due. What they schedule for that instant waits. */
  runInstant(): void {
    const first = this.queue.peek()
    if (first === undefined || first.time > this.clock.unsafeCurrentTimeMillis()) return
    this.instant = first.time
    const due: Array<Event> = []
    for (let event = this.queue.takeUntil(first.time); event !== undefined; ) {
      due.push(event)
      event = this.queue.takeUntil(first.time)
    }
    for (const event of due) if (!event.isDropped) event.run()
    this.instant = undefined
  }

  /** For the driver: tells the submitters. */
  deliver(): void {
    const { batch } = this
    if (batch.length === 0) return
    this.batch = []
    for (const operation of batch) {
      operation.finish()
      operation.onRetired()
    }
  }

  /** For the driver: it sleeps until then, or for ever; `wake` is called when something comes sooner. */
  sleep(until: number, wake: () => void): void {
    this.sleepsUntil = until
    this.wakeDriver = wake
  }

  /** Wakes the driver, if it sleeps. */
  wake(): void {
    if (this.sleepsUntil === AWAKE) return
    this.sleepsUntil = AWAKE
    this.wakeDriver()
  }
}

/** @internal */
export const makeSimulation = (
  clock: Clock.Clock,
  seed: number,
  options: { isTraced: boolean; shuffles: boolean }
): Simulation => new Simulation(clock, new Random(seed), options)
