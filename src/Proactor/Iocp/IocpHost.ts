/**
 * What a handle needs of the proactor that it belongs to.
 *
 * @since 0.1.0
 */
import type { SocketError } from "../../Errors/index.js"
import type { Ledger, Operation } from "../Operation.js"
import type { BufferPool } from "./BufferPool.js"
import type { IocpHandle } from "./IocpHandle.js"
import type { OperationSlot, OperationSlots } from "./OperationSlots.js"
import type { Providers } from "./Provider.js"

/** @internal */
export interface IocpHost {
  readonly ledger: Ledger
  readonly slots: OperationSlots
  readonly buffers: BufferPool
  readonly providers: Providers
  /** Whether the proactor is closing, and takes no operation any more. */
  readonly isEnding: boolean
  /** An operation is in flight: the loop has something to wait for. */
  readonly started: () => void
  /** Posts the packet of an operation that a thread has ended rather than the system. Its outcome is in its fields. */
  readonly post: (slot: OperationSlot) => void
  /** An operation has ended, and is to retire when timers and other I/O had their turn. */
  readonly postpone: (operation: Operation) => void
  /** A packet retired an operation: its submitter is to be told after the batch. */
  readonly retired: (operation: Operation) => void
  /** Makes a handle one of this proactor's, to be driven by its port; or closes it and says why. */
  readonly associate: (handle: IocpHandle, operation: string) => SocketError | undefined
  /** The handle's completion key ends. */
  readonly forget: (handle: IocpHandle) => void
  /** So many operations more are in flight (fewer, if negative) that nobody waits for. */
  readonly orphaned: (count: number) => void
}
