/**
 * The socket options in Windows' numbers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { fromWsa, invalidArgument, isSocketError, type SocketError, unsupported } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { winsock } from "../../Iocp/Winsock.js"
import { internet, numbersOf, type OptionTable } from "../OptionNumbers.js"
import {
  decodeOption,
  encodeOption,
  type IntegerOptionName,
  type SocketFamily,
  type SocketOptions,
  withArticle
} from "../SocketOption.js"

/**
 * Undefined: Windows has no such option, or takes it and does nothing (`IP_TOS`), or has one that is something else
 * (`TCP_MAXRT` counts whole seconds).
 */
const numbers: OptionTable = {
  noDelay: internet(C.IPPROTO_TCP, C.TCP_NODELAY, 1),
  keepAlive: internet(C.SOL_SOCKET, C.SO_KEEPALIVE, 1),
  lingerSeconds: internet(C.SOL_SOCKET, C.SO_LINGER, 2),
  receiveBufferBytes: internet(C.SOL_SOCKET, C.SO_RCVBUF, 1),
  sendBufferBytes: [C.SOL_SOCKET, C.SO_SNDBUF, 1],
  keepAliveIdleSeconds: internet(C.IPPROTO_TCP, C.TCP_KEEPALIVE, 1),
  keepAliveIntervalSeconds: internet(C.IPPROTO_TCP, C.TCP_KEEPINTVL, 1),
  keepAliveCount: internet(C.IPPROTO_TCP, C.TCP_KEEPCNT, 1),
  hopLimit: {
    IPv4: [C.IPPROTO_IP, C.IP_TTL, 1],
    IPv6: [C.IPPROTO_IPV6, C.IPV6_UNICAST_HOPS, 1]
  },
  trafficClass: undefined,
  userTimeoutMilliseconds: undefined,
  mark: undefined,
  // SO_REUSEADDR is no such thing: it takes the port away from who has it.
  reusePort: undefined,
  v6Only: { IPv6: [C.IPPROTO_IPV6, C.IPV6_V6ONLY, 1] },
  // Of datagram sockets alone.
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
  unsupported(
    operation,
    numbers[name] === undefined
      ? `Windows has no option that is what ${name} is elsewhere`
      : `${withArticle(family)} socket has no ${name}`
  )

const lastFailure = (operation: string, syscall: string): SocketError =>
  fromWsa(winsock().WSAGetLastError(), { operation, syscall })

/**
 * An option with its value, as `setsockopt` takes them.
 *
 * @internal
 */
export interface NativeOption {
  readonly level: number
  readonly option: number
  readonly bytes: Uint8Array
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
  // The two of a `struct linger` have 16 bits each here.
  const { buffer } = integers === 2 ? Uint16Array.from(encoded) : Int32Array.of(encoded[1])
  return { level, option, bytes: new Uint8Array(buffer) }
}

/** @internal */
export const setNative = (
  handle: number,
  { bytes, level, option }: NativeOption,
  operation = "setOption"
): SocketError | undefined => {
  const isSet = winsock().setsockopt(handle, level, option, bytes, bytes.length) === 0
  return isSet ? undefined : lastFailure(operation, "setsockopt")
}

/** @internal */
export const setOption = <Name extends IntegerOptionName>(
  handle: number,
  family: SocketFamily,
  name: Name,
  value: SocketOptions[Name]
): Effect.Effect<void, SocketError> => {
  const native = nativeOption(family, name, value)
  const failure = isSocketError(native) ? native : setNative(handle, native)
  return failure === undefined ? Effect.void : Effect.fail(failure)
}

/** @internal */
export const getOption = <Name extends IntegerOptionName>(
  handle: number,
  family: SocketFamily,
  name: Name
): Effect.Effect<SocketOptions[Name], SocketError> => {
  const known = numbersOf(numbers, name, family)
  if (known === undefined) return Effect.fail(missing("getOption", name, family))
  const [level, option, integers] = known
  const bytes = new DataView(new ArrayBuffer(4))
  const length = new Uint8Array(Int32Array.of(4).buffer)
  const value = new Uint8Array(bytes.buffer)
  if (winsock().getsockopt(handle, level, option, value, length) !== 0) {
    return Effect.fail(lastFailure("getOption", "getsockopt"))
  }
  const pair = [bytes.getUint16(0, true), bytes.getUint16(2, true)] as const
  return Effect.succeed(decodeOption(name, integers === 2 ? pair : [0, bytes.getInt32(0, true)]))
}
