/**
 * From a reason to the error that carries it, and the failures that are found before any system call.
 *
 * @since 0.1.0
 */
import {
  ConnectionError,
  type ConnectionErrorReason,
  connectionErrorReasons,
  type ErrorDetails,
  NetworkError,
  type NetworkErrorReason,
  type SocketError
} from "./Errors.js"

/**
 * The call that failed, as the tables need it to make an error.
 *
 * @since 0.1.0
 * @category models
 */
export interface SystemCall {
  /** What the program asked for: `connect`, `accept`, `read`, ... */
  readonly operation: string
  /** The system call that answered: `connect`, `WSARecv`, ... */
  readonly syscall: string
  /** The address concerned, as printed. */
  readonly address?: string | undefined
}

/**
 * Why a system call on a socket failed.
 *
 * @since 0.1.0
 * @category models
 */
export type SocketErrorReason = ConnectionErrorReason | NetworkErrorReason

const connectionReasons: ReadonlySet<string> = new Set(connectionErrorReasons)

/**
 * Whether a reason is one of `ConnectionError`'s. No reason is both.
 *
 * @since 0.1.0
 * @category guards
 */
export const isConnectionErrorReason = (reason: SocketErrorReason): reason is ConnectionErrorReason =>
  connectionReasons.has(reason)

/**
 * Makes an error that has no stack trace. What a completion brings has only the completion loop's to show, and to
 * capture that costs more than to accept a connection and close it.
 */
const withoutStack = <E>(make: () => E): E => {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return make()
  } finally {
    Error.stackTraceLimit = limit
  }
}

/**
 * The error that has this reason: a `ConnectionError` or a `NetworkError`. It has no stack trace: what it tells is in
 * its fields.
 *
 * @since 0.1.0
 * @category constructors
 */
export const socketError = (reason: SocketErrorReason, details: ErrorDetails): SocketError =>
  withoutStack(() =>
    isConnectionErrorReason(reason)
      ? new ConnectionError({ ...details, reason })
      : new NetworkError({ ...details, reason })
  )

/**
 * An argument that no system call would accept, found before making one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const invalidArgument = (operation: string, advice: string, address?: string): NetworkError =>
  new NetworkError({ operation, reason: "InvalidArgument", advice, address })

/**
 * Something that this platform, or this version of it, does not have.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unsupported = (operation: string, advice: string): NetworkError =>
  new NetworkError({ operation, reason: "Unsupported", advice })

/**
 * An operation on what this side has closed, or on a half of it that this side has shut down.
 *
 * @since 0.1.0
 * @category constructors
 */
export const closed = (operation: string, address?: string): ConnectionError =>
  withoutStack(() => new ConnectionError({ operation, reason: "Closed", address }))

/**
 * The same error for another reason: where a code means something else than it mostly does.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withReason = (error: SocketError, reason: SocketErrorReason): SocketError =>
  socketError(reason, detailsOf(error))

/**
 * The same error with some of its details replaced: with the operation that the program asked for, say, where the one
 * that failed was a part of it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withDetails = (error: SocketError, details: Partial<ErrorDetails>): SocketError =>
  socketError(error.reason, { ...detailsOf(error), ...details })

const detailsOf = (error: SocketError): ErrorDetails => {
  const { advice, address, cause, code, codeName, operation, status, statusName, syscall } = error
  return { advice, address, cause, code, codeName, operation, status, statusName, syscall }
}
