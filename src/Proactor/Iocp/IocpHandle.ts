/**
 * A handle driven by a completion port, whatever it is a handle of: what all of them have in common.
 *
 * Lifecycle of an operation on it:
 *
 *     slot taken --call fails, or succeeds where packets are left out--> slot given back, retired by `submit`
 *         |
 *         +--call is pending, or succeeds elsewhere--> in flight --packet--> slot given back, retired by the loop
 *                                                        |
 *                                                        +--cancel--> still in flight: a packet comes all the same
 *
 * Whether a call that does everything at once has a packet too is settled for each handle before its first operation
 * (see `Provider`). So of each call one thing is known as soon as it returns: that it is over for the kernel too, or
 * that exactly one packet will come, and only that packet makes free what the kernel could write to. Everything a
 * packet may need is in place before the call is made, since it can be queued before the call returns.
 *
 * A handle whose other end is fast could go on like that for ever, and nobody else would get a turn. So of the
 * operations that end at once, after a number of them in a row, one is told only in a later turn of the event loop: its
 * slot is given back, and nothing of it is with the kernel any more, but it retires like one that was in flight.
 *
 * Lifecycle of the handle:
 *
 *     Open --close, nothing in flight--> Closed
 *       |
 *       +--close, or abandon, with operations in flight--> Draining --last packet--> Closed
 *
 * A handle is closed only when nothing is in flight on it: after `closesocket` the system may go on with a pending
 * send by the handle's number, which can be another socket's by then. Whoever closes is expected to have cancelled and
 * waited; where that did not happen, the handle drains by itself. Either way it refuses every call from then on.
 *
 * What kind of handle it is, a subclass knows: which call starts an operation, how the record that a packet leads to
 * is read, whether packets may be left out, and which call closes the handle.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { closed, isSocketError, type SocketError } from "../../Errors/index.js"
import { kernel32 } from "../../Iocp/Kernel32.js"
import type { Operation } from "../Operation.js"
import type { ProactorHandle } from "../Proactor.js"
import type { IocpHost } from "./IocpHost.js"
import type { OperationSlot, SlotOwner } from "./OperationSlots.js"
import type { Start } from "./Start.js"

/** So many operations of a handle end in the call that starts them, before one waits until others had their turn. */
const ENDED_AT_ONCE_IN_A_ROW = 32

/**
 * `Op`: the operations that it takes.
 *
 * @internal
 */
export abstract class IocpHandle<Op extends Operation = Operation>
  implements ProactorHandle<Op>, SlotOwner<Op>
{
  /** The slot in the proactor's table of handles. */
  slot = -1
  /** What calls go to; -1 from `close` on. */
  protected handle: number
  /** The same for as long as anything may be in flight on it, also while it is closing; -1 once it was given back. */
  protected unclosed: number
  /** Whether an operation that its call does at once has no packet. Settled before the first one. */
  protected skipsPackets = false
  protected readonly host: IocpHost
  /** The completion key, made of the slot and its generation. */
  private key = 0
  private inFlight = 0
  private endedAtOnce = 0
  private isAbandoned = false

  constructor(host: IocpHost, handle: number) {
    this.host = host
    this.handle = handle
    this.unclosed = handle
  }

  /** Makes the call that starts the operation, on an open handle. "Ended": it was none that the port hears of, and did all. */
  protected abstract start(operation: Op, slot: OperationSlot): Start | "Ended"

  /** Reads how the operation ended; the handle may be closing. `false`: it is not over, it was started again. */
  protected abstract finish(operation: Op, slot: OperationSlot): boolean

  /** Has the system leave out the packet of what a call does at once. `false`: every operation has its packet. */
  protected abstract leavePacketsOut(handle: number): boolean

  /** Gives the handle back to the system: nothing is in flight on it. */
  protected abstract closeNow(handle: number): void

  /** The address that a failure tells when the operation is refused. */
  protected addressOf(_operation: Op): string | undefined {
    return undefined
  }

  /** Called by the proactor, once: packets go to its port from here on. `false`: it could not be, see GetLastError. */
  associate(port: number, slot: number, key: number): boolean {
    this.slot = slot
    this.key = key
    if (kernel32().CreateIoCompletionPort(this.handle, port, key, 0) === 0) return false
    this.skipsPackets = this.leavePacketsOut(this.handle)
    return true
  }

  submit(operation: Op): boolean {
    const { host } = this
    operation.begin(host.ledger)
    if (this.handle < 0 || host.isEnding) return this.refuse(operation)
    const slot = host.slots.acquire(operation, this, this.key)
    operation.token = slot.index
    this.inFlight += 1
    if (!this.hasEnded(operation, slot, this.start(operation, slot))) {
      host.started()
      return false
    }
    this.giveBack(operation, slot)
    if (operation.failure === undefined && this.isGreedy()) {
      host.postpone(operation)
      return false
    }
    operation.finish()
    return true
  }

  cancel(operation: Operation): void {
    if (!operation.isInFlight) return
    const slot = this.host.slots.at(operation.token)
    if (slot?.operation !== operation || slot.owner !== this) return
    slot.isCancelRequested = true
    // The handle is still open: an operation is in flight on it. If the call finds nothing to cancel, the packet is on
    // its way already. Either way it is the packet that retires the operation.
    kernel32().CancelIoEx(this.unclosed, slot.address)
  }

  /** Called for each packet of an operation on this handle. */
  complete(operation: Op, slot: OperationSlot): void {
    if (!this.finish(operation, slot)) return
    if (this.isAbandoned) this.host.orphaned(-1)
    this.endedAtOnce = 0
    this.giveBack(operation, slot)
    operation.finish()
    this.host.retired(operation)
    if (this.handle < 0) this.closeIfDrained()
  }

  close(): void {
    if (this.handle < 0) return
    this.handle = -1
    // From here on it is no open handle of the proactor's; its packets find it by their slots.
    this.host.forget(this)
    if (this.inFlight > 0) kernel32().CancelIoEx(this.unclosed, 0)
    this.closeIfDrained()
  }

  abandon(): void {
    if (this.isAbandoned) return
    this.isAbandoned = true
    this.close()
    // Should the packets come after all, the handle is closed then. Until then nothing is freed, and nobody waits.
    this.host.orphaned(this.inFlight)
  }

  /** For what is asked of an open handle: on a closed one it fails, and touches nothing. */
  protected whileOpen<A>(
    operation: string,
    ask: (handle: number) => Effect.Effect<A, SocketError>
  ): Effect.Effect<A, SocketError> {
    return Effect.suspend(() => (this.handle < 0 ? Effect.fail(closed(operation)) : ask(this.handle)))
  }

  /** For a call that is over when it returns: with an answer, or with a failure. */
  protected call<A>(
    operation: string,
    run: (handle: number) => A | SocketError
  ): Effect.Effect<A, SocketError> {
    return this.whileOpen(operation, (handle) => {
      const answer = run(handle)
      return isSocketError(answer) ? Effect.fail(answer) : Effect.succeed(answer)
    })
  }

  /** Whether the call that started the operation has also ended it, so that no packet will come. */
  private hasEnded(operation: Op, slot: OperationSlot, start: Start | "Ended"): boolean {
    if (start === "Pending") return false
    if (start === "Ended") return true
    if (start !== "Succeeded") {
      operation.failure = start
      return true
    }
    if (!this.skipsPackets) return false
    slot.completeAtOnce()
    return this.finish(operation, slot)
  }

  /** The one place where an operation's slot and memory become free. Its outcome is in its fields. */
  private giveBack(operation: Op, slot: OperationSlot): void {
    const { buffers, slots } = this.host
    if (slot.buffer !== undefined) buffers.release(slot.buffer)
    if (slot.wsabufCount > 1) for (const buffer of slot.furtherBuffers) buffers.release(buffer)
    slots.release(slot)
    operation.token = -1
    this.inFlight -= 1
  }

  /** Whether, with one operation more that has ended at once, others are to have their turn first. */
  private isGreedy(): boolean {
    this.endedAtOnce = (this.endedAtOnce + 1) % (ENDED_AT_ONCE_IN_A_ROW + 1)
    return this.endedAtOnce === 0
  }

  /** What an operation fails with on a handle that is closed, or a proactor that ends. */
  protected refusalOf(operation: Op): SocketError {
    return closed(operation.kind.toLowerCase(), this.addressOf(operation))
  }

  private refuse(operation: Op): true {
    operation.failure = this.refusalOf(operation)
    operation.finish()
    return true
  }

  private closeIfDrained(): void {
    if (this.inFlight > 0 || this.unclosed < 0) return
    const handle = this.unclosed
    this.unclosed = -1
    this.closeNow(handle)
  }
}
