/**
 * The socket options in Windows' numbers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { fromWsa, invalidArgument, type SocketError } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { winsock } from "../../Iocp/Winsock.js"
import { decodeOption, encodeOption, type SocketOptionName, type SocketOptions } from "../SocketOption.js"

/** Level, name, and how many integers the value has: `struct linger` is two, of two bytes each here. */
const numbers: Record<SocketOptionName, readonly [level: number, name: number, integers: 1 | 2]> = {
  noDelay: [C.IPPROTO_TCP, C.TCP_NODELAY, 1],
  keepAlive: [C.SOL_SOCKET, C.SO_KEEPALIVE, 1],
  lingerSeconds: [C.SOL_SOCKET, C.SO_LINGER, 2],
  receiveBufferBytes: [C.SOL_SOCKET, C.SO_RCVBUF, 1],
  sendBufferBytes: [C.SOL_SOCKET, C.SO_SNDBUF, 1]
}

const failed = (operation: string, syscall: string) =>
  Effect.fail(fromWsa(winsock().WSAGetLastError(), { operation, syscall }))

/** @internal */
export const setOption = <Name extends SocketOptionName>(
  handle: number,
  name: Name,
  value: SocketOptions[Name]
): Effect.Effect<void, SocketError> => {
  const encoded = encodeOption(name, value)
  if (typeof encoded === "string") return Effect.fail(invalidArgument("setOption", encoded))
  const [level, option, integers] = numbers[name]
  const { buffer } = integers === 2 ? Uint16Array.from(encoded) : Int32Array.of(encoded[1])
  const bytes = new Uint8Array(buffer)
  const isSet = winsock().setsockopt(handle, level, option, bytes, bytes.length) === 0
  return isSet ? Effect.void : failed("setOption", "setsockopt")
}

/** @internal */
export const getOption = <Name extends SocketOptionName>(
  handle: number,
  name: Name
): Effect.Effect<SocketOptions[Name], SocketError> => {
  const [level, option, integers] = numbers[name]
  const bytes = new DataView(new ArrayBuffer(4))
  const length = new Uint8Array(Int32Array.of(4).buffer)
  const value = new Uint8Array(bytes.buffer)
  if (winsock().getsockopt(handle, level, option, value, length) !== 0) {
    return failed("getOption", "getsockopt")
  }
  const pair = [bytes.getUint16(0, true), bytes.getUint16(2, true)] as const
  return Effect.succeed(decodeOption(name, integers === 2 ? pair : [0, bytes.getInt32(0, true)]))
}
