/**
 * Named pipes: connections between programs on one Windows machine, by name, and with other Windows machines if that is asked
 * for.
 *
 * In byte mode the connections and listeners are those of `Net`, with another kind of address: all that works on one works on
 * the other, but for what a pipe has not: no half of it ends alone, so that `shutdown` is `Unsupported`; there is no reset,
 * and who aborts closes; there are no socket options. When the other end is closed, the stream has ended, whether that was
 * meant or its program was killed. In message mode what is written is a message, and is read as one: see `MessagePipe`.
 *
 * What was written before an end was closed is there for the other end to read. That holds for a client too that connects,
 * writes, and is gone before anybody has accepted it.
 *
 * Who may connect. Clients of this machine only, unless `allowRemote`. If no `securityDescriptor` says otherwise, the owner and
 * administrators may do anything, and everybody else may read, which is not enough to connect with this module. A name that
 * another program has taken first is a failure of `listen`, `AddressInUse`, and never shared with it; and it stays taken for
 * as long as the listener is open, since one instance always waits for the next client. A client lets the server learn who it
 * is, and no more: it cannot act in the client's name.
 *
 * Other systems have no named pipes: everything fails with `NetworkError` `Unsupported` there.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { format, makePipe, type PipeAddress } from "../Address/index.js"
import {
  invalidArgument,
  type NetworkError,
  type SocketError,
  type TimeoutError,
  unsupported,
  withDetails
} from "../Errors/index.js"
import type { ProactorPipes } from "../Proactor/NamedPipe.js"
import type { Connection as NetConnection, TimeoutOptions } from "./Connection.js"
import { type Deadline, within } from "./internal/Deadline.js"
import { isPositiveInteger } from "./internal/Numbers.js"
import type { Restore } from "./internal/Parking.js"
import { connectPipe } from "./internal/PipeAttempt.js"
import { PipeConnection, PipeListener } from "./internal/PipeConnection.js"
import type { Listener as NetListener } from "./Listener.js"
import {
  MessageConnection,
  MessageConnectionListener,
  type MessageListener,
  type MessagePipe
} from "./MessagePipe.js"
import { Net } from "./Net.js"

export type { MessageListener, MessagePipe } from "./MessagePipe.js"

/**
 * @since 0.1.0
 * @category models
 */
export type Connection = NetConnection<PipeAddress>

/**
 * @since 0.1.0
 * @category models
 */
export type Listener = NetListener<PipeAddress>

/**
 * @since 0.1.0
 * @category options
 */
export interface ListenOptions {
  /** The whole name: `\\.\pipe\app`. */
  readonly name: string
  readonly mode?: "byte" | undefined
  /**
   * How many instances there may be at once: those with a client, and the one that waits for the next client. 2 to 254; no
   * limit if absent. `serve` has one connection less than that, and then waits; `accept` fails with `ResourceExhausted`.
   */
  readonly maxInstances?: number | undefined
  /** Whether clients on other machines may connect. `false` if absent. */
  readonly allowRemote?: boolean | undefined
  /**
   * Who may do what, as a security descriptor in SDDL: `D:P(A;;GA;;;OW)`, say, for the owner alone. The owner has to be among
   * those who may make further instances.
   */
  readonly securityDescriptor?: string | undefined
  /** How many bytes each direction holds that were written and not read: advice to the system. 65 536 if absent. */
  readonly bufferBytes?: number | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface MessageOptions {
  readonly mode: "message"
  /** The most bytes of a message, read or written: a longer one fails with `TooLong`. 1 048 576 if absent. */
  readonly maxMessageBytes?: number | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface MessageListenOptions extends Omit<ListenOptions, "mode">, MessageOptions {}

/**
 * @since 0.1.0
 * @category options
 */
export interface ConnectOptions extends TimeoutOptions {
  /** The whole name: `\\.\pipe\app`, or `\\SERVER\pipe\app` for that of another machine. */
  readonly name: string
  readonly mode?: "byte" | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface MessageConnectOptions extends Omit<ConnectOptions, "mode">, MessageOptions {}

const DEFAULT_BUFFER_BYTES = 65_536
const DEFAULT_MAX_MESSAGE_BYTES = 1024 * 1024

/** With a limit, this is the least: one instance waits, and one has a client. */
const LEAST_INSTANCES = 2
const MOST_INSTANCES = 254

const LARGEST_BUFFER_BYTES = 0x7fff_ffff

type AnyListenOptions = ListenOptions | MessageListenOptions
type AnyConnectOptions = ConnectOptions | MessageConnectOptions

const isWholeUpTo = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most

const maxMessageBytesOf = (options: AnyListenOptions | AnyConnectOptions): number =>
  (options.mode === "message" ? options.maxMessageBytes : undefined) ?? DEFAULT_MAX_MESSAGE_BYTES

const adviceOnMode = (options: AnyListenOptions | AnyConnectOptions): string | undefined => {
  const { mode = "byte" } = options
  // For callers whom no compiler told.
  if (mode !== "byte" && mode !== "message") return `mode is "byte" or "message"`
  if (!isPositiveInteger(maxMessageBytesOf(options))) return "maxMessageBytes is a whole number, 1 or more"
  return undefined
}

const LOCAL_NAME = /^\\\\[.?]\\/

const adviceOnListening = ({ bufferBytes, maxInstances, name }: AnyListenOptions): string | undefined => {
  if (!LOCAL_NAME.test(name)) {
    return String.raw`a pipe is made on this machine: its name begins with \\.\pipe\; allowRemote lets others connect to it`
  }
  if (maxInstances !== undefined && !isWholeUpTo(maxInstances, LEAST_INSTANCES, MOST_INSTANCES)) {
    const limits = `${LEAST_INSTANCES} to ${MOST_INSTANCES}`
    return `maxInstances is a whole number, ${limits}: one always waits, so that the name stays taken`
  }
  if (bufferBytes !== undefined && !isWholeUpTo(bufferBytes, 0, LARGEST_BUFFER_BYTES)) {
    return "bufferBytes is a whole number, up to 2^31 - 1"
  }
  return undefined
}

/** The address of the name, or what is wrong with the request. */
const checked = (
  operation: string,
  name: string,
  advise: () => string | undefined
): Effect.Effect<PipeAddress, NetworkError> =>
  Effect.flatMap(
    Effect.mapError(makePipe(name), ({ advice }) => invalidArgument(operation, advice ?? "")),
    (address) => {
      const advice = advise()
      return advice === undefined
        ? Effect.succeed(address)
        : Effect.fail(invalidArgument(operation, advice, format(address)))
    }
  )

const withPipes = <A, E, R>(
  operation: string,
  use: (pipes: ProactorPipes) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | SocketError, R | Net> =>
  Effect.flatMap(Net, ({ proactor }) =>
    Effect.flatMap(
      Effect.mapError(proactor.pipes, (failure) => withDetails(failure, { operation })),
      use
    )
  )

/**
 * Listens for clients of a pipe (`CreateNamedPipeW`). The listener is closed with the scope. With the mode `message` its
 * connections are `MessagePipe`s, otherwise streams.
 *
 * Fails with `ConnectionError` (`AddressInUse`: another program has a pipe of that name) or `NetworkError`
 * (`InvalidArgument`, `PermissionDenied`, `Unsupported`, ...).
 *
 * @since 0.1.0
 * @category operations
 */
export function listen(
  options: MessageListenOptions
): Effect.Effect<MessageListener, SocketError, Net | Scope.Scope>
export function listen(options: ListenOptions): Effect.Effect<Listener, SocketError, Net | Scope.Scope>
export function listen(
  options: AnyListenOptions
): Effect.Effect<Listener | MessageListener, SocketError, Net | Scope.Scope> {
  const advise = () => adviceOnMode(options) ?? adviceOnListening(options)
  return Effect.flatMap(checked("listen", options.name, advise), (address) =>
    Effect.acquireRelease(
      withPipes("listen", (pipes) => listener(pipes, address, options)),
      (listener) => listener.close
    )
  )
}

const listener = (
  pipes: ProactorPipes,
  address: PipeAddress,
  options: AnyListenOptions
): Effect.Effect<PipeListener | MessageConnectionListener, SocketError> => {
  const {
    allowRemote = false,
    bufferBytes = DEFAULT_BUFFER_BYTES,
    maxInstances,
    securityDescriptor
  } = options
  const settings = { address, allowRemote, bufferBytes, maxInstances, securityDescriptor }
  const most = maxInstances === undefined ? undefined : maxInstances - 1
  return options.mode === "message"
    ? Effect.map(
        pipes.listenForMessages(settings),
        (handle) => new MessageConnectionListener(handle, address, most, maxMessageBytesOf(options))
      )
    : Effect.map(pipes.listen(settings), (handle) => new PipeListener(handle, address, most))
}

/**
 * Connects to a pipe (`CreateFileW`). The connection is closed with the scope. Where every instance of the pipe has a client,
 * it waits for one that has none, until the timeout if there is one. With the mode `message` it is a `MessagePipe`, which
 * the pipe has to be made for; otherwise a stream.
 *
 * Fails with `ConnectionError` (`Refused`: there is no such pipe), `NetworkError` (`InvalidArgument`, `PermissionDenied`,
 * `Unsupported`, ...) or `TimeoutError`.
 *
 * @since 0.1.0
 * @category operations
 */
export function connect(
  options: MessageConnectOptions
): Effect.Effect<MessagePipe, SocketError | TimeoutError, Net | Scope.Scope>
export function connect(
  options: ConnectOptions
): Effect.Effect<Connection, SocketError | TimeoutError, Net | Scope.Scope>
export function connect(
  options: AnyConnectOptions
): Effect.Effect<Connection | MessagePipe, SocketError | TimeoutError, Net | Scope.Scope> {
  return Effect.flatMap(
    checked("connect", options.name, () => adviceOnMode(options)),
    (address) =>
      withPipes("connect", (pipes) =>
        within(options.timeout, (deadline) => connected(pipes, address, options, deadline))
      )
  )
}

const connected = (
  pipes: ProactorPipes,
  address: PipeAddress,
  options: AnyConnectOptions,
  deadline: Deadline | undefined
): Effect.Effect<Connection | MessagePipe, SocketError | TimeoutError, Scope.Scope> =>
  Effect.flatMap(Effect.scope, (scope) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.map(attempted(pipes, address, options, deadline, restore), (connection) =>
        connection.adoptInto(scope)
      )
    )
  )

const attempted = (
  pipes: ProactorPipes,
  address: PipeAddress,
  options: AnyConnectOptions,
  deadline: Deadline | undefined,
  restore: Restore
): Effect.Effect<PipeConnection | MessageConnection, SocketError | TimeoutError> =>
  options.mode === "message"
    ? Effect.map(
        connectPipe(pipes.connectForMessages(address), address, deadline, restore),
        (pipe) => new MessageConnection(pipe, address, maxMessageBytesOf(options))
      )
    : Effect.map(
        connectPipe(pipes.connect(address), address, deadline, restore),
        (pipe) => new PipeConnection(pipe, address)
      )

/**
 * The id of the process at the other end: of that which connected or, for a client, of that which made the pipe
 * (`GetNamedPipeClientProcessId`, `GetNamedPipeServerProcessId`). The system keeps it of the time when the end was opened: by
 * now the process may have ended, and its id may be another's.
 *
 * @since 0.1.0
 * @category operations
 */
export const peerProcessId = (connection: Connection | MessagePipe): Effect.Effect<number, SocketError> =>
  Effect.suspend(() => {
    if (connection instanceof PipeConnection) return connection.pipe.peerProcessId
    if (connection instanceof MessageConnection) return connection.transport.peerProcessId
    return Effect.fail(unsupported("peerProcessId", "this connection is not directly over a named pipe"))
  })
