/**
 * The sentences that errors print. One line each: what was asked, what went wrong, how the system put it, and
 * what a person can do.
 *
 *     connect 127.0.0.1:80: connection refused (ECONNREFUSED 111 from connect). Is a server listening there?
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type {
  ConnectionErrorFields,
  ConnectionErrorReason,
  ErrorDetails,
  NetworkErrorFields,
  NetworkErrorReason,
  TimeoutErrorFields
} from "./Errors.js"
import type { FileErrorFields, FileErrorReason } from "./FileError.js"
import type { TlsErrorFields, TlsErrorReason } from "./TlsError.js"

type Reason = ConnectionErrorReason | NetworkErrorReason

interface Wording {
  /** What went wrong, as the middle of a sentence. */
  readonly what: string
  /** What to do about it. */
  readonly advice: string
}

const wordings: Record<Reason, Wording> = {
  Refused: { what: "connection refused", advice: "Is a server listening there?" },
  Reset: {
    what: "the peer reset the connection",
    advice: "What was sent last may not have arrived. Connect again."
  },
  Aborted: {
    what: "the connection was aborted on this side",
    advice: "What was sent last may not have arrived. Connect again."
  },
  AddressInUse: {
    what: "address already in use",
    advice: "Choose another port, or end the program that holds this one."
  },
  AddressNotAvailable: {
    what: "address not available",
    advice: "Is it an address of this host?"
  },
  Unreachable: {
    what: "no route to the peer",
    advice: "Check the address, this host's network, and the firewalls between."
  },
  TimedOut: {
    what: "no answer from the peer",
    advice: "Is the host up, and does no firewall drop the packets?"
  },
  Closed: {
    what: "closed on this side",
    advice: "The socket, or this half of it, was closed before the call. Open another one."
  },
  NotConnected: { what: "not connected", advice: "Connect first, or say where to send to." },
  AlreadyConnected: { what: "already connected", advice: "Use another socket for another peer." },
  InvalidArgument: { what: "invalid argument", advice: "Check what was passed to the call." },
  InvalidHandle: {
    what: "invalid handle",
    advice: "It was closed before the call, or is not what the call works on."
  },
  InvalidData: { what: "invalid data", advice: "Does the peer speak the protocol that is read here?" },
  TooLong: { what: "too long", advice: "Send less at a time, or allow for more." },
  HostNotFound: {
    what: "host not found",
    advice: "Check how the name is spelled, and that it has an address of the family asked for."
  },
  ResolverFailed: {
    what: "the name resolver gave no answer",
    advice: "Check this host's DNS settings, or try again later."
  },
  PermissionDenied: {
    what: "permission denied",
    advice: "Does this user have the right to do it, and does a firewall allow it?"
  },
  ResourceExhausted: {
    what: "out of system resources",
    advice: "Close what is not needed, allow for more, or try again later."
  },
  Unsupported: { what: "not supported", advice: "This system does not offer it." },
  Cancelled: { what: "cancelled", advice: "Try again if it is still wanted." },
  NetworkDown: { what: "the network is down", advice: "Check this host's network interfaces." },
  Unknown: { what: "failed", advice: "Look the code up in the documentation of the system." }
}

const tlsWordings: Record<TlsErrorReason, Wording> = {
  CertificateUntrusted: {
    what: "the certificate is not trusted",
    advice: "Trust its authority by having it in `ca`, or get another certificate."
  },
  CertificateExpired: {
    what: "the certificate has expired, or is not valid yet",
    advice: "Renew it, and check the clock of this host."
  },
  HostnameMismatch: {
    what: "the certificate is not this host's",
    advice: "Check `servername`: the certificate has to name it."
  },
  CertificateRequired: {
    what: "no client certificate that the server accepts",
    advice: "Give the client one in `cert` and `key` whose authority the server trusts."
  },
  NotTls: {
    what: "the peer does not speak TLS",
    advice: "Is it the right port? What came first is plain text."
  },
  NoCommonProtocol: {
    what: "no protocol that both sides have",
    advice: "Compare the versions, the ciphers and the `ALPNProtocols` of both sides."
  },
  HandshakeFailed: { what: "TLS failed", advice: "Look the code up in the documentation of OpenSSL." }
}

const fileWordings: Record<FileErrorReason, Wording> = {
  NotFound: {
    what: "not found",
    advice: "Check the path, and that the directories on the way to it are there."
  },
  AlreadyExists: { what: "it exists already", advice: "Choose another name, or open what is there." },
  PermissionDenied: { what: "permission denied", advice: "Does this user have the right to do it?" },
  InUse: { what: "in use", advice: "Another program has it, and does not share it. Try again later." },
  IsDirectory: { what: "it is a directory", advice: "Name a file." },
  NotDirectory: { what: "not a directory", advice: "Something in the path is a file: check it." },
  DiskFull: { what: "no room left on the disk", advice: "Make room, or write elsewhere." },
  ReadOnly: { what: "the file system is read-only", advice: "Write elsewhere." },
  TooLarge: {
    what: "the file would be too large",
    advice: "A limit of the file system or of this user is reached."
  },
  EndOfFile: {
    what: "the file ends before that",
    advice: "Is it the whole file, and does nobody shorten it?"
  },
  InvalidArgument: wordings.InvalidArgument,
  Closed: {
    what: "closed on this side",
    advice: "It was closed before the operation was over. Open it again."
  },
  ResourceExhausted: wordings.ResourceExhausted,
  Unsupported: wordings.Unsupported,
  Cancelled: wordings.Cancelled,
  DeviceFailed: { what: "the device failed", advice: "Check the disk, or the server that it is on." },
  Unknown: wordings.Unknown
}

const anotherPort = "Low ports need more rights, and a system may keep some ports to itself. Try another one."

/** Where an operation lets one say more than the reason does. */
const wordingsByOperation: { readonly [operation: string]: { readonly [R in Reason]?: string } } = {
  accept: {
    Reset: "The client went away before it was accepted; other clients can still be.",
    Aborted: "The client went away before it was accepted; other clients can still be."
  },
  bind: {
    PermissionDenied: anotherPort
  },
  connect: {
    AddressNotAvailable: "Every local port may be taken, or nobody can be reached at such an address.",
    Reset: "The peer took the connection and cut it off at once."
  },
  listen: {
    PermissionDenied: anotherPort
  },
  send: {
    PermissionDenied:
      "Does a firewall allow it? To a broadcast address, turn the option `broadcast` on first.",
    Refused: "Nobody receives at that port: an earlier datagram came back.",
    TooLong: "A datagram holds 65507 bytes over IPv4, and 65527 over IPv6."
  },
  receive: {
    Refused: "Nobody receives at the peer's port: an earlier datagram came back."
  },
  joinGroup: {
    AddressInUse: "The socket is a member already.",
    AddressNotAvailable: "No interface of this host is that one, or it does not do multicast."
  },
  leaveGroup: {
    AddressNotAvailable: "The socket is no member of it on that interface."
  }
}

const adviceOf = (reason: Reason, operation: string): string =>
  (Object.hasOwn(wordingsByOperation, operation) ? wordingsByOperation[operation]?.[reason] : undefined) ??
  wordings[reason].advice

/** `ECONNREFUSED 111`; only the name where the name already is the number. */
const named = (name: string | undefined, number: string): string =>
  name === undefined || name.endsWith(number) ? (name ?? number) : `${name} ${number}`

/**
 * A 32-bit number as Windows documents its codes: `0xC0000236`.
 *
 * @internal
 */
export const hex32 = (value: number): string =>
  `0x${(value >>> 0).toString(16).toUpperCase().padStart(8, "0")}`

/**
 * `(ECONNREFUSED 111 from connect)`, or, where a completion packet brought a status,
 * `(WSAECONNREFUSED 10061, STATUS_CONNECTION_REFUSED 0xC0000236, from ConnectEx)`.
 */
const originOf = (details: ErrorDetails): string => {
  const { code, codeName, status, statusName, syscall } = details
  const statusText = status === undefined ? "" : named(statusName, hex32(status))
  // A status that no code stands for is its own code: say it once.
  const codeText = statusText !== "" && statusName === codeName ? "" : named(codeName, `${code ?? ""}`)
  const from = syscall === undefined ? "" : `from ${syscall}`
  const separator = codeText !== "" && statusText !== "" ? ", " : " "
  const text = [codeText, statusText, from].filter((word) => word !== "").join(separator)
  return text === "" ? "" : ` (${text})`
}

const subjectOf = (details: ErrorDetails): string =>
  details.address === undefined ? details.operation : `${details.operation} ${details.address}`

/** A caller's text may lack the full stop. */
const sentence = (text: string): string => (/[.?!]\s*$/.test(text) ? text : `${text}.`)

/** What begins like a sentence is one; anything else explains what stands before it. */
const follow = (advice: string | undefined, usual: string): string => {
  const text = sentence(advice ?? usual)
  return /^[\p{Lu}\s]/u.test(text) ? `. ${text}` : `: ${text}`
}

/** Addresses and advice come from callers: whatever would break the line becomes a space. */
const oneLine = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, " ").trim()

/**
 * The message of a `NetworkError` or `ConnectionError`. It holds for an error whose fields are not set yet,
 * since an engine may ask for the message while the error is being made.
 *
 * @internal
 */
export const socketMessage = (error: Partial<NetworkErrorFields | ConnectionErrorFields>): string => {
  const { operation, reason } = error
  if (operation === undefined || reason === undefined) return ""
  const details = { ...error, operation }
  const head = `${subjectOf(details)}: ${wordings[reason].what}${originOf(details)}`
  return oneLine(head + follow(error.advice, adviceOf(reason, operation)))
}

const moved = (bytes: number): string => `${bytes} ${bytes === 1 ? "byte" : "bytes"}`

/**
 * The message of a `TimeoutError`, with the same care for fields that are not set yet.
 *
 * @internal
 */
export const timeoutMessage = (error: Partial<TimeoutErrorFields>): string => {
  const { bytesTransferred, duration, operation } = error
  if (operation === undefined || duration === undefined) return ""
  const details = { ...error, operation }
  const sofar = bytesTransferred === undefined ? "" : `, with ${moved(bytesTransferred)} done`
  const head = `${subjectOf(details)}: not done within ${Duration.format(duration)}${sofar}${originOf(details)}`
  return oneLine(head + follow(error.advice, bytesTransferred === undefined ? allowMore : goOn))
}

const allowMore = "Allow more time, or try again."
const goOn = "Allow more time, or go on after what is done."

/**
 * The message of a `TlsError`, with the same care for fields that are not set yet.
 *
 * @internal
 */
export const tlsMessage = (error: Partial<TlsErrorFields>): string => {
  const { operation, reason } = error
  if (operation === undefined || reason === undefined) return ""
  const details = { ...error, operation }
  const { advice, what } = tlsWordings[reason]
  const head = `${subjectOf(details)}: ${what}${originOf(details)}`
  return oneLine(head + follow(error.advice, advice))
}

/**
 * The message of a `FileError`, with the same care for fields that are not set yet.
 *
 * @internal
 */
export const fileMessage = (error: Partial<FileErrorFields>): string => {
  const { bytesTransferred, operation, path, reason } = error
  if (operation === undefined || reason === undefined) return ""
  const details = { ...error, operation, address: path }
  const { advice, what } = fileWordings[reason]
  const sofar = bytesTransferred === undefined ? "" : `, with ${moved(bytesTransferred)} done`
  const head = `${subjectOf(details)}: ${what}${sofar}${originOf(details)}`
  return oneLine(head + follow(error.advice, advice))
}
