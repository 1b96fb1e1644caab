/**
 * IP addresses as text and as bytes.
 *
 * Reading is strict. IPv4 is four decimal parts without leading zeros: `127.1`, `0x7f.0.0.1` and `010.0.0.1` are
 * refused, because programs disagree on what they mean. IPv6 is RFC 4291: `::` once at most, for one group or
 * more, and the last two groups may be written as IPv4.
 *
 * Printing is canonical (RFC 5952): lower case, no leading zeros, `::` for the longest run of two zero groups
 * or more (the first of equals), IPv4-mapped addresses as `::ffff:1.2.3.4`.
 *
 * A zone (`fe80::1%2`) belongs to a socket address, not to the sixteen bytes, so it is split off here and
 * understood in `SocketAddress`.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"

/**
 * The two versions of the Internet Protocol.
 *
 * @since 0.1.0
 * @category models
 */
export type AddressFamily = "IPv4" | "IPv6"

const DOT = 46
const COLON = 58

/**
 * How many bytes an IPv6 address has.
 *
 * @internal
 */
export const IPV6_BYTES = 16

/** The value of an ASCII digit of base 16, or -1. */
const hexDigit = (code: number): number => {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

/** Reads the IPv4 address in `text` from `start` to `end` into four bytes; false if it is none. */
const scanIPv4 = (text: string, start: number, end: number, target: Uint8Array, at: number): boolean => {
  let part = 0
  let digits = 0
  let value = 0
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index)
    if (code === DOT) {
      if (digits === 0 || part === 3) return false
      target[at + part++] = value
      digits = 0
      value = 0
    } else {
      if (code < 48 || code > 57) return false
      if (digits > 0 && value === 0) return false
      value = value * 10 + code - 48
      if (value > 255) return false
      digits++
    }
  }
  if (part !== 3 || digits === 0) return false
  target[at + 3] = value
  return true
}

/** Moves the groups after `::` to the end and fills what `::` stands for; false if the groups do not fit. */
const expandGap = (target: Uint8Array, at: number, written: number, gap: number): boolean => {
  if (gap < 0) return written === IPV6_BYTES
  if (written === IPV6_BYTES) return false
  const tail = written - gap
  target.copyWithin(at + IPV6_BYTES - tail, at + gap, at + written)
  target.fill(0, at + gap, at + IPV6_BYTES - tail)
  return true
}

/** Reads the IPv6 address in `text` up to `end` into sixteen bytes; false if it is none. */
const scanIPv6 = (text: string, end: number, target: Uint8Array, at: number): boolean => {
  let written = 0
  let gap = -1
  let index = 0
  if (text.charCodeAt(0) === COLON) {
    if (end < 2 || text.charCodeAt(1) !== COLON) return false
    gap = 0
    index = 2
  }
  while (index < end) {
    const start = index
    let value = 0
    let digit = hexDigit(text.charCodeAt(index))
    while (digit >= 0 && index < end) {
      value = value * 16 + digit
      digit = hexDigit(text.charCodeAt(++index))
    }
    if (index < end && text.charCodeAt(index) === DOT) {
      if (written > IPV6_BYTES - 4 || !scanIPv4(text, start, end, target, at + written)) return false
      return expandGap(target, at, written + 4, gap)
    }
    if (index === start || index - start > 4 || written === IPV6_BYTES) return false
    target[at + written++] = value >> 8
    target[at + written++] = value & 0xff
    if (index === end) break
    if (text.charCodeAt(index++) !== COLON) return false
    if (index === end) return false
    if (text.charCodeAt(index) === COLON) {
      if (gap >= 0) return false
      gap = written
      index++
    }
  }
  return expandGap(target, at, written, gap)
}

/**
 * Reads an IPv4 address into four bytes of `target`; false if `text` is none.
 *
 * @internal
 */
export const writeIPv4 = (text: string, target: Uint8Array, at: number): boolean =>
  scanIPv4(text, 0, text.length, target, at)

/**
 * Reads an IPv6 address without a zone into sixteen bytes of `target`; false if `text` is none.
 *
 * @internal
 */
export const writeIPv6 = (text: string, target: Uint8Array, at: number): boolean =>
  scanIPv6(text, text.length, target, at)

/**
 * Prints four bytes of `bytes`.
 *
 * @internal
 */
export const printIPv4 = (bytes: Uint8Array, at: number): string =>
  `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`

const groupAt = (bytes: Uint8Array, at: number, group: number): number =>
  ((bytes[at + 2 * group] ?? 0) << 8) | (bytes[at + 2 * group + 1] ?? 0)

/** The groups from `from` up to `to`, with colons between. */
const printGroups = (bytes: Uint8Array, at: number, from: number, to: number): string => {
  let text = ""
  for (let group = from; group < to; group++) {
    text += (group === from ? "" : ":") + groupAt(bytes, at, group).toString(16)
  }
  return text
}

/** `::ffff:0:0/96`: an IPv4 address in IPv6 clothes. */
const isMapped = (bytes: Uint8Array, at: number): boolean => {
  for (let index = 0; index < 10; index++) if (bytes[at + index] !== 0) return false
  return bytes[at + 10] === 0xff && bytes[at + 11] === 0xff
}

/**
 * Prints sixteen bytes of `bytes`.
 *
 * @internal
 */
export const printIPv6 = (bytes: Uint8Array, at: number): string => {
  if (isMapped(bytes, at)) return `::ffff:${printIPv4(bytes, at + 12)}`
  let bestStart = 0
  let bestLength = 1
  let length = 0
  for (let group = 0; group < 8; group++) {
    length = groupAt(bytes, at, group) === 0 ? length + 1 : 0
    if (length > bestLength) {
      bestLength = length
      bestStart = group + 1 - length
    }
  }
  if (bestLength < 2) return printGroups(bytes, at, 0, 8)
  return `${printGroups(bytes, at, 0, bestStart)}::${printGroups(bytes, at, bestStart + bestLength, 8)}`
}

/**
 * The bytes of an IP address in text: four for IPv4, sixteen for IPv6. No zone, no brackets, no port.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseIp = (text: string): Option.Option<Uint8Array> => {
  // What no compiler looked at may be anything.
  if (typeof text !== "string") return Option.none()
  if (text.includes(":")) {
    const bytes = new Uint8Array(IPV6_BYTES)
    return writeIPv6(text, bytes, 0) ? Option.some(bytes) : Option.none()
  }
  const bytes = new Uint8Array(4)
  return writeIPv4(text, bytes, 0) ? Option.some(bytes) : Option.none()
}

/**
 * The canonical text of an IP address of four or sixteen bytes; none for another length.
 *
 * @since 0.1.0
 * @category printing
 */
export const formatIp = (bytes: Uint8Array): Option.Option<string> => {
  if (bytes.length === 4) return Option.some(printIPv4(bytes, 0))
  return bytes.length === IPV6_BYTES ? Option.some(printIPv6(bytes, 0)) : Option.none()
}

/**
 * Which version of IP a text is an address of; `undefined` if it is none (a host name, say, or no text).
 *
 * @since 0.1.0
 * @category guards
 */
export const family = (text: string): AddressFamily | undefined => {
  if (typeof text !== "string") return undefined
  const scratch = new Uint8Array(IPV6_BYTES)
  if (text.includes(":")) return writeIPv6(text, scratch, 0) ? "IPv6" : undefined
  return writeIPv4(text, scratch, 0) ? "IPv4" : undefined
}

/**
 * Whether a text is an IP address, of either version, without zone, brackets or port.
 *
 * @since 0.1.0
 * @category guards
 */
export const isIp = (text: string): boolean => family(text) !== undefined
