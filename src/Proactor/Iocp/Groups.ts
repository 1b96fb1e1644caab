/**
 * Groups in Windows' structures. IPv4 names an interface by an address that it has, or by its index in the form of one;
 * IPv6 by its index.
 *
 * @since 0.1.0
 */
import { type AddressFamily, encodeSockaddrInto, parseIp, type SocketAddress } from "../../Address/index.js"
import { fromWsa, invalidArgument, isSocketError, type SocketError } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { indexByName } from "../../Iocp/Interfaces.js"
import { winsock } from "../../Iocp/Winsock.js"
import type { Membership } from "../Datagram.js"
import { type ParsedMembership, parseMembership } from "../Membership.js"
import { type FoundInterface, findInterface } from "../NetworkInterface.js"
import type { NetworkInterface } from "../SocketOption.js"
import { lastFailure } from "./SocketHandle.js"

type Operation = "joinGroup" | "leaveGroup" | "setOption"

/** `GROUP_SOURCE_REQ`: the interface's index, then a `SOCKADDR_STORAGE` at the next multiple of 8, and another. */
const GROUP_AT = 8
const SOURCE_AT = GROUP_AT + C.SIZEOF_SOCKADDR_STORAGE
const GROUP_SOURCE_REQ_BYTES = SOURCE_AT + C.SIZEOF_SOCKADDR_STORAGE

/** An index that is larger cannot be told from an address. */
const LARGEST_INDEX_AS_ADDRESS = 0x00ff_ffff

const anyInterface: FoundInterface = { name: undefined, index: 0, ipv4: "0.0.0.0" }

const found = (operation: Operation, wanted: NetworkInterface | undefined): FoundInterface | SocketError => {
  if (wanted === undefined) return anyInterface
  const interface_ = findInterface(wanted)
  if (typeof interface_ === "string") return invalidArgument(operation, interface_)
  return interface_ ?? unknownInterface(operation, wanted)
}

const unknownInterface = (operation: Operation, wanted: NetworkInterface | undefined): SocketError =>
  fromWsa(C.WSAEADDRNOTAVAIL, { operation, syscall: "GetAdaptersAddresses", address: String(wanted) })

const bytesOf = (host: string): Uint8Array => {
  const bytes = parseIp(host)
  return bytes._tag === "Some" ? bytes.value : new Uint8Array(4)
}

/** What names it to IPv6. */
const indexOf = ({ index, name }: FoundInterface): number | undefined => {
  if (index !== undefined || name === undefined) return index
  return indexByName(name) || undefined
}

/** What names the interface to IPv4: four bytes. */
const ipv4Of = (interface_: FoundInterface): Uint8Array | undefined => {
  if (interface_.ipv4 !== undefined) return bytesOf(interface_.ipv4)
  const index = indexOf(interface_)
  if (index === undefined || index > LARGEST_INDEX_AS_ADDRESS) return undefined
  return Uint8Array.of(0, index >> 16, (index >> 8) & 0xff, index & 0xff)
}

const withWord = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  new DataView(bytes.buffer).setUint32(at, value, true)
  return bytes
}

interface Request {
  readonly level: number
  readonly join: number
  readonly leave: number
  readonly bytes: Uint8Array
}

const ipv4Request = (
  group: SocketAddress,
  source: SocketAddress | undefined,
  interface_: Uint8Array
): Request =>
  source === undefined
    ? {
        level: C.IPPROTO_IP,
        join: C.IP_ADD_MEMBERSHIP,
        leave: C.IP_DROP_MEMBERSHIP,
        bytes: Buffer.concat([bytesOf(group.host), interface_])
      }
    : {
        level: C.IPPROTO_IP,
        join: C.IP_ADD_SOURCE_MEMBERSHIP,
        leave: C.IP_DROP_SOURCE_MEMBERSHIP,
        bytes: Buffer.concat([bytesOf(group.host), bytesOf(source.host), interface_])
      }

const ipv6Request = (group: SocketAddress, source: SocketAddress | undefined, index: number): Request => {
  if (source === undefined) {
    const bytes = new Uint8Array(20)
    bytes.set(bytesOf(group.host))
    return {
      level: C.IPPROTO_IPV6,
      join: C.IPV6_ADD_MEMBERSHIP,
      leave: C.IPV6_DROP_MEMBERSHIP,
      bytes: withWord(bytes, 16, index)
    }
  }
  const bytes = withWord(new Uint8Array(GROUP_SOURCE_REQ_BYTES), 0, index)
  encodeSockaddrInto(group, "win32", bytes, GROUP_AT)
  encodeSockaddrInto(source, "win32", bytes, SOURCE_AT)
  return {
    level: C.IPPROTO_IPV6,
    join: C.MCAST_JOIN_SOURCE_GROUP,
    leave: C.MCAST_LEAVE_SOURCE_GROUP,
    bytes
  }
}

const requestOf = (operation: Operation, parsed: ParsedMembership): Request | SocketError => {
  const { group, source } = parsed
  const interface_ = found(operation, parsed.interface)
  if (isSocketError(interface_)) return interface_
  if (group.family === "IPv4") {
    const address = ipv4Of(interface_)
    return address === undefined
      ? unknownInterface(operation, parsed.interface)
      : ipv4Request(group, source, address)
  }
  const index = indexOf(interface_)
  return index === undefined
    ? unknownInterface(operation, parsed.interface)
    : ipv6Request(group, source, index)
}

/**
 * Joins or leaves.
 *
 * @internal
 */
export const changeMembership = (
  handle: number,
  family: AddressFamily,
  operation: "joinGroup" | "leaveGroup",
  membership: Membership
): SocketError | undefined => {
  const parsed = parseMembership(operation, family, membership)
  if (isSocketError(parsed)) return parsed
  const request = requestOf(operation, parsed)
  if (isSocketError(request)) return request
  const { bytes, join, leave, level } = request
  const name = operation === "joinGroup" ? join : leave
  if (winsock().setsockopt(handle, level, name, bytes, bytes.length) === 0) return undefined
  const { group, source } = parsed
  const address = source === undefined ? group.host : `${group.host} of ${source.host}`
  return lastFailure(operation, "setsockopt", address)
}

/**
 * Sets by which interface datagrams to groups leave.
 *
 * @internal
 */
export const setMulticastInterface = (
  handle: number,
  family: AddressFamily,
  wanted: NetworkInterface | undefined
): SocketError | undefined => {
  const interface_ = found("setOption", wanted)
  if (isSocketError(interface_)) return interface_
  const index = indexOf(interface_)
  const ofIPv6 = index === undefined ? undefined : withWord(new Uint8Array(4), 0, index)
  const value = family === "IPv4" ? ipv4Of(interface_) : ofIPv6
  if (value === undefined) return unknownInterface("setOption", wanted)
  const level = family === "IPv4" ? C.IPPROTO_IP : C.IPPROTO_IPV6
  const name = family === "IPv4" ? C.IP_MULTICAST_IF : C.IPV6_MULTICAST_IF
  if (winsock().setsockopt(handle, level, name, value, value.length) === 0) return undefined
  return lastFailure("setOption", "setsockopt", String(wanted))
}
