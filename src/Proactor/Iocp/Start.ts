/**
 * How a call that starts an operation can end.
 *
 *     Succeeded   it is done already. Whether a packet comes all the same is a matter of the handle: see `Provider`.
 *     Pending     it goes on, and its packet will come.
 *     a failure   it was not started, and no packet will come.
 *
 * A call that answers a failure and has its packet all the same (a datagram or a message that was cut off) is Pending:
 * whoever makes such a call looks for that code first.
 *
 * @since 0.1.0
 */
import { fromWin32, fromWsa, type SocketError } from "../../Errors/index.js"
import { WSA_IO_PENDING } from "../../Iocp/Constants.js"
import { kernel32 } from "../../Iocp/Kernel32.js"
import { winsock } from "../../Iocp/Winsock.js"

/** @internal */
export type Start = "Succeeded" | "Pending" | SocketError

/**
 * Reads how a call on a socket ended. To be asked at once after it; `describe` says for a failure what was called.
 *
 * @internal
 */
export const startOf = (hasSucceeded: boolean, describe: () => Parameters<typeof fromWsa>[1]): Start => {
  if (hasSucceeded) return "Succeeded"
  const code = winsock().WSAGetLastError()
  return code === WSA_IO_PENDING ? "Pending" : fromWsa(code, describe())
}

/**
 * The same for a call on a pipe or a file.
 *
 * @internal
 */
export const startOfFileCall = (
  hasSucceeded: boolean,
  describe: () => Parameters<typeof fromWin32>[1]
): Start => {
  if (hasSucceeded) return "Succeeded"
  const code = kernel32().GetLastError()
  return code === WSA_IO_PENDING ? "Pending" : fromWin32(code, describe())
}
