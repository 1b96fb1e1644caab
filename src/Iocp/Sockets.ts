/**
 * Making, naming and closing sockets: the calls that answer at once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import {
  type AddressFamily,
  decodeSockaddr,
  encodeSockaddr,
  format as formatAddress,
  type SocketAddress
} from "../Address/index.js"
import {
  closed,
  fromWsa,
  invalidArgument,
  isSocketError,
  type NetworkError,
  type SocketError
} from "../Errors/index.js"
import * as C from "./Constants.js"
import { closeDrained } from "./Port.js"
import { Socket } from "./Socket.js"
import { onWindows } from "./Support.js"
import { type Winsock, winsock } from "./Winsock.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface SocketOptions {
  /** IPv4 if left out. */
  readonly family?: AddressFamily
}

/** Runs a Winsock call that answers 0 for success, and reads the code at once where it does not. */
const call = (
  operation: string,
  syscall: string,
  run: (api: Winsock) => number,
  address?: string
): Effect.Effect<void, SocketError> =>
  Effect.suspend(() => {
    const api = winsock()
    if (run(api) === 0) return Effect.void
    return Effect.fail(fromWsa(api.WSAGetLastError(), { operation, syscall, address }))
  })

/**
 * The same for a call on a socket, which has to be open.
 *
 * @internal
 */
export const callOn = (
  socket: Socket,
  operation: string,
  syscall: string,
  run: (api: Winsock) => number,
  address?: string
): Effect.Effect<void, SocketError> =>
  Effect.suspend(() =>
    socket.isOpen ? call(operation, syscall, run, address) : Effect.fail(closed(operation, address))
  )

/**
 * An address as the system takes it; a `NetworkError` for one that was put together by hand, and wrongly, or
 * that is of another family than the socket.
 *
 * @internal
 */
export const encodeFor = (
  socket: Socket,
  operation: string,
  address: SocketAddress
): Effect.Effect<Uint8Array, SocketError> =>
  Effect.suspend(() => {
    if (address.family !== socket.family) {
      const advice = `the socket is for ${socket.family}, the address is ${address.family}`
      return Effect.fail(invalidArgument(operation, advice, formatAddress(address)))
    }
    return Effect.try({
      try: () => encodeSockaddr(address, "win32"),
      catch: (error) => (isSocketError(error) ? error : invalidArgument(operation, String(error)))
    })
  })

/**
 * ICMP errors that earlier datagrams caused must not fail a later receive. A system without the switch has
 * none.
 */
const ignoreIcmpErrors = (api: Winsock, handle: number): void => {
  const off = new Uint8Array(4)
  const returned = new Uint8Array(4)
  api.WSAIoctl(handle, C.SIO_UDP_CONNRESET, off, 4, null, 0, returned)
  api.WSAIoctl(handle, C.SIO_UDP_NETRESET, off, 4, null, 0, returned)
}

const create = (
  operation: string,
  kind: "tcp" | "udp",
  family: AddressFamily
): Effect.Effect<Socket, SocketError> =>
  Effect.suspend(() => {
    const api = winsock()
    const handle = api.WSASocketW(
      family === "IPv4" ? C.AF_INET : C.AF_INET6,
      kind === "tcp" ? C.SOCK_STREAM : C.SOCK_DGRAM,
      kind === "tcp" ? C.IPPROTO_TCP : C.IPPROTO_UDP,
      C.WSA_FLAG_OVERLAPPED | C.WSA_FLAG_NO_HANDLE_INHERIT
    )
    if (handle === C.INVALID_SOCKET) {
      return Effect.fail(fromWsa(api.WSAGetLastError(), { operation, syscall: "WSASocketW" }))
    }
    if (kind === "udp") ignoreIcmpErrors(api, handle)
    return Effect.succeed(new Socket(handle, kind, family))
  })

const scopedSocket = (operation: string, kind: "tcp" | "udp", options: SocketOptions) =>
  onWindows(operation, () =>
    Effect.acquireRelease(create(operation, kind, options.family ?? "IPv4"), closeSocket)
  )

/**
 * `create-tcp-socket`: an overlapped TCP socket that no child process inherits, closed with the scope.
 *
 * Calls `WSASocketW`. Elsewhere than on Windows it fails with the reason `Unsupported`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const createTcpSocket = (
  options: SocketOptions = {}
): Effect.Effect<Socket, SocketError, Scope.Scope> => scopedSocket("createTcpSocket", "tcp", options)

/**
 * `create-udp-socket`: an overlapped UDP socket that no child process inherits, closed with the scope.
 * Datagrams that nobody received do not fail later operations (`SIO_UDP_CONNRESET` and `SIO_UDP_NETRESET` are
 * off).
 *
 * Calls `WSASocketW`. Elsewhere than on Windows it fails with the reason `Unsupported`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const createUdpSocket = (
  options: SocketOptions = {}
): Effect.Effect<Socket, SocketError, Scope.Scope> => scopedSocket("createUdpSocket", "udp", options)

/**
 * Closes the socket, before its scope does. Calls `closesocket`.
 *
 * What is in flight on it is cancelled, and the packets are dequeued into the port's inbox, where whoever
 * waits finds them. Closing a socket that is closed, or being closed, does nothing.
 *
 * @since 0.1.0
 * @category sockets
 */
export const closeSocket = (socket: Socket): Effect.Effect<void> =>
  closeDrained(socket, "closeSocket", () => {
    // The handle is the socket's own and is closed once only: there is nothing to do about a failure.
    winsock().closesocket(socket.handle)
  })

/**
 * Gives the socket its local address; port 0 lets the system choose. Nobody else can then take it
 * (`SO_EXCLUSIVEADDRUSE`). Calls `bind`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const bind = (socket: Socket, address: SocketAddress): Effect.Effect<void, SocketError> => {
  const on = Uint8Array.of(1, 0, 0, 0)
  const setExclusive = callOn(socket, "bind", "setsockopt", (api) =>
    api.setsockopt(socket.handle, C.SOL_SOCKET, C.SO_EXCLUSIVEADDRUSE, on, 4)
  )
  return Effect.flatMap(encodeFor(socket, "bind", address), (name) =>
    Effect.zipRight(
      setExclusive,
      callOn(
        socket,
        "bind",
        "bind",
        (api) => api.bind(socket.handle, name, name.byteLength),
        formatAddress(address)
      )
    )
  )
}

/**
 * Lets a bound TCP socket be connected to. Calls `listen`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const listen = (socket: Socket, backlog: number = C.SOMAXCONN): Effect.Effect<void, SocketError> =>
  callOn(socket, "listen", "listen", (api) => api.listen(socket.handle, backlog))

type NameCall = "getsockname" | "getpeername"

const nameOf = (
  socket: Socket,
  operation: string,
  syscall: NameCall
): Effect.Effect<SocketAddress, SocketError> =>
  Effect.suspend(() => {
    const name = new Uint8Array(C.SIZEOF_SOCKADDR_STORAGE)
    const length = Uint8Array.of(name.byteLength, 0, 0, 0)
    return Effect.flatMap(
      callOn(socket, operation, syscall, (api) => api[syscall](socket.handle, name, length)),
      () => decoded(operation, name)
    )
  })

/**
 * The address in the bytes that the system wrote.
 *
 * @internal
 */
export const decoded = (operation: string, name: Uint8Array): Effect.Effect<SocketAddress, NetworkError> => {
  const address = decodeSockaddr(name, "win32")
  if (address !== undefined) return Effect.succeed(address)
  return Effect.fail(invalidArgument(operation, "there is no address here yet"))
}

/**
 * The address that the socket is bound to. Calls `getsockname`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const localAddress = (socket: Socket): Effect.Effect<SocketAddress, SocketError> =>
  nameOf(socket, "localAddress", "getsockname")

/**
 * The address of the peer. Calls `getpeername`; after `connectEx` and `acceptEx` only once the context is
 * updated.
 *
 * @since 0.1.0
 * @category sockets
 */
export const remoteAddress = (socket: Socket): Effect.Effect<SocketAddress, SocketError> =>
  nameOf(socket, "remoteAddress", "getpeername")

const halves = { read: C.SD_RECEIVE, write: C.SD_SEND, both: C.SD_BOTH } as const

/**
 * Ends one half of a connection, or both: after `"write"` the peer reads the end of the stream. Calls
 * `shutdown`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const shutdown = (socket: Socket, how: keyof typeof halves): Effect.Effect<void, SocketError> =>
  callOn(socket, "shutdown", "shutdown", (api) => api.shutdown(socket.handle, halves[how]))

/**
 * To be called when `acceptEx` completed: gives the accepted socket the listener's properties, its addresses
 * among them. Calls `setsockopt` with `SO_UPDATE_ACCEPT_CONTEXT`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const updateAcceptContext = (accepted: Socket, listener: Socket): Effect.Effect<void, SocketError> => {
  const handle = new Uint8Array(8)
  new DataView(handle.buffer).setBigUint64(0, BigInt(listener.handle), true)
  return callOn(accepted, "updateAcceptContext", "setsockopt", (api) =>
    api.setsockopt(accepted.handle, C.SOL_SOCKET, C.SO_UPDATE_ACCEPT_CONTEXT, handle, 8)
  )
}

/**
 * To be called when `connectEx` completed: makes the socket an ordinary connected one, that has a peer and
 * can be shut down. Calls `setsockopt` with `SO_UPDATE_CONNECT_CONTEXT`.
 *
 * @since 0.1.0
 * @category sockets
 */
export const updateConnectContext = (socket: Socket): Effect.Effect<void, SocketError> =>
  callOn(socket, "updateConnectContext", "setsockopt", (api) =>
    api.setsockopt(socket.handle, C.SOL_SOCKET, C.SO_UPDATE_CONNECT_CONTEXT, null, 0)
  )
