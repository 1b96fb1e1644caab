/**
 * Socket addresses as the system calls take them: `sockaddr_in` (16 bytes) and `sockaddr_in6` (28 bytes).
 *
 * Linux and Windows lay both out alike; only the number of the IPv6 family differs. The port and the
 * address are big-endian, the family and the scope little-endian (the order of every machine served here):
 *
 * ```
 * sockaddr_in    0 family  2 port  4 address (4)  8 zeros (8)
 * sockaddr_in6   0 family  2 port  4 flow (4)     8 address (16)  24 scope (4)
 * ```
 *
 * @since 0.1.0
 */
import { invalidArgument } from "../Errors/index.js"
import { adviceOnPort, printed, quote } from "./HostPort.js"
import { type AddressFamily, printIPv4, printIPv6, writeIPv4, writeIPv6 } from "./Ip.js"
import { fromParts, type SocketAddress } from "./SocketAddress.js"

export { anyAddress } from "./SocketAddress.js"

/**
 * The systems whose numbers these functions know.
 *
 * @since 0.1.0
 * @category models
 */
export type SockaddrPlatform = "linux" | "win32"

/**
 * The longest address that `encodeSockaddr` writes, in bytes.
 *
 * @since 0.1.0
 * @category constants
 */
export const SOCKADDR_MAX_BYTES = 28

const SOCKADDR_IN_BYTES = 16
const AF_INET = 2
const AF_INET6_LINUX = 10
const AF_INET6_WINDOWS = 23

/**
 * The number of the family in system calls (`AF_INET`, `AF_INET6`).
 *
 * @since 0.1.0
 * @category encoding
 */
export const familyNumber = (family: AddressFamily, platform: SockaddrPlatform): number => {
  if (family === "IPv4") return AF_INET
  return platform === "win32" ? AF_INET6_WINDOWS : AF_INET6_LINUX
}

const sockaddrBytes = (family: AddressFamily): number =>
  family === "IPv4" ? SOCKADDR_IN_BYTES : SOCKADDR_MAX_BYTES

/** The parts of an address that was put together by hand may be anything: say so before the system sees it. */
const refuse = (address: SocketAddress): never => {
  const wrongHost = `${quote(address.host)} is not an ${printed(address.family)} address`
  const wrongScope = `A scope is a whole number from 0 to 4294967295, not ${address.scopeId}`
  const advice = adviceOnPort(address.port) ?? (isUint32(address.scopeId) ? wrongHost : wrongScope)
  throw invalidArgument("address", `${advice}; let make put addresses together`)
}

const isUint32 = (value: number): boolean => value >>> 0 === value

const isPort = (value: number): boolean => (value & 0xffff) === value

/**
 * Writes an address as a `sockaddr` into `target`, which has `SOCKADDR_MAX_BYTES` from `at` on, and gives its
 * length in bytes. Throws a `NetworkError` if the address was put together by hand, and wrongly.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeSockaddrInto = (
  address: SocketAddress,
  platform: SockaddrPlatform,
  target: Uint8Array,
  at = 0
): number => {
  const { family, host, port, scopeId } = address
  if (typeof host !== "string" || !isPort(port) || !isUint32(scopeId)) return refuse(address)
  const byteLength = sockaddrBytes(family)
  target.fill(0, at, at + byteLength)
  target[at] = familyNumber(family, platform)
  target[at + 2] = port >> 8
  target[at + 3] = port & 0xff
  if (family === "IPv4") return writeIPv4(host, target, at + 4) ? byteLength : refuse(address)
  if (!writeIPv6(host, target, at + 8)) return refuse(address)
  for (let index = 0; index < 4; index++) target[at + 24 + index] = scopeId >>> (8 * index)
  return byteLength
}

/**
 * An address as the bytes of a `sockaddr_in` or `sockaddr_in6`. Throws a `NetworkError` if the address was put
 * together by hand, and wrongly.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeSockaddr = (address: SocketAddress, platform: SockaddrPlatform): Uint8Array => {
  const bytes = new Uint8Array(sockaddrBytes(address.family))
  encodeSockaddrInto(address, platform, bytes)
  return bytes
}

/** Four little-endian bytes as an unsigned number. */
const uint32At = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)) >>>
  0

/**
 * The address in the bytes of a `sockaddr`; `undefined` for another family, or for too few bytes. Bytes after
 * the structure are not looked at, so a whole `sockaddr_storage` will do.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeSockaddr = (bytes: Uint8Array, platform: SockaddrPlatform): SocketAddress | undefined => {
  if (bytes.length < SOCKADDR_IN_BYTES) return undefined
  const family = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8)
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)
  if (family === AF_INET) return fromParts("IPv4", printIPv4(bytes, 4), port, 0)
  if (family !== familyNumber("IPv6", platform) || bytes.length < SOCKADDR_MAX_BYTES) return undefined
  return fromParts("IPv6", printIPv6(bytes, 8), port, uint32At(bytes, 24))
}
