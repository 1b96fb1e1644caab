/**
 * A UDP socket driven by epoll: which calls its operations are. How they wait is `EpollDescriptor`'s.
 *
 * Receiving is `recvmmsg`: one call brings what has come, up to so many datagrams, and when it brings fewer than there was
 * room for, it has been told that there are no more. So the next receive need not be told again: it parks at once, unless
 * there was an event meanwhile. (An error that such a call meets behind some datagrams is kept by the system for the next
 * call, but it had its own event when it arrived.)
 *
 * Sending one datagram is `sendto`, from the memory it is in; sending several is `sendmmsg`, of copies that lie together.
 *
 * What an ICMP message says of a datagram sent earlier, Linux tells on connected sockets alone, once, to whichever call is
 * made next. On an unconnected socket nothing is told; were it, it would be of no matter to who receives.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type AddressFamily, anyAddress, format, type SocketAddress } from "../../Address/index.js"
import * as C from "../../Epoll/Constants.js"
import { fromErrno, type SocketError, withDetails } from "../../Errors/index.js"
import type {
  DatagramOperation,
  Membership,
  OutgoingDatagram,
  ProactorDatagramSocket,
  ReceiveFromOperation,
  SendToOperation
} from "../Datagram.js"
import { datagramOptions, type OptionAccess } from "../DatagramOptions.js"
import type { SockaddrCache } from "../SockaddrCache.js"
import type {
  DatagramOptionName,
  IntegerOptionName,
  NetworkInterface,
  SocketOptions
} from "../SocketOption.js"
import { internetDomain } from "./Domain.js"
import { EpollDescriptor, type EpollHost, READ_EVENTS, wouldBlock } from "./EpollDescriptor.js"
import { getOption, setOption } from "./EpollOptions.js"
import { changeMembership, hearOwnGroupsOnly, setMulticastInterface } from "./Groups.js"
import { RECEIVE_BATCH, type ReceiveBatch } from "./ReceiveBatch.js"
import type { SendBatch } from "./SendBatch.js"
import * as Calls from "./SocketCalls.js"

/** What all UDP sockets of a proactor share. @internal */
export interface DatagramTools {
  readonly receiving: ReceiveBatch
  readonly sending: SendBatch
  readonly addresses: Readonly<Record<AddressFamily, SockaddrCache>>
}

/** So many datagrams count as much as one transfer of a stream. */
const DATAGRAMS_PER_TRANSFER = 4

/** So many messages about datagrams of one's own are passed over in one call before one is reported. */
const FAULTS_IN_A_ROW = 256

const faultsOfOnePeer: ReadonlySet<number> = new Set([
  C.ECONNREFUSED,
  C.EHOSTUNREACH,
  C.ENETUNREACH,
  C.EHOSTDOWN,
  C.ENOPROTOOPT,
  C.EPROTO
])

/** @internal */
export class EpollUdpSocket
  extends EpollDescriptor<DatagramOperation>
  implements ProactorDatagramSocket, OptionAccess
{
  readonly family: AddressFamily
  multicastInterface: NetworkInterface | undefined
  private readonly tools: DatagramTools
  private isConnected = false
  /** Whether the last receive emptied the socket, and no event has come since. */
  private isDrained = false

  constructor(host: EpollHost, fd: number, family: AddressFamily, tools: DatagramTools) {
    super(host, fd)
    this.family = family
    this.tools = tools
    hearOwnGroupsOnly(this.system, fd, family)
  }

  bind(address: SocketAddress): Effect.Effect<void, SocketError> {
    return this.whileOpen("bind", (fd) => Calls.bind(this.system, fd, internetDomain[this.family], address))
  }

  connect(address: SocketAddress): Effect.Effect<void, SocketError> {
    return this.whileOpen("connect", (fd) => {
      const name = this.tools.addresses[this.family].encode(address)
      if (!(name instanceof Uint8Array)) return Effect.fail(withDetails(name, { operation: "connect" }))
      const call = { operation: "connect", syscall: "connect", address: format(address) }
      if (this.system.connect(fd, name, name.length) !== 0) {
        return Effect.fail(fromErrno(this.system.errno(), call))
      }
      this.isConnected = true
      return Effect.void
    })
  }

  get localAddress(): Effect.Effect<SocketAddress, SocketError> {
    return this.whileOpen("localAddress", (fd) =>
      Calls.localAddress(this.system, fd, internetDomain[this.family])
    )
  }

  get remoteAddress(): Effect.Effect<SocketAddress, SocketError> {
    return this.whileOpen("remoteAddress", (fd) =>
      Calls.remoteAddress(this.system, fd, internetDomain[this.family])
    )
  }

  joinGroup(membership: Membership): Effect.Effect<void, SocketError> {
    return this.changeMembership("joinGroup", membership)
  }

  leaveGroup(membership: Membership): Effect.Effect<void, SocketError> {
    return this.changeMembership("leaveGroup", membership)
  }

  getOption<Name extends DatagramOptionName>(name: Name): Effect.Effect<SocketOptions[Name], SocketError> {
    return this.whileOpen("getOption", () => datagramOptions[name].get(this))
  }

  setOption<Name extends DatagramOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return this.whileOpen("setOption", () => datagramOptions[name].set(this, value))
  }

  getInteger<Name extends IntegerOptionName>(name: Name): Effect.Effect<SocketOptions[Name], SocketError> {
    return getOption(this.system, this.fd, this.family, name)
  }

  setInteger<Name extends IntegerOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return setOption(this.system, this.fd, this.family, name, value)
  }

  setMulticastInterface(wanted: NetworkInterface | undefined): Effect.Effect<void, SocketError> {
    const failure = setMulticastInterface(this.system, this.fd, this.family, wanted)
    if (failure !== undefined) return Effect.fail(failure)
    this.multicastInterface = wanted
    return Effect.void
  }

  protected override isWriting(operation: DatagramOperation): boolean {
    return operation.kind === "SendTo"
  }

  protected override noticed(events: number): void {
    if ((events & READ_EVENTS) !== 0) this.isDrained = false
  }

  protected override shareOfTurn(operation: DatagramOperation): number {
    const count = operation.kind === "SendTo" ? operation.sent : operation.received.length
    return Math.max(1, count) / DATAGRAMS_PER_TRANSFER
  }

  protected override start(operation: DatagramOperation): boolean {
    return operation.kind === "ReceiveFrom" ? this.receive(operation) : this.send(operation)
  }

  private receive(operation: ReceiveFromOperation): boolean {
    if (this.isDrained) return false
    const { addresses, receiving } = this.tools
    const room = Math.min(operation.maxCount, RECEIVE_BATCH)
    receiving.makeRoom(operation.maxBytes)
    for (let faults = 0; ; ) {
      const count = this.system.recvmmsg(this.fd, receiving.address, room, C.MSG_DONTWAIT, 0)
      if (count >= 0) {
        this.isDrained = count < room
        operation.received = receiving.take(count, addresses[this.family], anyAddress(this.family))
        return true
      }
      const code = this.system.errno()
      if (wouldBlock(code)) return false
      if (!this.isConnected && faultsOfOnePeer.has(code) && ++faults < FAULTS_IN_A_ROW) continue
      if (code !== C.EINTR) return this.failed(operation, "recvmmsg", code)
    }
  }

  private send(operation: SendToOperation): boolean {
    const { datagrams, offset } = operation
    const isSeveral = datagrams.length - offset > 1
    const count = isSeveral
      ? this.tools.sending.fill(datagrams, offset, this.tools.addresses[this.family])
      : 0
    if (count > 1) return this.sendTogether(operation, count)
    const first = datagrams[offset]
    operation.sent = 0
    operation.failure = operation.vanished
    if (operation.failure !== undefined) return true
    return first === undefined || this.sendAlone(operation, first)
  }

  private sendTogether(operation: SendToOperation, count: number): boolean {
    const { sending } = this.tools
    for (;;) {
      const sent = this.system.sendmmsg(this.fd, sending.address, count, C.MSG_DONTWAIT | C.MSG_NOSIGNAL)
      if (sent >= 0) {
        operation.sent = sent
        return true
      }
      const code = this.system.errno()
      if (wouldBlock(code)) return false
      if (code !== C.EINTR) return this.failed(operation, "sendmmsg", code)
    }
  }

  private sendAlone(operation: SendToOperation, { address, bytes }: OutgoingDatagram): boolean {
    const name = address === undefined ? null : this.tools.addresses[this.family].encode(address)
    if (name !== null && !(name instanceof Uint8Array)) {
      operation.failure = name
      return true
    }
    const [flags, length] = [C.MSG_DONTWAIT | C.MSG_NOSIGNAL, name?.length ?? 0]
    for (;;) {
      if (this.system.sendto(this.fd, bytes, bytes.length, flags, name, length) >= 0) {
        operation.sent = 1
        return true
      }
      const code = this.system.errno()
      if (wouldBlock(code)) return false
      if (code !== C.EINTR) return this.failed(operation, "sendto", code)
    }
  }

  private changeMembership(operation: "joinGroup" | "leaveGroup", membership: Membership) {
    return this.whileOpen(operation, (fd) => {
      const failure = changeMembership(this.system, fd, this.family, operation, membership)
      return failure === undefined ? Effect.void : Effect.fail(failure)
    })
  }
}
