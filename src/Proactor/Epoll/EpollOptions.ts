/**
 * The socket options in Linux's numbers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as C from "../../Epoll/Constants.js"
import type { Libc } from "../../Epoll/Libc.js"
import {
  fromErrno,
  invalidArgument,
  isSocketError,
  type SocketError,
  unsupported
} from "../../Errors/index.js"
import { internet, mappedOf, numbersOf, type OptionTable } from "../OptionNumbers.js"
import {
  decodeOption,
  encodeOption,
  type IntegerOptionName,
  type SocketFamily,
  type SocketOptions,
  withArticle
} from "../SocketOption.js"

/**
 * A Unix socket takes whatever is one of `SOL_SOCKET`, and does nothing of the most of it: it has those that it heeds.
 */
const numbers: OptionTable = {
  noDelay: internet(C.IPPROTO_TCP, C.TCP_NODELAY, 1),
  keepAlive: internet(C.SOL_SOCKET, C.SO_KEEPALIVE, 1),
  lingerSeconds: internet(C.SOL_SOCKET, C.SO_LINGER, 2),
  receiveBufferBytes: internet(C.SOL_SOCKET, C.SO_RCVBUF, 1),
  sendBufferBytes: [C.SOL_SOCKET, C.SO_SNDBUF, 1],
  keepAliveIdleSeconds: internet(C.IPPROTO_TCP, C.TCP_KEEPIDLE, 1),
  keepAliveIntervalSeconds: internet(C.IPPROTO_TCP, C.TCP_KEEPINTVL, 1),
  keepAliveCount: internet(C.IPPROTO_TCP, C.TCP_KEEPCNT, 1),
  hopLimit: {
    IPv4: [C.IPPROTO_IP, C.IP_TTL, 1],
    IPv6: [C.IPPROTO_IPV6, C.IPV6_UNICAST_HOPS, 1],
    mapped: [C.IPPROTO_IP, C.IP_TTL, 1]
  },
  trafficClass: {
    IPv4: [C.IPPROTO_IP, C.IP_TOS, 1],
    IPv6: [C.IPPROTO_IPV6, C.IPV6_TCLASS, 1],
    mapped: [C.IPPROTO_IP, C.IP_TOS, 1]
  },
  userTimeoutMilliseconds: internet(C.IPPROTO_TCP, C.TCP_USER_TIMEOUT, 1),
  mark: internet(C.SOL_SOCKET, C.SO_MARK, 1),
  reusePort: internet(C.SOL_SOCKET, C.SO_REUSEPORT, 1),
  v6Only: { IPv6: [C.IPPROTO_IPV6, C.IPV6_V6ONLY, 1] },
  reuseAddress: [C.SOL_SOCKET, C.SO_REUSEADDR, 1],
  broadcast: [C.SOL_SOCKET, C.SO_BROADCAST, 1],
  multicastHopLimit: {
    IPv4: [C.IPPROTO_IP, C.IP_MULTICAST_TTL, 1],
    IPv6: [C.IPPROTO_IPV6, C.IPV6_MULTICAST_HOPS, 1]
  },
  multicastLoopback: {
    IPv4: [C.IPPROTO_IP, C.IP_MULTICAST_LOOP, 1],
    IPv6: [C.IPPROTO_IPV6, C.IPV6_MULTICAST_LOOP, 1]
  }
}

const missing = (operation: string, name: IntegerOptionName, family: SocketFamily): SocketError =>
  unsupported(operation, `${withArticle(family)} socket has no ${name}`)

/**
 * An option with its value, as `setsockopt` takes them.
 *
 * @internal
 */
export interface NativeOption {
  readonly level: number
  readonly option: number
  readonly bytes: Int32Array
  /** The same for peers of the other version of IP, where that is another option. */
  readonly mapped?: NativeOption | undefined
}

/**
 * The option for `setsockopt`, or why there is no such thing.
 *
 * @internal
 */
export const nativeOption = <Name extends IntegerOptionName>(
  family: SocketFamily,
  name: Name,
  value: SocketOptions[Name]
): NativeOption | SocketError => {
  const encoded = encodeOption(name, value)
  if (typeof encoded === "string") return invalidArgument("setOption", encoded)
  const known = numbersOf(numbers, name, family)
  if (known === undefined) return missing("setOption", name, family)
  const [level, option, integers] = known
  const bytes = new Int32Array(integers === 2 ? encoded : [encoded[1]])
  const mapped = mappedOf(numbers, name, family)
  if (mapped === undefined) return { level, option, bytes }
  return { level, option, bytes, mapped: { level: mapped[0], option: mapped[1], bytes } }
}

/** @internal */
export const setNative = (
  system: Libc,
  fd: number,
  { bytes, level, mapped, option }: NativeOption
): SocketError | undefined => {
  if (system.setsockopt(fd, level, option, bytes, bytes.byteLength) !== 0) {
    return fromErrno(system.errno(), { operation: "setOption", syscall: "setsockopt" })
  }
  return mapped === undefined ? undefined : setNative(system, fd, mapped)
}

/** @internal */
export const setOption = <Name extends IntegerOptionName>(
  system: Libc,
  fd: number,
  family: SocketFamily,
  name: Name,
  value: SocketOptions[Name]
): Effect.Effect<void, SocketError> => {
  const native = nativeOption(family, name, value)
  const failure = isSocketError(native) ? native : setNative(system, fd, native)
  return failure === undefined ? Effect.void : Effect.fail(failure)
}

/** @internal */
export const getOption = <Name extends IntegerOptionName>(
  system: Libc,
  fd: number,
  family: SocketFamily,
  name: Name
): Effect.Effect<SocketOptions[Name], SocketError> => {
  const known = numbersOf(numbers, name, family)
  if (known === undefined) return Effect.fail(missing("getOption", name, family))
  const [level, option, integers] = known
  const bytes = new Int32Array(integers)
  if (system.getsockopt(fd, level, option, bytes, new Int32Array([bytes.byteLength])) !== 0) {
    return Effect.fail(fromErrno(system.errno(), { operation: "getOption", syscall: "getsockopt" }))
  }
  const [first = 0, second = 0] = bytes
  return Effect.succeed(decodeOption(name, integers === 2 ? [first, second] : [0, first]))
}
