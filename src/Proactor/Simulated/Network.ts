/**
 * A simulated network: hosts, links between them, connections over those.
 *
 * Lifecycle. Hosts and links come into being when they are first named, and stay. Attempts and connections are
 * remembered while they go on, so that they can be hurried, reset and silenced.
 *
 * @since 0.1.0
 */
import type { SocketAddress } from "../../Address/index.js"
import type { SocketErrorReason } from "../../Errors/index.js"
import { Attempt } from "./Attempt.js"
import { Connection, type Side } from "./Connection.js"
import { Faults } from "./Faults.js"
import { Link } from "./Link.js"
import type { SimulatedListener } from "./Listener.js"
import { type LinkOptions, type Settings, type SimulationOptions, toSettings } from "./Options.js"
import { canonical, destination, onWire, Ports, seenBy } from "./Ports.js"
import { SimulatedProactor } from "./SimulatedProactor.js"
import type { SimulatedSocket } from "./SimulatedSocket.js"
import type { Simulation } from "./Simulation.js"

/** @internal */
export interface SimulatedHost {
  readonly name: string
  readonly addresses: ReadonlyArray<string>
  readonly ports: Ports
  isVanished: boolean
}

/** Both ends of a connection to be, as the network knows them. */
interface Route {
  readonly client: SimulatedHost
  readonly server: SimulatedHost
  readonly sourceHost: string
  readonly sourcePort: number
  readonly targetHost: string
  readonly targetPort: number
}

/** @internal */
export class Network {
  readonly simulation: Simulation
  readonly settings: Settings
  readonly faults: Faults
  private readonly linkOptions: LinkOptions
  private readonly hosts = new Map<string, SimulatedHost>()
  private readonly byAddress = new Map<string, SimulatedHost>()
  private readonly links = new Map<string, Link>()
  private readonly proactors = new Set<SimulatedProactor>()
  private readonly connections = new Set<Connection>()
  private readonly attempts = new Set<Attempt>()

  constructor(simulation: Simulation, options: SimulationOptions) {
    const { bandwidth, duplication, latency, loss, reordering, reset, silence } = options
    this.simulation = simulation
    this.settings = toSettings(options)
    this.faults = new Faults(simulation.random, options.faults ?? {})
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
    const host: SimulatedHost = { name, addresses: own, ports: new Ports(own), isVanished: false }
    this.hosts.set(name, host)
    for (const address of own) this.byAddress.set(address, host)
    return host
  }

  find(name: string): SimulatedHost | undefined {
    return this.hosts.get(name)
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

  connect(
    owner: SimulatedProactor,
    socket: SimulatedSocket,
    address: SocketAddress
  ): Attempt | SocketErrorReason {
    const route = this.route(owner.host, socket, address)
    if (typeof route === "string") return route
    this.simulation.trace(() => `${route.client.name} connects to ${route.server.name}:${route.targetPort}`)
    const attempt: Attempt = new Attempt(this.simulation, {
      there: this.link(route.client.name, route.server.name),
      back: this.link(route.server.name, route.client.name),
      listener: () => route.server.ports.listenerAt(route.targetHost, route.targetPort),
      fault: this.faults.draw("connect", route.client.name),
      ended: () => this.attempts.delete(attempt),
      established: (listener) => this.establish(route, socket, listener),
      failed: (reason) => {
        this.simulation.trace(() => `${route.client.name}: connect fails: ${reason}`)
        socket.refused(reason)
      }
    })
    this.attempts.add(attempt)
    return attempt
  }

  /** Lets what is on its way to a listener arrive, until that is enough. Answers whether it was. */
  hurryTo(listener: SimulatedListener, isEnough: () => boolean): boolean {
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

  private route(
    client: SimulatedHost,
    socket: SimulatedSocket,
    address: SocketAddress
  ): Route | SocketErrorReason {
    const targetHost = destination(onWire(address.host))
    const server = client.ports.isOwn(targetHost) ? client : this.byAddress.get(targetHost)
    const nearest = client.ports.sourceFor(targetHost)
    if (server === undefined || nearest === undefined) return "Unreachable"
    const source = socket.source(nearest)
    if (typeof source === "string") return source
    const isAny = source.host === "0.0.0.0" || source.host === "::"
    const sourceHost = isAny ? nearest : source.host
    return { client, server, sourceHost, sourcePort: source.port, targetHost, targetPort: address.port }
  }

  private establish(route: Route, socket: SimulatedSocket, listener: SimulatedListener): void {
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

  private sides(route: Route, socket: SimulatedSocket, listener: SimulatedListener): readonly [Side, Side] {
    const { client, server, sourceHost, sourcePort, targetHost, targetPort } = route
    return [
      {
        host: client.name,
        link: this.link(client.name, server.name),
        local: seenBy(socket.family, sourceHost, sourcePort),
        remote: seenBy(socket.family, targetHost, targetPort),
        buffers: socket.options.buffers
      },
      {
        host: server.name,
        link: this.link(server.name, client.name),
        local: seenBy(listener.family, targetHost, targetPort),
        remote: seenBy(listener.family, sourceHost, sourcePort),
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
