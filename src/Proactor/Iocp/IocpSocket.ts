/**
 * A stream socket driven by a completion port: what each of its operations calls, and what it is asked besides.
 *
 * The lifecycle of an operation, and of the socket as a handle, is `IocpHandle`'s. ConnectEx and `listen` want a bound
 * socket, so one that was not bound is bound to any address first.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { type AddressFamily, anyAddress, format, type SocketAddress } from "../../Address/index.js"
import { fromWsa, type SocketError } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { winsock } from "../../Iocp/Winsock.js"
import type { AcceptOperation, AnyOperation } from "../Operation.js"
import type { ProactorSocket, ShutdownHow } from "../Proactor.js"
import type { SocketOptionName, SocketOptions } from "../SocketOption.js"
import { DEAD_CONNECTIONS_IN_A_ROW, finishAccept, startAccept } from "./Accepting.js"
import { LARGE_BUFFER_BYTES, SMALL_BUFFER_BYTES } from "./BufferPool.js"
import { finishConnect, startConnect } from "./Connecting.js"
import { IocpHandle } from "./IocpHandle.js"
import type { IocpHost } from "./IocpHost.js"
import { getOption, setOption } from "./IocpOptions.js"
import type { OperationSlot } from "./OperationSlots.js"
import { addressOf, bindAnywhere, bindExclusively, closeHandle } from "./SocketHandle.js"
import type { Start } from "./Start.js"
import { finishReceive, finishSend, startReceive, startSend } from "./Transfer.js"

/** `listen` takes a larger backlog only when it is told so by a negative number. */
const LARGEST_PLAIN_BACKLOG = 200

const SHUTDOWN_HOW: Record<ShutdownHow, number> = { read: C.SD_RECEIVE, write: C.SD_SEND, both: C.SD_BOTH }

/** What AcceptEx answers on a socket that does not listen. Not every system asks itself that: one may wait for ever. */
const notListening = (): SocketError => fromWsa(C.WSAEINVAL, { operation: "accept", syscall: "AcceptEx" })

/** @internal */
export class IocpSocket extends IocpHandle<AnyOperation> implements ProactorSocket {
  readonly family: AddressFamily
  private isBound: boolean
  private isListening = false
  /** A receive that filled its buffer is followed by one with a larger buffer. */
  private receiveBytes = SMALL_BUFFER_BYTES

  constructor(host: IocpHost, handle: number, family: AddressFamily, isConnected: boolean) {
    super(host, handle)
    this.family = family
    this.isBound = isConnected
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
    return this.call("localAddress", (handle) =>
      // Windows calls it an invalid argument to ask an unbound socket; on Linux it is at no address, port 0.
      this.isBound ? addressOf(handle, "getsockname", "localAddress") : anyAddress(this.family)
    )
  }

  get remoteAddress(): Effect.Effect<SocketAddress, SocketError> {
    return this.call("remoteAddress", (handle) => addressOf(handle, "getpeername", "remoteAddress"))
  }

  getOption<Name extends SocketOptionName>(name: Name): Effect.Effect<SocketOptions[Name], SocketError> {
    return this.whileOpen("getOption", (handle) => getOption(handle, this.family, name))
  }

  setOption<Name extends SocketOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return this.whileOpen("setOption", (handle) => setOption(handle, this.family, name, value))
  }

  protected override start(operation: AnyOperation, slot: OperationSlot): Start {
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

  protected override finish(operation: AnyOperation, slot: OperationSlot): boolean {
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

  protected override leavePacketsOut(handle: number): boolean {
    return this.host.providers.skipPackets(handle, this.family)
  }

  protected override closeNow(handle: number): void {
    closeHandle(handle)
  }

  protected override addressOf(operation: AnyOperation): string | undefined {
    return operation.kind === "Connect" ? format(operation.address) : undefined
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
    const socket = new IocpSocket(this.host, handle, this.family, true)
    const failure = this.host.associate(socket, "accept")
    if (failure !== undefined) return failure
    operation.accepted = socket
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

  private failureOf(result: number, operation: string, syscall: string): SocketError | undefined {
    if (result === 0) return undefined
    return fromWsa(winsock().WSAGetLastError(), { operation, syscall })
  }
}
