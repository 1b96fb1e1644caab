/**
 * The operations of a connection's sending half: see `WriteHalf`.
 *
 * @since 0.1.0
 */
import { SendFileOperation } from "../../Proactor/FileOperation.js"
import { SendOperation } from "../../Proactor/Operation.js"
import type { FileSource, FileUse } from "./FileSource.js"
import type { Peer } from "./Lifetime.js"

/**
 * Whose operations they are.
 *
 * @internal
 */
export interface Sender {
  readonly owner: Peer
  /** The operation in flight has retired. */
  readonly retired: () => void
  /** The file that is being sent is being closed: asks that the operation end early. */
  readonly cancelFile: () => void
}

/** @internal */
export class Sending extends SendOperation {
  private readonly sender: Sender

  constructor(sender: Sender) {
    super()
    this.sender = sender
  }

  override get purpose(): string {
    return "write"
  }

  override get peer(): string {
    return this.sender.owner.peer
  }

  override onRetired(): void {
    this.sender.retired()
  }
}

/**
 * Uses the file for as long as it is in flight, also when nobody waits for it any more.
 *
 * @internal
 */
export class SendingFile extends SendFileOperation {
  private readonly sender: Sender
  private readonly use: FileUse
  private source: FileSource | undefined

  constructor(sender: Sender) {
    super()
    this.sender = sender
    this.use = { cancel: () => sender.cancelFile() }
  }

  override get purpose(): string {
    return "sendFile"
  }

  override get peer(): string {
    return this.sender.owner.peer
  }

  /** The file is used from here on. */
  hold(source: FileSource): void {
    this.source = source
    source.begin(this.use)
  }

  /** It is not any more. */
  release(): void {
    this.source?.end(this.use)
    this.source = undefined
  }

  override onRetired(): void {
    this.release()
    this.sender.retired()
  }
}
