/**
 * A host and a port in one text, and what may stand in each.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { invalidArgument, type NetworkError } from "../Errors/index.js"
import { parseLiteral } from "./Literal.js"

/**
 * A host, by name or by address, and a port.
 *
 * @since 0.1.0
 * @category models
 */
export interface HostPort {
  /** A name or an IP address, without brackets. */
  readonly host: string
  /** 0 to 65535. */
  readonly port: number
}

/** The longest a name can be in the domain name system, in characters. */
const HOST_MAX_LENGTH = 253

/**
 * A text for an error message: quoted, its control characters escaped, and cut where it gets long.
 *
 * @internal
 */
export const quote = (text: unknown): string => {
  if (typeof text !== "string") return `a value of type ${typeof text}`
  return text.length > 64 ? `${JSON.stringify(text.slice(0, 64))}...` : JSON.stringify(text)
}

/**
 * A part of an address, to be printed: what is no text, since the address was put together by hand, is described.
 *
 * @internal
 */
export const printed = (part: unknown): string => (typeof part === "string" ? part : `(${quote(part)})`)

/**
 * What is wrong with a port; `undefined` if nothing is.
 *
 * @internal
 */
export const adviceOnPort = (port: unknown): string | undefined => {
  if (typeof port === "number" && Number.isInteger(port) && port >= 0 && port <= 65_535) return undefined
  const given = typeof port === "number" ? String(port) : quote(port)
  return `A port is a whole number from 0 to 65535, not ${given}`
}

/**
 * What is wrong with a host, whatever it names; `undefined` if nothing is.
 *
 * @internal
 */
export const adviceOnHost = (host: unknown): string | undefined => {
  if (typeof host !== "string") return `A host is a text, not ${quote(host)}`
  if (host === "") return "The host is missing: give a name, an address, or 0.0.0.0 or :: for every interface"
  if (host.includes("\0")) return `A host has no NUL character: ${quote(host)}`
  if (host.length > HOST_MAX_LENGTH) return `A host has at most ${HOST_MAX_LENGTH} characters: ${quote(host)}`
  return undefined
}

/**
 * What is wrong with the name of a network interface, whatever it names; `undefined` if nothing is.
 *
 * @internal
 */
export const adviceOnInterface = (name: unknown): string | undefined =>
  typeof name === "string" && name !== "" && !name.includes("\0")
    ? undefined
    : `An interface has a name such as eth0, not ${quote(name)}`

/**
 * A host and a port as people write them: `example.org:80`, `[::1]:80`.
 *
 * @since 0.1.0
 * @category printing
 */
export const formatHostPort = (host: string, port: number): string => {
  const text = printed(host)
  return text.includes(":") && !text.startsWith("[") ? `[${text}]:${port}` : `${text}:${port}`
}

const refuse = (advice: string): Either.Either<never, NetworkError> =>
  Either.left(invalidArgument("parse", advice))

/** Splits at the colon before the port; `undefined` if it is not clear which one that is. */
const split = (text: string): readonly [host: string, port: string] | undefined => {
  const colon = text.lastIndexOf(":")
  if (colon < 0) return undefined
  const host = text.slice(0, colon)
  const port = text.slice(colon + 1)
  if (host.startsWith("[") && host.endsWith("]")) {
    return parseLiteral(host) === undefined ? undefined : [host.slice(1, -1), port]
  }
  return /[:[\]]/.test(host) ? undefined : [host, port]
}

/**
 * Reads `host:port`, where the host is a name, an IPv4 address, or an IPv6 address in brackets.
 *
 * @example
 * import { parseHostPort } from "effect-iocp/Address"
 *
 * parseHostPort("example.org:80") // right: { host: "example.org", port: 80 }
 * parseHostPort("[::1]:80") // right: { host: "::1", port: 80 }
 * parseHostPort("::1:80") // left: which colon is it?
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseHostPort = (text: string): Either.Either<HostPort, NetworkError> => {
  const parts = typeof text === "string" ? split(text) : undefined
  if (parts === undefined) return refuse(`Write host:port, or [address]:port for IPv6, not ${quote(text)}`)
  const [host, digits] = parts
  const hostAdvice = adviceOnHost(host)
  if (hostAdvice !== undefined) return refuse(hostAdvice)
  const port = /^(0|[1-9][0-9]{0,4})$/.test(digits) ? Number(digits) : Number.NaN
  if (adviceOnPort(port) !== undefined) {
    return refuse(`A port is a whole number from 0 to 65535, not ${quote(digits)}`)
  }
  return Either.right({ host, port })
}
