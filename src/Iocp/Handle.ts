/**
 * A handle of this layer that overlapped operations run on: a number, and what closing it has to know.
 *
 * Lifecycle:
 *
 *     Open      operations may be started, once the handle is associated with a port.
 *     Closing   it was closed, or its scope was: what is in flight is cancelled and its packets are dequeued into the
 *               port's inbox. Only then is the handle given back, because its number is reused at once, and an
 *               operation that is still running finds its handle by that number.
 *     Closed    operations fail with `Closed`.
 *
 * @since 0.1.0
 */
import type { SocketError, SystemCall } from "../Errors/index.js"
import type { CompletionPort } from "./CompletionPort.js"
import type { Overlapped } from "./Overlapped.js"

/**
 * What overlapped operations run on: a `Socket` or a `Pipe`.
 *
 * @since 0.1.0
 * @category models
 */
export abstract class OverlappedHandle {
  /** The system's number, for logs. */
  readonly handle: number
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
  constructor(handle: number) {
    this.handle = handle
  }

  /**
   * What the NTSTATUS of a packet says.
   *
   * @internal
   */
  abstract failureOf(status: number, call: SystemCall): SocketError

  /** Whether it can still be used. */
  get isOpen(): boolean {
    return this.state === "Open"
  }
}
