/**
 * The addresses of Unix domain sockets as the system calls take them: `sockaddr_un`, of which only so many bytes count as
 * the call is told (unix(7)).
 *
 * ```
 * a path             0 family (2)  2 the path  then a NUL, which counts
 * an abstract name   0 family (2)  2 a NUL     3 the name, to its very end: a NUL after it would be part of it
 * unnamed            0 family (2)  and nothing more
 * ```
 *
 * Linux and Windows lay it out alike. Names are UTF-8 here, as Node's paths are. To the systems they are any bytes, and
 * those that are not UTF-8 come out with U+FFFD in their places.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import { isAbstract, makeUnix, UNIX_PATH_MAX_BYTES, type UnixAddress, unixFromSystem } from "./UnixAddress.js"

/** `AF_UNIX`, of each system. */
const AF_UNIX = 1

const FAMILY_BYTES = 2

/**
 * The longest address that `encodeUnixSockaddr` writes, and that a system tells, in bytes: a path may fill all of
 * `sun_path`, and lack its NUL.
 *
 * @since 0.1.0
 * @category constants
 */
export const SOCKADDR_UN_MAX_BYTES = FAMILY_BYTES + UNIX_PATH_MAX_BYTES

const encoder = new TextEncoder()
const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

/**
 * An address as the bytes of a `sockaddr_un`, all of which count. Throws a `NetworkError` if the address was put together
 * by hand, and wrongly; or if it is that of an unnamed socket, to which nothing leads.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeUnixSockaddr = (address: UnixAddress): Uint8Array => {
  const { path } = Either.getOrThrowWith(makeUnix(address.path), identity)
  const name = encoder.encode(path)
  const bytes = new Uint8Array(FAMILY_BYTES + name.length + (isAbstract(address) ? 0 : 1))
  bytes[0] = AF_UNIX
  bytes.set(name, FAMILY_BYTES)
  return bytes
}

/** Where a path ends: at its NUL, or with the room for it. */
const endOfPath = (name: Uint8Array): number => {
  const nul = name.indexOf(0)
  return nul < 0 ? name.length : nul
}

/**
 * The address in the first `length` bytes of a `sockaddr`, which is what the system said of its length; `undefined` for
 * another family.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeUnixSockaddr = (bytes: Uint8Array, length = bytes.length): UnixAddress | undefined => {
  // Linux says one more than there is room for where a path lacks its NUL.
  const end = Math.min(length, bytes.length, SOCKADDR_UN_MAX_BYTES)
  if (end < FAMILY_BYTES || bytes[0] !== AF_UNIX || bytes[1] !== 0) return undefined
  const name = bytes.subarray(FAMILY_BYTES, end)
  const isPath = name[0] !== 0
  return unixFromSystem(decoder.decode(isPath ? name.subarray(0, endOfPath(name)) : name))
}
