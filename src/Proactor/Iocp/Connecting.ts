/**
 * Connecting: `ConnectEx`, on a bound socket, and what makes its result a socket like any other.
 *
 * @since 0.1.0
 */
import { type Endpoint, format, type SocketAddress } from "../../Address/index.js"
import { fromNtStatus, fromWsa } from "../../Errors/index.js"
import { SO_UPDATE_CONNECT_CONTEXT, SOL_SOCKET } from "../../Iocp/Constants.js"
import { winsock } from "../../Iocp/Winsock.js"
import type { ConnectOperation } from "../Operation.js"
import type { Domain } from "./Domain.js"
import type { OperationSlot } from "./OperationSlots.js"
import { type Start, startOf } from "./Start.js"
import { isFailure } from "./Transfer.js"

const call = (syscall: string, operation: ConnectOperation<Endpoint>) => ({
  operation: "connect",
  syscall,
  address: format(operation.address)
})

/**
 * Starts the connect. The socket is bound.
 *
 * @internal
 */
export const startConnect = (
  handle: number,
  domain: Domain<SocketAddress>,
  slot: OperationSlot,
  operation: ConnectOperation
): Start => {
  const address = domain.encode(operation.address)
  if (!(address instanceof Uint8Array)) return address
  slot.prepare()
  // The address is read during the call only.
  const isDone = winsock().ConnectEx(handle, address, address.length, 0, 0, slot.address) !== 0
  return startOf(isDone, () => call("ConnectEx", operation))
}

/** @internal */
export const finishConnect = (
  handle: number,
  slot: OperationSlot,
  operation: ConnectOperation<Endpoint>
): void => {
  if (isFailure(slot.status)) {
    operation.failure = fromNtStatus(slot.status, call("ConnectEx", operation))
    return
  }
  // Until then the socket is connected, but knows no peer: getpeername and shutdown would fail.
  if (winsock().setsockopt(handle, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, null, 0) === 0) return
  operation.failure = fromWsa(winsock().WSAGetLastError(), call("setsockopt", operation))
}
