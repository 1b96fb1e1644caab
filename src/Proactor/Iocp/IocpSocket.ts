/**
 * A socket driven by a completion port.
 *
 * Lifecycle of an operation on it:
 *
 *     slot taken --call fails, or succeeds where packets are left out--> slot given back, retired by `submit`
 *         |
 *         +--call is pending, or succeeds elsewhere--> in flight --packet--> slot given back, retired by the loop
 *                                                        |
 *                                                        +--cancel--> still in flight: a packet comes all the same
 *
 * Whether a call that does everything at once has a packet too is settled for each socket before its first operation
 * (see `Provider`). So of each call one thing is known as soon as it returns: that it is over for the kernel too, or
 * that exactly one packet will come, and only that packet makes free what the kernel could write to. Everything a
 * packet may need is in place before the call is made, since it can be queued before the call returns.
 *
 * A socket whose peer is fast could go on like that for ever, and nobody else would get a turn. So of the operations
 * that end at once, after a number of them in a row, one is told only in a later turn of the event loop: its slot is
 * given back, and nothing of it is with the kernel any more, but it retires like one that was in flight.
 *
 * Lifecycle of the socket:
 *
 *     Open --close, nothing in flight--> Closed
 *       |
 *       +--close, or abandon, with operations in flight--> Draining --last packet--> Closed
 *
 * A handle is closed only when nothing is in flight on it: after `closesocket` the system may go on with a pending
 * send by the handle's number, which can be another socket's by then. Whoever closes is expected to have cancelled and
 * waited; where that did not happen, the socket drains by itself. Either way it refuses every call from then on.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type AddressFamily, anyAddress, format, type SocketAddress } from "../../Address/index.js"
import { closed, fromWsa, isSocketError, type SocketError } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { kernel32 } from "../../Iocp/Kernel32.js"
import { winsock } from "../../Iocp/Winsock.js"
import type { AcceptOperation, AnyOperation, Ledger } from "../Operation.js"
import type { ProactorSocket, ShutdownHow } from "../Proactor.js"
import type { SocketOptionName, SocketOptions } from "../SocketOption.js"
import { DEAD_CONNECTIONS_IN_A_ROW, finishAccept, startAccept } from "./Accepting.js"
import { type BufferPool, LARGE_BUFFER_BYTES, SMALL_BUFFER_BYTES } from "./BufferPool.js"
import { finishConnect, startConnect } from "./Connecting.js"
import { getOption, setOption } from "./IocpOptions.js"
import type { OperationSlot, OperationSlots } from "./OperationSlots.js"
import { addressOf, bindAnywhere, bindExclusively, closeHandle } from "./SocketHandle.js"
import type { Start } from "./Start.js"
import { finishReceive, finishSend, startReceive, startSend } from "./Transfer.js"

/** `listen` takes a larger backlog only when it is told so by a negative number. */
const LARGEST_PLAIN_BACKLOG = 200

const SHUTDOWN_HOW: Record<ShutdownHow, number> = { read: C.SD_RECEIVE, write: C.SD_SEND, both: C.SD_BOTH }

/** So many operations of a socket end in the call that starts them, before one waits until others had their turn. */
const ENDED_AT_ONCE_IN_A_ROW = 32

/** What AcceptEx answers on a socket that does not listen. Not every system asks itself that: one may wait for ever. */
const notListening = (): SocketError => fromWsa(C.WSAEINVAL, { operation: "accept", syscall: "AcceptEx" })

/**
 * What a socket needs of its proactor.
 *
 * @internal
 */
export interface IocpHost {
  readonly ledger: Ledger
  readonly slots: OperationSlots
  readonly buffers: BufferPool
  /** Whether the proactor is closing, and takes no operation any more. */
  readonly isEnding: boolean
  /** An operation is in flight: the loop has something to wait for. */
  readonly started: () => void
  /** An operation has ended, and is to retire when timers and other I/O had their turn. */
  readonly postpone: (operation: AnyOperation) => void
  /** A packet retired an operation: its submitter is to be told after the batch. */
  readonly retired: (operation: AnyOperation) => void
  /** Makes a connected handle a socket of this proactor, or closes it and says why. */
  readonly adopt: (handle: number, family: AddressFamily, operation: string) => IocpSocket | SocketError
  /** The socket's completion key ends. */
  readonly forget: (socket: IocpSocket) => void
  /** So many operations more are in flight (fewer, if negative) that nobody waits for. */
  readonly orphaned: (count: number) => void
}

/** @internal */
export class IocpSocket implements ProactorSocket {
  readonly family: AddressFamily
  /** The slot in the proactor's table of sockets, and the completion key made of it. */
  slot = -1
  key = 0
  /** Whether an operation that its call does at once has no packet. Settled before the first one. */
  skipsPackets = false
  private readonly host: IocpHost
  /** What calls go to; -1 from `close` on. */
  private handle: number
  /** What is left to be closed, once nothing is in flight. */
  private unclosed: number
  private inFlight = 0
  private endedAtOnce = 0
  private isAbandoned = false
  private isBound: boolean
  private isListening = false
  /** A receive that filled its buffer is followed by one with a larger buffer. */
  private receiveBytes = SMALL_BUFFER_BYTES

  constructor(host: IocpHost, handle: number, family: AddressFamily, isConnected: boolean) {
    this.host = host
    this.handle = handle
    this.unclosed = handle
    this.family = family
    this.isBound = isConnected
  }

  submit(operation: AnyOperation): boolean {
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

  cancel(operation: AnyOperation): void {
    if (!operation.isInFlight) return
    const slot = this.host.slots.at(operation.token)
    if (slot?.operation !== operation || slot.owner !== this) return
    slot.isCancelRequested = true
    // The handle is still open: an operation is in flight on it. If the call finds nothing to cancel, the packet is on
    // its way already. Either way it is the packet that retires the operation.
    kernel32().CancelIoEx(this.unclosed, slot.address)
  }

  /** Called by the proactor for each packet of an operation on this socket. */
  complete(slot: OperationSlot): void {
    const { operation } = slot
    if (operation === undefined || !this.finish(operation, slot)) return
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
    // From here on it is no open socket of the proactor's; its packets find it by their slots.
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

  bind(address: SocketAddress): Effect.Effect<void, SocketError> {
    return this.call("bind", (handle) => {
      const failure = bindExclusively(handle, address)
      this.isBound ||= failure === undefined
      return failure
    })
  }

  listen(backlog: number): Effect.Effect<void, SocketError> {
    const hint = backlog > LARGEST_PLAIN_BACKLOG ? C.somaxconnHint(backlog) : backlog
    return this.call("listen", (handle) => {
      const failure =
        this.ensureBound(handle, "listen") ??
        this.failureOf(winsock().listen(handle, hint), "listen", "listen")
      this.isListening ||= failure === undefined
      return failure
    })
  }

  shutdown(how: ShutdownHow): Effect.Effect<void, SocketError> {
    return this.call("shutdown", (handle) =>
      this.failureOf(winsock().shutdown(handle, SHUTDOWN_HOW[how]), "shutdown", "shutdown")
    )
  }

  get localAddress(): Effect.Effect<SocketAddress, SocketError> {
    return Effect.suspend(() => {
      // Windows calls it an invalid argument to ask an unbound socket; on Linux it is at no address, port 0.
      if (this.handle >= 0 && !this.isBound) return Effect.succeed(anyAddress(this.family))
      return this.address("localAddress", "getsockname")
    })
  }

  get remoteAddress(): Effect.Effect<SocketAddress, SocketError> {
    return Effect.suspend(() => this.address("remoteAddress", "getpeername"))
  }

  getOption<Name extends SocketOptionName>(name: Name): Effect.Effect<SocketOptions[Name], SocketError> {
    return Effect.suspend(() =>
      this.handle < 0 ? Effect.fail(closed("getOption")) : getOption(this.handle, this.family, name)
    )
  }

  setOption<Name extends SocketOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return Effect.suspend(() =>
      this.handle < 0 ? Effect.fail(closed("setOption")) : setOption(this.handle, this.family, name, value)
    )
  }

  /** Whether the call that started the operation has also ended it, so that no packet will come. */
  private hasEnded(operation: AnyOperation, slot: OperationSlot, start: Start): boolean {
    if (start === "Pending") return false
    if (start !== "Succeeded") {
      operation.failure = start
      return true
    }
    if (!this.skipsPackets) return false
    slot.completeAtOnce()
    return this.finish(operation, slot)
  }

  /** Makes the call that starts the operation. */
  private start(operation: AnyOperation, slot: OperationSlot): Start {
    const { handle, host } = this
    switch (operation.kind) {
      case "Receive":
        return startReceive(handle, slot, operation, host.buffers, this.receiveBytes)
      case "Send":
        return startSend(handle, slot, operation, host.buffers)
      case "Accept":
        return this.isListening ? startAccept(handle, this.family, slot) : notListening()
      case "Connect":
        return this.ensureBound(handle, "connect", operation.address) ?? startConnect(handle, slot, operation)
    }
  }

  /** Reads how the operation ended. `false`: it is not over, it was started again. */
  private finish(operation: AnyOperation, slot: OperationSlot): boolean {
    switch (operation.kind) {
      case "Receive":
        this.receiveBytes = slot.transferred < SMALL_BUFFER_BYTES ? SMALL_BUFFER_BYTES : LARGE_BUFFER_BYTES
        finishReceive(slot, operation)
        return true
      case "Send":
        finishSend(slot, operation)
        return true
      case "Accept":
        return this.finishAccept(operation, slot)
      case "Connect":
        finishConnect(this.unclosed, slot, operation)
        return true
    }
  }

  /** A dead connection is passed over. `false`: the accept waits for the next one. */
  private finishAccept(operation: AcceptOperation, slot: OperationSlot): boolean {
    for (let attempt = 1; ; attempt++) {
      const end = finishAccept(this.unclosed, slot)
      if (end._tag === "Accepted") {
        operation.failure = this.accepted(operation, end.handle, end.remoteAddress)
        return true
      }
      const isFailed = end._tag === "Failed" || attempt === DEAD_CONNECTIONS_IN_A_ROW
      const start = isFailed ? end.failure : this.acceptAgain(slot)
      if (start === "Pending" || (start === "Succeeded" && !this.skipsPackets)) return false
      if (start !== "Succeeded") {
        operation.failure = start
        return true
      }
      slot.completeAtOnce()
    }
  }

  private accepted(
    operation: AcceptOperation,
    handle: number,
    remoteAddress: SocketAddress | undefined
  ): SocketError | undefined {
    const adopted = this.host.adopt(handle, this.family, "accept")
    if (!(adopted instanceof IocpSocket)) return adopted
    operation.accepted = adopted
    operation.remoteAddress = remoteAddress
    return undefined
  }

  /** Waits for the next connection, unless nobody wants it any more. */
  private acceptAgain(slot: OperationSlot): Start {
    const isUnwanted = slot.isCancelRequested || this.handle < 0
    return isUnwanted
      ? fromWsa(C.ERROR_OPERATION_ABORTED, { operation: "accept", syscall: "AcceptEx" })
      : startAccept(this.handle, this.family, slot)
  }

  /** ConnectEx and `listen` want a bound socket; `connect(2)` and `listen(2)` elsewhere bind by themselves. */
  private ensureBound(handle: number, operation: string, peer?: SocketAddress): SocketError | undefined {
    if (this.isBound) return undefined
    const failure = bindAnywhere(handle, this.family, operation, peer)
    this.isBound = failure === undefined
    return failure
  }

  /** The one place where an operation's slot and memory become free. Its outcome is in its fields. */
  private giveBack(operation: AnyOperation, slot: OperationSlot): void {
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

  private refuse(operation: AnyOperation): true {
    const address = operation.kind === "Connect" ? format(operation.address) : undefined
    operation.failure = closed(operation.kind.toLowerCase(), address)
    operation.finish()
    return true
  }

  private closeIfDrained(): void {
    if (this.inFlight > 0 || this.unclosed < 0) return
    const handle = this.unclosed
    this.unclosed = -1
    closeHandle(handle)
  }

  private failureOf(result: number, operation: string, syscall: string): SocketError | undefined {
    if (result === 0) return undefined
    return fromWsa(winsock().WSAGetLastError(), { operation, syscall })
  }

  private call(
    operation: string,
    run: (handle: number) => SocketError | undefined
  ): Effect.Effect<void, SocketError> {
    return Effect.suspend(() => {
      const failure = this.handle < 0 ? closed(operation) : run(this.handle)
      return failure === undefined ? Effect.void : Effect.fail(failure)
    })
  }

  private address(
    operation: string,
    syscall: "getsockname" | "getpeername"
  ): Effect.Effect<SocketAddress, SocketError> {
    if (this.handle < 0) return Effect.fail(closed(operation))
    const answer = addressOf(this.handle, syscall, operation)
    return isSocketError(answer) ? Effect.fail(answer) : Effect.succeed(answer)
  }
}
