/**
 * IP addresses as people and URLs write them: with a zone, or in brackets.
 *
 * @since 0.1.0
 */
import { type AddressFamily, IPV6_BYTES, printIPv4, printIPv6, writeIPv4, writeIPv6 } from "./Ip.js"

/**
 * An address in text, taken apart.
 *
 * @internal
 */
export interface Literal {
  readonly family: AddressFamily
  /** Canonical, without zone. */
  readonly host: string
  /** What follows `%`: a number, or a name that only the system knows; empty for none. */
  readonly zone: string
}

/**
 * Drops the brackets of `[::1]`. Only IPv6 addresses are written so; anything else stays as it is.
 *
 * @internal
 */
export const withoutBrackets = (text: string): string =>
  text.startsWith("[") && text.endsWith("]") && text.includes(":") ? text.slice(1, -1) : text

/**
 * Takes an IPv4 or IPv6 address apart; `undefined` if the text is none.
 *
 * @internal
 */
export const parseLiteral = (text: string): Literal | undefined => {
  const bytes = new Uint8Array(IPV6_BYTES)
  const bare = withoutBrackets(text)
  if (!bare.includes(":")) {
    return writeIPv4(bare, bytes, 0) ? { family: "IPv4", host: printIPv4(bytes, 0), zone: "" } : undefined
  }
  const percent = bare.indexOf("%")
  const address = percent < 0 ? bare : bare.slice(0, percent)
  const zone = percent < 0 ? "" : bare.slice(percent + 1)
  if (percent >= 0 && zone === "") return undefined
  return writeIPv6(address, bytes, 0) ? { family: "IPv6", host: printIPv6(bytes, 0), zone } : undefined
}

/**
 * The interface index that a zone says; `undefined` if it is a name instead.
 *
 * @internal
 */
export const zoneNumber = (zone: string): number | undefined => {
  if (zone === "") return 0
  if (!/^(0|[1-9][0-9]{0,9})$/.test(zone)) return undefined
  const value = Number(zone)
  return value <= 0xffff_ffff ? value : undefined
}
