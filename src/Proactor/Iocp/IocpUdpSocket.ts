/**
 * A UDP socket driven by a completion port: which calls its operations are. How they end is `IocpHandle`'s.
 *
 * Every operation has its packet here, also one that its call does at once. To leave such packets out is a trap with
 * datagrams: where a receive finds one that is too long for its buffer, or an error that waits, systems differ on whether
 * a packet comes. The price is a packet for each datagram; there is no call that moves several.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { type AddressFamily, format, type SocketAddress } from "../../Address/index.js"
import { fromWsa, isSocketError, type SocketError, withDetails } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { winsock } from "../../Iocp/Winsock.js"
import type {
  DatagramOperation,
  Membership,
  ProactorDatagramSocket,
  ReceiveFromOperation
} from "../Datagram.js"
import { datagramOptions, type OptionAccess } from "../DatagramOptions.js"
import type { SockaddrCache } from "../SockaddrCache.js"
import type {
  DatagramOptionName,
  IntegerOptionName,
  NetworkInterface,
  SocketOptions
} from "../SocketOption.js"
import {
  finishReceiveFrom,
  finishSendTo,
  isFaultOfOnePeer,
  ofDatagrams,
  startReceiveFrom,
  startSendTo,
  tellOfLostDatagrams
} from "./DatagramTransfer.js"
import { type Domain, internetDomain } from "./Domain.js"
import { changeMembership, setMulticastInterface } from "./Groups.js"
import { IocpHandle } from "./IocpHandle.js"
import type { IocpHost } from "./IocpHost.js"
import { getOption, setOption } from "./IocpOptions.js"
import type { OperationSlot } from "./OperationSlots.js"
import { addressOf, bindExclusively, bindTo, closeHandle, lastFailure } from "./SocketHandle.js"
import type { Start } from "./Start.js"

/** So many messages about datagrams of one's own are passed over in one call before one is reported. */
const FAULTS_IN_A_ROW = 256

/** @internal */
export class IocpUdpSocket
  extends IocpHandle<DatagramOperation>
  implements ProactorDatagramSocket, OptionAccess
{
  readonly family: AddressFamily
  multicastInterface: NetworkInterface | undefined
  private readonly domain: Domain<SocketAddress>
  private readonly addresses: SockaddrCache
  private isConnected = false
  /** Whether others may have the same address. */
  private isShared = false

  constructor(host: IocpHost, handle: number, family: AddressFamily, addresses: SockaddrCache) {
    super(host, handle)
    this.family = family
    this.domain = internetDomain[family]
    this.addresses = addresses
    tellOfLostDatagrams(handle, false)
  }

  bind(address: SocketAddress): Effect.Effect<void, SocketError> {
    return this.call("bind", (handle) =>
      this.isShared
        ? bindTo(handle, this.domain, address, "bind", format(address))
        : bindExclusively(handle, this.domain, address)
    )
  }

  connect(address: SocketAddress): Effect.Effect<void, SocketError> {
    return this.call("connect", (handle) => {
      const name = this.addresses.encode(address)
      if (!(name instanceof Uint8Array)) return withDetails(name, { operation: "connect" })
      if (winsock().connect(handle, name, name.length) !== 0) {
        return lastFailure("connect", "connect", format(address))
      }
      this.isConnected = true
      // There is one peer now, and what becomes of its datagrams is worth knowing.
      tellOfLostDatagrams(handle, true)
      return undefined
    })
  }

  get localAddress(): Effect.Effect<SocketAddress, SocketError> {
    return this.call("localAddress", (handle) => {
      const answer = addressOf(handle, this.domain, "getsockname", "localAddress")
      // Windows calls it an invalid argument to ask an unbound socket; on Linux it is at no address, port 0.
      return isSocketError(answer) && answer.code === C.WSAEINVAL ? this.domain.unbound : answer
    })
  }

  get remoteAddress(): Effect.Effect<SocketAddress, SocketError> {
    return this.call("remoteAddress", (handle) =>
      addressOf(handle, this.domain, "getpeername", "remoteAddress")
    )
  }

  joinGroup(membership: Membership): Effect.Effect<void, SocketError> {
    return this.call("joinGroup", (handle) => changeMembership(handle, this.family, "joinGroup", membership))
  }

  leaveGroup(membership: Membership): Effect.Effect<void, SocketError> {
    return this.call("leaveGroup", (handle) =>
      changeMembership(handle, this.family, "leaveGroup", membership)
    )
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
    return getOption(this.handle, this.family, name)
  }

  setInteger<Name extends IntegerOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    if (name === "reuseAddress") this.isShared = value === true
    return setOption(this.handle, this.family, name, value)
  }

  setMulticastInterface(wanted: NetworkInterface | undefined): Effect.Effect<void, SocketError> {
    return this.call("setOption", (handle) => {
      const failure = setMulticastInterface(handle, this.family, wanted)
      if (failure === undefined) this.multicastInterface = wanted
      return failure
    })
  }

  protected override leavePacketsOut(): boolean {
    return false
  }

  protected override closeNow(handle: number): void {
    closeHandle(handle)
  }

  protected override start(operation: DatagramOperation, slot: OperationSlot): Start {
    const { addresses, handle, host, isConnected } = this
    if (operation.kind === "ReceiveFrom") return this.startReceive(operation, slot)
    const start = startSendTo(handle, slot, operation, host.buffers, addresses, isConnected)
    return typeof start === "string" ? start : ofDatagrams(start)
  }

  protected override finish(operation: DatagramOperation, slot: OperationSlot): boolean {
    if (operation.kind === "ReceiveFrom") return this.finishReceive(operation, slot)
    finishSendTo(slot, operation)
    return true
  }

  /** What became of a datagram of this socket's own is passed over, if it is one of many. */
  private startReceive(operation: ReceiveFromOperation, slot: OperationSlot): Start {
    for (let faults = 1; ; faults++) {
      const start = startReceiveFrom(this.handle, slot, operation, this.host.buffers)
      if (typeof start === "string") return start
      if (!this.isPassedOver(start) || faults === FAULTS_IN_A_ROW) return ofDatagrams(start)
    }
  }

  private finishReceive(operation: ReceiveFromOperation, slot: OperationSlot): boolean {
    const failure = finishReceiveFrom(slot, operation, this.addresses)
    if (failure === undefined) return true
    const start = this.isPassedOver(failure) ? this.receiveAgain(operation, slot) : ofDatagrams(failure)
    if (typeof start === "string") return false
    operation.failure = start
    return true
  }

  private receiveAgain(operation: ReceiveFromOperation, slot: OperationSlot): Start {
    const isUnwanted = slot.isCancelRequested || this.handle < 0
    return isUnwanted
      ? fromWsa(C.ERROR_OPERATION_ABORTED, { operation: "receive", syscall: "WSARecvFrom" })
      : this.startReceive(operation, slot)
  }

  private isPassedOver(failure: SocketError): boolean {
    return !this.isConnected && isFaultOfOnePeer(failure)
  }
}
