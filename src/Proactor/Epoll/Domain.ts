/**
 * The domains of stream sockets (socket(2)), and how the addresses of each look to the system.
 *
 * @since 0.1.0
 */
import {
  type AddressFamily,
  decodeSockaddr,
  decodeUnixSockaddr,
  type Endpoint,
  encodeSockaddr,
  encodeUnixSockaddr,
  type SocketAddress,
  type UnixAddress
} from "../../Address/index.js"
import { isSocketError, type SocketError } from "../../Errors/index.js"
import type { SocketFamily } from "../SocketOption.js"

/**
 * @internal
 */
export interface Domain<A extends Endpoint> {
  readonly family: SocketFamily
  /** The address for the system, or what is wrong with one that was put together by hand. */
  readonly encode: (address: A) => Uint8Array | SocketError
  /** What the system wrote: so many `bytes` of a `sockaddr`, of which `length` are meant. */
  readonly decode: (bytes: Uint8Array, length: number) => A | undefined
}

/**
 * What `encode` answers, or the typed error that it throws.
 *
 * @internal
 */
export const encodedOr = (encode: () => Uint8Array): Uint8Array | SocketError => {
  try {
    return encode()
  } catch (failure) {
    if (isSocketError(failure)) return failure
    throw failure
  }
}

const internet = (family: AddressFamily): Domain<SocketAddress> => ({
  family,
  encode: (address) => encodedOr(() => encodeSockaddr(address, "linux")),
  decode: (bytes) => decodeSockaddr(bytes, "linux")
})

/**
 * IPv4 and IPv6.
 *
 * @internal
 */
export const internetDomain: Readonly<Record<AddressFamily, Domain<SocketAddress>>> = {
  IPv4: internet("IPv4"),
  IPv6: internet("IPv6")
}

/**
 * Paths and abstract names.
 *
 * @internal
 */
export const unixDomain: Domain<UnixAddress> = {
  family: "Unix",
  encode: (address) => encodedOr(() => encodeUnixSockaddr(address)),
  decode: decodeUnixSockaddr
}
