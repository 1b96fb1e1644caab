/**
 * How a call that starts an operation can end.
 *
 *     Succeeded   it is done already. Whether a packet comes all the same is a matter of the socket: see `Provider`.
 *     Pending     it goes on, and its packet will come.
 *     a failure   it was not started, and no packet will come.
 *
 * @since 0.1.0
 */
import { fromWsa, type SocketError } from "../../Errors/index.js"
import { WSA_IO_PENDING } from "../../Iocp/Constants.js"
import { winsock } from "../../Iocp/Winsock.js"

/** @internal */
export type Start = "Succeeded" | "Pending" | SocketError

/**
 * Reads how the call ended. To be asked at once after it; `describe` says for a failure what was called.
 *
 * @internal
 */
export const startOf = (hasSucceeded: boolean, describe: () => Parameters<typeof fromWsa>[1]): Start => {
  if (hasSucceeded) return "Succeeded"
  const code = winsock().WSAGetLastError()
  return code === WSA_IO_PENDING ? "Pending" : fromWsa(code, describe())
}
