/**
 * Datagrams on their way across a simulated network.
 *
 * Lifecycle of a datagram:
 *
 *     sent --to one host--------------------> a link for it: lost, or underway once or twice
 *       |                                                      |
 *       +--to a group, or to all: one copy for each host-------+--its time comes--> who receives there gets it
 *                                                              |
 *                                                              +--nobody does: word of that goes back, if it was for one
 *
 * Over a link that is cut nothing arrives, and nobody is told. What each link does to a datagram (latency, loss,
 * duplication, overtaking) is drawn for each copy.
 *
 * The limited broadcast address (255.255.255.255) and groups reach all hosts: there are no routers here.
 *
 * @since 0.1.0
 */
import type { SocketAddress } from "../../Address/index.js"
import { isLoopback } from "../../Address/SocketAddress.js"
import type { SocketErrorReason } from "../../Errors/index.js"
import { isGroup } from "../Membership.js"
import type { Event } from "./EventQueue.js"
import type { Network, SimulatedHost } from "./Network.js"
import { destination, isIPv6, onWire } from "./Ports.js"
import type { SimulatedUdpSocket } from "./SimulatedUdpSocket.js"

const BROADCAST = "255.255.255.255"

/** What is underway, as it is on the wire. */
export interface Packet {
  readonly bytes: Uint8Array
  readonly sourceHost: string
  readonly sourcePort: number
  readonly targetHost: string
  readonly targetPort: number
}

interface Flight {
  readonly packet: Packet
  readonly from: SimulatedHost
  readonly to: SimulatedHost
  event: Event | undefined
  readonly arrive: () => void
}

const named = ({ sourceHost, sourcePort, targetHost, targetPort }: Packet): string =>
  `${sourceHost}:${sourcePort} to ${targetHost}:${targetPort}`

/** @internal */
export class DatagramTraffic {
  private readonly network: Network
  private readonly flights = new Set<Flight>()

  constructor(network: Network) {
    this.network = network
  }

  /** Sends a copy of the bytes; or says why that cannot be. */
  send(socket: SimulatedUdpSocket, target: SocketAddress, bytes: Uint8Array): SocketErrorReason | undefined {
    const host = socket.host
    const targetHost = destination(onWire(target.host))
    const isForMany = targetHost === BROADCAST || isGroup(targetHost)
    if (targetHost === BROADCAST && !socket.options.get("broadcast")) return "PermissionDenied"
    const nearest = isForMany ? socket.interfaceFor(targetHost) : host.udpPorts.sourceFor(targetHost)
    const hosts = isForMany ? this.hostsFor(socket, nearest) : [this.hostFor(host, targetHost)]
    if (nearest === undefined || hosts.includes(undefined)) return "Unreachable"
    const source = socket.source(nearest)
    if (typeof source === "string") return source
    const packet: Packet = {
      bytes: bytes.slice(),
      sourceHost: source.host,
      sourcePort: source.port,
      targetHost,
      targetPort: target.port
    }
    this.network.simulation.trace(() => `${named(packet)}: ${bytes.length} bytes`)
    for (const to of hosts) if (to !== undefined) this.dispatch(host, to, packet, socket)
    return undefined
  }

  /** Lets what is on its way to a socket arrive, until that is enough. Answers whether it was. */
  hurryTo(socket: SimulatedUdpSocket, isEnough: () => boolean): boolean {
    for (const flight of [...this.flights]) {
      if (isEnough()) return true
      const { from, packet, to } = flight
      if (this.network.link(from.name, to.name).isCut) continue
      if (!this.receiversOf(to, packet).includes(socket)) continue
      if (flight.event !== undefined) this.network.simulation.drop(flight.event)
      flight.arrive()
    }
    return isEnough()
  }

  private hostFor(from: SimulatedHost, target: string): SimulatedHost | undefined {
    return from.udpPorts.isOwn(target) ? from : this.network.hostAt(target)
  }

  /** Whom a datagram for many reaches by that interface. */
  private hostsFor(
    socket: SimulatedUdpSocket,
    nearest: string | undefined
  ): ReadonlyArray<SimulatedHost | undefined> {
    const { host, options } = socket
    const own = options.get("multicastLoopback") ? [host] : []
    const isKeptHere = nearest === undefined || isLoopback(nearest) || options.get("multicastHopLimit") === 0
    return isKeptHere ? own : [...own, ...this.network.allHosts.filter((other) => other !== host)]
  }

  private dispatch(from: SimulatedHost, to: SimulatedHost, packet: Packet, sender: SimulatedUdpSocket): void {
    const { simulation } = this.network
    const link = this.network.link(from.name, to.name)
    const times = link.delivery(packet.bytes.length)
    if (times.length === 0) simulation.trace(() => `${named(packet)}: lost`)
    for (const time of times) {
      const flight: Flight = {
        packet,
        from,
        to,
        event: undefined,
        arrive: () => {
          this.flights.delete(flight)
          if (link.isCut) simulation.trace(() => `${named(packet)}: lost`)
          else this.arrive(flight, sender)
        }
      }
      this.flights.add(flight)
      flight.event = simulation.at(time, flight.arrive)
    }
  }

  private arrive({ from, packet, to }: Flight, sender: SimulatedUdpSocket): void {
    const receivers = this.receiversOf(to, packet)
    for (const receiver of receivers) receiver.arrived(packet)
    const isForMany = packet.targetHost === BROADCAST || isGroup(packet.targetHost)
    if (receivers.length === 0 && !isForMany) this.sendBack(from, to, packet, sender)
  }

  /** Tells the sender that nobody receives there, if the word gets through. */
  private sendBack(from: SimulatedHost, to: SimulatedHost, packet: Packet, sender: SimulatedUdpSocket): void {
    const { simulation } = this.network
    const back = this.network.link(to.name, from.name)
    simulation.trace(() => `${named(packet)}: nobody receives there`)
    const [time] = back.delivery(0)
    if (time === undefined) return
    simulation.at(time, () => {
      if (!back.isCut) sender.cameBack(packet)
    })
  }

  private receiversOf(host: SimulatedHost, packet: Packet): ReadonlyArray<SimulatedUdpSocket> {
    const { targetHost, targetPort } = packet
    if (targetHost === BROADCAST) {
      return host.udpPorts.holdersAtAny(false, targetPort).filter((socket) => socket.accepts(packet))
    }
    if (isGroup(targetHost)) {
      const isMember = (socket: SimulatedUdpSocket) => socket.hears(packet) && socket.accepts(packet)
      return host.udpPorts.holdersAtAny(isIPv6(targetHost), targetPort).filter(isMember)
    }
    const there = host.udpPorts.holdersAt(targetHost, targetPort).filter((socket) => socket.accepts(packet))
    // Who has this very peer comes first, and of those who share a port, who came last.
    const chosen = there.find((socket) => socket.isConnected) ?? there.at(-1)
    return chosen === undefined ? [] : [chosen]
  }
}
