/**
 * Unix domain sockets: connections between programs on one machine, at a path or, on Linux, at an abstract name.
 *
 * The connections and listeners are those of `Net`, with another kind of address: all that works on one works on the other.
 *
 * A path that begins with a NUL character is an abstract name (`"\0app"`): it has no file, and is free again when its
 * listener ends, however that comes. Any other is a path in the file system, of 107 bytes at most, since the system has no
 * room for more.
 *
 * Lifecycle of a listener's file:
 *
 *     made, with its mode --> listened at --the listener closes--> taken away
 *                                 |
 *                                 +--the process is killed--> stale --the next `listen`--> taken away, and made again
 *
 * Nothing is taken away but the listener's own file, or that of a socket at which nobody listens.
 *
 * Windows has had them since Windows 10 1803, paths only. Where a system has none of it, that is `NetworkError`
 * `Unsupported`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { format, isAbstract, makeUnix, type UnixAddress } from "../Address/index.js"
import {
  invalidArgument,
  type SocketError,
  type TimeoutError,
  unsupported,
  withDetails
} from "../Errors/index.js"
import type { ProactorStream } from "../Proactor/Proactor.js"
import type { StreamSocketOptions } from "../Proactor/SocketOption.js"
import type { PeerCredentials, ProactorUnixSocket } from "../Proactor/UnixSocket.js"
import type { Connection as NetConnection, TimeoutOptions } from "./Connection.js"
import { adviceOnBacklog, DEFAULT_BACKLOG } from "./internal/Backlog.js"
import { connectOpened } from "./internal/ConnectAttempt.js"
import { type Deadline, within } from "./internal/Deadline.js"
import { type Prepare, prepared, streamOptions } from "./internal/OptionsAtStart.js"
import { StreamConnection } from "./internal/StreamConnection.js"
import { type Listener as NetListener, StreamListener } from "./Listener.js"
import { Net } from "./Net.js"

export type { PeerCredentials } from "../Proactor/UnixSocket.js"

/**
 * @since 0.1.0
 * @category models
 */
export type Connection = NetConnection<UnixAddress>

/**
 * @since 0.1.0
 * @category models
 */
export type Listener = NetListener<UnixAddress>

/**
 * @since 0.1.0
 * @category options
 */
export interface ListenOptions {
  /** A path, or a NUL character and an abstract name. */
  readonly path: string
  /** How many connections may wait to be accepted. 511 if absent; the system has a limit of its own. */
  readonly backlog?: number | undefined
  /**
   * The permissions of the file, 0 to 0o777, which it has from its first moment: only whom they let write can connect. If
   * absent, what the umask leaves of 0o777. Windows has none, and a simulated host no users.
   */
  readonly mode?: number | undefined
  /**
   * Whether a socket's file that stands in the way is taken away if nobody listens there: a server that was killed leaves
   * its own. `true` if absent. To find out, it is connected to.
   */
  readonly unlinkStale?: boolean | undefined
  /** What the listening socket has before it is bound, and every connection that it accepts has: like that of `Net.listen`. */
  readonly socketOptions?: StreamSocketOptions | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface ConnectOptions extends TimeoutOptions {
  /** A path, or a NUL character and an abstract name. */
  readonly path: string
  /** What the socket has before it connects. A Unix socket has `sendBufferBytes`; the others are `Unsupported`. */
  readonly socketOptions?: StreamSocketOptions | undefined
}

const ALL_PERMISSIONS = 0o777

const adviceOnMode = (mode: number | undefined, address: UnixAddress): string | undefined => {
  if (mode === undefined) return undefined
  if (isAbstract(address)) return "an abstract name has no file, and so no mode"
  const isMode = Number.isInteger(mode) && mode >= 0 && mode <= ALL_PERMISSIONS
  return isMode ? undefined : "mode is a whole number, 0 to 0o777"
}

const occupied = "A program listens at it, or it is the path of another kind of file. Choose another one."

/** The failure in the words of `listen`. */
const told = (failure: SocketError): SocketError =>
  withDetails(failure, {
    operation: "listen",
    ...(failure.reason === "AddressInUse" ? { advice: occupied } : {})
  })

/** Binds; if the path is taken by a file that is stale, once more without that. */
const bind = (
  socket: ProactorUnixSocket,
  address: UnixAddress,
  { mode, unlinkStale = true }: ListenOptions
): Effect.Effect<void, SocketError> => {
  const binding = socket.bind(address, mode)
  if (!unlinkStale) return binding
  return Effect.catchAll(binding, (failure) =>
    failure.reason === "AddressInUse"
      ? Effect.flatMap(socket.removeStale(address), (isFree) => (isFree ? binding : Effect.fail(failure)))
      : Effect.fail(failure)
  )
}

const open = (
  address: UnixAddress,
  backlog: number,
  prepare: Prepare | undefined,
  options: ListenOptions
): Effect.Effect<StreamListener<UnixAddress>, SocketError, Net> =>
  Effect.flatMap(Net, ({ proactor }) =>
    Effect.flatMap(prepared(proactor.openUnix, prepare), (socket) =>
      bind(socket, address, options).pipe(
        Effect.zipRight(socket.listen(backlog)),
        Effect.as(new StreamListener(socket, address)),
        Effect.onError(() => Effect.sync(() => socket.close()))
      )
    )
  )

/**
 * Listens for connections at a path or an abstract name (`socket`, `bind`, `listen`). The listener is closed with the scope,
 * and its file taken away.
 *
 * Fails with `ConnectionError` (`AddressInUse`) or `NetworkError` (`InvalidArgument`, `PermissionDenied`, `Unsupported`, ...).
 *
 * @since 0.1.0
 * @category operations
 */
export const listen = (options: ListenOptions): Effect.Effect<Listener, SocketError, Net | Scope.Scope> => {
  const { backlog = DEFAULT_BACKLOG, mode, path } = options
  const listener = Effect.flatMap(makeUnix(path), (address) => {
    const advice = adviceOnBacklog(backlog) ?? adviceOnMode(mode, address)
    if (advice !== undefined) return Effect.fail(invalidArgument("listen", advice, format(address)))
    return Effect.flatMap(streamOptions("listen", options.socketOptions), (prepare) =>
      Effect.acquireRelease(open(address, backlog, prepare, options), ({ close }) => close)
    )
  })
  return Effect.mapError(listener, told)
}

/**
 * Connects to a path or an abstract name (`connect`). The connection is closed with the scope. If the listener has no room
 * for one more it waits until there is; on Windows it is refused then.
 *
 * Fails with `ConnectionError` (`Refused`: nobody listens there), `NetworkError` (`InvalidArgument`, `PermissionDenied`,
 * `Unsupported`, ...) or `TimeoutError`.
 *
 * @since 0.1.0
 * @category operations
 */
export const connect = (
  options: ConnectOptions
): Effect.Effect<Connection, SocketError | TimeoutError, Net | Scope.Scope> =>
  Effect.flatMap(
    Effect.mapError(makeUnix(options.path), (failure) => withDetails(failure, { operation: "connect" })),
    (address) =>
      Effect.flatMap(streamOptions("connect", options.socketOptions), (prepare) =>
        within(options.timeout, (deadline) => connected(address, prepare, deadline))
      )
  )

const connected = (
  address: UnixAddress,
  prepare: Prepare | undefined,
  deadline: Deadline | undefined
): Effect.Effect<Connection, SocketError | TimeoutError, Net | Scope.Scope> =>
  Effect.flatMap(Net, ({ proactor }) =>
    Effect.flatMap(Effect.scope, (scope) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.map(
          connectOpened(prepared(proactor.openUnix, prepare), address, deadline, restore),
          (socket) => new StreamConnection(socket, address).adoptInto(scope)
        )
      )
    )
  )

const isUnixSocket = (
  stream: ProactorStream<UnixAddress>
): stream is ProactorStream<UnixAddress> & Pick<ProactorUnixSocket, "peerCredentials"> =>
  "peerCredentials" in stream

/**
 * Who is at the other end: the process that connected or, for a client, the one that listened, as it was then
 * (`SO_PEERCRED`). The peer cannot lie about it. Linux.
 *
 * @since 0.1.0
 * @category operations
 */
export const peerCredentials = (connection: Connection): Effect.Effect<PeerCredentials, SocketError> =>
  Effect.suspend(() => {
    const stream = connection instanceof StreamConnection ? connection.transport : undefined
    return stream !== undefined && isUnixSocket(stream)
      ? stream.peerCredentials
      : Effect.fail(unsupported("peerCredentials", "this connection is not directly over a Unix socket"))
  })
