/**
 * Reading and writing named pipes: `ReadFile` and `WriteFile` through pooled foreign memory, as `Transfer` does for sockets.
 *
 * That the other end was closed is no failure of a read but the end of what can be read (109), after everything that was
 * written. For a write it is a reset. A client that its server has disconnected (233) is told of a reset in both: what the
 * server had sent by then is lost.
 *
 * @since 0.1.0
 */
import { fromFileStatus, fromWin32, type SocketError, socketError } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { kernel32 } from "../../Iocp/Kernel32.js"
import type { Operation } from "../Operation.js"
import type { BufferPool } from "./BufferPool.js"
import type { OperationSlot } from "./OperationSlots.js"
import type { Start } from "./Start.js"
import { isFailure } from "./Transfer.js"

const reading = ({ peer, purpose }: Operation) => ({
  operation: purpose,
  syscall: "ReadFile",
  address: peer
})
const writing = ({ peer, purpose }: Operation) => ({
  operation: purpose,
  syscall: "WriteFile",
  address: peer
})

const cutOff = "The server has disconnected this client. What it sent last may not have arrived."

/** The same failure; that of a disconnected client as the reset that it is. */
const told = (failure: SocketError): SocketError => {
  const { address, code, codeName, operation, status, statusName, syscall } = failure
  if (code !== C.ERROR_PIPE_NOT_CONNECTED) return failure
  const details = { address, code, codeName, operation, status, statusName, syscall }
  return socketError("Reset", { ...details, advice: cutOff })
}

/**
 * Starts a read into a buffer that the slot gets. `Ended`: there is nothing to read, and there will be nothing.
 *
 * @internal
 */
export const startRead = (
  handle: number,
  slot: OperationSlot,
  operation: Operation,
  buffers: BufferPool,
  byteLength: number
): Start | "Ended" => {
  const buffer = slot.buffer ?? buffers.acquire(byteLength)
  slot.hold(buffer, byteLength)
  slot.prepare()
  const { address, transferredAddress } = slot
  if (kernel32().ReadFile(handle, buffer.address, byteLength, transferredAddress, address) !== 0) {
    return "Succeeded"
  }
  const code = kernel32().GetLastError()
  if (code === C.ERROR_BROKEN_PIPE) return "Ended"
  // There is more of the message than fits: a success with its packet.
  if (code === C.ERROR_IO_PENDING || code === C.ERROR_MORE_DATA) return "Pending"
  return told(fromWin32(code, reading(operation)))
}

/**
 * How a read ended: with bytes in the slot's buffer and, in message mode, more of the same message to come; with the end; or
 * with a failure.
 *
 * @internal
 */
export type ReadEnd = "Whole" | "Part" | "Ended" | SocketError

/** @internal */
export const readEnd = (slot: OperationSlot, operation: Operation): ReadEnd => {
  const { status } = slot
  if (!isFailure(status)) return "Whole"
  if (status === C.STATUS_BUFFER_OVERFLOW) return "Part"
  if (status === C.STATUS_PIPE_BROKEN) return "Ended"
  return told(fromFileStatus(status, reading(operation)))
}

/**
 * Starts to write the first `byteLength` bytes of the slot's buffer.
 *
 * @internal
 */
export const startWrite = (
  handle: number,
  slot: OperationSlot,
  operation: Operation,
  byteLength: number
): Start => {
  slot.prepare()
  const { address, buffer, transferredAddress } = slot
  const isDone =
    kernel32().WriteFile(handle, buffer?.address ?? 0, byteLength, transferredAddress, address) !== 0
  if (isDone) return "Succeeded"
  const code = kernel32().GetLastError()
  return code === C.ERROR_IO_PENDING ? "Pending" : told(fromWin32(code, writing(operation)))
}

/** Why a write failed, if it did. @internal */
export const writeFailure = (slot: OperationSlot, operation: Operation): SocketError | undefined =>
  isFailure(slot.status) ? told(fromFileStatus(slot.status, writing(operation))) : undefined
