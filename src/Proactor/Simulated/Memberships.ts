/**
 * The groups that a simulated socket has joined.
 *
 * A simulated host has its loopback and one network, whatever its addresses are. A membership on an address of the
 * loopback hears what was sent by that, one on another address what came by the network, and one that names no interface
 * hears both.
 *
 * @since 0.1.0
 */
import type { SocketErrorReason } from "../../Errors/index.js"
import type { ParsedMembership } from "../Membership.js"
import type { Packet } from "./DatagramTraffic.js"
import { isLoopback, onWire } from "./Ports.js"

const isSame = (one: ParsedMembership, other: ParsedMembership): boolean =>
  one.group.host === other.group.host &&
  one.interface === other.interface &&
  one.source?.host === other.source?.host

const isHeard = (
  { group, interface: interface_, source }: ParsedMembership,
  { sourceHost, targetHost }: Packet
): boolean => {
  const isByLoopback = typeof interface_ === "string" && isLoopback(onWire(interface_))
  const isByInterface = interface_ === undefined || isByLoopback === isLoopback(sourceHost)
  const isFromSource = source === undefined || source.host === sourceHost
  return group.host === targetHost && isByInterface && isFromSource
}

/** @internal */
export class Memberships {
  private all: ReadonlyArray<ParsedMembership> = []

  join(wanted: ParsedMembership): SocketErrorReason | undefined {
    if (this.all.some((membership) => isSame(membership, wanted))) return "AddressInUse"
    this.all = [...this.all, wanted]
    return undefined
  }

  leave(wanted: ParsedMembership): SocketErrorReason | undefined {
    const rest = this.all.filter((membership) => !isSame(membership, wanted))
    if (rest.length === this.all.length) return "AddressNotAvailable"
    this.all = rest
    return undefined
  }

  /** Whether what was sent to a group is for a member. */
  hear(packet: Packet): boolean {
    return this.all.some((membership) => isHeard(membership, packet))
  }
}
