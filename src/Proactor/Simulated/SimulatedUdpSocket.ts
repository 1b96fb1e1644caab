/**
 * A UDP socket of a simulated host, with the manners of a proactor.
 *
 * Lifecycle of a datagram that comes: it waits in the socket's buffer, whose size is `receiveBufferBytes`; where there is
 * no room it is lost, as on a real system. Sending never has to wait.
 *
 * Word that a datagram came back is kept until the next operation, which fails with it; on a socket without a peer nobody
 * is told.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type AddressFamily, format, isSocketAddress, type SocketAddress } from "../../Address/index.js"
import {
  closed,
  invalidArgument,
  isSocketError,
  type SocketError,
  type SocketErrorReason,
  withDetails
} from "../../Errors/index.js"
import {
  cutTo,
  type Datagram,
  type DatagramOperation,
  isWhole,
  type Membership,
  type OutgoingDatagram,
  type ProactorDatagramSocket,
  type ReceiveFromOperation,
  type SendToOperation
} from "../Datagram.js"
import { datagramOptions, type OptionAccess } from "../DatagramOptions.js"
import { parseMembership } from "../Membership.js"
import { takenAway } from "../Operation.js"
import { sendable } from "../SockaddrCache.js"
import type {
  DatagramOptionName,
  IntegerOptionName,
  NetworkInterface,
  SocketOptions
} from "../SocketOption.js"
import type { Packet } from "./DatagramTraffic.js"
import { failure } from "./Faults.js"
import { findInterface } from "./Interfaces.js"
import { Memberships, type SimulatedMembership } from "./Memberships.js"
import type { SimulatedHost } from "./Network.js"
import { OptionValues } from "./OptionValues.js"
import { Parked } from "./Parked.js"
import { type Binding, isIPv6, onWire, seenBy } from "./Ports.js"
import type { SimulatedProactor } from "./SimulatedProactor.js"

/** What UDP and IP leave of 65 535 bytes. */
const MOST_BYTES = { IPv4: 65_507, IPv6: 65_527 } as const

/** What a datagram takes of the buffer besides its bytes, so that empty ones fill it too. */
const OVERHEAD_BYTES = 64

/** @internal */
export class SimulatedUdpSocket implements ProactorDatagramSocket, OptionAccess {
  readonly family: AddressFamily
  readonly options: OptionValues
  multicastInterface: NetworkInterface | undefined
  private readonly owner: SimulatedProactor
  private readonly parked: Parked<DatagramOperation>
  private readonly memberships = new Memberships()
  private received: Array<Datagram> = []
  private bufferedBytes = 0
  private peer: SocketAddress | undefined
  private cameBackFrom: SocketAddress | undefined
  private binding: Binding<SimulatedUdpSocket> | undefined
  private isClosed = false

  constructor(owner: SimulatedProactor, family: AddressFamily) {
    const { settings, simulation } = owner.network
    this.owner = owner
    this.family = family
    this.options = new OptionValues(settings, family)
    this.parked = new Parked(simulation, () => {})
  }

  get host(): SimulatedHost {
    return this.owner.host
  }

  get isConnected(): boolean {
    return this.peer !== undefined
  }

  submit(operation: DatagramOperation): boolean {
    operation.begin(this.owner.ledger)
    if (this.isClosed || this.owner.isClosed) operation.failure = closed(operation.purpose)
    else if (!this.attempt(operation)) {
      this.parked.park(operation)
      return false
    }
    operation.finish()
    return true
  }

  cancel(operation: DatagramOperation): void {
    if (!this.parked.isWaiting(operation)) return
    const { datagrams, settings, simulation } = this.owner.network
    const isOver = () => !this.parked.isWaiting(operation)
    if (simulation.random.chance(settings.cancelLosesRace) && datagrams.hurryTo(this, isOver)) return
    this.parked.cancel(operation, settings.cancelDelay)
  }

  cancelAll(): void {
    this.parked.cancelAll()
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.received = []
    if (this.binding !== undefined) this.host.udpPorts.release(this.binding)
    this.binding = undefined
    this.owner.forget(this)
  }

  abandon(): void {
    // Nothing outlives its operation here. Closing is always right.
    this.cancelAll()
    this.close()
  }

  bind(address: SocketAddress): Effect.Effect<void, SocketError> {
    return this.call("bind", () => {
      if (!isSocketAddress(address)) return invalidArgument("bind", "the address is not one")
      if (address.family !== this.family) return failure("bind", "Unsupported", format(address))
      const isBound = this.binding !== undefined
      const reason = isBound ? "InvalidArgument" : this.bindTo(onWire(address.host), address.port)
      return reason === undefined ? undefined : failure("bind", reason, format(address))
    })
  }

  connect(address: SocketAddress): Effect.Effect<void, SocketError> {
    return this.call("connect", () => {
      if (!isSocketAddress(address)) return invalidArgument("connect", "the address is not one")
      const seen = sendable(this.family, address)
      if (isSocketError(seen)) return withDetails(seen, { operation: "connect" })
      const nearest = this.host.udpPorts.sourceFor(onWire(seen.host))
      const source = nearest === undefined ? "Unreachable" : this.source(nearest)
      if (typeof source === "string") return failure("connect", source, format(address))
      this.peer = seen
      return undefined
    })
  }

  get localAddress(): Effect.Effect<SocketAddress, SocketError> {
    return Effect.suspend(() => {
      if (this.isClosed) return Effect.fail(closed("localAddress"))
      const { host, port } = this.binding ?? { host: this.anyHost, port: 0 }
      const nearest =
        this.peer === undefined ? undefined : this.host.udpPorts.sourceFor(onWire(this.peer.host))
      return Effect.succeed(seenBy(this.family, host === this.anyHost ? (nearest ?? host) : host, port))
    })
  }

  get remoteAddress(): Effect.Effect<SocketAddress, SocketError> {
    return Effect.suspend(() => {
      if (this.isClosed) return Effect.fail(closed("remoteAddress"))
      return this.peer === undefined
        ? Effect.fail(failure("remoteAddress", "NotConnected"))
        : Effect.succeed(this.peer)
    })
  }

  joinGroup(membership: Membership): Effect.Effect<void, SocketError> {
    return this.changeMembership("joinGroup", membership, (wanted) => this.memberships.join(wanted))
  }

  leaveGroup(membership: Membership): Effect.Effect<void, SocketError> {
    return this.changeMembership("leaveGroup", membership, (wanted) => this.memberships.leave(wanted))
  }

  getOption<Name extends DatagramOptionName>(name: Name): Effect.Effect<SocketOptions[Name], SocketError> {
    return Effect.suspend(() =>
      this.isClosed ? Effect.fail(closed("getOption")) : datagramOptions[name].get(this)
    )
  }

  setOption<Name extends DatagramOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return Effect.suspend(() =>
      this.isClosed ? Effect.fail(closed("setOption")) : datagramOptions[name].set(this, value)
    )
  }

  getInteger<Name extends IntegerOptionName>(name: Name): Effect.Effect<SocketOptions[Name], SocketError> {
    const wrong = this.options.missing("getOption", name)
    return wrong === undefined ? Effect.succeed(this.options.get(name)) : Effect.fail(wrong)
  }

  setInteger<Name extends IntegerOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return this.call("setOption", () =>
      name === "v6Only" && this.binding !== undefined
        ? failure("setOption", "InvalidArgument")
        : this.options.set(name, value)
    )
  }

  setMulticastInterface(wanted: NetworkInterface | undefined): Effect.Effect<void, SocketError> {
    return this.call("setOption", () => {
      if (wanted !== undefined && findInterface(wanted, this.host.udpPorts) === undefined) {
        return noInterface("setOption", wanted)
      }
      this.multicastInterface = wanted
      return undefined
    })
  }

  /** From where it sends; it gets a port now if it has none. */
  source(nearest: string): { readonly host: string; readonly port: number } | SocketErrorReason {
    const reason = this.binding === undefined ? this.bindTo(this.anyHost, 0) : undefined
    if (reason !== undefined) return reason
    const { host, port } = this.binding ?? { host: this.anyHost, port: 0 }
    return { host: host === this.anyHost ? nearest : host, port }
  }

  /** By which address of this host what is meant for many leaves. */
  interfaceFor(target: string): string | undefined {
    const { udpPorts } = this.host
    const wanted = this.multicastInterface
    const bound = this.binding?.host
    if (wanted === undefined && bound !== undefined && bound !== this.anyHost) return bound
    if (wanted !== undefined && findInterface(wanted, udpPorts) === "loopback") {
      return isIPv6(target) ? "::1" : "127.0.0.1"
    }
    return udpPorts.addresses.find((address) => isIPv6(address) === isIPv6(target))
  }

  /** Whether a datagram is from whom this socket receives from. */
  accepts({ sourceHost, sourcePort }: Packet): boolean {
    const { peer } = this
    return peer === undefined || (peer.port === sourcePort && onWire(peer.host) === sourceHost)
  }

  /** Whether it is a member of the group that a datagram is for. */
  hears(packet: Packet): boolean {
    return this.memberships.hear(packet)
  }

  /** A datagram is here. */
  arrived({ bytes, sourceHost, sourcePort }: Packet): void {
    const { simulation } = this.owner.network
    const address = seenBy(this.family, sourceHost, sourcePort)
    if (this.bufferedBytes >= this.options.get("receiveBufferBytes")) {
      simulation.trace(() => `${this.name}: no room for ${bytes.length} bytes of ${format(address)}`)
      return
    }
    this.bufferedBytes += bytes.length + OVERHEAD_BYTES
    this.received.push({ bytes: bytes.slice(), address, isTruncated: false })
    this.resume()
  }

  /** Nobody received what this socket sent there. */
  cameBack({ targetHost, targetPort }: Packet): void {
    const { peer } = this
    if (this.isClosed || peer?.port !== targetPort || onWire(peer.host) !== targetHost) return
    this.cameBackFrom = peer
    this.resume()
  }

  private get name(): string {
    const { host, port } = this.binding ?? { host: this.anyHost, port: 0 }
    return format(seenBy(this.family, host, port))
  }

  private get anyHost(): string {
    return this.family === "IPv4" ? "0.0.0.0" : "::"
  }

  /** Answers whether the operation is over. */
  private attempt(operation: DatagramOperation): boolean {
    const isReceive = operation.kind === "ReceiveFrom"
    if (isReceive && this.received.length === 0 && this.cameBackFrom === undefined) return false
    const drawn = this.owner.network.faults.draw(isReceive ? "receive" : "send", this.host.name)
    if (drawn !== undefined) return this.fail(operation, drawn)
    if (this.cameBackFrom !== undefined) {
      const from = this.cameBackFrom
      this.cameBackFrom = undefined
      return this.fail(operation, "Refused", from)
    }
    return isReceive ? this.receive(operation) : this.send(operation)
  }

  private receive(operation: ReceiveFromOperation): boolean {
    const count = this.part(
      Math.min(operation.maxCount, this.received.length),
      this.owner.network.settings.partialReads
    )
    const taken = this.received.splice(0, count)
    for (const { bytes } of taken) this.bufferedBytes -= bytes.length + OVERHEAD_BYTES
    operation.received = taken.map((datagram) => cutTo(datagram, operation.maxBytes))
    this.owner.network.simulation.trace(() => `${this.name} receives ${count}`)
    return true
  }

  private send(operation: SendToOperation): boolean {
    const { datagrams, offset } = operation
    operation.sent = 0
    const most = this.part(datagrams.length - offset, this.owner.network.settings.partialWrites)
    for (const datagram of datagrams.slice(offset, offset + most)) {
      const wrong = isWhole(datagram) ? this.sendOne(datagram) : takenAway(operation)
      // It is reported by the call that begins with it.
      if (wrong !== undefined && operation.sent > 0) return true
      if (wrong !== undefined) {
        operation.failure = wrong
        return true
      }
      operation.sent += 1
    }
    return true
  }

  private sendOne({ address, bytes }: OutgoingDatagram): SocketError | undefined {
    const to = address ?? this.peer
    if (to === undefined) return failure("sendto", "NotConnected")
    const target = isSocketAddress(to)
      ? sendable(this.family, to)
      : invalidArgument("send", "the address is not one")
    if (isSocketError(target)) return target
    if (this.options.get("v6Only") && !isIPv6(onWire(target.host))) {
      return failure("sendto", "Unreachable", format(to))
    }
    const family = isIPv6(onWire(target.host)) ? "IPv6" : "IPv4"
    if (bytes.length > MOST_BYTES[family]) return failure("sendto", "TooLong", format(to))
    const reason = this.owner.network.datagrams.send(this, target, bytes)
    return reason === undefined ? undefined : failure("sendto", reason, format(to))
  }

  private part(count: number, probability: number): number {
    const { random } = this.owner.network.simulation
    return count > 1 && random.chance(probability) ? 1 + random.below(count) : count
  }

  private fail(operation: DatagramOperation, reason: SocketErrorReason, address?: SocketAddress): true {
    const kind = operation.kind.toLowerCase()
    operation.failure = failure(kind, reason, address && format(address))
    return true
  }

  /** Tries the receive that waits. */
  private resume(): void {
    const operation = this.parked.first("ReceiveFrom")
    if (operation !== undefined && this.attempt(operation)) this.parked.settle(operation)
  }

  private bindTo(host: string, port: number): SocketErrorReason | undefined {
    const fault = this.owner.network.faults.draw("bind", this.host.name)
    if (fault !== undefined) return fault
    const binding = this.host.udpPorts.bind(host, port, {
      isIPv6Only: this.options.get("v6Only"),
      isShared: this.options.get("reuseAddress")
    })
    if (typeof binding === "string") return binding
    binding.holder = this
    this.binding = binding
    return undefined
  }

  private changeMembership(
    operation: "joinGroup" | "leaveGroup",
    membership: Membership,
    change: (wanted: SimulatedMembership) => SocketErrorReason | undefined
  ): Effect.Effect<void, SocketError> {
    return this.call(operation, () => {
      const parsed = parseMembership(operation, this.family, membership)
      if (isSocketError(parsed)) return parsed
      const { group, source, interface: wanted } = parsed
      const interface_ = wanted === undefined ? undefined : findInterface(wanted, this.host.udpPorts)
      if (wanted !== undefined && interface_ === undefined) return noInterface(operation, wanted)
      const reason = change({ group: group.host, interface: interface_, source: source?.host })
      return reason === undefined ? undefined : failure(operation, reason, group.host)
    })
  }

  private call(operation: string, run: () => SocketError | undefined): Effect.Effect<void, SocketError> {
    return Effect.suspend(() => {
      const wrong = this.isClosed ? closed(operation) : run()
      return wrong === undefined ? Effect.void : Effect.fail(wrong)
    })
  }
}

const noInterface = (operation: string, wanted: NetworkInterface): SocketError =>
  failure(operation, "AddressNotAvailable", String(wanted))
