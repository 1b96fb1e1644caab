/**
 * Addresses of datagrams, read and written at the least cost.
 *
 * Every datagram comes with its sender's `sockaddr`, and goes with its receiver's. To print the one and to read the other
 * costs as much as all the rest that JavaScript does for a small datagram. But peers seldom change: what was read or
 * written lately is kept, in two tables of fixed size, each entry in the one place that its address has there. Another
 * address with the same place takes it over.
 *
 * Reading compares the bytes with those of the entry, and writing compares the parts of the address, so neither can find
 * what is not the same.
 *
 * @since 0.1.0
 */
import {
  type AddressFamily,
  decodeSockaddr,
  encodeSockaddr,
  format,
  type SockaddrPlatform,
  type SocketAddress
} from "../Address/index.js"
import { fromParts } from "../Address/SocketAddress.js"
import { invalidArgument, isSocketError, type SocketError } from "../Errors/index.js"

/** A power of two. */
const PLACES = 512

/** The 32-bit words of a `sockaddr_in6`; a `sockaddr_in` has its family, port and address in the first two. */
const WORDS = 7

interface Read {
  readonly words: Uint32Array
  readonly address: SocketAddress
}

interface Written {
  readonly address: SocketAddress
  readonly bytes: Uint8Array
}

/** The flow label, in the second word of an IPv6 address, is no part of who it is. */
const isSame = (family: AddressFamily, kept: Uint32Array, words: Uint32Array, at: number): boolean => {
  if (kept[0] !== words[at]) return false
  if (family === "IPv4") return kept[1] === words[at + 1]
  for (let word = 2; word < WORDS; word++) if (kept[word] !== words[at + word]) return false
  return true
}

const placeOf = (family: AddressFamily, words: Uint32Array, at: number): number => {
  const port = (words[at] ?? 0) >>> 16
  const host = words[at + (family === "IPv4" ? 1 : 5)] ?? 0
  // The port is in network order: its lower half is the upper byte here.
  return (port ^ (port >>> 8) ^ (host >>> 24) ^ (host >>> 15)) & (PLACES - 1)
}

/**
 * The address as a socket of that family can send to it; or why it cannot. A socket for IPv6 sends to an IPv4 address by
 * its mapped form.
 *
 * @internal
 */
export const sendable = (family: AddressFamily, address: SocketAddress): SocketAddress | SocketError => {
  const refuse = (advice: string) => invalidArgument("send", advice, format(address))
  if (address.port === 0) return refuse("port 0 is no one's: send to 1 to 65535")
  if (address.family === family) return address
  if (family === "IPv4") return refuse("the socket is for IPv4, the address is IPv6")
  return fromParts("IPv6", `::ffff:${address.host}`, address.port, 0)
}

/** @internal */
export class SockaddrCache {
  private readonly platform: SockaddrPlatform
  private readonly family: AddressFamily
  private readonly read: Array<Read | undefined> = new Array(PLACES)
  private readonly written: Array<Written | undefined> = new Array(PLACES)

  /** For sockets of that family. */
  constructor(platform: SockaddrPlatform, family: AddressFamily) {
    this.platform = platform
    this.family = family
  }

  /** The address that the system wrote at `words[at]`, of which `bytes` are the same bytes. */
  decode(words: Uint32Array, at: number, bytes: Uint8Array): SocketAddress | undefined {
    const { family } = this
    const place = placeOf(family, words, at)
    const kept = this.read[place]
    if (kept !== undefined && isSame(family, kept.words, words, at)) return kept.address
    const address = decodeSockaddr(bytes, this.platform)
    if (address?.family !== family) return address
    this.read[place] = { words: words.slice(at, at + WORDS), address }
    return address
  }

  /** The bytes of an address to send to, which stay unchanged; or why the socket cannot send there. */
  encode(address: SocketAddress): Uint8Array | SocketError {
    const place = address.port & (PLACES - 1)
    const kept = this.written[place]
    if (kept !== undefined && isSameAddress(kept.address, address)) return kept.bytes
    const bytes = this.encodeAnew(address)
    if (bytes instanceof Uint8Array) this.written[place] = { address: copyOf(address), bytes }
    return bytes
  }

  private encodeAnew(address: SocketAddress): Uint8Array | SocketError {
    try {
      const seen = sendable(this.family, address)
      return isSocketError(seen) ? seen : encodeSockaddr(seen, this.platform)
    } catch (failure) {
      // Of an address that was put together by hand.
      if (isSocketError(failure)) return failure
      throw failure
    }
  }
}

const isSameAddress = (one: SocketAddress, other: SocketAddress): boolean =>
  one.port === other.port &&
  one.host === other.host &&
  one.scopeId === other.scopeId &&
  one.family === other.family

/** One that was put together by hand may change later. */
const copyOf = ({ family, host, port, scopeId }: SocketAddress): SocketAddress =>
  fromParts(family, host, port, scopeId)
