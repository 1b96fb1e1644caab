/**
 * A socket of this layer.
 *
 * @since 0.1.0
 */
import type { AddressFamily } from "../Address/index.js"
import { fromNtStatus, type SocketError, type SystemCall } from "../Errors/index.js"
import { OverlappedHandle } from "./Handle.js"

/**
 * A TCP or UDP socket. `createTcpSocket` and `createUdpSocket` make one.
 *
 * @since 0.1.0
 * @category models
 */
export class Socket extends OverlappedHandle {
  readonly kind: "tcp" | "udp"
  readonly family: AddressFamily

  /** @internal */
  constructor(handle: number, kind: "tcp" | "udp", family: AddressFamily) {
    super(handle)
    this.kind = kind
    this.family = family
  }

  /** @internal */
  override failureOf(status: number, call: SystemCall): SocketError {
    return fromNtStatus(status, call)
  }
}
