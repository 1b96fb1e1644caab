/**
 * The interfaces of a simulated host: its loopback, and one to the network, whatever its addresses are.
 *
 * @since 0.1.0
 */

import { isLoopback } from "../../Address/SocketAddress.js"
import type { NetworkInterface } from "../SocketOption.js"
import { onWire, type Ports } from "./Ports.js"

/**
 * Their names. They are numbered from 1 on.
 *
 * @internal
 */
export const INTERFACES: ReadonlyArray<string> = ["lo", "eth0"]

/**
 * One of them. @internal
 */
export type Interface = "loopback" | "network"

/**
 * Which of them is meant; `undefined`: none of this host's.
 *
 * @internal
 */
export const findInterface = (wanted: NetworkInterface, ports: Ports<unknown>): Interface | undefined => {
  const index = typeof wanted === "number" ? wanted : INTERFACES.indexOf(wanted) + 1
  if (index === 1) return "loopback"
  if (index === 2) return "network"
  if (typeof wanted === "number") return undefined
  const host = onWire(wanted)
  if (isLoopback(host)) return "loopback"
  return ports.addresses.includes(host) ? "network" : undefined
}
