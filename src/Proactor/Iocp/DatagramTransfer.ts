/**
 * Receiving and sending datagrams: `WSARecvFrom` and `WSASendTo` through pooled foreign memory.
 *
 * Two things are not as with streams. A datagram that is longer than its buffer fails the call and yet has a packet, with a
 * status that is a warning: the operation is in flight then, and ends as a success that says "truncated". And a receive can
 * end with what became of a datagram that was sent earlier: nobody received it. The sockets are told not to report that
 * (see `tellOfLostDatagrams`), but some systems know no such switch, so it is looked for as well.
 *
 * @since 0.1.0
 */
import { decodeSockaddr, format } from "../../Address/index.js"
import { fromNtStatus, fromWsa, type SocketError, withReason } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { winsock } from "../../Iocp/Winsock.js"
import { LARGEST_DATAGRAM_BYTES, type ReceiveFromOperation, type SendToOperation } from "../Datagram.js"
import { copyOut } from "../ReceiveMemory.js"
import type { SockaddrCache } from "../SockaddrCache.js"
import type { BufferPool } from "./BufferPool.js"
import type { OperationSlot } from "./OperationSlots.js"
import type { Start } from "./Start.js"
import { isFailure } from "./Transfer.js"

const receiving = () => ({ operation: "receive", syscall: "WSARecvFrom" })

const sending = ({ datagrams, offset }: SendToOperation) => {
  const address = datagrams[offset]?.address
  return { operation: "send", syscall: "WSASendTo", address: address && format(address) }
}

/** The upper two bits of a status that is a warning. */
const isWarning = (status: number): boolean => status >>> 30 === 2

/** A call that failed with a warning has a packet all the same. */
const startOf = (
  result: number,
  slot: OperationSlot,
  describe: () => Parameters<typeof fromWsa>[1]
): Start => {
  if (result === 0) return "Succeeded"
  const code = winsock().WSAGetLastError()
  return code === C.WSA_IO_PENDING || isWarning(slot.status) ? "Pending" : fromWsa(code, describe())
}

const off = new Uint8Array(4)
const on = new Uint8Array(Int32Array.of(1).buffer)
const returned = new Uint8Array(4)

/**
 * Whether a receive is to fail when a datagram sent earlier came back. On a socket that sends to many it must not. A
 * system without the switch has nothing to tell.
 *
 * @internal
 */
export const tellOfLostDatagrams = (handle: number, isTold: boolean): void => {
  const value = isTold ? on : off
  winsock().WSAIoctl(handle, C.SIO_UDP_CONNRESET, value, 4, null, 0, returned)
  winsock().WSAIoctl(handle, C.SIO_UDP_NETRESET, value, 4, null, 0, returned)
}

/** @internal */
export const startReceiveFrom = (
  handle: number,
  slot: OperationSlot,
  operation: ReceiveFromOperation,
  buffers: BufferPool
): Start => {
  const length = Math.min(operation.maxBytes, LARGEST_DATAGRAM_BYTES)
  if (slot.buffer === undefined) slot.hold(buffers.acquire(length), length)
  slot.prepare()
  slot.makeRoomForAddress()
  const { address, addressesAddress, addressLengthAddress, flagsAddress, wsabufAddress } = slot
  const result = winsock().WSARecvFrom(
    handle,
    wsabufAddress,
    1,
    flagsAddress,
    addressesAddress,
    addressLengthAddress,
    address
  )
  return startOf(result, slot, receiving)
}

/**
 * Reads how a receive ended; answers its failure.
 *
 * @internal
 */
export const finishReceiveFrom = (
  slot: OperationSlot,
  operation: ReceiveFromOperation,
  addresses: SockaddrCache
): SocketError | undefined => {
  const { addresses: name, buffer, status, transferred } = slot
  const isTruncated = status === C.STATUS_BUFFER_OVERFLOW
  if (isFailure(status) && !isTruncated) return fromNtStatus(status, receiving())
  if (buffer === undefined) return undefined
  const length = isTruncated ? Math.min(operation.maxBytes, LARGEST_DATAGRAM_BYTES) : transferred
  const words = new Uint32Array(name.buffer, name.byteOffset, name.length / 4)
  const address = addresses.decode(words, 0, name) ?? decodeSockaddr(name, "win32")
  if (address === undefined) return fromWsa(C.WSAEAFNOSUPPORT, receiving())
  operation.received = [{ bytes: copyOut(buffer.bytes, length), address, isTruncated }]
  return undefined
}

const faultsOfOnePeer: ReadonlySet<string> = new Set(["Reset", "Refused", "Unreachable", "TimedOut"])

/**
 * Whether a receive failed for what became of one datagram that was sent earlier.
 *
 * @internal
 */
export const isFaultOfOnePeer = ({ reason }: SocketError): boolean => faultsOfOnePeer.has(reason)

/**
 * There is no connection that a peer could reset: what Windows calls so is the answer "nobody receives at that port".
 *
 * @internal
 */
export const ofDatagrams = (failure: SocketError): SocketError =>
  failure.reason === "Reset" ? withReason(failure, "Refused") : failure

/** @internal */
export const startSendTo = (
  handle: number,
  slot: OperationSlot,
  operation: SendToOperation,
  buffers: BufferPool,
  addresses: SockaddrCache,
  isConnected: boolean
): Start => {
  operation.sent = 0
  const datagram = operation.datagrams[operation.offset]
  if (datagram === undefined) return fromWsa(C.WSAEINVAL, sending(operation))
  const { address, bytes } = datagram
  const { vanished } = operation
  if (vanished !== undefined) return vanished
  // Windows calls it an invalid argument.
  if (address === undefined && !isConnected) return fromWsa(C.WSAENOTCONN, sending(operation))
  // What no datagram holds, no buffer of the pool need hold either: the system would say the same.
  if (bytes.length > LARGEST_DATAGRAM_BYTES) return fromWsa(C.WSAEMSGSIZE, sending(operation))
  const name = address === undefined ? null : addresses.encode(address)
  if (name !== null && !(name instanceof Uint8Array)) return name
  const buffer = buffers.acquire(bytes.length)
  buffer.bytes.set(bytes)
  slot.hold(buffer, bytes.length)
  slot.prepare()
  // The address is read during the call only.
  const result = winsock().WSASendTo(handle, slot.wsabufAddress, 1, 0, name, name?.length ?? 0, slot.address)
  return startOf(result, slot, () => sending(operation))
}

/** @internal */
export const finishSendTo = (slot: OperationSlot, operation: SendToOperation): void => {
  if (isFailure(slot.status)) operation.failure = ofDatagrams(fromNtStatus(slot.status, sending(operation)))
  else operation.sent = 1
}
