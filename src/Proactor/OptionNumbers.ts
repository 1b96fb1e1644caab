/**
 * The numbers of a socket option, which are each system's own, and the same or others for each family of sockets.
 *
 * @since 0.1.0
 */
import type { IntegerOptionName, SocketFamily } from "./SocketOption.js"

/**
 * Level, name, and how many integers the value has: `struct linger` is two.
 *
 * @internal
 */
export type Numbers = readonly [level: number, name: number, integers: 1 | 2]

/**
 * Of one family, or of each.
 *
 * @internal
 */
export type ByFamily = {
  readonly IPv4?: Numbers
  readonly IPv6: Numbers
  /** What an IPv6 socket heeds towards peers that have IPv4, in the place of its own (a mapped address, RFC 4291 2.5.5.2). */
  readonly mapped?: Numbers
  readonly Unix?: Numbers
}

/**
 * Those of a system; nothing for what it has not.
 *
 * @internal
 */
export type OptionTable = Record<IntegerOptionName, Numbers | ByFamily | undefined>

/**
 * Of both versions of IP.
 *
 * @internal
 */
export const internet = (...numbers: Numbers): ByFamily => ({ IPv4: numbers, IPv6: numbers })

/** @internal */
export const numbersOf = (
  table: OptionTable,
  name: IntegerOptionName,
  family: SocketFamily
): Numbers | undefined => {
  const known = table[name]
  return known !== undefined && "IPv6" in known ? known[family] : known
}

/**
 * What an IPv6 socket is given for its peers that have IPv4, besides its own.
 *
 * @internal
 */
export const mappedOf = (
  table: OptionTable,
  name: IntegerOptionName,
  family: SocketFamily
): Numbers | undefined => {
  const known = table[name]
  return family === "IPv6" && known !== undefined && "IPv6" in known ? known.mapped : undefined
}
