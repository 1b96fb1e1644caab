/**
 * From a file to a socket within the system: `TransmitFile`.
 *
 * The system reads the file by itself, from where the OVERLAPPED says, and sends what it has read. It has taken that upon
 * itself as soon as the call is made, as it has with the copy that a plain send is given; so the piece is `committed`, and
 * leaves also if this program loses interest. For that reason a piece is bounded, though one call could be 2 GiB.
 *
 * A length of 0 would mean "to the end". The end is looked for first, so that what is asked for is there.
 *
 * Windows' editions for clients make two of these calls at a time, and let others wait.
 *
 * @since 0.1.0
 */
import { fromNtStatus, fromWin32, type SocketError, unsupported } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { winsock } from "../../Iocp/Winsock.js"
import type { SendFileOperation } from "../FileOperation.js"
import { IocpFile } from "./IocpFile.js"
import type { OperationSlot } from "./OperationSlots.js"
import { type Start, startOf } from "./Start.js"
import { isFailure } from "./Transfer.js"

/** The most that one call sends. */
const PIECE_BYTES = 1024 * 1024

/**
 * The failure on a socket of another kind: nothing says that the call works there.
 *
 * @internal
 */
export const onlyOverTcp = ({ purpose }: SendFileOperation): SocketError =>
  unsupported(purpose, "TransmitFile is for TCP: read the file and send what was read")

const transmitting = ({ peer, purpose }: SendFileOperation) => ({
  operation: purpose,
  syscall: "TransmitFile",
  address: peer
})

/** @internal */
export const startTransmit = (
  handle: number,
  slot: OperationSlot,
  operation: SendFileOperation
): Start | "Ended" => {
  const { file, position, purpose } = operation
  operation.sent = 0
  if (!(file instanceof IocpFile)) {
    return unsupported(purpose, "the file is not one that this proactor has opened")
  }
  const { end } = file
  if (end === undefined) return fromWin32(C.ERROR_INVALID_HANDLE, transmitting(operation))
  const length = Math.min(operation.length, PIECE_BYTES, end - position)
  if (length <= 0) return "Ended"
  slot.prepareAt(position)
  operation.committed = length
  const isDone = winsock().TransmitFile(handle, file.descriptor, length, slot.address) !== 0
  const start = startOf(isDone, () => transmitting(operation))
  if (start === "Succeeded") slot.countAtOnce()
  if (typeof start !== "string") operation.committed = 0
  return start
}

/** @internal */
export const finishTransmit = (slot: OperationSlot, operation: SendFileOperation): void => {
  operation.sent = slot.transferred
  if (isFailure(slot.status)) operation.failure = fromNtStatus(slot.status, transmitting(operation))
}
