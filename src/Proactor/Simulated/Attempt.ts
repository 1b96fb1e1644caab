/**
 * One attempt to connect.
 *
 * Lifecycle:
 *
 *     asking --arrives, somebody listens--> answered --arrives--> established: the connection is made
 *       |  ^            |
 *       |  |            +--nobody listens--> refused: the answer arrives --> failed
 *       |  |            +--the backlog is full: no answer
 *       |  |
 *       |  +--no answer: asked again after 1, 2, 4, ... seconds; failed (`TimedOut`) after the seventh time
 *       |
 *       +--cancelled--> over
 *
 * Over a link that is cut, or to a host that is silent, nothing arrives and nothing is answered: a black hole.
 *
 * @since 0.1.0
 */
import type { SocketErrorReason } from "../../Errors/index.js"
import type { Event } from "./EventQueue.js"
import type { Link } from "./Link.js"
import type { SimulatedListener } from "./Listener.js"
import type { Simulation } from "./Simulation.js"

const FIRST_WAIT_MILLIS = 1000
/** Linux's `tcp_syn_retries`: it asks once, and six times more. */
const MOST_RETRIES = 6

/** Where an attempt goes, and what becomes of it. @internal */
export interface AttemptOptions {
  readonly there: Link
  readonly back: Link
  /** Who listens there now. */
  readonly listener: () => SimulatedListener | undefined
  /** A failure that was drawn for this attempt. */
  readonly fault: SocketErrorReason | undefined
  /** The listener has kept a place for the connection. */
  readonly established: (listener: SimulatedListener) => void
  readonly failed: (reason: SocketErrorReason) => void
  /** It is over, however it ended. Comes first. */
  readonly ended: () => void
}

/** @internal */
export class Attempt {
  private readonly simulation: Simulation
  private readonly options: AttemptOptions
  private isOver = false
  private retries = 0
  private place: SimulatedListener | undefined
  private underway: Event | undefined

  constructor(simulation: Simulation, options: AttemptOptions) {
    this.simulation = simulation
    this.options = options
    this.ask()
  }

  /** Whoever listens where this attempt goes, for who wants it to come through now. */
  get target(): SimulatedListener | undefined {
    return this.options.listener()
  }

  /** Stops asking. */
  cancel(): void {
    if (this.isOver) return
    this.isOver = true
    this.options.ended()
    if (this.underway !== undefined) this.simulation.drop(this.underway)
    this.place?.unreserve()
    this.place = undefined
  }

  /** Goes through at once, if anybody would answer. */
  hurry(): boolean {
    const { back, fault, listener, there } = this.options
    if (this.isOver || fault !== undefined || there.isCut || back.isCut) return false
    this.place ??= this.reserve(listener())
    if (this.place === undefined) return false
    if (this.underway !== undefined) this.simulation.drop(this.underway)
    this.establish()
    return true
  }

  private ask(): void {
    const { fault, there } = this.options
    const answer = fault === undefined ? () => this.arrive() : () => this.answer(fault)
    if (there.isCut) this.askLater()
    else this.underway = this.simulation.at(there.arrival(0), answer)
  }

  private askLater(): void {
    const wait = FIRST_WAIT_MILLIS * 2 ** this.retries
    const isLast = this.retries === MOST_RETRIES
    this.retries += 1
    this.underway = this.simulation.after(wait, () => (isLast ? this.fail("TimedOut") : this.ask()))
  }

  /** The question is there. */
  private arrive(): void {
    const { listener, there } = this.options
    const found = listener()
    if (!there.isCut) this.place ??= this.reserve(found)
    if (this.place !== undefined) this.answer(undefined)
    else if (found === undefined && !there.isCut) this.answer("Refused")
    else this.askLater()
  }

  private reserve(listener: SimulatedListener | undefined): SimulatedListener | undefined {
    return listener?.reserve() === true ? listener : undefined
  }

  /** Sends the answer back: a failure, or that it is well. */
  private answer(reason: SocketErrorReason | undefined): void {
    const { back } = this.options
    const arrive = () => {
      if (back.isCut) this.askLater()
      else if (reason === undefined) this.establish()
      else this.fail(reason)
    }
    if (back.isCut) this.askLater()
    else this.underway = this.simulation.at(back.arrival(0), arrive)
  }

  private establish(): void {
    const { place } = this
    if (this.isOver || place === undefined) return
    this.isOver = true
    this.options.ended()
    this.place = undefined
    this.options.established(place)
  }

  private fail(reason: SocketErrorReason): void {
    if (this.isOver) return
    this.cancel()
    this.options.failed(reason)
  }
}
