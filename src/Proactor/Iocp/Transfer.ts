/**
 * Receiving and sending: `WSARecv` and `WSASend` through pooled foreign memory.
 *
 * The kernel never sees a JavaScript buffer. A receive gets a pooled buffer to fill, and what came is copied out of
 * it when the packet is here; a send is copied into one first. So nothing that a program holds can be moved, collected
 * or changed under the kernel, and a cancelled operation needs nothing of its submitter's.
 *
 * @since 0.1.0
 */
import { fromNtStatus, fromWsa, type SocketError } from "../../Errors/index.js"
import { WSA_IO_PENDING } from "../../Iocp/Constants.js"
import { winsock } from "../../Iocp/Winsock.js"
import type { ReceiveOperation, SendOperation } from "../Operation.js"
import { copyOut } from "../ReceiveMemory.js"
import { type BufferPool, LARGE_BUFFER_BYTES } from "./BufferPool.js"
import type { OperationSlot } from "./OperationSlots.js"

/** Statuses from here on are warnings and errors. */
const FIRST_FAILURE = 0x8000_0000

/** @internal */
export const isFailure = (status: number): boolean => status >= FIRST_FAILURE

/** Why a call that was to start an operation did not; `undefined` if it did, and a packet will come. */
const startFailure = (result: number, operation: string, syscall: string): SocketError | undefined => {
  if (result === 0) return undefined
  const code = winsock().WSAGetLastError()
  return code === WSA_IO_PENDING ? undefined : fromWsa(code, { operation, syscall })
}

/** @internal */
export const startReceive = (
  handle: number,
  slot: OperationSlot,
  operation: ReceiveOperation,
  buffers: BufferPool,
  mostBytes: number
): SocketError | undefined => {
  const length = Math.min(operation.maxBytes, mostBytes)
  slot.hold(buffers.acquire(length), length)
  slot.prepare()
  const result = winsock().WSARecv(handle, slot.wsabufAddress, 1, slot.flagsAddress, slot.address)
  return startFailure(result, "receive", "WSARecv")
}

/** @internal */
export const finishReceive = (slot: OperationSlot, operation: ReceiveOperation): void => {
  if (isFailure(slot.status)) {
    operation.failure = fromNtStatus(slot.status, { operation: "receive", syscall: "WSARecv" })
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
): SocketError | undefined => {
  const { bytes, offset } = operation
  const length = Math.min(bytes.length - offset, LARGE_BUFFER_BYTES)
  const buffer = buffers.acquire(length)
  buffer.bytes.set(length === bytes.length ? bytes : bytes.subarray(offset, offset + length))
  slot.hold(buffer, length)
  slot.prepare()
  operation.sent = 0
  // The system has its own copy from here on, and sends it even if this program loses interest.
  operation.committed = length
  const result = winsock().WSASend(handle, slot.wsabufAddress, 1, 0, slot.address)
  const failure = startFailure(result, "send", "WSASend")
  if (failure !== undefined) operation.committed = 0
  return failure
}

/** @internal */
export const finishSend = (slot: OperationSlot, operation: SendOperation): void => {
  operation.sent = slot.transferred
  if (!isFailure(slot.status)) return
  operation.failure = fromNtStatus(slot.status, { operation: "send", syscall: "WSASend" })
}
