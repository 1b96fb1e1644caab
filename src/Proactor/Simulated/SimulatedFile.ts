/**
 * An open file on the disk of a simulated host. Every operation is over in the call that submits it.
 *
 * @since 0.1.0
 */
import * as C from "../../Epoll/Constants.js"
import { closed, fromErrno } from "../../Errors/index.js"
import type { FileOperation, WriteAtOperation } from "../FileOperation.js"
import type { Ledger } from "../Operation.js"
import type { ProactorFile } from "../Proactor.js"
import type { Content, Disk } from "./Disk.js"

/** What the disk answers is a copy already. */
const own = (bytes: Uint8Array): Uint8Array => bytes

/**
 * What a file needs of its proactor.
 *
 * @internal
 */
export interface SimulatedFileHost {
  readonly ledger: Ledger
  readonly isClosed: boolean
  readonly nowMillis: () => number
  readonly forgetFile: (file: SimulatedFile) => void
}

/** @internal */
export class SimulatedFile implements ProactorFile {
  private readonly host: SimulatedFileHost
  private readonly disk: Disk
  private readonly content: Content
  private isClosed = false

  constructor(host: SimulatedFileHost, disk: Disk, content: Content) {
    this.host = host
    this.disk = disk
    this.content = content
  }

  submit(operation: FileOperation): boolean {
    operation.begin(this.host.ledger)
    if (this.isClosed || this.host.isClosed) operation.failure = closed(operation.purpose, operation.peer)
    else this.perform(operation)
    operation.finish()
    return true
  }

  cancel(_operation: FileOperation): void {
    // None is ever in flight.
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.host.forgetFile(this)
  }

  abandon(): void {
    this.close()
  }

  private perform(operation: FileOperation): void {
    const { content, disk } = this
    switch (operation.kind) {
      case "ReadAt":
        operation.failure = operation.vanished
        if (operation.failure !== undefined) break
        operation.fill(disk.read(content, operation.position, operation.room), own)
        break
      case "WriteAt":
        this.write(operation)
        break
      case "Truncate":
        disk.resize(content, operation.size, this.host.nowMillis())
        break
      case "Stat":
        operation.stat = { size: content.size, modified: new Date(content.modifiedMillis) }
        break
      case "Flush":
        // There is nothing behind this memory.
        break
    }
  }

  private write(operation: WriteAtOperation): void {
    const { bytes, offset, peer, position, purpose } = operation
    operation.failure = operation.vanished
    if (operation.failure !== undefined) return
    const at = position === "end" ? this.content.size : position
    operation.written = this.disk.write(this.content, at, bytes.subarray(offset), this.host.nowMillis())
    if (operation.written > 0) return
    operation.failure = fromErrno(C.ENOSPC, { operation: purpose, syscall: "pwrite", address: peer })
  }
}
