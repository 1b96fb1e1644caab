/**
 * The domains of stream sockets, and how the addresses of each look to Windows.
 *
 * @since 0.1.0
 */
import {
  type AddressFamily,
  anyAddress,
  decodeSockaddr,
  decodeUnixSockaddr,
  type Endpoint,
  encodeSockaddr,
  encodeUnixSockaddr,
  isAbstract,
  type SocketAddress,
  type UnixAddress
} from "../../Address/index.js"
import { unixFromSystem } from "../../Address/UnixAddress.js"
import { isSocketError, type SocketError } from "../../Errors/index.js"
import type { SocketFamily } from "../SocketOption.js"

/** @internal */
export interface Domain<A extends Endpoint> {
  readonly family: SocketFamily
  /** What an unbound socket's address is. Windows calls it an invalid argument to ask. */
  readonly unbound: A
  /** The address for the system, or what is wrong with one that was put together by hand. */
  readonly encode: (address: A) => Uint8Array | SocketError
  /** What the system wrote: so many `bytes` of a `sockaddr`, of which `length` are meant. */
  readonly decode: (bytes: Uint8Array, length: number) => A | undefined
}

/** What `encode` answers, or the typed error that it throws. */
const encodedOr = (encode: () => Uint8Array): Uint8Array | SocketError => {
  try {
    return encode()
  } catch (failure) {
    if (isSocketError(failure)) return failure
    throw failure
  }
}

const internet = (family: AddressFamily): Domain<SocketAddress> => ({
  family,
  unbound: anyAddress(family),
  encode: (address) => encodedOr(() => encodeSockaddr(address, "win32")),
  decode: (bytes) => decodeSockaddr(bytes, "win32")
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

const UNNAMED = unixFromSystem("")

/**
 * Paths. Windows has no abstract names, and tells of an unnamed socket as many NULs as there is room for.
 *
 * @internal
 */
export const unixDomain: Domain<UnixAddress> = {
  family: "Unix",
  unbound: UNNAMED,
  encode: (address) => encodedOr(() => encodeUnixSockaddr(address)),
  decode: (bytes, length) => {
    const address = decodeUnixSockaddr(bytes, length)
    return address !== undefined && isAbstract(address) ? UNNAMED : address
  }
}
