/**
 * What one end of a connection sends to the other, in order, whatever the link below does.
 *
 * Lifecycle of a segment:
 *
 *     sent --its time comes--> delivered
 *       |
 *       +--the link is cut--> stalled --the link is repaired--> sent again, with all that came after it
 *                                |
 *                                +--nobody answers for too long--> given up: the sender is told
 *
 * For each segment underway there is one event that delivers the first of them. So segments arrive in the order in
 * which they were sent, even if the events of one instant are shuffled; and one that is hurried on, or taken back,
 * leaves an event too many, which is skipped.
 *
 * A wire that is silenced stalls for ever: that is what is left of a peer that vanished.
 *
 * @since 0.1.0
 */
import type { Event } from "./EventQueue.js"
import type { Link } from "./Link.js"
import type { Simulation } from "./Simulation.js"

interface Segment {
  readonly bytes: number
  readonly deliver: () => void
  /** Whom to tell when the segment was sent in vain for too long. None: it is sent once, and may be lost. */
  readonly giveUp: (() => void) | undefined
}

/** @internal */
export class Wire {
  private readonly simulation: Simulation
  private readonly link: Link
  private readonly patience: number
  private transit: Array<Segment> = []
  private stalled: Array<Segment> = []
  private skips = 0
  private lastArrival = Number.NEGATIVE_INFINITY
  private isSilent = false
  private givingUp: Event | undefined

  constructor(simulation: Simulation, link: Link, patience: number) {
    this.simulation = simulation
    this.link = link
    this.patience = patience
  }

  /** Sends a segment behind those that were sent before. */
  send(bytes: number, deliver: () => void, giveUp?: () => void): void {
    const segment: Segment = { bytes, deliver, giveUp }
    if (this.isSilent || this.link.isCut || this.stalled.length > 0) this.stall([segment])
    else this.dispatch(segment)
  }

  /** Whether something that is sent now arrives now, with nothing before it. */
  get isInstant(): boolean {
    const isEmpty = this.transit.length === 0 && this.stalled.length === 0
    return isEmpty && !this.isSilent && this.link.isInstant
  }

  /** Delivers the next segment ahead of its time. `false`: there is none. */
  hurry(): boolean {
    if (this.link.isCut) return false
    const segment = this.transit.shift()
    if (segment === undefined) return false
    this.skips += 1
    segment.deliver()
    return true
  }

  /** Sends nothing again. */
  forgetStalled(): void {
    this.stalled = []
    this.calmDown()
  }

  /** What is sent from now on never arrives. */
  silence(): void {
    this.isSilent = true
    this.link.forget(this.resend)
  }

  private dispatch(segment: Segment): void {
    const time = Math.max(this.link.arrival(segment.bytes), this.lastArrival)
    this.lastArrival = time
    this.transit.push(segment)
    this.simulation.at(time, this.arrive)
  }

  private readonly arrive = (): void => {
    if (this.skips > 0) {
      this.skips -= 1
      return
    }
    // The cable was pulled while it was underway: it, and what follows it, is sent again later.
    if (this.link.isCut) this.stall(this.takeTransit(), true)
    else this.transit.shift()?.deliver()
  }

  /** All that is underway, one of which has its event now; the events of the others are to be skipped. */
  private takeTransit(): Array<Segment> {
    const { transit } = this
    this.transit = []
    this.skips += Math.max(0, transit.length - 1)
    return transit
  }

  /** `isOlder`: they were sent before those that wait already, which found the link cut at once. */
  private stall(segments: ReadonlyArray<Segment>, isOlder = false): void {
    const again = segments.filter(({ giveUp }) => giveUp !== undefined)
    this.stalled = isOlder ? [...again, ...this.stalled] : [...this.stalled, ...again]
    if (this.stalled.length === 0) return
    if (!this.isSilent) this.link.whenRepaired(this.resend)
    this.givingUp ??= this.simulation.after(this.patience, () => this.stalled[0]?.giveUp?.())
  }

  private readonly resend = (): void => {
    const { stalled } = this
    this.stalled = []
    this.calmDown()
    for (const segment of stalled) this.dispatch(segment)
  }

  private calmDown(): void {
    this.link.forget(this.resend)
    if (this.givingUp !== undefined) this.simulation.drop(this.givingUp)
    this.givingUp = undefined
  }
}
