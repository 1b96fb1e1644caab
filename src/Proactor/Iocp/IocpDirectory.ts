/**
 * A directory that is watched by a completion port: `ReadDirectoryChangesW`.
 *
 * From the first call on, the system keeps what happens until the next, in a buffer that is as large as that of the first
 * call. What does not fit is lost, all of it, and the next call says so, by a status or by bringing nothing.
 *
 * That call answers "success" when it has been started: its packet is always to come, so none is left out here.
 *
 * @since 0.1.0
 */
import { fromFileStatus } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { kernel32Files } from "../../Iocp/Kernel32Files.js"
import type { ChangesOperation } from "../FileOperation.js"
import type { ProactorDirectory } from "../Proactor.js"
import { LARGE_BUFFER_BYTES } from "./BufferPool.js"
import { closeHandle } from "./FileHandle.js"
import { IocpHandle } from "./IocpHandle.js"
import type { IocpHost } from "./IocpHost.js"
import { NotifyRecords } from "./NotifyRecords.js"
import type { OperationSlot } from "./OperationSlots.js"
import { type Start, startOfFileCall } from "./Start.js"
import { isFailure } from "./Transfer.js"

const FILTER =
  C.FILE_NOTIFY_CHANGE_FILE_NAME |
  C.FILE_NOTIFY_CHANGE_DIR_NAME |
  C.FILE_NOTIFY_CHANGE_ATTRIBUTES |
  C.FILE_NOTIFY_CHANGE_SIZE |
  C.FILE_NOTIFY_CHANGE_LAST_WRITE |
  C.FILE_NOTIFY_CHANGE_CREATION

const watching = ({ peer, purpose }: ChangesOperation) => ({
  operation: purpose,
  syscall: "ReadDirectoryChangesW",
  address: peer
})

/** @internal */
export class IocpDirectory extends IocpHandle<ChangesOperation> implements ProactorDirectory {
  private readonly isRecursive: boolean
  private readonly records = new NotifyRecords()

  constructor(host: IocpHost, handle: number, isRecursive: boolean) {
    super(host, handle)
    this.isRecursive = isRecursive
  }

  protected override start(operation: ChangesOperation, slot: OperationSlot): Start | "Ended" {
    const buffer = this.host.buffers.acquire(LARGE_BUFFER_BYTES)
    slot.hold(buffer, LARGE_BUFFER_BYTES)
    slot.prepare()
    const isStarted =
      kernel32Files().ReadDirectoryChangesW(
        this.handle,
        buffer.address,
        LARGE_BUFFER_BYTES,
        this.isRecursive ? 1 : 0,
        FILTER,
        slot.address
      ) !== 0
    if (isStarted) return "Pending"
    const start = startOfFileCall(false, () => watching(operation))
    // It may say in the call that too much has happened, and there is no packet then.
    if (typeof start === "string" || start.code !== C.ERROR_NOTIFY_ENUM_DIR) return start
    operation.changes = this.records.lost()
    return "Ended"
  }

  protected override finish(operation: ChangesOperation, slot: OperationSlot): boolean {
    const { buffer, status, transferred } = slot
    if (isFailure(status)) operation.failure = fromFileStatus(status, watching(operation))
    else if (buffer === undefined || transferred === 0) operation.changes = this.records.lost()
    else operation.changes = this.records.changesIn(buffer.bytes, transferred)
    return true
  }

  protected override leavePacketsOut(): boolean {
    return false
  }

  protected override closeNow(handle: number): void {
    closeHandle(handle)
  }
}
