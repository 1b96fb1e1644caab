/**
 * The three ways in which a network operation fails, as Effect tagged errors.
 *
 * - `ConnectionError`: this connection (or this attempt to make one) is at fault; others may be fine.
 * - `NetworkError`: the request or the system is at fault: a bad argument, no permission, no descriptors left.
 * - `TimeoutError`: the caller's own deadline passed. The connection is left as it was.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"

/**
 * Why a connection, or the attempt to make one, failed.
 *
 * @since 0.1.0
 * @category models
 */
export type ConnectionErrorReason =
  /** Nobody listens there (`ECONNREFUSED`, `WSAECONNREFUSED`). */
  | "Refused"
  /** The peer cut the connection off (`ECONNRESET`, `EPIPE`, `WSAECONNRESET`). */
  | "Reset"
  /** This host cut the connection off (`ECONNABORTED`, `WSAECONNABORTED`), or an interrupted write left it unusable. */
  | "Aborted"
  /** Another socket holds the address (`EADDRINUSE`, `WSAEADDRINUSE`). */
  | "AddressInUse"
  /** The address is not one of this host's (`EADDRNOTAVAIL`, `WSAEADDRNOTAVAIL`). */
  | "AddressNotAvailable"
  /** No route to the network or host (`ENETUNREACH`, `EHOSTUNREACH`, ...). */
  | "Unreachable"
  /** The system gave up waiting for the peer (`ETIMEDOUT`, `WSAETIMEDOUT`); not a deadline of the caller's. */
  | "TimedOut"
  /** This side closed the socket, or shut this half of it down, before the operation. */
  | "Closed"
  /** The socket has no peer (`ENOTCONN`, `WSAENOTCONN`). */
  | "NotConnected"
  /** The socket has a peer already (`EISCONN`, `WSAEISCONN`). */
  | "AlreadyConnected"

/**
 * What was wrong with the request, or what the system lacked.
 *
 * @since 0.1.0
 * @category models
 */
export type NetworkErrorReason =
  /** An argument that no system call would accept (`EINVAL`, `WSAEINVAL`, a port out of range). */
  | "InvalidArgument"
  /** A handle or descriptor that is closed, stale or of the wrong kind (`EBADF`, `WSAENOTSOCK`). */
  | "InvalidHandle"
  /** Data that is not what the operation reads: invalid UTF-8, say. */
  | "InvalidData"
  /** A message or line longer than allowed (`EMSGSIZE`, `WSAEMSGSIZE`). */
  | "TooLong"
  /** The host name does not exist, or has no address of the wanted family. */
  | "HostNotFound"
  /** The resolver could not answer; it may later. */
  | "ResolverFailed"
  /** The system refuses this user (`EACCES`, `WSAEACCES`). */
  | "PermissionDenied"
  /** Out of descriptors, handles or memory (`EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`, `WSAEMFILE`). */
  | "ResourceExhausted"
  /** This platform, or this version of it, does not have it (`EOPNOTSUPP`, `WSAEOPNOTSUPP`, IOCP on Linux). */
  | "Unsupported"
  /** The operation was cancelled in the system (`ECANCELED`, `ERROR_OPERATION_ABORTED`). */
  | "Cancelled"
  /** The network below failed (`ENETDOWN`, `WSAENETDOWN`). */
  | "NetworkDown"
  /** A code that the tables do not know; it is kept in `code`. */
  | "Unknown"

/**
 * What every error of this library tells: what was asked, which system call answered, and what.
 *
 * @since 0.1.0
 * @category models
 */
export interface ErrorDetails {
  /** What the program asked for: `connect`, `accept`, `read`, ... */
  readonly operation: string
  /** The system call that failed (`connect`, `WSARecv`, ...); `undefined` where no call was made. */
  readonly syscall?: string | undefined
  /** The raw code: errno, WSA, Win32 or NTSTATUS; `undefined` where no call was made. */
  readonly code?: number | undefined
  /** The code's name: `ECONNREFUSED`, `WSAECONNREFUSED`, `STATUS_CONNECTION_REFUSED`, ... */
  readonly codeName?: string | undefined
  /** The address concerned, as printed: `127.0.0.1:80`, `[::1]:80`, `example.org:80`. */
  readonly address?: string | undefined
  /** What a person can do about it, where the reason alone does not say. */
  readonly advice?: string | undefined
  /** The underlying failure, where another library reported it. */
  readonly cause?: unknown
}
