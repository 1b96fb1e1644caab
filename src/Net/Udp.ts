/**
 * UDP: datagrams to and from anybody, or one peer; to everybody on a network, or to those who have joined a group.
 *
 * A socket is a scoped resource: it is closed with the scope it was made in, or earlier by `close`. Several fibers may
 * send, and several may receive: each datagram goes to one of them.
 *
 * Interruption. A receive that is interrupted, or runs out of its `timeout`, takes nothing: the datagram that comes too
 * late for it is there for the next one. A send that is interrupted has sent all of a datagram, or nothing of it.
 *
 * Loss. UDP promises nothing: datagrams are lost, also on this host, where the receiver's buffer is full
 * (`receiveBufferBytes`). What is reported are failures of this side, and on a connected socket what routers and the
 * peer's host send back: `Refused`, where nobody receives at that port. Neither ends the socket: receive again.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { AddressFamily, SocketAddress } from "../Address/index.js"
import { type SocketError, type TimeoutError, withDetails } from "../Errors/index.js"
import type { Datagram, Membership, ProactorDatagramSocket } from "../Proactor/Datagram.js"
import type { DatagramOptionName, DatagramSocketOptions, SocketOptions } from "../Proactor/SocketOption.js"
import type { ReadOptions, TimeoutOptions } from "./Connection.js"
import { datagramOptions, type Prepare, prepared } from "./internal/OptionsAtStart.js"
import { pulled } from "./internal/Pulling.js"
import { ConnectedSocket, UdpSocketBase, UnconnectedSocket } from "./internal/UdpSockets.js"
import { Net } from "./Net.js"
import type { ResolverService } from "./Resolver.js"

export type { Datagram, Membership } from "../Proactor/Datagram.js"
export type { DatagramOptionName, DatagramSocketOptions, NetworkInterface } from "../Proactor/SocketOption.js"

/**
 * Where to send to. A host that is a name is looked up for every datagram: for many, resolve it once (`Net.Resolver`), or
 * connect.
 *
 * @since 0.1.0
 * @category models
 */
export interface Destination {
  /** An IP address or a name. */
  readonly host: string
  /** 1 to 65535. */
  readonly port: number
}

/**
 * What all UDP sockets can do.
 *
 * @since 0.1.0
 * @category models
 */
export interface DatagramSocket {
  /** This side's address, the port that the system chose included. */
  readonly address: SocketAddress

  /** The next datagram, whole. It may be empty. */
  readonly receive: Effect.Effect<Datagram, SocketError>
  /** With `maxBytes`, its first bytes: `isTruncated` tells whether there were more. */
  readonly receiveWith: (options: ReadOptions) => Effect.Effect<Datagram, SocketError | TimeoutError>
  /** Those that have come: one at least, `most` at most, 32 if that is absent. Waits for the first. */
  readonly receiveMany: {
    (most?: number): Effect.Effect<ReadonlyArray<Datagram>, SocketError>
    (
      most: number,
      options: TimeoutOptions
    ): Effect.Effect<ReadonlyArray<Datagram>, SocketError | TimeoutError>
  }

  readonly getOption: <Name extends DatagramOptionName>(
    name: Name
  ) => Effect.Effect<SocketOptions[Name], SocketError>
  readonly setOption: <Name extends DatagramOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ) => Effect.Effect<void, SocketError>

  /** Closes the socket now rather than with its scope. Operations under way fail with `Closed`. Closing twice is no error. */
  readonly close: Effect.Effect<void>
}

/**
 * A socket that sends to anybody, and receives from anybody.
 *
 * @since 0.1.0
 * @category models
 */
export interface UdpSocket extends DatagramSocket {
  /**
   * Sends one datagram. The caller leaves the bytes unchanged until then; what is transferred meanwhile, while a name is looked
   * up, say, fails with `InvalidArgument`. A socket for IPv6 sends to IPv4 addresses too, unless it is `v6Only`.
   */
  readonly send: (bytes: Uint8Array, to: SocketAddress | Destination) => Effect.Effect<void, SocketError>
  /**
   * Sends several, in their order, where it can with fewer system calls (`sendmmsg(2)`). One that fails does not keep the others
   * from being sent; the effect then fails as the first of them did. The list is the caller's again at once, the bytes are when
   * all is sent; what was transferred meanwhile fails with `InvalidArgument`.
   *
   * On a connected socket, an answer of the network to an earlier datagram (nobody receives at that port, say) is told once: by
   * the next receive or send, whichever comes first. Where Linux stops in the middle of several because of such an answer, it
   * may tell nobody.
   */
  readonly sendMany: (
    datagrams: ReadonlyArray<{ readonly bytes: Uint8Array; readonly address: SocketAddress }>
  ) => Effect.Effect<void, SocketError>

  /** Joins a group: what is sent to its address, and this socket's port, is received from now on. */
  readonly joinGroup: (membership: Membership) => Effect.Effect<void, SocketError>
  /** Takes a `joinGroup` back, of the same group, interface and source. */
  readonly leaveGroup: (membership: Membership) => Effect.Effect<void, SocketError>
  /** Joins a group, and leaves it with the scope. */
  readonly membership: (membership: Membership) => Effect.Effect<void, SocketError, Scope.Scope>
}

/**
 * A socket that has a peer: it sends to it, and receives from it alone.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectedUdpSocket extends DatagramSocket {
  readonly remoteAddress: SocketAddress
  /** Sends one datagram. The caller leaves the bytes unchanged until then. */
  readonly send: (bytes: Uint8Array) => Effect.Effect<void, SocketError>
  /** Sends several, like `sendMany` of `UdpSocket`. */
  readonly sendMany: (datagrams: ReadonlyArray<Uint8Array>) => Effect.Effect<void, SocketError>
}

/**
 * Where and how to bind.
 *
 * @since 0.1.0
 * @category options
 */
export interface BindOptions {
  /** An IP address of this host, or a name for one; `0.0.0.0` or `::` for all of them. */
  readonly host: string
  /** 0 to 65535; 0 lets the system choose, and `address` tells. */
  readonly port: number
  /** Whether other sockets that say so too may have the same address and port, as receivers of groups do. */
  readonly reuseAddress?: boolean | undefined
  /** Whether other sockets that say so too share what comes to the same address and port. Linux. */
  readonly reusePort?: boolean | undefined
  /** Of `::`: whether to leave IPv4 to others. If not, it is served as well. */
  readonly v6Only?: boolean | undefined
  /** Whether to allow sending to broadcast addresses. */
  readonly broadcast?: boolean | undefined
  /** What the socket has before it is bound (`setsockopt`). One that is refused fails `bind`, and the failure's `advice` names it. */
  readonly socketOptions?: DatagramSocketOptions | undefined
}

/**
 * Whom to connect with, and from where.
 *
 * @since 0.1.0
 * @category options
 */
export interface ConnectOptions extends Destination {
  /** Where to bind first; the system chooses if absent. */
  readonly from?: { readonly host: string; readonly port: number } | undefined
  /** What the socket has before it is bound and connected: like that of `bind`. */
  readonly socketOptions?: DatagramSocketOptions | undefined
}

/** A socket of that family, prepared and made into something. To be run where nothing can interrupt it. */
const opened = <Socket>(
  family: AddressFamily,
  prepare: Prepare<DatagramOptionName> | undefined,
  make: (socket: ProactorDatagramSocket) => Effect.Effect<Socket, SocketError>
): Effect.Effect<Socket, SocketError, Net> =>
  Effect.flatMap(Net, ({ proactor }) =>
    Effect.flatMap(prepared(proactor.openUdp(family), prepare), (socket) =>
      // What cannot be made what it is to be is closed again.
      Effect.onError(make(socket), () => Effect.sync(() => socket.close()))
    )
  )

const closing = (socket: DatagramSocket): Effect.Effect<void> => socket.close

/**
 * A socket at an address of this host (`socket`, `bind`), closed with the scope.
 *
 * Fails with `ConnectionError` (`AddressInUse`, `AddressNotAvailable`) or `NetworkError` (`InvalidArgument`,
 * `PermissionDenied`, `HostNotFound`, `Unsupported`, ...).
 *
 * @since 0.1.0
 * @category constructors
 */
export const bind = (options: BindOptions): Effect.Effect<UdpSocket, SocketError, Net | Scope.Scope> =>
  Effect.gen(function* () {
    const { resolver } = yield* Net
    const prepare = yield* datagramOptions("bind", options.socketOptions)
    const [address] = yield* resolver.resolve(options.host, options.port)
    return yield* Effect.acquireRelease(boundTo(address, prepare, options, resolver), closing)
  }).pipe(Effect.mapError((failure) => withDetails(failure, { operation: "bind" })))

const boundTo = (
  address: SocketAddress,
  prepare: Prepare<DatagramOptionName> | undefined,
  { broadcast = false, reuseAddress = false, reusePort = false, socketOptions, v6Only = false }: BindOptions,
  resolver: ResolverService
) =>
  opened(address.family, prepare, (socket) => {
    const isIPv6Only = v6Only || socketOptions?.v6Only === true
    return Effect.when(socket.setOption("reuseAddress", true), () => reuseAddress).pipe(
      Effect.zipRight(Effect.when(socket.setOption("reusePort", true), () => reusePort)),
      Effect.zipRight(Effect.when(socket.setOption("v6Only", true), () => v6Only)),
      Effect.zipRight(Effect.when(socket.setOption("broadcast", true), () => broadcast)),
      Effect.zipRight(socket.bind(address)),
      Effect.zipRight(socket.localAddress),
      Effect.map((local) => new UnconnectedSocket(socket, local, isIPv6Only, resolver))
    )
  })

/**
 * A socket with a peer (`socket`, `connect`), closed with the scope. Nothing is sent by it: that nobody is there, the
 * answer to a datagram tells. Of the addresses of a name it is the first that this host has a route to.
 *
 * Fails with `ConnectionError` (`Unreachable`, `AddressInUse`, ...) or `NetworkError` (`InvalidArgument`, `HostNotFound`, ...).
 *
 * @since 0.1.0
 * @category constructors
 */
export const connect = (
  options: ConnectOptions
): Effect.Effect<ConnectedUdpSocket, SocketError, Net | Scope.Scope> =>
  Effect.gen(function* () {
    const { resolver } = yield* Net
    const { from, host, port, socketOptions } = options
    const prepare = yield* datagramOptions("connect", socketOptions)
    const [local] = from === undefined ? [undefined] : yield* resolver.resolve(from.host, from.port)
    const peers = yield* resolver.resolve(host, port, local?.family)
    const connected = Effect.firstSuccessOf(peers.map((peer) => connectedTo(peer, local, prepare)))
    return yield* Effect.acquireRelease(connected, closing)
  }).pipe(Effect.mapError((failure) => withDetails(failure, { operation: "connect" })))

const connectedTo = (
  peer: SocketAddress,
  local: SocketAddress | undefined,
  prepare: Prepare<DatagramOptionName> | undefined
) =>
  opened(peer.family, prepare, (socket) => {
    const bound = local === undefined ? Effect.void : socket.bind(local)
    const addresses = Effect.zip(socket.localAddress, socket.remoteAddress)
    return Effect.map(
      Effect.zipRight(Effect.zipRight(bound, socket.connect(peer)), addresses),
      ([here, there]) => new ConnectedSocket(socket, here, there)
    )
  })

/**
 * The datagrams that come, each received when it is asked for. What nobody asks for waits in the system's buffer, and is
 * lost when that is full. A stream that ends early leaves the rest to the next receiver. It does not close the socket.
 *
 * @since 0.1.0
 * @category streams
 */
export const datagrams = (
  socket: DatagramSocket,
  options?: ReadOptions
): Stream.Stream<Datagram, SocketError | TimeoutError> =>
  socket instanceof UdpSocketBase
    ? pulled(() => socket.datagrams(options ?? {}))
    : Stream.repeatEffect(options === undefined ? socket.receive : socket.receiveWith(options))
