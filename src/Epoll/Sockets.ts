/**
 * Making and naming sockets: the calls that answer at once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import {
  type AddressFamily,
  decodeSockaddr,
  encodeSockaddr,
  familyNumber,
  format as formatAddress,
  type SocketAddress
} from "../Address/index.js"
import {
  fromErrno,
  invalidArgument,
  isSocketError,
  type NetworkError,
  type SocketError
} from "../Errors/index.js"
import * as C from "./Constants.js"
import { type Descriptor, scopedDescriptor, scopedDescriptors, withNumber } from "./Descriptor.js"
import { type Libc, SOCKADDR_STORAGE_BYTES } from "./Libc.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface SocketOptions {
  /** IPv4 if left out. */
  readonly family?: AddressFamily
}

const MANNER = C.SOCK_NONBLOCK | C.SOCK_CLOEXEC

const one = Int32Array.of(1)

/**
 * A TCP socket, closed with the scope. Calls `socket`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const createTcpSocket = (
  options: SocketOptions = {}
): Effect.Effect<Descriptor, NetworkError, Scope.Scope> =>
  scopedDescriptor("createTcpSocket", "socket", (system) =>
    system.socket(familyNumber(options.family ?? "IPv4", "linux"), C.SOCK_STREAM | MANNER, C.IPPROTO_TCP)
  )

/**
 * A UDP socket, closed with the scope. Calls `socket`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const createUdpSocket = (
  options: SocketOptions = {}
): Effect.Effect<Descriptor, NetworkError, Scope.Scope> =>
  scopedDescriptor("createUdpSocket", "socket", (system) =>
    system.socket(familyNumber(options.family ?? "IPv4", "linux"), C.SOCK_DGRAM | MANNER, C.IPPROTO_UDP)
  )

/**
 * Two stream sockets, each the other's peer, closed with the scope. Calls `socketpair`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const makeSocketPair: Effect.Effect<readonly [Descriptor, Descriptor], NetworkError, Scope.Scope> =
  scopedDescriptors("makeSocketPair", "socketpair", (system, fds) =>
    system.socketpair(C.AF_UNIX, C.SOCK_STREAM | MANNER, 0, fds)
  )

/**
 * An address as the system takes it; a `NetworkError` for one that was put together by hand, and wrongly.
 *
 * @internal
 */
export const encoded = (operation: string, address: SocketAddress): Effect.Effect<Uint8Array, SocketError> =>
  Effect.try({
    try: () => encodeSockaddr(address, "linux"),
    catch: (error) => (isSocketError(error) ? error : invalidArgument(operation, String(error)))
  })

/** A call that answers 0 for success. */
const call = (
  operation: string,
  descriptor: Descriptor | number,
  run: (fd: number, system: Libc) => number,
  address?: string
): Effect.Effect<void, SocketError> =>
  withNumber(operation, descriptor, (fd, system) => {
    if (run(fd, system) === 0) return Effect.void
    return Effect.fail(fromErrno(system.errno(), { operation, syscall: operation, address }))
  })

/**
 * Gives a socket its local address; port 0 lets the system choose. The address of a server that has just ended can
 * be bound again (`SO_REUSEADDR`). Calls `bind`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const bind = (
  descriptor: Descriptor | number,
  address: SocketAddress
): Effect.Effect<void, SocketError> =>
  Effect.flatMap(encoded("bind", address), (name) => {
    const run = (fd: number, system: Libc) => {
      // The option exists on every socket that has an address; without it, only a restart has to wait.
      system.setsockopt(fd, C.SOL_SOCKET, C.SO_REUSEADDR, one, 4)
      return system.bind(fd, name, name.length)
    }
    return call("bind", descriptor, run, formatAddress(address))
  })

/**
 * Lets a bound TCP socket take connections. Calls `listen`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const listen = (
  descriptor: Descriptor | number,
  backlog: number = C.SOMAXCONN
): Effect.Effect<void, SocketError> => call("listen", descriptor, (fd, system) => system.listen(fd, backlog))

const sides = { read: C.SHUT_RD, write: C.SHUT_WR, both: C.SHUT_RDWR } as const

/**
 * Ends the reading side, the writing side or both of a connection. Calls `shutdown`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const shutdown = (
  descriptor: Descriptor | number,
  side: "read" | "write" | "both"
): Effect.Effect<void, SocketError> =>
  call("shutdown", descriptor, (fd, system) => system.shutdown(fd, sides[side]))

/**
 * Reads an address out of what a call filled in.
 *
 * @internal
 */
export const decoded = (operation: string, name: Uint8Array): Effect.Effect<SocketAddress, SocketError> => {
  const address = decodeSockaddr(name, "linux")
  if (address !== undefined) return Effect.succeed(address)
  return Effect.fail(invalidArgument(operation, "the socket is of a family other than IPv4 and IPv6"))
}

const named = (
  operation: string,
  syscall: "getsockname" | "getpeername",
  descriptor: Descriptor | number
): Effect.Effect<SocketAddress, SocketError> =>
  withNumber(operation, descriptor, (fd, system) => {
    const name = new Uint8Array(SOCKADDR_STORAGE_BYTES)
    if (system[syscall](fd, name, Int32Array.of(name.length)) === 0) return decoded(operation, name)
    return Effect.fail(fromErrno(system.errno(), { operation, syscall }))
  })

/**
 * The address that a socket has on this host. Calls `getsockname`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const localAddress = (descriptor: Descriptor | number): Effect.Effect<SocketAddress, SocketError> =>
  named("localAddress", "getsockname", descriptor)

/**
 * The address that a socket's peer has. Calls `getpeername`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const remoteAddress = (descriptor: Descriptor | number): Effect.Effect<SocketAddress, SocketError> =>
  named("remoteAddress", "getpeername", descriptor)
