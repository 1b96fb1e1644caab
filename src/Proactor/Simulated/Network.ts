/**
 * A simulated network: hosts, links between them, connections over those.
 *
 * Lifecycle. Hosts and links come into being when they are first named, and stay. Attempts and connections are
 * remembered while they go on, so that they can be hurried, reset and silenced.
 *
 * @since 0.1.0
 */
import { type Endpoint as Address, format, type SocketAddress } from "../../Address/index.js"
import type { SocketErrorReason } from "../../Errors/index.js"
import { Attempt } from "./Attempt.js"
import { Connection, type Side } from "./Connection.js"
import { DatagramTraffic } from "./DatagramTraffic.js"
import { Disk } from "./Disk.js"
import type { Endpoint } from "./Endpoint.js"
import { Faults } from "./Faults.js"
import { Link } from "./Link.js"
import type { SimulatedListener } from "./Listener.js"
import { type LinkOptions, type Settings, type SimulationOptions, toSettings } from "./Options.js"
import type { OptionValues } from "./OptionValues.js"
import { Paths } from "./Paths.js"
import { canonical, Ports } from "./Ports.js"
import { SimulatedProactor } from "./SimulatedProactor.js"
import type { SimulatedUdpSocket } from "./SimulatedUdpSocket.js"
import type { Simulation } from "./Simulation.js"

/** @internal */
export interface SimulatedHost {
  readonly name: string
  readonly addresses: ReadonlyArray<string>
  /** Of TCP. */
  readonly ports: Ports<SimulatedListener<SocketAddress>>
  readonly udpPorts: Ports<SimulatedUdpSocket>
  readonly paths: Paths
  readonly disk: Disk
  isVanished: boolean
}

/** Where a connection is to go. The addresses are those on the wire: each end sees them in its own way. @internal */
export interface Route<A extends Address> {
  readonly client: SimulatedHost
  readonly server: SimulatedHost
  readonly source: A
  readonly target: A
  /** Who listens there now. */
  readonly listener: () => SimulatedListener<A> | undefined
}

/** A socket that connects. @internal */
export interface ConnectingSocket<A extends Address> {
  readonly options: OptionValues
  /** An address as this socket sees it. */
  readonly see: (address: A) => A
  readonly established: (endpoint: Endpoint<A>) => void
  readonly refused: (reason: SocketErrorReason) => void
}

/** An attempt of whatever kind that goes on. */
interface UnderWay {
  readonly target: object | undefined
  readonly hurry: () => boolean
}

/** @internal */
export class Network {
  readonly simulation: Simulation
  readonly settings: Settings
  readonly faults: Faults
  readonly datagrams: DatagramTraffic
  private readonly linkOptions: LinkOptions
  private readonly hosts = new Map<string, SimulatedHost>()
  private readonly byAddress = new Map<string, SimulatedHost>()
  private readonly links = new Map<string, Link>()
  private readonly proactors = new Set<SimulatedProactor>()
  private readonly connections = new Set<Connection>()
  private readonly attempts = new Set<UnderWay>()

  constructor(simulation: Simulation, options: SimulationOptions) {
    const { bandwidth, duplication, latency, loss, reordering, reset, silence } = options
    this.simulation = simulation
    this.settings = toSettings(options)
    this.faults = new Faults(simulation.random, options.faults ?? {})
    this.datagrams = new DatagramTraffic(this)
    this.linkOptions = { bandwidth, duplication, latency, loss, reordering, reset, silence }
  }

  /** Whether anybody waits for anything. */
  get hasWork(): boolean {
    for (const { ledger } of this.proactors) if (ledger.inFlight > 0) return true
    return false
  }

  /** The host of that name; made if there is none, with the addresses, or with the next free one. */
  host(name: string, addresses?: ReadonlyArray<string>): SimulatedHost {
    const known = this.hosts.get(name)
    if (known !== undefined) return known
    const own = (addresses ?? [this.nextAddress()]).map(canonical)
    const host: SimulatedHost = {
      name,
      addresses: own,
      ports: new Ports(own),
      paths: new Paths(),
      udpPorts: new Ports(own),
      disk: new Disk(this.settings.diskBytes),
      isVanished: false
    }
    this.hosts.set(name, host)
    for (const address of own) this.byAddress.set(address, host)
    return host
  }

  find(name: string): SimulatedHost | undefined {
    return this.hosts.get(name)
  }

  /** The host that has the address, as it is on the wire. */
  hostAt(address: string): SimulatedHost | undefined {
    return this.byAddress.get(address)
  }

  get allHosts(): ReadonlyArray<SimulatedHost> {
    return [...this.hosts.values()]
  }

  proactor(host: SimulatedHost): SimulatedProactor {
    const proactor = new SimulatedProactor(this, host)
    this.proactors.add(proactor)
    return proactor
  }

  /** The proactor is not needed any more. */
  retire(proactor: SimulatedProactor): void {
    this.proactors.delete(proactor)
    proactor.shutDown()
  }

  link(from: string, to: string): Link {
    const key = `${from} > ${to}`
    const known = this.links.get(key)
    if (known !== undefined) return known
    const link = new Link(this.simulation, this.linkOptions)
    if (from !== to && (this.host(from).isVanished || this.host(to).isVanished)) link.cut()
    this.links.set(key, link)
    return link
  }

  /** Connections between the two hosts, or all of the one. */
  between(one: string, other?: string): ReadonlyArray<Connection> {
    return [...this.connections].filter(({ hosts: [client, server] }) => {
      if (other === undefined) return client === one || server === one
      return (client === one && server === other) || (client === other && server === one)
    })
  }

  /** Cuts a host off from all others, or connects it again. */
  setVanished(name: string, isVanished: boolean): void {
    this.host(name).isVanished = isVanished
    for (const other of this.hosts.keys()) {
      if (other === name) continue
      for (const link of [this.link(name, other), this.link(other, name)]) {
        if (isVanished) link.cut()
        else link.repair()
      }
    }
  }

  /** Begins to connect a socket. */
  connect<A extends Address>(route: Route<A>, socket: ConnectingSocket<A>): Attempt<A> {
    const { client, listener, server, target } = route
    this.simulation.trace(() => `${client.name} connects to ${nameOf(server, target)}`)
    const attempt: Attempt<A> = new Attempt(this.simulation, {
      there: this.link(client.name, server.name),
      back: this.link(server.name, client.name),
      listener,
      isPatient: target._tag === "UnixAddress",
      fault: this.faults.draw("connect", client.name),
      ended: () => this.attempts.delete(attempt),
      established: (found) => this.establish(route, socket, found),
      failed: (reason) => {
        this.simulation.trace(() => `${client.name}: connect fails: ${reason}`)
        socket.refused(reason)
      }
    })
    this.attempts.add(attempt)
    return attempt
  }

  /** Lets what is on its way to a listener arrive, until that is enough. Answers whether it was. */
  hurryTo(listener: Pick<SimulatedListener, "expects">, isEnough: () => boolean): boolean {
    for (const attempt of this.attempts) {
      if (isEnough()) return true
      if (attempt.target === listener) attempt.hurry()
    }
    for (const { server } of this.connections) {
      if (isEnough()) return true
      if (listener.expects(server)) server.hurry()
    }
    return isEnough()
  }

  shutDown(): void {
    for (const proactor of this.proactors) proactor.shutDown()
  }

  private establish<A extends Address>(
    route: Route<A>,
    socket: ConnectingSocket<A>,
    listener: SimulatedListener<A>
  ): void {
    const [client, server] = this.sides(route, socket, listener)
    const connection = new Connection(
      this.simulation,
      client,
      server,
      this.settings.retransmitLimit,
      (over) => this.connections.delete(over)
    )
    this.connections.add(connection)
    listener.expect(connection.server)
    connection.client.announce(() => listener.admit(connection.server))
    this.simulation.trace(() => `${connection.client.name} is connected to ${connection.server.name}`)
    socket.established(connection.client)
  }

  private sides<A extends Address>(
    { client, server, source, target }: Route<A>,
    socket: ConnectingSocket<A>,
    listener: SimulatedListener<A>
  ): readonly [client: Side<A>, server: Side<A>] {
    return [
      {
        host: client.name,
        link: this.link(client.name, server.name),
        local: socket.see(source),
        remote: socket.see(target),
        buffers: socket.options.buffers
      },
      {
        host: server.name,
        link: this.link(server.name, client.name),
        local: listener.see(target),
        remote: listener.see(source),
        buffers: listener.buffers
      }
    ]
  }

  private nextAddress(): string {
    for (let number = 1; ; number++) {
      const address = `10.${number >> 16}.${(number >> 8) & 0xff}.${number & 0xff}`
      if (!this.byAddress.has(address)) return address
    }
  }
}

/** A place on a host, for the trace. */
const nameOf = ({ name }: SimulatedHost, target: Address): string =>
  `${name}:${target._tag === "SocketAddress" ? target.port : format(target)}`
