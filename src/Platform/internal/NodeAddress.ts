/**
 * An address as `net.Socket` tells it.
 *
 * @since 0.1.0
 */
import type { AddressFamily, Endpoint } from "../../Address/index.js"

/**
 * Of any other kind than an IP address `net.Socket` tells nothing.
 *
 * @internal
 */
export interface NodeAddress {
  readonly address: string | undefined
  readonly port: number | undefined
  readonly family: AddressFamily | undefined
}

/** @internal */
export const nodeAddress = (address: Endpoint): NodeAddress => {
  if (address._tag !== "SocketAddress") return { address: undefined, port: undefined, family: undefined }
  const { family, host, port, scopeId } = address
  return { address: scopeId === 0 ? host : `${host}%${scopeId}`, port, family }
}
