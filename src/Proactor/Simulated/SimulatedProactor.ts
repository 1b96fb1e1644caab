/**
 * The proactor of one simulated host. A host may have several: they share its addresses and ports, not their sockets.
 *
 * Lifecycle. It lives in the scope that it was made in. When that closes, what is in flight is cancelled and sockets
 * that are still open are closed; the network below goes on.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { AddressFamily } from "../../Address/index.js"
import { closed, type SocketError, type SocketErrorReason } from "../../Errors/index.js"
import { Ledger } from "../Operation.js"
import type { ProactorService, ProactorSocket, ProactorStatistics } from "../Proactor.js"
import type { Endpoint } from "./Endpoint.js"
import { failure } from "./Faults.js"
import type { Network, SimulatedHost } from "./Network.js"
import type { Ports } from "./Ports.js"
import { SimulatedSocket } from "./SimulatedSocket.js"

/** @internal */
export class SimulatedProactor implements ProactorService {
  readonly name = "simulated"
  readonly host: SimulatedHost
  readonly network: Network
  readonly ledger = new Ledger()
  isClosed = false
  private readonly sockets = new Set<SimulatedSocket>()

  constructor(network: Network, host: SimulatedHost) {
    this.network = network
    this.host = host
  }

  get ports(): Ports {
    return this.host.ports
  }

  get statistics(): Effect.Effect<ProactorStatistics> {
    return Effect.sync(() => ({
      submitted: this.ledger.submitted,
      retired: this.ledger.retired,
      inFlight: this.ledger.inFlight,
      openSockets: this.sockets.size
    }))
  }

  openTcp(family: AddressFamily): Effect.Effect<ProactorSocket, SocketError> {
    return Effect.suspend(() => {
      if (this.isClosed) return Effect.fail(closed("socket"))
      const reason = this.network.faults.draw("socket", this.host.name) ?? this.shortage()
      if (reason !== undefined) return Effect.fail(failure("socket", reason))
      return Effect.succeed(this.adopt(family))
    })
  }

  adopt(family: AddressFamily, endpoint?: Endpoint): SimulatedSocket {
    const socket = new SimulatedSocket(this, family, endpoint)
    this.sockets.add(socket)
    return socket
  }

  forget(socket: SimulatedSocket): void {
    this.sockets.delete(socket)
  }

  /** Whether one more socket is one too many. */
  shortage(): SocketErrorReason | undefined {
    return this.sockets.size >= this.network.settings.maxSockets ? "ResourceExhausted" : undefined
  }

  /** Ends what a careless owner left open. */
  shutDown(): void {
    this.isClosed = true
    for (const socket of [...this.sockets]) {
      socket.cancelAll()
      socket.close()
    }
    // What had completed before retires too, while there is still somebody to be told.
    this.network.simulation.deliver()
  }
}
