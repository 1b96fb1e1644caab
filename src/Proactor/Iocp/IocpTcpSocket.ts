/**
 * A TCP socket driven by a completion port. ConnectEx and `listen` want a bound socket, where `connect(2)` and `listen(2)`
 * bind by themselves; so one that was not bound is bound to any address first.
 *
 * @since 0.1.0
 */
import { type AddressFamily, format, type SocketAddress } from "../../Address/index.js"
import type { SocketError } from "../../Errors/index.js"
import type { ConnectOperation } from "../Operation.js"
import { startConnect } from "./Connecting.js"
import { internetDomain } from "./Domain.js"
import type { IocpHost } from "./IocpHost.js"
import { IocpSocket } from "./IocpSocket.js"
import type { OperationSlot } from "./OperationSlots.js"
import { bindExclusively, bindTo } from "./SocketHandle.js"
import type { Start } from "./Start.js"

/** @internal */
export class IocpTcpSocket extends IocpSocket<SocketAddress> {
  private readonly family: AddressFamily

  constructor(host: IocpHost, handle: number, family: AddressFamily, isConnected: boolean) {
    super(host, handle, internetDomain[family], isConnected)
    this.family = family
  }

  protected override bindHandle(handle: number, address: SocketAddress): SocketError | undefined {
    return bindExclusively(handle, this.domain, address)
  }

  protected override bindAnywhere(
    handle: number,
    operation: string,
    peer?: SocketAddress
  ): SocketError | undefined {
    const address = peer === undefined ? undefined : format(peer)
    return bindTo(handle, this.domain, this.domain.unbound, operation, address)
  }

  protected override startConnect(handle: number, operation: ConnectOperation, slot: OperationSlot): Start {
    return startConnect(handle, this.domain, slot, operation)
  }

  protected override ofAccepted(handle: number): IocpTcpSocket {
    return new IocpTcpSocket(this.host, handle, this.family, true)
  }
}
