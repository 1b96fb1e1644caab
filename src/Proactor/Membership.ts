/**
 * Groups: what is wrong with a membership, found before the system is asked.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { type AddressFamily, make, type SocketAddress } from "../Address/index.js"
import { invalidArgument, type SocketError } from "../Errors/index.js"
import type { Membership } from "./Datagram.js"
import type { NetworkInterface } from "./SocketOption.js"

/**
 * A membership that makes sense for a socket of the group's family.
 *
 * @internal
 */
export interface ParsedMembership {
  readonly group: SocketAddress
  readonly interface: NetworkInterface | undefined
  readonly source: SocketAddress | undefined
}

/**
 * Whether a canonical address is that of a group: 224.0.0.0/4 or ff00::/8.
 *
 * @internal
 */
export const isGroup = (host: string): boolean => {
  // In `ff::1` the first group is 00ff.
  if (host.includes(":")) return /^ff[0-9a-f]{2}:/.test(host)
  const first = Number.parseInt(host, 10)
  return first >= 224 && first <= 239
}

const addressOf = (host: unknown): SocketAddress | undefined =>
  typeof host === "string" ? Either.getOrUndefined(make(host, 0)) : undefined

/**
 * The membership taken apart, or what is wrong with it.
 *
 * @internal
 */
export const parseMembership = (
  operation: "joinGroup" | "leaveGroup",
  family: AddressFamily,
  membership: Membership
): ParsedMembership | SocketError => {
  if (!Predicate.isRecord(membership)) return invalidArgument(operation, "name a membership: { group }")
  const refuse = (advice: string) => invalidArgument(operation, advice, String(membership.group))
  const group = addressOf(membership.group)
  if (group === undefined || !isGroup(group.host)) {
    return refuse("a group is an IP address of 224.0.0.0/4 or ff00::/8")
  }
  if (group.family !== family) return refuse(`the socket is for ${family}, the group is ${group.family}`)
  const source = addressOf(membership.source)
  if (membership.source !== undefined && (source?.family !== family || isGroup(source.host))) {
    return refuse(`the source is to be an ${family} address of one host`)
  }
  const zone = group.scopeId === 0 ? undefined : group.scopeId
  return { group, source, interface: membership.interface ?? zone }
}
