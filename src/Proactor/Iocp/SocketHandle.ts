/**
 * Kernel sockets as handles: how one is opened, and what the system tells about one.
 *
 * @since 0.1.0
 */
import {
  type AddressFamily,
  anyAddress,
  decodeSockaddr,
  encodeSockaddr,
  format,
  type SocketAddress
} from "../../Address/index.js"
import { fromWsa, isSocketError, type SocketError } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { winsock } from "../../Iocp/Winsock.js"

const WSAEAFNOSUPPORT = 10047

const yes = new Uint8Array(Int32Array.of(1).buffer)
const no = new Uint8Array(4)
const sockaddr = new Uint8Array(C.SIZEOF_SOCKADDR_STORAGE)
const sockaddrLength = new Int32Array(1)
const sockaddrLengthBytes = new Uint8Array(sockaddrLength.buffer)

/**
 * The last failure of a call on sockets. Right only at once after the call.
 *
 * @internal
 */
export const lastFailure = (operation: string, syscall: string, address?: string): SocketError =>
  fromWsa(winsock().WSAGetLastError(), { operation, syscall, address })

/**
 * A TCP socket, overlapped and not inherited by child processes; or why there is none.
 *
 * @internal
 */
export const openHandle = (family: AddressFamily, operation: string): number | SocketError => {
  const number = family === "IPv6" ? C.AF_INET6 : C.AF_INET
  const flags = C.WSA_FLAG_OVERLAPPED | C.WSA_FLAG_NO_HANDLE_INHERIT
  const handle = winsock().WSASocketW(number, C.SOCK_STREAM, C.IPPROTO_TCP, flags)
  return handle === C.INVALID_SOCKET ? lastFailure(operation, "WSASocketW") : handle
}

/** @internal */
export const closeHandle = (handle: number): void => {
  // The handle is ours and closed once only. A failure here would concern bytes that the peer will not get.
  winsock().closesocket(handle)
}

/**
 * Small writes leave at once.
 *
 * @internal
 */
export const setNoDelay = (handle: number, operation: string): SocketError | undefined =>
  winsock().setsockopt(handle, C.IPPROTO_TCP, C.TCP_NODELAY, yes, 4) === 0
    ? undefined
    : lastFailure(operation, "setsockopt")

/**
 * An IPv6 socket serves IPv4 too, as it does on Linux.
 *
 * @internal
 */
export const setDualStack = (handle: number, operation: string): SocketError | undefined =>
  winsock().setsockopt(handle, C.IPPROTO_IPV6, C.IPV6_V6ONLY, no, 4) === 0
    ? undefined
    : lastFailure(operation, "setsockopt")

/**
 * The bytes of an address, or what is wrong with one that was put together by hand.
 *
 * @internal
 */
export const encoded = (address: SocketAddress): Uint8Array | SocketError => {
  try {
    return encodeSockaddr(address, "win32")
  } catch (failure) {
    if (isSocketError(failure)) return failure
    throw failure
  }
}

/**
 * Binds for a program: nobody else may take the address over.
 *
 * @internal
 */
export const bindExclusively = (handle: number, address: SocketAddress): SocketError | undefined => {
  const bytes = encoded(address)
  if (!(bytes instanceof Uint8Array)) return bytes
  // On Windows it is SO_REUSEADDR, set by anybody, that would let another program take the port.
  if (winsock().setsockopt(handle, C.SOL_SOCKET, C.SO_EXCLUSIVEADDRUSE, yes, 4) !== 0) {
    return lastFailure("bind", "setsockopt", format(address))
  }
  if (winsock().bind(handle, bytes, bytes.length) === 0) return undefined
  return lastFailure("bind", "bind", format(address))
}

/**
 * Binds a socket to any address and port, for calls that want it bound (ConnectEx, listen).
 *
 * @internal
 */
export const bindAnywhere = (
  handle: number,
  family: AddressFamily,
  operation: string,
  peer?: SocketAddress
): SocketError | undefined => {
  const bytes = encodeSockaddr(anyAddress(family), "win32")
  if (winsock().bind(handle, bytes, bytes.length) === 0) return undefined
  return lastFailure(operation, "bind", peer === undefined ? undefined : format(peer))
}

/**
 * What `getsockname` or `getpeername` answers.
 *
 * @internal
 */
export const addressOf = (
  handle: number,
  call: "getsockname" | "getpeername",
  operation: string
): SocketAddress | SocketError => {
  sockaddrLength[0] = sockaddr.length
  if (winsock()[call](handle, sockaddr, sockaddrLengthBytes) !== 0) return lastFailure(operation, call)
  return decodeSockaddr(sockaddr, "win32") ?? fromWsa(WSAEAFNOSUPPORT, { operation, syscall: call })
}
