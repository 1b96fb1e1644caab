/**
 * The three ways in which a network operation fails, as Effect tagged errors.
 *
 * - `ConnectionError`: this connection (or this attempt to make one) is at fault; others may be fine.
 * - `NetworkError`: the request or the system is at fault: a bad argument, no permission, no descriptors left.
 * - `TimeoutError`: the caller's own deadline passed. The connection is left as it was.
 *
 * An error is made once, where a call failed, and carries what that call was told and what it answered. Its
 * `message` is derived from those fields whenever it is read, so the fields and the text cannot disagree.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import { socketMessage, timeoutMessage } from "./Message.js"
import { definedFields, toPlainObject } from "./Plain.js"

/**
 * Every `ConnectionErrorReason`, for programs that go through all of them.
 *
 * @since 0.1.0
 * @category models
 */
export const connectionErrorReasons = [
  /** Nobody listens there (`ECONNREFUSED`, `WSAECONNREFUSED`). */
  "Refused",
  /** The peer cut the connection off (`ECONNRESET`, `EPIPE`, `WSAECONNRESET`). */
  "Reset",
  /** This host cut the connection off (`ECONNABORTED`, `WSAECONNABORTED`), or an interrupted write left it unusable. */
  "Aborted",
  /** Another socket holds the address (`EADDRINUSE`, `WSAEADDRINUSE`). */
  "AddressInUse",
  /** The address is not one of this host's (`EADDRNOTAVAIL`, `WSAEADDRNOTAVAIL`). */
  "AddressNotAvailable",
  /** No route to the network or host (`ENETUNREACH`, `EHOSTUNREACH`, ...). */
  "Unreachable",
  /** The system gave up waiting for the peer (`ETIMEDOUT`, `WSAETIMEDOUT`); not a deadline of the caller's. */
  "TimedOut",
  /** This side closed the socket, or shut this half of it down, before the operation. */
  "Closed",
  /** The socket has no peer (`ENOTCONN`, `WSAENOTCONN`), or no longer (`WSAEDISCON`). */
  "NotConnected",
  /** The socket has a peer already (`EISCONN`, `WSAEISCONN`). */
  "AlreadyConnected"
] as const

/**
 * Why a connection, or the attempt to make one, failed.
 *
 * @since 0.1.0
 * @category models
 */
export type ConnectionErrorReason = (typeof connectionErrorReasons)[number]

/**
 * Every `NetworkErrorReason`, for programs that go through all of them.
 *
 * @since 0.1.0
 * @category models
 */
export const networkErrorReasons = [
  /** An argument that no system call would accept (`EINVAL`, `WSAEINVAL`, a port out of range). */
  "InvalidArgument",
  /** A handle or descriptor that is closed, stale or of the wrong kind (`EBADF`, `WSAENOTSOCK`). */
  "InvalidHandle",
  /** Data that is not what the operation reads: invalid UTF-8, say. */
  "InvalidData",
  /** A message or line longer than allowed (`EMSGSIZE`, `WSAEMSGSIZE`). */
  "TooLong",
  /** The host name does not exist, or has no address of the wanted family. */
  "HostNotFound",
  /** The resolver could not answer; it may later. */
  "ResolverFailed",
  /** The system refuses this user (`EACCES`, `WSAEACCES`). */
  "PermissionDenied",
  /** Out of descriptors, handles or memory (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`, `WSAEMFILE`). */
  "ResourceExhausted",
  /** This platform, or this version of it, does not have it (`EOPNOTSUPP`, `WSAEOPNOTSUPP`, IOCP on Linux). */
  "Unsupported",
  /** The operation was cancelled in the system (`ECANCELED`, `ERROR_OPERATION_ABORTED`). */
  "Cancelled",
  /** The network below failed (`ENETDOWN`, `WSAENETDOWN`). */
  "NetworkDown",
  /** A code that the tables give no reason for; it is kept in `code`. */
  "Unknown"
] as const

/**
 * What was wrong with the request, or what the system lacked.
 *
 * @since 0.1.0
 * @category models
 */
export type NetworkErrorReason = (typeof networkErrorReasons)[number]

/**
 * What every error of this library tells: what was asked, which system call answered, and what.
 *
 * A field that is `undefined` is the same as one that is absent.
 *
 * @since 0.1.0
 * @category models
 */
export interface ErrorDetails {
  /** What the program asked for: `connect`, `accept`, `read`, ... */
  readonly operation: string
  /** The system call that failed (`connect`, `WSARecv`, ...); `undefined` where no call was made. */
  readonly syscall?: string | undefined
  /** The raw code: errno, WSA or Win32; `undefined` where no call was made. */
  readonly code?: number | undefined
  /** The code's name: `ECONNREFUSED`, `WSAECONNREFUSED`, ... */
  readonly codeName?: string | undefined
  /** The NTSTATUS that `code` was made from, unsigned, where a completion packet brought one. */
  readonly status?: number | undefined
  /** The status's name: `STATUS_CONNECTION_REFUSED`, ... */
  readonly statusName?: string | undefined
  /** The address concerned, as printed: `127.0.0.1:80`, `[::1]:80`, `example.org:80`. */
  readonly address?: string | undefined
  /** What a person can do about it, where the reason alone does not say. */
  readonly advice?: string | undefined
  /** The underlying failure, where another library reported it. */
  readonly cause?: unknown
}

/**
 * The fields of a `NetworkError`.
 *
 * @since 0.1.0
 * @category models
 */
export interface NetworkErrorFields extends ErrorDetails {
  readonly reason: NetworkErrorReason
}

/**
 * The fields of a `ConnectionError`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ConnectionErrorFields extends ErrorDetails {
  readonly reason: ConnectionErrorReason
}

/**
 * The fields of a `TimeoutError`.
 *
 * @since 0.1.0
 * @category models
 */
export interface TimeoutErrorFields extends ErrorDetails {
  /** How long the operation was given. */
  readonly duration: Duration.Duration
  /** How many bytes had moved when the deadline passed; whoever writes can go on after them. */
  readonly bytesTransferred?: number | undefined
}

/**
 * The request or the system is at fault: a bad argument, no permission, no descriptors left.
 *
 * @since 0.1.0
 * @category errors
 */
export class NetworkError extends Data.TaggedError("NetworkError")<NetworkErrorFields> {
  constructor(fields: NetworkErrorFields) {
    super(definedFields(fields))
  }

  /** One line that says what failed, how the system put it, and what to do. */
  override get message(): string {
    return socketMessage(this)
  }

  override toJSON(): object {
    return toPlainObject(this)
  }
}

/**
 * This connection, or this attempt to make one, is at fault; others may be fine.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectionError extends Data.TaggedError("ConnectionError")<ConnectionErrorFields> {
  constructor(fields: ConnectionErrorFields) {
    super(definedFields(fields))
  }

  /** One line that says what failed, how the system put it, and what to do. */
  override get message(): string {
    return socketMessage(this)
  }

  override toJSON(): object {
    return toPlainObject(this)
  }
}

/**
 * The caller's own deadline passed. The connection is left as it was.
 *
 * @since 0.1.0
 * @category errors
 */
export class TimeoutError extends Data.TaggedError("TimeoutError")<TimeoutErrorFields> {
  constructor(fields: TimeoutErrorFields) {
    super(definedFields(fields))
  }

  /** One line that says what was not done in time, and how far it got. */
  override get message(): string {
    return timeoutMessage(this)
  }

  override toJSON(): object {
    return toPlainObject(this)
  }
}

/**
 * What a system call on a socket fails with.
 *
 * @since 0.1.0
 * @category errors
 */
export type SocketError = NetworkError | ConnectionError

/**
 * Whether it is a `NetworkError`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isNetworkError = (u: unknown): u is NetworkError => u instanceof NetworkError

/**
 * Whether it is a `ConnectionError`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isConnectionError = (u: unknown): u is ConnectionError => u instanceof ConnectionError

/**
 * Whether it is a `TimeoutError`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isTimeoutError = (u: unknown): u is TimeoutError => u instanceof TimeoutError

/**
 * Whether it is what a system call on a socket fails with; a `TimeoutError` is not.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSocketError = (u: unknown): u is SocketError => isNetworkError(u) || isConnectionError(u)
