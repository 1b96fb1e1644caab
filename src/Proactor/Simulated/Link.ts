/**
 * The packet layer: a link from one host to another, in one direction.
 *
 * A link knows when a packet that is sent now arrives, and whether it does. It is what streams stand on (`Wire`), and
 * what datagrams can: `delivery` is what happens to a packet that nobody sends again (it is lost, comes twice, is
 * overtaken); `arrival` is what happens to one that is sent again until it comes.
 *
 * Lifecycle. A link is open, or cut. While it is cut nothing arrives, and what is underway is lost, as when a cable
 * is pulled. Those who send again what was not answered leave a note (`whenRepaired`), and do so when the link is
 * repaired.
 *
 * @since 0.1.0
 */
import type { Between, LinkOptions, Span } from "./Options.js"
import { toRange, toSpan } from "./Options.js"
import type { Simulation } from "./Simulation.js"

/** How long it takes until a packet that was lost is sent again, the first time; then twice as long each time. */
const RETRANSMIT_MILLIS = 200
/** Sent again so often at most, for a link that loses everything. */
const MOST_RETRANSMITS = 15
/** A packet that is overtaken comes this much later, where the latency alone leaves no room. */
const OVERTAKEN_MILLIS: Span = { min: 1, max: 20 }
const BREAKAGE_BYTES: Between<number> = { min: 0, max: 65_536 }

/** How a connection is going to break. @internal */
export interface PlannedBreakage {
  readonly kind: "reset" | "silence"
  readonly afterBytes: number
}

/** @internal */
export class Link {
  private readonly simulation: Simulation
  private options: LinkOptions = {}
  private latency: Span = toSpan(undefined)
  private bytesPerMilli = Number.POSITIVE_INFINITY
  /** When the line is free again: packets go out one after the other. */
  private freeAt = 0
  private isOpen = true
  private readonly waiting = new Set<() => void>()

  constructor(simulation: Simulation, options: LinkOptions) {
    this.simulation = simulation
    this.configure(options)
  }

  get isCut(): boolean {
    return !this.isOpen
  }

  /** Changes what the options name, and leaves the rest. */
  configure(options: LinkOptions): void {
    this.options = { ...this.options, ...options }
    this.latency = toSpan(this.options.latency)
    const { bandwidth } = this.options
    this.bytesPerMilli = bandwidth === undefined ? Number.POSITIVE_INFINITY : bandwidth / 1000
  }

  /** When a packet of that size arrives that is sent now, and again whenever it is lost. */
  arrival(bytes: number): number {
    let time = this.departure(bytes) + this.travel()
    let wait = RETRANSMIT_MILLIS
    const loss = this.options.loss ?? 0
    for (let tries = 0; tries < MOST_RETRANSMITS && this.simulation.random.chance(loss); tries++) {
      time += wait
      wait *= 2
    }
    return time
  }

  /** When a packet of that size arrives that is sent once: once, never, or twice. */
  delivery(bytes: number): ReadonlyArray<number> {
    const departure = this.departure(bytes)
    const { duplication = 0, loss = 0 } = this.options
    if (this.isCut || this.simulation.random.chance(loss)) return []
    const first = departure + this.travel()
    return this.simulation.random.chance(duplication) ? [first, departure + this.travel()] : [first]
  }

  /** Whether what is sent now arrives now. */
  get isInstant(): boolean {
    const { loss = 0, reordering = 0 } = this.options
    const isFree = this.bytesPerMilli === Number.POSITIVE_INFINITY || this.freeAt <= this.simulation.now()
    return this.isOpen && this.latency.max === 0 && isFree && loss === 0 && reordering === 0
  }

  cut(): void {
    this.isOpen = false
  }

  repair(): void {
    if (this.isOpen) return
    this.isOpen = true
    const waiting = [...this.waiting]
    this.waiting.clear()
    for (const resend of waiting) resend()
  }

  whenRepaired(resend: () => void): void {
    this.waiting.add(resend)
  }

  forget(resend: () => void): void {
    this.waiting.delete(resend)
  }

  /** Whether, and how, a connection that goes over this link will break. */
  drawBreakage(): PlannedBreakage | undefined {
    for (const kind of ["reset", "silence"] as const) {
      const breakage = this.options[kind]
      if (breakage === undefined || !this.simulation.random.chance(breakage.probability)) continue
      const afterBytes = this.simulation.random.wholeOf(toRange(breakage.afterBytes, BREAKAGE_BYTES))
      return { kind, afterBytes }
    }
    return undefined
  }

  /** When the last byte of a packet has gone out. */
  private departure(bytes: number): number {
    const now = this.simulation.now()
    if (this.bytesPerMilli === Number.POSITIVE_INFINITY) return now
    this.freeAt = Math.max(now, this.freeAt) + bytes / this.bytesPerMilli
    return this.freeAt
  }

  private travel(): number {
    const { random } = this.simulation
    const latency = random.of(this.latency)
    if (!random.chance(this.options.reordering ?? 0)) return latency
    return latency + this.latency.max + random.of(OVERTAKEN_MILLIS)
  }
}
