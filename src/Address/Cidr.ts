/**
 * Ranges of IP addresses, as `10.0.0.0/8`, `fd00::/8`, or one address alone (RFC 4632, RFC 4291 section 2.3).
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { invalidArgument, type NetworkError } from "../Errors/index.js"
import { quote } from "./HostPort.js"
import { parseIp } from "./Ip.js"

/**
 * Whether an address, in text, is within what was asked for. IPv4-mapped addresses (`::ffff:10.0.0.1`) count as IPv4: that
 * is what a listener for both versions sees.
 *
 * @since 0.1.0
 * @category models
 */
export type Contains = (host: string) => boolean

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/

const bytesOf = (host: string): Uint8Array | undefined =>
  typeof host === "string" ? Option.getOrUndefined(parseIp(MAPPED.exec(host)?.[1] ?? host)) : undefined

const sameBits = (a: Uint8Array, b: Uint8Array, bits: number): boolean => {
  const whole = bits >> 3
  for (let index = 0; index < whole; index++) if (a[index] !== b[index]) return false
  const shift = 8 - (bits & 7)
  return shift === 8 || (a[whole] ?? 0) >> shift === (b[whole] ?? 0) >> shift
}

const parseOne = (text: string): Contains | undefined => {
  const [, host = "", digits] = /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? []
  const network = bytesOf(host)
  if (network === undefined) return undefined
  const most = 8 * network.length
  const bits = digits === undefined ? most : Number(digits)
  if (bits > most) return undefined
  return (candidate) => {
    const address = bytesOf(candidate)
    return address?.length === network.length && sameBits(address, network, bits)
  }
}

/**
 * Reads ranges; an address is within if it is within one of them. Fails with `InvalidArgument` at what is none.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parseRanges = (texts: ReadonlyArray<string>): Either.Either<Contains, NetworkError> => {
  if (!Array.isArray(texts)) {
    return Either.left(invalidArgument("parseRanges", `The ranges are a list of texts, not ${quote(texts)}`))
  }
  const ranges: Array<Contains> = []
  for (const text of texts) {
    const range = typeof text === "string" ? parseOne(text) : undefined
    if (range === undefined) {
      return Either.left(
        invalidArgument("parseRanges", `Write 10.0.0.0/8, fd00::/8 or an address, not ${quote(text)}`)
      )
    }
    ranges.push(range)
  }
  return Either.right((host) => ranges.some((contains) => contains(host)))
}
