/**
 * A simulated connection: two ends, a wire each way, and perhaps a point at which it breaks.
 *
 * Lifecycle. It is made when a connect succeeds, with its two ends. It is remembered by the network until both ends
 * are closed or have failed, so that it can be reset or silenced on purpose meanwhile.
 *
 * @since 0.1.0
 */
import type { Endpoint as Address } from "../../Address/index.js"
import { Endpoint, type Surroundings } from "./Endpoint.js"
import type { Link, PlannedBreakage } from "./Link.js"
import type { Simulation } from "./Simulation.js"
import { Wire } from "./Wire.js"

/** @internal */
export interface Buffers {
  readonly sendBufferBytes: number
  readonly receiveBufferBytes: number
}

/** One side of a connection to be. @internal */
export interface Side<A extends Address> {
  readonly host: string
  /** The link from this side to the other. */
  readonly link: Link
  readonly local: A
  /** The other side, as this one sees it. */
  readonly remote: A
  readonly buffers: Buffers
}

/** @internal */
export class Connection<A extends Address = Address> implements Surroundings {
  readonly hosts: readonly [client: string, server: string]
  readonly client: Endpoint<A>
  readonly server: Endpoint<A>
  private readonly simulation: Simulation
  private readonly onOver: (connection: Connection) => void
  private readonly breakage: PlannedBreakage | undefined
  private carriedBytes = 0
  private isBroken = false

  constructor(
    simulation: Simulation,
    client: Side<A>,
    server: Side<A>,
    patience: number,
    onOver: (connection: Connection) => void
  ) {
    this.simulation = simulation
    this.onOver = onOver
    this.hosts = [client.host, server.host]
    this.breakage = client.link.drawBreakage() ?? server.link.drawBreakage()
    const end = (side: Side<A>) =>
      new Endpoint(this, new Wire(simulation, side.link, patience), side, side.buffers)
    this.client = end(client)
    this.server = end(server)
    Endpoint.join(this.client, this.server)
    this.carried(0)
  }

  bytesLeft(): number {
    if (this.breakage === undefined || this.isBroken) return Number.POSITIVE_INFINITY
    return this.breakage.afterBytes - this.carriedBytes
  }

  carried(bytes: number): void {
    this.carriedBytes += bytes
    if (this.bytesLeft() > 0 || this.breakage === undefined) return
    this.isBroken = true
    if (this.breakage.kind === "silence") this.silence()
    else this.cutShort()
  }

  ended(): void {
    if (this.client.isOver && this.server.isOver) this.onOver(this)
  }

  /** Both ends find the connection reset, now. What has arrived can still be read. */
  reset(): void {
    this.simulation.trace(() => `reset ${this.client.name} - ${this.server.name}`)
    this.client.collapse("Reset")
    this.server.collapse("Reset")
  }

  /** Nothing goes through any more, and nobody is told. */
  silence(): void {
    this.simulation.trace(() => `silence ${this.client.name} - ${this.server.name}`)
    this.client.silence()
    this.server.silence()
  }

  /** Something on the way sends both ends a reset, behind what was sent before. */
  private cutShort(): void {
    this.simulation.trace(() => `cut ${this.client.name} - ${this.server.name}`)
    this.client.sendReset()
    this.server.sendReset()
  }
}
