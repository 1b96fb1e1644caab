/**
 * Which interface is meant: by an address, a name or an index.
 *
 * @since 0.1.0
 */
import { networkInterfaces } from "node:os"
import { parseLiteral, zoneNumber } from "../Address/Literal.js"
import type { NetworkInterface } from "./SocketOption.js"

/**
 * What is known of an interface. The system may know more.
 *
 * @internal
 */
export interface FoundInterface {
  readonly name: string | undefined
  readonly index: number | undefined
  /** An IPv4 address that it has. */
  readonly ipv4: string | undefined
}

/** What Node tells of an interface, as far as it matters here. */
interface KnownAddress {
  readonly address: string
  readonly family: string
  readonly scopeid?: number | undefined
}

/** @internal */
export type KnownInterfaces = Readonly<Record<string, ReadonlyArray<KnownAddress> | undefined>>

const LARGEST_INDEX = 0xffff_ffff

const isIndex = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= LARGEST_INDEX

const describe = (name: string, addresses: ReadonlyArray<KnownAddress>): FoundInterface => ({
  name,
  // Only link-local addresses tell.
  index: addresses.find(({ scopeid }) => scopeid !== undefined && scopeid > 0)?.scopeid,
  ipv4: addresses.find(({ family }) => family === "IPv4")?.address
})

const withIndex = (index: number): FoundInterface => ({
  name: undefined,
  index,
  ipv4: undefined
})

const canonical = (text: string): string | undefined => parseLiteral(text)?.host

const ofAddress = (host: string, interfaces: KnownInterfaces): FoundInterface | undefined => {
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    if (!addresses.some(({ address }) => canonical(address) === host)) continue
    const found = describe(name, addresses)
    return host.includes(":") ? found : { ...found, ipv4: host }
  }
  return undefined
}

/**
 * The interface that is meant. `undefined`: it is none of this host's. A text: what is wrong with what was asked for.
 *
 * @internal
 */
export const findInterface = (
  wanted: NetworkInterface,
  interfaces: KnownInterfaces = networkInterfaces()
): FoundInterface | string | undefined => {
  if (isIndex(wanted)) return withIndex(wanted)
  if (typeof wanted !== "string" || wanted === "" || wanted.includes("\0")) {
    return "an interface is an IP address, a name, or an index of 1 or more"
  }
  const literal = parseLiteral(wanted)
  if (literal === undefined) {
    const addresses = Object.hasOwn(interfaces, wanted) ? interfaces[wanted] : undefined
    return describe(wanted, addresses ?? [])
  }
  const zone = zoneNumber(literal.zone)
  // A link-local address is that of one interface only together with its zone.
  if (literal.zone !== "") return zone === undefined ? describe(literal.zone, []) : withIndex(zone)
  return ofAddress(literal.host, interfaces)
}
