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
 * A Unix socket asks its own host, and waits for a place in the backlog as long as it takes: it asks again soon, and never
 * gives up.
 *
 * @since 0.1.0
 */
import type { Endpoint as Address } from "../../Address/index.js"
import type { SocketErrorReason } from "../../Errors/index.js"
import type { Event } from "./EventQueue.js"
import type { Link } from "./Link.js"
import type { SimulatedListener } from "./Listener.js"
import type { Simulation } from "./Simulation.js"

const FIRST_WAIT_MILLIS = 1000
/** Linux's `tcp_syn_retries`: it asks once, and six times more. */
const MOST_RETRIES = 6

const LONGEST_WAIT_FOR_PLACE_MILLIS = 32

/** Where an attempt goes, and what becomes of it. @internal */
export interface AttemptOptions<A extends Address> {
  readonly there: Link
  readonly back: Link
  /** Who listens there now. */
  readonly listener: () => SimulatedListener<A> | undefined
  /** Whether it goes on until there is a place. */
  readonly isPatient: boolean
  /** A failure that was drawn for this attempt. */
  readonly fault: SocketErrorReason | undefined
  /** The listener has kept a place for the connection. */
  readonly established: (listener: SimulatedListener<A>) => void
  readonly failed: (reason: SocketErrorReason) => void
  /** It is over, however it ended. Comes first. */
  readonly ended: () => void
}

/** @internal */
export class Attempt<A extends Address = Address> {
  private readonly simulation: Simulation
  private readonly options: AttemptOptions<A>
  private isOver = false
  private retries = 0
  private place: SimulatedListener<A> | undefined
  private underway: Event | undefined

  constructor(simulation: Simulation, options: AttemptOptions<A>) {
    this.simulation = simulation
    this.options = options
    this.ask()
  }

  /** Whoever listens where this attempt goes, for who wants it to come through now. */
  get target(): SimulatedListener<A> | undefined {
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
    const { isPatient } = this.options
    const times = 2 ** this.retries
    const wait = isPatient ? Math.min(times, LONGEST_WAIT_FOR_PLACE_MILLIS) : FIRST_WAIT_MILLIS * times
    const isLast = !isPatient && this.retries === MOST_RETRIES
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

  private reserve(listener: SimulatedListener<A> | undefined): SimulatedListener<A> | undefined {
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
