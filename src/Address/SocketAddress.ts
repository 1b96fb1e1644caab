/**
 * Where a socket is: an IP address and a port.
 *
 * @since 0.1.0
 */

/**
 * The two versions of the Internet Protocol.
 *
 * @since 0.1.0
 * @category models
 */
export type AddressFamily = "IPv4" | "IPv6"

/**
 * An IP address and a port.
 *
 * @since 0.1.0
 * @category models
 */
export interface SocketAddress {
  readonly _tag: "SocketAddress"
  readonly family: AddressFamily
  /** The address in its canonical text form: `127.0.0.1`, `::1` (RFC 5952). */
  readonly host: string
  /** 0 to 65535. */
  readonly port: number
  /** The IPv6 zone as an interface index (RFC 4007); 0 for none, and always 0 for IPv4. */
  readonly scopeId: number
}
