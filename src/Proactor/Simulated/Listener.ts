/**
 * What a simulated socket is once it listens: a queue of connections that nobody has accepted yet.
 *
 * Lifecycle of a connection here: a place is reserved when the first packet comes (`reserve`; none is free: the packet
 * is dropped, as Linux does, and the client tries again); the connection takes it when it is established (`admit`);
 * an accept takes the connection out. One that is reset meanwhile is passed over. Those left when the listener
 * closes are reset.
 *
 * @since 0.1.0
 */
import type { Endpoint as Address } from "../../Address/index.js"
import type { Buffers } from "./Connection.js"
import type { Endpoint } from "./Endpoint.js"

/** @internal */
export class SimulatedListener<A extends Address = Address> {
  /** Told when there is something to accept. */
  onReady: () => void = () => {}
  readonly buffers: Buffers
  /** An address as the listening socket sees it. */
  readonly see: (address: A) => A
  private readonly backlog: number
  private readonly queue: Array<Endpoint<A>> = []
  private readonly expected = new Set<Endpoint>()
  private reserved = 0
  private isClosed = false

  constructor(backlog: number, buffers: Buffers, see: (address: A) => A) {
    this.backlog = backlog
    this.buffers = buffers
    this.see = see
  }

  /** Asks for a place. Linux lets one more wait than the backlog says. */
  reserve(): boolean {
    if (this.isClosed || this.live().length + this.reserved > this.backlog) return false
    this.reserved += 1
    return true
  }

  unreserve(): void {
    this.reserved -= 1
  }

  /** The client has the connection; word of it is on its way. */
  expect(endpoint: Endpoint<A>): void {
    this.expected.add(endpoint)
  }

  expects(endpoint: Endpoint): boolean {
    return this.expected.has(endpoint)
  }

  /** A connection is established. */
  admit(endpoint: Endpoint<A>): void {
    this.reserved -= 1
    this.expected.delete(endpoint)
    if (this.isClosed) endpoint.close(true)
    else {
      this.queue.push(endpoint)
      this.onReady()
    }
  }

  /** Whether a connection waits. */
  get isReady(): boolean {
    return this.live().length > 0
  }

  take(): Endpoint<A> | undefined {
    return this.live().shift()
  }

  close(): void {
    this.isClosed = true
    this.onReady = () => {}
    for (const endpoint of this.queue.splice(0)) endpoint.close(true)
  }

  /** The queue without those that were reset while they waited. */
  private live(): Array<Endpoint<A>> {
    const { queue } = this
    while (queue[0]?.failureReason !== undefined) queue.shift()?.close(true)
    return queue
  }
}
