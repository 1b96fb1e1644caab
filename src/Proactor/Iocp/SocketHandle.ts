/**
 * Kernel sockets as handles: how one is opened, and what the system tells about one.
 *
 * @since 0.1.0
 */
import { type AddressFamily, type Endpoint, format, type SocketAddress } from "../../Address/index.js"
import { fromWsa, type SocketError } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { winsock } from "../../Iocp/Winsock.js"
import type { SocketFamily } from "../SocketOption.js"
import type { Domain } from "./Domain.js"

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

/** Of each family: its number, and the protocol of its stream sockets. */
const numbers: Readonly<Record<SocketFamily, readonly [family: number, protocol: number]>> = {
  IPv4: [C.AF_INET, C.IPPROTO_TCP],
  IPv6: [C.AF_INET6, C.IPPROTO_TCP],
  Unix: [C.AF_UNIX, 0]
}

/**
 * A stream socket, overlapped and not inherited by child processes; or why there is none.
 *
 * @internal
 */
export const openHandle = (family: SocketFamily, operation: string): number | SocketError => {
  const [number, protocol] = numbers[family]
  return opened(number, C.SOCK_STREAM, protocol, operation)
}

/**
 * A UDP socket like that.
 *
 * @internal
 */
export const openDatagramHandle = (family: AddressFamily, operation: string): number | SocketError =>
  opened(numbers[family][0], C.SOCK_DGRAM, C.IPPROTO_UDP, operation)

const opened = (number: number, kind: number, protocol: number, operation: string): number | SocketError => {
  const flags = C.WSA_FLAG_OVERLAPPED | C.WSA_FLAG_NO_HANDLE_INHERIT
  const handle = winsock().WSASocketW(number, kind, protocol, flags)
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
 * Binds for a program: nobody else may take the address over.
 *
 * @internal
 */
export const bindExclusively = (
  handle: number,
  domain: Domain<SocketAddress>,
  address: SocketAddress
): SocketError | undefined => {
  // On Windows it is SO_REUSEADDR, set by anybody, that would let another program take the port.
  if (winsock().setsockopt(handle, C.SOL_SOCKET, C.SO_EXCLUSIVEADDRUSE, yes, 4) !== 0) {
    return lastFailure("bind", "setsockopt", format(address))
  }
  return bindTo(handle, domain, address, "bind", format(address))
}

/**
 * Binds to an address; or, for calls that want a bound socket, to any (ConnectEx, listen). `peer` is for messages.
 *
 * @internal
 */
export const bindTo = <A extends Endpoint>(
  handle: number,
  domain: Domain<A>,
  address: A,
  operation: string,
  peer: string | undefined
): SocketError | undefined => {
  const bytes = domain.encode(address)
  if (!(bytes instanceof Uint8Array)) return bytes
  return winsock().bind(handle, bytes, bytes.length) === 0 ? undefined : lastFailure(operation, "bind", peer)
}

/**
 * What `getsockname` or `getpeername` answers.
 *
 * @internal
 */
export const addressOf = <A extends Endpoint>(
  handle: number,
  domain: Domain<A>,
  call: "getsockname" | "getpeername",
  operation: string
): A | SocketError => {
  sockaddrLength[0] = sockaddr.length
  if (winsock()[call](handle, sockaddr, sockaddrLengthBytes) !== 0) return lastFailure(operation, call)
  const address = domain.decode(sockaddr, sockaddrLength[0] ?? 0)
  return address ?? fromWsa(WSAEAFNOSUPPORT, { operation, syscall: call })
}
