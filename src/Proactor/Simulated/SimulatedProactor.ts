/**
 * The proactor of one simulated host. A host may have several: they share its addresses and ports, not their sockets.
 *
 * Lifecycle. It lives in the scope that it was made in. When that closes, what is in flight is cancelled and sockets
 * that are still open are closed; the network below goes on.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { adviceOnInterface } from "../../Address/HostPort.js"
import type { AddressFamily } from "../../Address/index.js"
import {
  closed,
  fromErrno,
  invalidArgument,
  type SocketError,
  type SocketErrorReason,
  socketError,
  unsupported
} from "../../Errors/index.js"
import type { ProactorDatagramSocket } from "../Datagram.js"
import { Ledger } from "../Operation.js"
import type {
  FileOpening,
  ProactorDirectory,
  ProactorFile,
  ProactorService,
  ProactorSignal,
  ProactorSocket,
  ProactorStatistics
} from "../Proactor.js"
import type { ProactorUnixSocket } from "../UnixSocket.js"
import { failure } from "./Faults.js"
import { INTERFACES } from "./Interfaces.js"
import type { Network, SimulatedHost } from "./Network.js"
import { SimulatedFile, type SimulatedFileHost } from "./SimulatedFile.js"
import { SimulatedSignal } from "./SimulatedSignal.js"
import { SimulatedSocket } from "./SimulatedSocket.js"
import { SimulatedUdpSocket } from "./SimulatedUdpSocket.js"
import { SimulatedUnixSocket } from "./SimulatedUnixSocket.js"

/** A socket of whatever kind, as its proactor knows it. */
interface Owned {
  readonly cancelAll: () => void
  readonly close: () => void
}

/** @internal */
export class SimulatedProactor implements ProactorService, SimulatedFileHost {
  readonly name = "simulated"
  readonly host: SimulatedHost
  readonly network: Network
  readonly ledger = new Ledger()
  isClosed = false
  private readonly sockets = new Set<Owned>()
  private readonly files = new Set<SimulatedFile>()
  private readonly signals = new Set<SimulatedSignal>()

  constructor(network: Network, host: SimulatedHost) {
    this.network = network
    this.host = host
  }

  get statistics(): Effect.Effect<ProactorStatistics> {
    return Effect.sync(() => ({
      submitted: this.ledger.submitted,
      retired: this.ledger.retired,
      inFlight: this.ledger.inFlight,
      openSockets: this.sockets.size + this.files.size + this.signals.size
    }))
  }

  openTcp(family: AddressFamily): Effect.Effect<ProactorSocket, SocketError> {
    return this.opened(() => new SimulatedSocket(this, family))
  }

  openUdp(family: AddressFamily): Effect.Effect<ProactorDatagramSocket, SocketError> {
    return this.opened(() => new SimulatedUdpSocket(this, family))
  }

  readonly pipes = Effect.failSync(() =>
    unsupported("namedPipe", "simulated hosts have no named pipes: use Unix")
  )

  get openUnix(): Effect.Effect<ProactorUnixSocket, SocketError> {
    return this.opened(() => new SimulatedUnixSocket(this))
  }

  interfaceIndex(name: string): Effect.Effect<number, SocketError> {
    return Effect.suspend(() => {
      const advice = adviceOnInterface(name)
      if (advice !== undefined) return Effect.fail(invalidArgument("interfaceIndex", advice))
      const index = INTERFACES.indexOf(name) + 1
      const call = { operation: "interfaceIndex", address: name }
      return index > 0 ? Effect.succeed(index) : Effect.fail(socketError("AddressNotAvailable", call))
    })
  }

  openFile(opening: FileOpening): Effect.Effect<ProactorFile, SocketError> {
    return Effect.suspend(() => {
      const { path } = opening
      if (this.isClosed) return Effect.fail(closed("open", path))
      const content = this.host.disk.open(opening, this.nowMillis())
      if (typeof content === "number") {
        return Effect.fail(fromErrno(content, { operation: "open", syscall: "open", address: path }))
      }
      const file = new SimulatedFile(this, this.host.disk, content)
      this.files.add(file)
      return Effect.succeed(file)
    })
  }

  openDirectory(): Effect.Effect<ProactorDirectory, SocketError> {
    return Effect.fail(unsupported("watch", "a simulated disk has no directories"))
  }

  nowMillis(): number {
    return this.network.simulation.now()
  }

  forgetFile(file: SimulatedFile): void {
    this.files.delete(file)
  }

  get openSignal(): Effect.Effect<ProactorSignal, SocketError> {
    return Effect.suspend(() => {
      if (this.isClosed) return Effect.fail(closed("openSignal"))
      const signal = new SimulatedSignal(this)
      this.signals.add(signal)
      return Effect.succeed(signal)
    })
  }

  forgetSignal(signal: SimulatedSignal): void {
    this.signals.delete(signal)
  }

  adopt<Socket extends Owned>(socket: Socket): Socket {
    this.sockets.add(socket)
    return socket
  }

  forget(socket: Owned): void {
    this.sockets.delete(socket)
  }

  /** Whether one more socket is one too many. */
  shortage(): SocketErrorReason | undefined {
    return this.sockets.size >= this.network.settings.maxSockets ? "ResourceExhausted" : undefined
  }

  private opened<Socket extends Owned>(make: () => Socket): Effect.Effect<Socket, SocketError> {
    return Effect.suspend(() => {
      if (this.isClosed) return Effect.fail(closed("socket"))
      const reason = this.network.faults.draw("socket", this.host.name) ?? this.shortage()
      return reason === undefined
        ? Effect.succeed(this.adopt(make()))
        : Effect.fail(failure("socket", reason))
    })
  }

  /** Ends what a careless owner left open. */
  shutDown(): void {
    this.isClosed = true
    for (const socket of [...this.sockets]) {
      socket.cancelAll()
      socket.close()
    }
    for (const file of [...this.files]) file.close()
    for (const signal of [...this.signals]) signal.close()
    // What had completed before retires too, while there is still somebody to be told.
    this.network.simulation.deliver()
  }
}
