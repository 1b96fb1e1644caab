/**
 * Receiving and sending: `WSARecv` and `WSASend` through pooled foreign memory.
 *
 * The kernel never sees a JavaScript buffer. A receive gets a pooled buffer to fill, and what came is copied out of
 * it when the packet is here; a send is copied into one first. So nothing that a program holds can be moved, collected
 * or changed under the kernel, and a cancelled operation needs nothing of its submitter's.
 *
 * Several pieces that are sent as one are copied one behind the other, and leave as one WSABUF. To give each a WSABUF of
 * its own would spare no copy, since none of them is memory that the kernel may see. Nor is a send of several pooled
 * buffers worth it: writes of 256 KiB and 1 MiB took as long with 4 or 16 of them (under Wine), and a peer that does not
 * read would pin up to 1 MiB.
 *
 * @since 0.1.0
 */
import { fromNtStatus } from "../../Errors/index.js"
import { winsock } from "../../Iocp/Winsock.js"
import type { ReceiveOperation, SendOperation } from "../Operation.js"
import { copyOut } from "../ReceiveMemory.js"
import { type BufferPool, LARGE_BUFFER_BYTES } from "./BufferPool.js"
import type { OperationSlot } from "./OperationSlots.js"
import { type Start, startOf } from "./Start.js"

/** Statuses from here on are warnings and errors. */
const FIRST_FAILURE = 0x8000_0000

/** @internal */
export const isFailure = (status: number): boolean => status >= FIRST_FAILURE

const receiving = () => ({ operation: "receive", syscall: "WSARecv" })
const sending = () => ({ operation: "send", syscall: "WSASend" })

/** @internal */
export const startReceive = (
  handle: number,
  slot: OperationSlot,
  operation: ReceiveOperation,
  buffers: BufferPool,
  mostBytes: number
): Start => {
  const length = Math.min(operation.maxBytes, mostBytes)
  slot.hold(buffers.acquire(length), length)
  slot.prepare()
  const { address, flagsAddress, transferredAddress, wsabufAddress } = slot
  const result = winsock().WSARecv(handle, wsabufAddress, 1, flagsAddress, address, transferredAddress)
  return startOf(result === 0, receiving)
}

/** @internal */
export const finishReceive = (slot: OperationSlot, operation: ReceiveOperation): void => {
  if (isFailure(slot.status)) {
    operation.failure = fromNtStatus(slot.status, receiving())
  } else if (slot.buffer !== undefined) {
    operation.chunk = copyOut(slot.buffer.bytes, slot.transferred)
  }
}

/** @internal */
export const startSend = (
  handle: number,
  slot: OperationSlot,
  operation: SendOperation,
  buffers: BufferPool
): Start => {
  const { bytes, offset, pieces, vanished } = operation
  if (vanished !== undefined) return vanished
  const most = Math.min(pieces?.bytesLeft ?? bytes.length - offset, LARGE_BUFFER_BYTES)
  const buffer = buffers.acquire(most)
  const length = pieces === undefined ? most : pieces.copyTo(buffer.bytes)
  if (pieces === undefined) {
    buffer.bytes.set(length === bytes.length ? bytes : bytes.subarray(offset, offset + length))
  }
  slot.hold(buffer, length)
  slot.prepare()
  operation.sent = 0
  // The system has its own copy from here on, and sends it even if this program loses interest.
  operation.committed = length
  const { address, transferredAddress, wsabufAddress, wsabufCount } = slot
  const result = winsock().WSASend(handle, wsabufAddress, wsabufCount, 0, address, transferredAddress)
  const start = startOf(result === 0, sending)
  if (typeof start !== "string") operation.committed = 0
  return start
}

/** @internal */
export const finishSend = (slot: OperationSlot, operation: SendOperation): void => {
  operation.sent = slot.transferred
  if (!isFailure(slot.status)) return
  operation.failure = fromNtStatus(slot.status, sending())
}
