/**
 * A socket of this layer: a number, and what closing it has to know.
 *
 * Lifecycle:
 *
 *     Open      operations may be started, once the socket is associated with a port.
 *     Closing   `closeSocket` was called, or the scope closed: what is in flight is cancelled and its packets
 *               are dequeued into the port's inbox. Only then is the handle given back, because its number is
 *               reused at once, and an operation that is still running finds its socket by that number.
 *     Closed    operations fail with `Closed`.
 *
 * @since 0.1.0
 */
import type { AddressFamily } from "../Address/index.js"
import type { CompletionPort } from "./CompletionPort.js"
import type { Overlapped } from "./Overlapped.js"

/**
 * A TCP or UDP socket. `createTcpSocket` and `createUdpSocket` make one.
 *
 * @since 0.1.0
 * @category models
 */
export class Socket {
  /** The SOCKET, for logs. */
  readonly handle: number
  readonly kind: "tcp" | "udp"
  readonly family: AddressFamily
  /**
   * The port that it is associated with.
   *
   * @internal
   */
  port: CompletionPort | undefined
  /** @internal */
  state: "Open" | "Closing" | "Closed" = "Open"
  /** @internal */
  readonly inFlight = new Set<Overlapped>()

  /** @internal */
  constructor(handle: number, kind: "tcp" | "udp", family: AddressFamily) {
    this.handle = handle
    this.kind = kind
    this.family = family
  }

  /** Whether it can still be used. */
  get isOpen(): boolean {
    return this.state === "Open"
  }
}
