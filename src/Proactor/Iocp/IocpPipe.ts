/**
 * An end of a named pipe in byte mode, driven by a completion port: a stream.
 *
 * Somebody may write nothing to a pipe, and then a read brings nothing and succeeds. That is not the end of the stream, which
 * has a code of its own: the read is started again.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { format, type PipeAddress } from "../../Address/index.js"
import { fromWin32, NetworkError, type SocketError, unsupported } from "../../Errors/index.js"
import { ERROR_OPERATION_ABORTED } from "../../Iocp/Constants.js"
import type { SendFileOperation } from "../FileOperation.js"
import type { ProactorPipe } from "../NamedPipe.js"
import type { ReceiveOperation, SendOperation, StreamOperation } from "../Operation.js"
import { copyOut } from "../ReceiveMemory.js"
import { LARGE_BUFFER_BYTES, SMALL_BUFFER_BYTES } from "./BufferPool.js"
import { IocpPipeEnd, type ListenOperation } from "./IocpPipeEnd.js"
import type { OperationSlot } from "./OperationSlots.js"
import { readEnd, startRead, startWrite, writeFailure } from "./PipeTransfer.js"
import type { Start } from "./Start.js"

/** So many empty writes in a row may come in one call before that is reported as a failure of the read. */
const EMPTY_WRITES_IN_A_ROW = 256

const nothingButEmpty = ({ peer, purpose }: ReceiveOperation): NetworkError =>
  new NetworkError({
    operation: purpose,
    address: peer,
    reason: "InvalidData",
    advice: "the other end writes nothing again and again"
  })

const noFile = ({ purpose }: SendFileOperation): SocketError =>
  unsupported(purpose, "Windows sends files over sockets only")

const noOption = (operation: string) =>
  Effect.failSync(() => unsupported(operation, "a pipe has no socket options"))

/** @internal */
export class IocpPipe extends IocpPipeEnd<StreamOperation> implements ProactorPipe {
  /** A receive that filled its buffer is followed by one with a larger buffer. */
  private receiveBytes = SMALL_BUFFER_BYTES

  get localAddress(): Effect.Effect<PipeAddress, SocketError> {
    return this.call("localAddress", () => this.address)
  }

  get remoteAddress(): Effect.Effect<PipeAddress, SocketError> {
    return this.call("remoteAddress", () => this.address)
  }

  shutdown(): Effect.Effect<never, SocketError> {
    return Effect.failSync(() => unsupported("shutdown", "a pipe ends in both directions at once: close it"))
  }

  getOption(): Effect.Effect<never, SocketError> {
    return noOption("getOption")
  }

  setOption(): Effect.Effect<never, SocketError> {
    return noOption("setOption")
  }

  protected override leavePacketsOut(handle: number): boolean {
    return this.host.providers.skipPacketsOfSystems(handle)
  }

  protected override start(
    operation: StreamOperation | ListenOperation,
    slot: OperationSlot
  ): Start | "Ended" {
    switch (operation.kind) {
      case "Receive":
        return this.startReceive(operation, slot)
      case "Send":
        return this.startSend(operation, slot)
      case "SendFile":
        return noFile(operation)
      case "Listen":
        return this.startListen(slot)
    }
  }

  protected override finish(operation: StreamOperation | ListenOperation, slot: OperationSlot): boolean {
    switch (operation.kind) {
      case "Receive":
        return this.finishReceive(operation, slot)
      case "Send":
        operation.sent = slot.transferred
        operation.failure = writeFailure(slot, operation)
        return true
      case "Listen":
        this.finishListen(operation, slot)
        return true
      case "SendFile":
        // None was started.
        return true
    }
  }

  private startReceive(operation: ReceiveOperation, slot: OperationSlot): Start | "Ended" {
    const byteLength = Math.min(operation.maxBytes, this.receiveBytes)
    return startRead(this.handle, slot, operation, this.host.buffers, byteLength)
  }

  /** An empty write is passed over. `false`: the read waits for the next one. */
  private finishReceive(operation: ReceiveOperation, slot: OperationSlot): boolean {
    for (let attempt = 1; ; attempt++) {
      const end = readEnd(slot, operation)
      const isEmpty = end === "Whole" && slot.transferred === 0
      if (!isEmpty) return this.received(operation, slot, end)
      const start =
        attempt < EMPTY_WRITES_IN_A_ROW ? this.receiveAgain(operation, slot) : nothingButEmpty(operation)
      if (start === "Pending" || (start === "Succeeded" && !this.skipsPackets)) return false
      if (start !== "Succeeded") return this.received(operation, slot, start)
      slot.completeAtOnce()
    }
  }

  private received(
    operation: ReceiveOperation,
    { buffer, transferred }: OperationSlot,
    end: ReturnType<typeof readEnd>
  ): true {
    this.receiveBytes = transferred < SMALL_BUFFER_BYTES ? SMALL_BUFFER_BYTES : LARGE_BUFFER_BYTES
    if (typeof end !== "string") operation.failure = end
    else if (end !== "Ended" && buffer !== undefined) operation.chunk = copyOut(buffer.bytes, transferred)
    return true
  }

  /** Waits for what is written next, unless nobody wants it any more. */
  private receiveAgain(operation: ReceiveOperation, slot: OperationSlot): Start | "Ended" {
    const isUnwanted = slot.isCancelRequested || this.handle < 0
    if (!isUnwanted) return this.startReceive(operation, slot)
    const call = { operation: operation.purpose, syscall: "ReadFile", address: format(this.address) }
    return fromWin32(ERROR_OPERATION_ABORTED, call)
  }

  private startSend(operation: SendOperation, slot: OperationSlot): Start {
    const { bytes, offset, pieces, vanished } = operation
    if (vanished !== undefined) return vanished
    const most = Math.min(pieces?.bytesLeft ?? bytes.length - offset, LARGE_BUFFER_BYTES)
    const buffer = this.host.buffers.acquire(most)
    const length = pieces === undefined ? most : pieces.copyTo(buffer.bytes)
    if (pieces === undefined) buffer.bytes.set(bytes.subarray(offset, offset + length))
    slot.hold(buffer, length)
    operation.sent = 0
    // The system has its own copy from here on, and sends it even if this program loses interest.
    operation.committed = length
    const start = startWrite(this.handle, slot, operation, length)
    if (typeof start !== "string") operation.committed = 0
    return start
  }
}
