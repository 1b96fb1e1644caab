/**
 * An end of a named pipe driven by a completion port: what byte mode and message mode have in common.
 *
 * Lifecycle of a server's end:
 *
 *     Waiting --a client opens it--> Connected --close--> Closed
 *
 * It is a listener's until an accept takes it, as the connection that it is by then (see `IocpPipeListener`). A client's end
 * is connected from its first moment.
 *
 * A client may be there before anybody waits for it, and may be gone again. Then ConnectNamedPipe answers at once, as if it
 * had failed, and no packet comes (535, 232). Both are good: what a client wrote before it left is there to be read, and is
 * not lost for the listener's having been busy.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { format, type PipeAddress } from "../../Address/index.js"
import { fromFileStatus, fromWin32, type SocketError } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { kernel32 } from "../../Iocp/Kernel32.js"
import { peerProcess } from "../../Iocp/PipeCalls.js"
import { Operation } from "../Operation.js"
import { IocpHandle } from "./IocpHandle.js"
import type { IocpHost } from "./IocpHost.js"
import type { OperationSlot } from "./OperationSlots.js"
import type { Start } from "./Start.js"
import { isFailure } from "./Transfer.js"

/**
 * Waits until an instance has a client.
 *
 * @internal
 */
export class ListenOperation extends Operation {
  readonly kind = "Listen"
}

const call = (address: PipeAddress) => ({
  operation: "accept",
  syscall: "ConnectNamedPipe",
  address: format(address)
})

/** The codes that say that a client was there first, and that it has gone since. */
const isHere = (code: number | undefined): boolean =>
  code === C.ERROR_PIPE_CONNECTED || code === C.ERROR_NO_DATA

/**
 * `Op`: the operations of the connection.
 *
 * @internal
 */
export abstract class IocpPipeEnd<Op extends Operation> extends IocpHandle<Op | ListenOperation> {
  readonly address: PipeAddress
  private readonly end: "server" | "client"
  /** Called when the end was given back to the system, while it is a listener's. */
  onClosed: () => void = () => {}

  constructor(host: IocpHost, handle: number, address: PipeAddress, end: "server" | "client") {
    super(host, handle)
    this.address = address
    this.end = end
  }

  get peerProcessId(): Effect.Effect<number, SocketError> {
    return this.call("peerProcessId", (handle) => peerProcess(handle, this.end, "peerProcessId"))
  }

  protected startListen(slot: OperationSlot): Start | "Ended" {
    slot.prepare()
    if (kernel32().ConnectNamedPipe(this.handle, slot.address) !== 0) return "Succeeded"
    const code = kernel32().GetLastError()
    if (isHere(code)) return "Ended"
    return code === C.ERROR_IO_PENDING ? "Pending" : fromWin32(code, call(this.address))
  }

  protected finishListen(operation: ListenOperation, slot: OperationSlot): void {
    const failure = isFailure(slot.status) ? fromFileStatus(slot.status, call(this.address)) : undefined
    operation.failure = isHere(failure?.code) ? undefined : failure
  }

  protected override closeNow(handle: number): void {
    // The handle is ours and closed once only: nothing can be done about a failure. What was written stays to be read.
    kernel32().CloseHandle(handle)
    this.onClosed()
  }

  protected override addressOf(): string {
    return format(this.address)
  }
}
