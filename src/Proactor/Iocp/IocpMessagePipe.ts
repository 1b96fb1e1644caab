/**
 * An end of a named pipe in message mode, driven by a completion port.
 *
 * A read that finds more of a message than it has room for answers as if it had failed (234), and has its packet all the
 * same. What it does where packets are left out is not written down anywhere. So none are left out here.
 *
 * @since 0.1.0
 */
import { invalidArgument } from "../../Errors/index.js"
import type {
  MessageOperation,
  ProactorMessagePipe,
  ReceiveMessageOperation,
  SendMessageOperation
} from "../NamedPipe.js"
import { copyOut } from "../ReceiveMemory.js"
import { LARGE_BUFFER_BYTES, SMALL_BUFFER_BYTES } from "./BufferPool.js"
import { IocpPipeEnd, type ListenOperation } from "./IocpPipeEnd.js"
import type { OperationSlot } from "./OperationSlots.js"
import { readEnd, startRead, startWrite, writeFailure } from "./PipeTransfer.js"
import type { Start } from "./Start.js"

/** @internal */
export class IocpMessagePipe extends IocpPipeEnd<MessageOperation> implements ProactorMessagePipe {
  /** The rest of a message is read with a larger buffer. */
  private receiveBytes = SMALL_BUFFER_BYTES

  protected override leavePacketsOut(): boolean {
    return false
  }

  protected override start(
    operation: MessageOperation | ListenOperation,
    slot: OperationSlot
  ): Start | "Ended" {
    switch (operation.kind) {
      case "ReceiveMessage":
        return this.startReceive(operation, slot)
      case "SendMessage":
        return this.startSend(operation, slot)
      case "Listen":
        return this.startListen(slot)
    }
  }

  protected override finish(operation: MessageOperation | ListenOperation, slot: OperationSlot): boolean {
    switch (operation.kind) {
      case "ReceiveMessage":
        this.finishReceive(operation, slot)
        break
      case "SendMessage":
        operation.failure = writeFailure(slot, operation)
        break
      case "Listen":
        this.finishListen(operation, slot)
    }
    return true
  }

  private startReceive(operation: ReceiveMessageOperation, slot: OperationSlot): Start | "Ended" {
    operation.isLast = false
    operation.hasEnded = false
    const start = startRead(this.handle, slot, operation, this.host.buffers, this.receiveBytes)
    if (start === "Ended") operation.hasEnded = true
    return start
  }

  private finishReceive(operation: ReceiveMessageOperation, slot: OperationSlot): void {
    const end = readEnd(slot, operation)
    this.receiveBytes = end === "Part" ? LARGE_BUFFER_BYTES : SMALL_BUFFER_BYTES
    if (typeof end !== "string") operation.failure = end
    else if (end === "Ended") operation.hasEnded = true
    else if (slot.buffer !== undefined) {
      operation.part = copyOut(slot.buffer.bytes, slot.transferred)
      operation.isLast = end === "Whole"
    }
  }

  private startSend(operation: SendMessageOperation, slot: OperationSlot): Start {
    const { byteLength, message, peer, purpose } = operation
    if (message.length !== byteLength) {
      const advice = "the buffer was taken away while it was being written: leave it until that is done"
      return invalidArgument(purpose, advice, peer)
    }
    const buffer = this.host.buffers.acquire(byteLength)
    buffer.bytes.set(message)
    slot.hold(buffer, byteLength)
    // The system has its own copy from here on, and sends it even if this program loses interest.
    return startWrite(this.handle, slot, operation, byteLength)
  }
}
