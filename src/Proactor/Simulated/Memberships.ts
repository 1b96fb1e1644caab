/**
 * The groups that a simulated socket has joined. A membership that names no interface hears both.
 *
 * @since 0.1.0
 */

import { isLoopback } from "../../Address/SocketAddress.js"
import type { SocketErrorReason } from "../../Errors/index.js"
import type { Packet } from "./DatagramTraffic.js"
import type { Interface } from "./Interfaces.js"

/** @internal */
export interface SimulatedMembership {
  readonly group: string
  readonly interface: Interface | undefined
  /** From whom alone it hears, if from anybody in particular. */
  readonly source: string | undefined
}

const isSame = (one: SimulatedMembership, other: SimulatedMembership): boolean =>
  one.group === other.group && one.interface === other.interface && one.source === other.source

const isHeard = (
  { group, interface: interface_, source }: SimulatedMembership,
  { sourceHost, targetHost }: Packet
): boolean => {
  const cameBy: Interface = isLoopback(sourceHost) ? "loopback" : "network"
  const isByInterface = interface_ === undefined || interface_ === cameBy
  return group === targetHost && isByInterface && (source === undefined || source === sourceHost)
}

/** @internal */
export class Memberships {
  private all: ReadonlyArray<SimulatedMembership> = []

  join(wanted: SimulatedMembership): SocketErrorReason | undefined {
    if (this.all.some((membership) => isSame(membership, wanted))) return "AddressInUse"
    this.all = [...this.all, wanted]
    return undefined
  }

  leave(wanted: SimulatedMembership): SocketErrorReason | undefined {
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
