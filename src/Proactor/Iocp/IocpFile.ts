/**
 * A file driven by a completion port: what each of its operations calls. The lifecycle of an operation, and of the file as
 * a handle, is `IocpHandle`'s.
 *
 * Reading and writing are overlapped (`ReadFile`, `WriteFile`), through pooled memory as for sockets. They need not be
 * asynchronous for that: Windows does at once what it finds in its cache, and it also does at once, while the caller waits,
 * what makes a file longer. Beyond the end of a file that is not sparse it even fills the gap with zeros first. For a file
 * with large gaps that is what `sparse` is for.
 *
 * Flushing and truncating have no overlapped form, and wait for the disk. A thread makes those calls, and its answer is
 * posted to the port, so that it comes in like every other packet.
 *
 * @since 0.1.0
 */
import { fromFileStatus, fromWin32 } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { kernel32 } from "../../Iocp/Kernel32.js"
import { kernel32Files } from "../../Iocp/Kernel32Files.js"
import {
  type FileOperation,
  FlushOperation,
  type ReadAtOperation,
  type StatOperation,
  TruncateOperation,
  type WriteAtOperation
} from "../FileOperation.js"
import type { ProactorFile } from "../Proactor.js"
import { copyOut } from "../ReceiveMemory.js"
import { LARGE_BUFFER_BYTES } from "./BufferPool.js"
import { closeHandle, onThread, statOf } from "./FileHandle.js"
import { IocpHandle } from "./IocpHandle.js"
import type { OperationSlot } from "./OperationSlots.js"
import { type Start, startOfFileCall } from "./Start.js"
import { isFailure } from "./Transfer.js"

const noBytes = new Uint8Array(0)
const TWO_TO_32 = 0x1_0000_0000

const syscalls = {
  ReadAt: "ReadFile",
  WriteAt: "WriteFile",
  Truncate: "SetFileInformationByHandle",
  Flush: "FlushFileBuffers",
  Stat: "GetFileInformationByHandle"
} as const satisfies Record<FileOperation["kind"], string>

const callOf = ({ kind, peer, purpose }: FileOperation) => ({
  operation: purpose,
  syscall: syscalls[kind],
  address: peer
})

/** @internal */
export class IocpFile extends IocpHandle<FileOperation> implements ProactorFile {
  /** For calls that take the file's handle. */
  get descriptor(): number {
    return this.handle
  }

  /** Where it ends now; `undefined`: it is closed, or the system does not say. */
  get end(): number | undefined {
    return this.handle < 0 ? undefined : statOf(this.handle)?.size
  }

  protected override start(operation: FileOperation, slot: OperationSlot): Start | "Ended" {
    switch (operation.kind) {
      case "ReadAt":
        return operation.vanished ?? this.startRead(operation, slot)
      case "WriteAt":
        return operation.vanished ?? this.startWrite(operation, slot)
      case "Truncate":
        return this.startTruncate(operation, slot)
      case "Flush":
        return this.startFlush(operation, slot)
      case "Stat":
        return this.stat(operation)
    }
  }

  protected override finish(operation: FileOperation, slot: OperationSlot): boolean {
    // What a thread did has said itself how it ended.
    if (operation instanceof TruncateOperation || operation instanceof FlushOperation) return true
    if (isFailure(slot.status)) operation.failure = fromFileStatus(slot.status, callOf(operation))
    else if (operation.kind === "WriteAt") operation.written = slot.transferred
    if (operation.kind !== "ReadAt") return true
    if (slot.status === C.STATUS_END_OF_FILE) endOf(operation)
    else if (operation.failure === undefined && slot.buffer !== undefined)
      operation.fill(slot.buffer.bytes.subarray(0, slot.transferred), copied)
    return true
  }

  protected override leavePacketsOut(handle: number): boolean {
    return this.host.providers.skipPacketsOfSystems(handle)
  }

  protected override closeNow(handle: number): void {
    closeHandle(handle)
  }

  private startRead(operation: ReadAtOperation, slot: OperationSlot): Start | "Ended" {
    const length = Math.min(operation.room, LARGE_BUFFER_BYTES)
    const buffer = this.host.buffers.acquire(length)
    slot.hold(buffer, length)
    slot.prepareAt(operation.position)
    const { address, transferredAddress } = slot
    const isDone = kernel32().ReadFile(this.handle, buffer.address, length, transferredAddress, address) !== 0
    const start = startOfFileCall(isDone, () => callOf(operation))
    // Beyond the end it may fail in the call, and has no packet then.
    if (typeof start === "string" || start.code !== C.ERROR_HANDLE_EOF) return start
    endOf(operation)
    return "Ended"
  }

  private startWrite(operation: WriteAtOperation, slot: OperationSlot): Start {
    const { bytes, offset, position } = operation
    const length = Math.min(bytes.length - offset, LARGE_BUFFER_BYTES)
    const buffer = this.host.buffers.acquire(length)
    buffer.bytes.set(bytes.subarray(offset, offset + length))
    slot.hold(buffer, length)
    operation.written = 0
    if (position === "end") slot.prepareAtEnd()
    else slot.prepareAt(position)
    const { address, transferredAddress } = slot
    const isDone =
      kernel32().WriteFile(this.handle, buffer.address, length, transferredAddress, address) !== 0
    return startOfFileCall(isDone, () => callOf(operation))
  }

  private startTruncate(operation: TruncateOperation, slot: OperationSlot): Start {
    slot.prepare()
    const size = new DataView(slot.addresses.buffer, slot.addresses.byteOffset, 8)
    size.setUint32(0, operation.size % TWO_TO_32, true)
    size.setUint32(4, Math.floor(operation.size / TWO_TO_32), true)
    const { addressesAddress } = slot
    return this.startOnThread(operation, slot, (done) =>
      kernel32Files().SetFileInformationByHandleAsync(
        this.handle,
        C.FILE_END_OF_FILE_INFO,
        addressesAddress,
        8,
        done
      )
    )
  }

  private startFlush(operation: FlushOperation, slot: OperationSlot): Start {
    slot.prepare()
    return this.startOnThread(operation, slot, (done) =>
      kernel32Files().FlushFileBuffersAsync(this.handle, done)
    )
  }

  private startOnThread(
    operation: TruncateOperation | FlushOperation,
    slot: OperationSlot,
    call: (done: (ok: number, code: number) => void) => void
  ): Start {
    const done = (ok: number, code: number) => {
      operation.failure = ok === 0 ? fromWin32(code, callOf(operation)) : undefined
      this.host.post(slot)
    }
    const { peer, purpose } = operation
    return onThread(() => call(done), purpose, syscalls[operation.kind], peer) ?? "Pending"
  }

  private stat(operation: StatOperation): Start | "Ended" {
    operation.stat = statOf(this.handle)
    return operation.stat === undefined ? fromWin32(kernel32().GetLastError(), callOf(operation)) : "Ended"
  }
}

const copied = (bytes: Uint8Array): Uint8Array => copyOut(bytes, bytes.length)

/** The end of the file is no failure. */
const endOf = (operation: ReadAtOperation): void => {
  operation.failure = undefined
  operation.chunk = noBytes
}
