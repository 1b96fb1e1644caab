/**
 * Groups in Linux's structures: `struct group_req` and `struct group_source_req` (RFC 3678), of either family, and
 * interfaces by their index.
 *
 * @since 0.1.0
 */
import { type AddressFamily, encodeSockaddrInto, type SocketAddress } from "../../Address/index.js"
import * as C from "../../Epoll/Constants.js"
import type { Libc } from "../../Epoll/Libc.js"
import { fromErrno, invalidArgument, isSocketError, type SocketError } from "../../Errors/index.js"
import type { Membership } from "../Datagram.js"
import { parseMembership } from "../Membership.js"
import { findInterface } from "../NetworkInterface.js"
import type { NetworkInterface } from "../SocketOption.js"

/** The interface's index, then a `sockaddr_storage` at the next multiple of 8, then another for the source. */
const GROUP_AT = 8
const SOURCE_AT = GROUP_AT + 128
const GROUP_REQ_BYTES = SOURCE_AT
const GROUP_SOURCE_REQ_BYTES = SOURCE_AT + 128

const levelOf = (family: AddressFamily): number => (family === "IPv4" ? C.IPPROTO_IP : C.IPPROTO_IPV6)

/** The index of an interface, 0 for the system's choice; or why there is none. */
const indexOf = (
  system: Libc,
  operation: string,
  wanted: NetworkInterface | undefined
): number | SocketError => {
  if (wanted === undefined) return 0
  const found = findInterface(wanted)
  if (typeof found === "string") return invalidArgument(operation, found)
  const noDevice = { operation, syscall: "if_nametoindex", address: String(wanted) }
  if (found === undefined) return fromErrno(C.ENODEV, noDevice)
  if (found.name === undefined) return found.index ?? 0
  const index = system.if_nametoindex(found.name)
  return index === 0 ? fromErrno(system.errno(), noDevice) : index
}

const requestOf = (index: number, group: SocketAddress, source: SocketAddress | undefined): Uint8Array => {
  const bytes = new Uint8Array(source === undefined ? GROUP_REQ_BYTES : GROUP_SOURCE_REQ_BYTES)
  new DataView(bytes.buffer).setUint32(0, index, true)
  encodeSockaddrInto(group, "linux", bytes, GROUP_AT)
  if (source !== undefined) encodeSockaddrInto(source, "linux", bytes, SOURCE_AT)
  return bytes
}

const names = {
  joinGroup: { anySource: C.MCAST_JOIN_GROUP, oneSource: C.MCAST_JOIN_SOURCE_GROUP },
  leaveGroup: { anySource: C.MCAST_LEAVE_GROUP, oneSource: C.MCAST_LEAVE_SOURCE_GROUP }
} as const

/**
 * Joins or leaves.
 *
 * @internal
 */
export const changeMembership = (
  system: Libc,
  fd: number,
  family: AddressFamily,
  operation: "joinGroup" | "leaveGroup",
  membership: Membership
): SocketError | undefined => {
  const parsed = parseMembership(operation, family, membership)
  if (isSocketError(parsed)) return parsed
  const { group, source } = parsed
  const index = indexOf(system, operation, parsed.interface)
  if (typeof index !== "number") return index
  const request = requestOf(index, group, source)
  const name = names[operation][source === undefined ? "anySource" : "oneSource"]
  if (system.setsockopt(fd, levelOf(family), name, request, request.length) === 0) return undefined
  const address = source === undefined ? group.host : `${group.host} of ${source.host}`
  return fromErrno(system.errno(), { operation, syscall: "setsockopt", address })
}

/**
 * Sets by which interface datagrams to groups leave.
 *
 * @internal
 */
export const setMulticastInterface = (
  system: Libc,
  fd: number,
  family: AddressFamily,
  wanted: NetworkInterface | undefined
): SocketError | undefined => {
  const index = indexOf(system, "setOption", wanted)
  if (typeof index !== "number") return index
  // For IPv4 a `struct ip_mreqn`, of which only the last member counts.
  const value = family === "IPv4" ? Int32Array.of(0, 0, index) : Int32Array.of(index)
  const name = family === "IPv4" ? C.IP_MULTICAST_IF : C.IPV6_MULTICAST_IF
  if (system.setsockopt(fd, levelOf(family), name, value, value.byteLength) === 0) return undefined
  return fromErrno(system.errno(), { operation: "setOption", syscall: "setsockopt", address: String(wanted) })
}

const off = Int32Array.of(0)

/**
 * Has the socket hear the groups that it joins itself, and not those of all sockets of this host.
 *
 * @internal
 */
export const hearOwnGroupsOnly = (system: Libc, fd: number, family: AddressFamily): void => {
  const name = family === "IPv4" ? C.IP_MULTICAST_ALL : C.IPV6_MULTICAST_ALL
  // Before Linux 4.20 IPv6 had no such switch: where it is refused, the socket hears more, and nothing else is wrong.
  system.setsockopt(fd, levelOf(family), name, off, off.byteLength)
}
