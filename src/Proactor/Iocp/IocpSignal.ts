/**
 * Signals on a completion port: whoever raises one posts a packet, under the key of the signal's slot.
 *
 * Lifecycle:
 *
 *     Quiet --submit--> Awaited --packet, or cancel--> Quiet
 *       |  ^
 *       |  +--submit, which is over at once--+
 *       +--packet--------------------------> Raised
 *
 * and from each of them to Closed. Nothing of an operation is with the system: it retires when a packet of the signal's is
 * dequeued, or when it is cancelled, at once.
 *
 * Each other thread posts through a handle of the port of its own, which is lent to it (see `Lease`). Packets that come when
 * the signal is closed find nobody: its slot is in another generation by then. They have an OVERLAPPED pointer that is
 * none, so that they are not taken for an operation's.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { closed, fromWin32, fromWsa, type SocketError } from "../../Errors/index.js"
import { Leases, type Lent } from "../../Foreign/Lease.js"
import { ERROR_OPERATION_ABORTED } from "../../Iocp/Constants.js"
import { duplicate, enqueue, kernel32 } from "../../Iocp/Kernel32.js"
import { threads } from "../../Iocp/Threads.js"
import type { Ledger, Operation, SignalOperation } from "../Operation.js"
import type { ProactorSignal, SignalShare } from "../Proactor.js"
import { SlotTable } from "../SlotTable.js"

/**
 * The OVERLAPPED pointer of a signal's packets. No record is at this address.
 *
 * @internal
 */
export const SIGNAL_MARK = 1

/** A key is index * 2^31 + generation: exact in a number for up to 2^22 signals at once. */
const GENERATIONS = 2 ** 31

/**
 * What raises a signal on a completion port. Plain data.
 *
 * @since 0.1.0
 * @category models
 */
export interface IocpSignalToken {
  readonly _tag: "IocpSignal"
  readonly lent: Lent
  readonly key: number
}

/**
 * Posts the packet of the signal that has the key, and answers whether that was done.
 *
 * @internal
 */
export const postSignal = (port: number, key: number): boolean => enqueue(port, 0, key, SIGNAL_MARK) === 0

/**
 * What a signal needs of its proactor.
 *
 * @internal
 */
export interface SignalHost {
  readonly ledger: Ledger
  /** Whether the proactor is closing, and takes no operation any more. */
  readonly isEnding: boolean
  /** An operation is in flight: the loop has something to wait for. */
  readonly started: () => void
  /** An operation was cancelled: the loop may have nothing left to wait for. */
  readonly cancelled: () => void
  /** A packet retired an operation: its submitter is to be told after the batch. */
  readonly retired: (operation: Operation) => void
}

class IocpSignal implements ProactorSignal {
  private readonly host: SignalHost
  private readonly port: number
  private readonly table: SlotTable<IocpSignal>
  private readonly slot: number
  private readonly key: number
  private readonly leases = new Leases()
  private awaiting: SignalOperation | undefined
  private isRaised = false
  private isClosed = false

  constructor(host: SignalHost, port: number, table: SlotTable<IocpSignal>) {
    this.host = host
    this.port = port
    this.table = table
    this.slot = table.acquire(this)
    this.key = this.slot * GENERATIONS + table.generation(this.slot)
  }

  get share(): Effect.Effect<SignalShare, SocketError> {
    return Effect.suspend(() => {
      if (this.isClosed) return Effect.fail(closed("share"))
      const handle = duplicate(this.port)
      if (handle !== undefined) return Effect.succeed(this.lend(handle))
      const call = { operation: "share", syscall: "DuplicateHandle" }
      return Effect.fail(fromWin32(kernel32().GetLastError(), call))
    })
  }

  raise(): void {
    if (!this.isClosed) postSignal(this.port, this.key)
  }

  submit(operation: SignalOperation): boolean {
    operation.begin(this.host.ledger)
    const isRefused = this.isClosed || this.host.isEnding
    if (!isRefused && !this.isRaised) {
      this.awaiting = operation
      this.host.started()
      return false
    }
    if (isRefused) operation.failure = closed(operation.purpose)
    this.isRaised = false
    operation.finish()
    return true
  }

  cancel(operation: SignalOperation): void {
    if (this.awaiting !== operation) return
    this.awaiting = undefined
    const call = { operation: operation.purpose, syscall: "GetQueuedCompletionStatusEx" }
    operation.failure = fromWsa(ERROR_OPERATION_ABORTED, call)
    operation.finish()
    operation.onRetired()
    this.host.cancelled()
  }

  /** A packet of the signal's was dequeued. */
  arrived(): void {
    const operation = this.awaiting
    this.isRaised = operation === undefined
    if (operation === undefined) return
    this.awaiting = undefined
    operation.finish()
    this.host.retired(operation)
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.table.release(this.slot)
    if (this.awaiting !== undefined) this.cancel(this.awaiting)
    this.leases.endAll()
  }

  abandon(): void {
    // The system holds nothing of it. Closing is always right.
    this.close()
  }

  private lend(handle: number): SignalShare {
    const { end, lent } = this.leases.grant(handle, threads)
    return { token: { _tag: "IocpSignal", lent, key: this.key }, end }
  }
}

/**
 * The signals of a proactor.
 *
 * @internal
 */
export class IocpSignals {
  private readonly host: SignalHost
  private readonly table = new SlotTable<IocpSignal>()

  constructor(host: SignalHost) {
    this.host = host
  }

  get size(): number {
    return this.table.size
  }

  /** A signal on the port. The caller closes it. */
  open(port: number): ProactorSignal {
    return new IocpSignal(this.host, port, this.table)
  }

  /** A packet with the mark was dequeued. */
  arrived(key: number): void {
    this.table.find(Math.floor(key / GENERATIONS), key % GENERATIONS)?.arrived()
  }

  closeAll(): void {
    for (const signal of this.table.tenants()) signal.close()
  }
}
