/**
 * UDP sockets: a receiving half, a sending half, and a life.
 *
 * What no system would take is refused here, before the sending half sees it: bytes that are none, ports and hosts that are
 * none, a family that the socket does not have.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import { format, isSocketAddress, type SocketAddress } from "../../Address/index.js"
import {
  invalidArgument,
  isSocketError,
  type SocketError,
  type TimeoutError,
  withDetails
} from "../../Errors/index.js"
import {
  type Datagram,
  LARGEST_DATAGRAM_BYTES,
  type Membership,
  type OutgoingDatagram,
  outgoing,
  type ProactorDatagramSocket
} from "../../Proactor/Datagram.js"
import {
  type DatagramOptionName,
  isDatagramOptionName,
  type SocketOptions
} from "../../Proactor/SocketOption.js"
import type { ReadOptions, TimeoutOptions } from "../Connection.js"
import type { ResolverService } from "../Resolver.js"
import type { ConnectedUdpSocket, DatagramSocket, Destination, UdpSocket } from "../Udp.js"
import { giveUp } from "./Atomic.js"
import { DatagramIntake } from "./DatagramIntake.js"
import { DatagramSender } from "./DatagramSender.js"
import { timedOut } from "./Deadline.js"
import { mapDemand } from "./Intake.js"
import { type Half, Lifetime, type Owner } from "./Lifetime.js"
import { isList } from "./Lists.js"
import { isPositiveInteger } from "./Numbers.js"
import type { Source } from "./Pulling.js"
import { starting } from "./Starting.js"

const DEFAULT_MOST = 32

const noBytes = (address?: string): SocketError => invalidArgument("send", "bytes are a Uint8Array", address)

const noList = (address: string): SocketError => invalidArgument("send", "name a list of datagrams", address)

/** @internal */
export abstract class UdpSocketBase implements DatagramSocket, Owner {
  readonly address: SocketAddress
  protected readonly socket: ProactorDatagramSocket
  protected readonly sender: DatagramSender
  private readonly intake: DatagramIntake
  private readonly lifetime: Lifetime

  constructor(socket: ProactorDatagramSocket, address: SocketAddress) {
    this.socket = socket
    this.address = address
    this.intake = new DatagramIntake(socket, this)
    this.sender = new DatagramSender(socket, this)
    this.lifetime = new Lifetime(socket, this)
  }

  /** Whom it speaks with, or where it is, for messages. */
  abstract readonly peer: string

  get halves(): ReadonlyArray<Half> {
    return [this.intake, this.sender]
  }

  get receive(): Effect.Effect<Datagram, SocketError> {
    return this.intake.next
  }

  receiveWith(options: ReadOptions): Effect.Effect<Datagram, SocketError | TimeoutError> {
    const { maxBytes = LARGEST_DATAGRAM_BYTES, timeout } = options
    if (!isPositiveInteger(maxBytes)) return this.refuseMaxBytes()
    return this.intake.consume(this.intake.one(maxBytes), timeout, () => this.late(timeout))
  }

  /** For streams of datagrams. */
  datagrams({
    maxBytes = LARGEST_DATAGRAM_BYTES,
    timeout
  }: ReadOptions): Source<Datagram, SocketError | TimeoutError> {
    if (!isPositiveInteger(maxBytes)) return { ready: this.refuseMaxBytes(), take: giveUp }
    const demand = mapDemand(this.intake.one(maxBytes), Option.some)
    return this.intake.source(demand, timeout, () => this.late(timeout))
  }

  receiveMany(most?: number): Effect.Effect<ReadonlyArray<Datagram>, SocketError>
  receiveMany(
    most: number,
    options: TimeoutOptions
  ): Effect.Effect<ReadonlyArray<Datagram>, SocketError | TimeoutError>
  receiveMany(
    most = DEFAULT_MOST,
    options?: TimeoutOptions
  ): Effect.Effect<ReadonlyArray<Datagram>, SocketError | TimeoutError> {
    if (!isPositiveInteger(most))
      return this.refuse("receive", "so many datagrams: a whole number, 1 or more")
    const timeout = options?.timeout
    return this.intake.consume(this.intake.several(most), timeout, () => this.late(timeout))
  }

  getOption<Name extends DatagramOptionName>(name: Name): Effect.Effect<SocketOptions[Name], SocketError> {
    return Effect.suspend(() =>
      isDatagramOptionName(name) ? this.socket.getOption(name) : this.refuseOption("getOption", name)
    )
  }

  setOption<Name extends DatagramOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return Effect.suspend(() =>
      isDatagramOptionName(name) ? this.socket.setOption(name, value) : this.refuseOption("setOption", name)
    )
  }

  get close(): Effect.Effect<void> {
    return this.lifetime.close()
  }

  /** Sends what `make` makes of each, unless one is none. The list of that is its own: the caller's is the caller's to use again. */
  protected sendEach<A>(
    datagrams: ReadonlyArray<A>,
    make: (datagram: A) => OutgoingDatagram | SocketError
  ): Effect.Effect<void, SocketError> {
    return starting((waitFor) => {
      if (!isList(datagrams)) return Effect.fail(noList(this.peer))
      const list: Array<OutgoingDatagram> = []
      for (const datagram of datagrams) {
        const made = make(datagram)
        if (isSocketError(made)) return Effect.fail(made)
        list.push(made)
      }
      return list.length === 0 ? Effect.void : this.sender.begin(list, waitFor)
    })
  }

  private late(timeout: Duration.DurationInput = 0): Effect.Effect<never, TimeoutError> {
    return Effect.fail(timedOut("receive", timeout, this.peer))
  }

  private refuseMaxBytes(): Effect.Effect<never, SocketError> {
    return this.refuse("receive", "maxBytes is a whole number, 1 or more")
  }

  private refuse(operation: string, advice: string): Effect.Effect<never, SocketError> {
    return Effect.fail(invalidArgument(operation, advice, this.peer))
  }

  private refuseOption(operation: string, name: never): Effect.Effect<never, SocketError> {
    return this.refuse(operation, `a datagram socket has no option ${String(name)}`)
  }
}

/** @internal */
export class UnconnectedSocket extends UdpSocketBase implements UdpSocket {
  private readonly isIPv6Only: boolean
  private readonly resolver: ResolverService

  constructor(
    socket: ProactorDatagramSocket,
    address: SocketAddress,
    isIPv6Only: boolean,
    resolver: ResolverService
  ) {
    super(socket, address)
    this.isIPv6Only = isIPv6Only
    this.resolver = resolver
  }

  override get peer(): string {
    return format(this.address)
  }

  send(bytes: Uint8Array, to: SocketAddress | Destination): Effect.Effect<void, SocketError> {
    if (!Predicate.isRecord(to)) return Effect.fail(invalidArgument("send", "say where to send to"))
    if (!isAddress(to)) return Effect.suspend(() => this.sendToHost(bytes, to))
    return this.sendTo(bytes, to)
  }

  sendMany(
    datagrams: ReadonlyArray<{ readonly bytes: Uint8Array; readonly address: SocketAddress }>
  ): Effect.Effect<void, SocketError> {
    return this.sendEach(datagrams, (datagram) => {
      if (!Predicate.isRecord(datagram)) return noList(this.peer)
      const { address, bytes } = datagram
      return this.whatIsWrongWith(bytes, address) ?? outgoing(bytes, address)
    })
  }

  joinGroup(membership: Membership): Effect.Effect<void, SocketError> {
    return Effect.suspend(() => this.socket.joinGroup(membership))
  }

  leaveGroup(membership: Membership): Effect.Effect<void, SocketError> {
    return Effect.suspend(() => this.socket.leaveGroup(membership))
  }

  membership(membership: Membership): Effect.Effect<void, SocketError, Scope.Scope> {
    return Effect.acquireRelease(
      this.joinGroup(membership),
      // A socket that was closed, or has left, is no member any more.
      () => Effect.ignore(this.leaveGroup(membership))
    )
  }

  private sendToHost(bytes: Uint8Array, { host, port }: Destination): Effect.Effect<void, SocketError> {
    if (!(bytes instanceof Uint8Array)) return Effect.fail(noBytes())
    const { length } = bytes
    // A socket for both families takes whichever the name has first.
    const family = this.socket.family === "IPv4" || this.isIPv6Only ? this.socket.family : undefined
    const resolved = Effect.mapError(this.resolver.resolve(host, port, family), (failure) =>
      withDetails(failure, { operation: "send" })
    )
    return Effect.flatMap(resolved, ([address]) => this.sendTo(bytes, address, length))
  }

  /** `byteLength`: how many bytes there were when that was asked for, if it was before. Fewer now, and they were taken away. */
  private sendTo(
    bytes: Uint8Array,
    address: SocketAddress,
    byteLength?: number
  ): Effect.Effect<void, SocketError> {
    return starting((waitFor) => {
      const wrong = this.whatIsWrongWith(bytes, address)
      if (wrong !== undefined) return Effect.fail(wrong)
      return this.sender.begin([{ bytes, byteLength: byteLength ?? bytes.length, address }], waitFor)
    })
  }

  /** What the system would not be asked for. That the families fit together, and the port is one, is the proactor's to look at. */
  private whatIsWrongWith(bytes: Uint8Array, to: SocketAddress): SocketError | undefined {
    if (!isSocketAddress(to)) return invalidArgument("send", "the address is not one")
    if (!(bytes instanceof Uint8Array)) return noBytes(format(to))
    if (!this.isIPv6Only || to.family === "IPv6") return undefined
    return invalidArgument("send", "the socket is for IPv6 alone, the address is IPv4", format(to))
  }
}

const isAddress = (to: SocketAddress | Destination): to is SocketAddress => "_tag" in to

/** @internal */
export class ConnectedSocket extends UdpSocketBase implements ConnectedUdpSocket {
  readonly remoteAddress: SocketAddress

  constructor(socket: ProactorDatagramSocket, address: SocketAddress, remoteAddress: SocketAddress) {
    super(socket, address)
    this.remoteAddress = remoteAddress
  }

  override get peer(): string {
    return format(this.remoteAddress)
  }

  send(bytes: Uint8Array): Effect.Effect<void, SocketError> {
    return starting((waitFor) =>
      bytes instanceof Uint8Array
        ? this.sender.begin([outgoing(bytes)], waitFor)
        : Effect.fail(noBytes(this.peer))
    )
  }

  sendMany(datagrams: ReadonlyArray<Uint8Array>): Effect.Effect<void, SocketError> {
    return this.sendEach(datagrams, (bytes) =>
      bytes instanceof Uint8Array ? outgoing(bytes) : noBytes(this.peer)
    )
  }
}
