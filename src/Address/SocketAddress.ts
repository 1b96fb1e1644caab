/**
 * Where a socket is: an IP address and a port.
 *
 * Values made here compare by content (`Equal.equals`), hash, and print as people write them.
 *
 * A zone is a number here. A zone by name (`fe80::1%eth0`) means something on one machine at one moment, so
 * asking the system for its number is the resolver's work; here it is refused, with a typed error.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import { identity } from "effect/Function"
import * as Hash from "effect/Hash"
import * as Predicate from "effect/Predicate"
import { invalidArgument, type NetworkError } from "../Errors/index.js"
import { adviceOnHost, adviceOnPort, formatHostPort, parseHostPort, printed, quote } from "./HostPort.js"
import type { AddressFamily } from "./Ip.js"
import { parseLiteral, zoneNumber } from "./Literal.js"

export type { AddressFamily } from "./Ip.js"

/**
 * An IP address and a port.
 *
 * @since 0.1.0
 * @category models
 */
export interface SocketAddress {
  readonly _tag: "SocketAddress"
  readonly family: AddressFamily
  /** The address in its canonical text form: `127.0.0.1`, `::1` (RFC 5952). */
  readonly host: string
  /** 0 to 65535. */
  readonly port: number
  /** The IPv6 zone as an interface index (RFC 4007); 0 for none, and always 0 for IPv4. */
  readonly scopeId: number
}

/** A class, not `Data.struct`: one is made for every accepted connection and every datagram. */
class SocketAddressValue implements SocketAddress, Equal.Equal {
  readonly _tag = "SocketAddress"
  readonly family: AddressFamily
  readonly host: string
  readonly port: number
  readonly scopeId: number

  constructor(family: AddressFamily, host: string, port: number, scopeId: number) {
    this.family = family
    this.host = host
    this.port = port
    this.scopeId = scopeId
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    return that instanceof SocketAddressValue && Equivalence(this, that)
  }

  [Hash.symbol](): number {
    return Hash.cached(this, Hash.combine(Hash.number(this.port))(Hash.string(this.host)))
  }

  toString(): string {
    return format(this)
  }
}

/**
 * Makes a value of parts that are known to be right: `host` canonical, `port` and `scopeId` in range.
 *
 * @internal
 */
export const fromParts = (
  family: AddressFamily,
  host: string,
  port: number,
  scopeId: number
): SocketAddress => new SocketAddressValue(family, host, port, scopeId)

/**
 * Whether two addresses are the same, however they were made.
 *
 * @since 0.1.0
 * @category equivalence
 */
export const Equivalence = (self: SocketAddress, that: SocketAddress): boolean =>
  self.port === that.port && self.host === that.host && self.scopeId === that.scopeId

/**
 * An address as people write it: `127.0.0.1:80`, `[::1]:80`, `[fe80::1%2]:80`.
 *
 * @since 0.1.0
 * @category printing
 */
export const format = (address: SocketAddress): string => {
  const host = printed(address.host)
  if (address.family === "IPv4") return `${host}:${address.port}`
  const zone = address.scopeId === 0 ? "" : `%${address.scopeId}`
  return `[${host}${zone}]:${address.port}`
}

/** Zero to 2^32 - 1. */
const isScopeId = (value: unknown): boolean => typeof value === "number" && value >>> 0 === value

const refuse = (advice: string, address?: string): Either.Either<never, NetworkError> =>
  Either.left(invalidArgument("address", advice, address))

/**
 * An address of an IP address in text and a port. The host may have a zone (`fe80::1%2`) and, if IPv6, brackets;
 * names are not looked up.
 *
 * @example
 * import { format, unsafeMake } from "effect-iocp/Address"
 *
 * format(unsafeMake("0:0::1", 80)) // "[::1]:80"
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (host: string, port: number): Either.Either<SocketAddress, NetworkError> => {
  const advice = adviceOnHost(host) ?? adviceOnPort(port)
  if (advice !== undefined) return refuse(advice)
  const literal = parseLiteral(host)
  const written = formatHostPort(host, port)
  if (literal === undefined) {
    return refuse(`${quote(host)} is not an IP address: names go through the resolver`, written)
  }
  const scopeId = zoneNumber(literal.zone)
  if (scopeId === undefined) {
    return refuse(
      `The zone ${quote(literal.zone)} is not an interface number: names go through the resolver`,
      written
    )
  }
  // `| 0` for -0, which is an integer in range but prints and compares in surprising ways.
  return Either.right(fromParts(literal.family, literal.host, port | 0, scopeId))
}

/**
 * Like `make`, for literals in a program: throws the `NetworkError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unsafeMake = (host: string, port: number): SocketAddress =>
  Either.getOrThrowWith(make(host, port), identity)

/**
 * Reads what `format` prints: `127.0.0.1:80`, `[::1]:80`, `[fe80::1%2]:80`.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parse = (text: string): Either.Either<SocketAddress, NetworkError> =>
  Either.flatMap(parseHostPort(text), ({ host, port }) => make(host, port))

/**
 * The address that stands for all of this host's: listen there to be reached on every interface. Throws a
 * `NetworkError` if the port is out of range.
 *
 * @since 0.1.0
 * @category constructors
 */
export const anyAddress = (family: AddressFamily, port = 0): SocketAddress =>
  unsafeMake(family === "IPv4" ? "0.0.0.0" : "::", port)

/**
 * This host as it sees itself: `127.0.0.1` or `::1`. Throws a `NetworkError` if the port is out of range.
 *
 * @since 0.1.0
 * @category constructors
 */
export const loopbackAddress = (family: AddressFamily, port = 0): SocketAddress =>
  unsafeMake(family === "IPv4" ? "127.0.0.1" : "::1", port)

/**
 * Whether what is sent to a canonical address never leaves this host, and is seen by no network: `::1`, or of 127.0.0.0/8, mapped
 * into IPv6 or not.
 *
 * @internal
 */
export const isLoopback = (host: string): boolean => host === "::1" || /^(::ffff:)?127\./.test(host)

/**
 * Whether a value is an address, all of its parts looked at: made here, or put together by hand.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSocketAddress = (value: unknown): value is SocketAddress => {
  if (value instanceof SocketAddressValue) return true
  if (!Predicate.isRecord(value) || value["_tag"] !== "SocketAddress") return false
  const { family, host, port, scopeId } = value
  const literal = typeof host === "string" ? parseLiteral(host) : undefined
  if (literal === undefined || literal.family !== family || literal.host !== host) return false
  return adviceOnPort(port) === undefined && (family === "IPv4" ? scopeId === 0 : isScopeId(scopeId))
}
