/**
 * Typed errors as Node's, and Node's as typed errors.
 *
 * Node tells errors apart by `code`, a name: `ECONNRESET`, `EPIPE`. Programs for `node:net` look at it, so what leaves
 * through a bridge has one, and the typed error as its `cause`. What comes in through a bridge gets the reason that its
 * `code` stands for. An error that went through both comes out as the typed error that went in.
 *
 * @since 0.1.0
 */
import { getSystemErrorMap } from "node:util"
import { errnoRows } from "../../Errors/ErrnoTable.js"
import {
  isSocketError,
  isTimeoutError,
  type SocketError,
  type SocketErrorReason,
  socketError,
  type TimeoutError,
  withDetails
} from "../../Errors/index.js"
import { resolverRows } from "../../Errors/ResolverTable.js"

/**
 * An error as `node:net` gives them.
 *
 * @internal
 */
export interface NodeError extends Error {
  readonly code: string
  readonly syscall: string
  /** The system's number, negative, as libuv has it; absent where the code is no system's. */
  readonly errno?: number
}

const names: Record<SocketErrorReason, string> = {
  Refused: "ECONNREFUSED",
  Reset: "ECONNRESET",
  Aborted: "ECONNABORTED",
  AddressInUse: "EADDRINUSE",
  AddressNotAvailable: "EADDRNOTAVAIL",
  Unreachable: "EHOSTUNREACH",
  TimedOut: "ETIMEDOUT",
  Closed: "ERR_SOCKET_CLOSED",
  NotConnected: "ENOTCONN",
  AlreadyConnected: "EISCONN",
  InvalidArgument: "EINVAL",
  InvalidHandle: "EBADF",
  InvalidData: "EPROTO",
  TooLong: "EMSGSIZE",
  HostNotFound: "ENOTFOUND",
  ResolverFailed: "EAI_AGAIN",
  PermissionDenied: "EACCES",
  ResourceExhausted: "ENOBUFS",
  Unsupported: "ENOTSUP",
  Cancelled: "ECANCELED",
  NetworkDown: "ENETDOWN",
  Unknown: "UNKNOWN"
}

/** Linux' names and numbers. Windows' are the same names with `WSA` before them. */
const rowsByName = new Map(errnoRows.map((row) => [row[1], row]))

let numbers: ReadonlyMap<string, number> | undefined

/** The number that libuv has for a name on this system. */
const numberOf = (name: string): number | undefined => {
  numbers ??= new Map([...getSystemErrorMap()].map(([number, [name]]) => [name, number]))
  return numbers.get(name)
}

const nameOf = (error: SocketError | TimeoutError): string => {
  if (isTimeoutError(error)) return "ETIMEDOUT"
  const name = error.codeName?.replace(/^WSA/, "")
  // Where the reason is no guess of the table's, the system's own name says more: EPIPE and ECONNRESET are both resets.
  return name !== undefined && rowsByName.has(name) ? name : names[error.reason]
}

/**
 * The error as `node:net` would give it, with the typed error as its cause.
 *
 * @internal
 */
export const toNodeError = (cause: SocketError | TimeoutError, syscall = cause.operation): NodeError => {
  const code = nameOf(cause)
  const errno = numberOf(code)
  const error = new Error(`${syscall} ${code}`, { cause })
  return Object.assign(error, errno === undefined ? { code, syscall } : { code, syscall, errno })
}

/**
 * What a call was asked for, and of whom, for an error of it.
 *
 * @internal
 */
export interface Asked {
  readonly operation: string
  readonly address?: string | undefined
}

const field = (value: unknown, name: "code" | "errno" | "syscall" | "message" | "cause"): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)

/** Node's own codes that say something about a connection. */
const nodeReasons: ReadonlyMap<string, SocketErrorReason> = new Map<string, SocketErrorReason>([
  ["ERR_STREAM_PREMATURE_CLOSE", "Reset"],
  ["ERR_STREAM_DESTROYED", "Closed"],
  ["ERR_STREAM_WRITE_AFTER_END", "Closed"],
  ["ERR_STREAM_ALREADY_FINISHED", "Closed"],
  ["ERR_SOCKET_CLOSED", "Closed"],
  ["ERR_SOCKET_CLOSED_BEFORE_CONNECTION", "Closed"],
  ["ERR_SOCKET_CONNECTION_TIMEOUT", "TimedOut"],
  ["ABORT_ERR", "Aborted"],
  // Names that libuv has and Linux has not, or has otherwise.
  ["ENOTSUP", "Unsupported"],
  ["ECHARSET", "InvalidData"],
  ["EOF", "Reset"]
])

const reasonOf = (code: string): SocketErrorReason | undefined =>
  nodeReasons.get(code) ?? rowsByName.get(code)?.[2] ?? resolverRows.find(([name]) => name === code)?.[1]

/** The system's number, where the name's number is the one that Node reports. */
const rawCode = (codeName: string, errno: unknown): number | undefined => {
  const code = rowsByName.get(codeName)?.[0]
  return code !== undefined && errno === -code ? code : undefined
}

/**
 * The typed error for what a Node stream failed with. Total: what it knows nothing about is `Unknown`, and is kept as
 * the cause.
 *
 * @internal
 */
export const fromNodeError = (error: unknown, asked: Asked): SocketError => {
  if (isSocketError(error)) return withDetails(error, asked)
  const before = field(error, "cause")
  if (isSocketError(before)) return withDetails(before, asked)
  const codeName = text(field(error, "code"))
  const known = codeName === undefined ? undefined : reasonOf(codeName)
  return socketError(known ?? "Unknown", {
    ...asked,
    syscall: text(field(error, "syscall")),
    code: codeName === undefined ? undefined : rawCode(codeName, field(error, "errno")),
    codeName,
    advice: known === undefined ? text(field(error, "message")) : undefined,
    cause: error
  })
}
