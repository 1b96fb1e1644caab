/**
 * An end of a named pipe of this layer.
 *
 * @since 0.1.0
 */
import type { PipeAddress } from "../Address/index.js"
import { fromFileStatus, type SocketError, type SystemCall } from "../Errors/index.js"
import { OverlappedHandle } from "./Handle.js"

/**
 * How a pipe is read and written: as a stream of bytes, or message by message.
 *
 * @since 0.1.0
 * @category models
 */
export type PipeMode = "byte" | "message"

/**
 * One end of an instance of a named pipe. `createNamedPipe` makes a server's end, `openPipe` a client's.
 *
 * @since 0.1.0
 * @category models
 */
export class Pipe extends OverlappedHandle {
  readonly end: "server" | "client"
  readonly address: PipeAddress
  readonly mode: PipeMode

  /** @internal */
  constructor(handle: number, end: "server" | "client", address: PipeAddress, mode: PipeMode) {
    super(handle)
    this.end = end
    this.address = address
    this.mode = mode
  }

  /** @internal */
  override failureOf(status: number, call: SystemCall): SocketError {
    return fromFileStatus(status, call)
  }
}
