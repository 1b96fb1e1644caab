/**
 * A stream socket driven by a completion port: what each of its operations calls, and what it is asked besides.
 *
 * The lifecycle of an operation, and of the socket as a handle, is `IocpHandle`'s. How it is bound and connected depends
 * on its domain, and is for the subclasses to say.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { type Endpoint, format } from "../../Address/index.js"
import { fromWsa, isSocketError, type SocketError } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { winsock } from "../../Iocp/Winsock.js"
import type { AcceptOperation, AnyOperation, ConnectOperation } from "../Operation.js"
import type { ProactorSocket, ShutdownHow } from "../Proactor.js"
import type { SocketOptionName, SocketOptions } from "../SocketOption.js"
import { DEAD_CONNECTIONS_IN_A_ROW, finishAccept, startAccept } from "./Accepting.js"
import { LARGE_BUFFER_BYTES, SMALL_BUFFER_BYTES } from "./BufferPool.js"
import { finishConnect } from "./Connecting.js"
import type { Domain } from "./Domain.js"
import { IocpHandle } from "./IocpHandle.js"
import type { IocpHost } from "./IocpHost.js"
import { getOption, type NativeOption, nativeOption, setNative } from "./IocpOptions.js"
import type { OperationSlot } from "./OperationSlots.js"
import { addressOf, closeHandle } from "./SocketHandle.js"
import type { Start } from "./Start.js"
import { finishReceive, finishSend, startReceive, startSend } from "./Transfer.js"
import { finishTransmit, onlyOverTcp, startTransmit } from "./Transmit.js"

/** `listen` takes a larger backlog only when it is told so by a negative number. */
const LARGEST_PLAIN_BACKLOG = 200

const SHUTDOWN_HOW: Record<ShutdownHow, number> = { read: C.SD_RECEIVE, write: C.SD_SEND, both: C.SD_BOTH }

const nothing: ReadonlyArray<never> = []

/** What AcceptEx answers on a socket that does not listen. Not every system asks itself that: one may wait for ever. */
const notListening = (): SocketError => fromWsa(C.WSAEINVAL, { operation: "accept", syscall: "AcceptEx" })

/** @internal */
export abstract class IocpSocket<A extends Endpoint>
  extends IocpHandle<AnyOperation<A>>
  implements ProactorSocket<A>
{
  protected readonly domain: Domain<A>
  protected isBound: boolean
  private readonly isAccepted: boolean
  private isListening = false
  /** A receive that filled its buffer is followed by one with a larger buffer. */
  private receiveBytes = SMALL_BUFFER_BYTES
  /** What the connections that this one accepts are given, because it was set on this one. */
  private handedOn: ReadonlyArray<NativeOption> = nothing

  constructor(host: IocpHost, handle: number, domain: Domain<A>, isConnected: boolean) {
    super(host, handle)
    this.domain = domain
    this.isBound = isConnected
    this.isAccepted = isConnected
  }

  /** Binds the handle. */
  protected abstract bindHandle(handle: number, address: A): SocketError | undefined

  /** For a call that wants a bound socket, where this one is not: binds it to any address, if there is such a thing. */
  protected abstract bindAnywhere(handle: number, operation: string, peer?: A): SocketError | undefined

  /** Makes the call that starts a connect. The socket is bound. */
  protected abstract startConnect(
    handle: number,
    operation: ConnectOperation<A>,
    slot: OperationSlot
  ): Start | "Ended"

  /** A socket of the same kind over the handle of an accepted connection. */
  protected abstract ofAccepted(handle: number): IocpSocket<A>

  bind(address: A): Effect.Effect<void, SocketError> {
    return this.call("bind", (handle) => {
      const failure = this.bindHandle(handle, address)
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

  get localAddress(): Effect.Effect<A, SocketError> {
    return this.call("localAddress", (handle) =>
      // Windows calls it an invalid argument to ask an unbound socket; on Linux it is at no address.
      this.isBound ? addressOf(handle, this.domain, "getsockname", "localAddress") : this.domain.unbound
    )
  }

  get remoteAddress(): Effect.Effect<A, SocketError> {
    return this.call("remoteAddress", (handle) =>
      addressOf(handle, this.domain, "getpeername", "remoteAddress")
    )
  }

  getOption<Name extends SocketOptionName>(name: Name): Effect.Effect<SocketOptions[Name], SocketError> {
    return this.whileOpen("getOption", (handle) => getOption(handle, this.domain.family, name))
  }

  setOption<Name extends SocketOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return this.call("setOption", (handle) => {
      const option = nativeOption(this.domain.family, name, value)
      if (isSocketError(option)) return option
      const failure = setNative(handle, option)
      if (failure === undefined && name !== "v6Only") this.handOn(option)
      return failure
    })
  }

  /** Keeps the option for connections to come: who accepts was not accepted. */
  private handOn(option: NativeOption): void {
    if (this.isAccepted) return
    const isOther = (known: NativeOption) => known.level !== option.level || known.option !== option.option
    this.handedOn = [...this.handedOn.filter(isOther), option]
  }

  protected override start(operation: AnyOperation<A>, slot: OperationSlot): Start | "Ended" {
    const { handle, host } = this
    switch (operation.kind) {
      case "Receive":
        return startReceive(handle, slot, operation, host.buffers, this.receiveBytes)
      case "Send":
        return startSend(handle, slot, operation, host.buffers)
      case "SendFile":
        return this.domain.family === "Unix" ? onlyOverTcp(operation) : startTransmit(handle, slot, operation)
      case "Accept":
        return this.isListening ? startAccept(handle, this.domain.family, slot) : notListening()
      case "Connect":
        return (
          this.ensureBound(handle, "connect", operation.address) ?? this.startConnect(handle, operation, slot)
        )
    }
  }

  protected override finish(operation: AnyOperation<A>, slot: OperationSlot): boolean {
    switch (operation.kind) {
      case "Receive":
        this.receiveBytes = slot.transferred < SMALL_BUFFER_BYTES ? SMALL_BUFFER_BYTES : LARGE_BUFFER_BYTES
        finishReceive(slot, operation)
        return true
      case "Send":
        finishSend(slot, operation)
        return true
      case "SendFile":
        finishTransmit(slot, operation)
        return true
      case "Accept":
        return this.finishAccept(operation, slot)
      case "Connect":
        finishConnect(this.unclosed, slot, operation)
        return true
    }
  }

  protected override leavePacketsOut(handle: number): boolean {
    return this.host.providers.skipPackets(handle, this.domain.family)
  }

  protected override closeNow(handle: number): void {
    closeHandle(handle)
  }

  protected override addressOf(operation: AnyOperation<A>): string | undefined {
    return operation.kind === "Connect" ? format(operation.address) : undefined
  }

  /** A dead connection is passed over. `false`: the accept waits for the next one. */
  private finishAccept(operation: AcceptOperation<A>, slot: OperationSlot): boolean {
    for (let attempt = 1; ; attempt++) {
      const end = finishAccept(this.unclosed, this.domain, slot, this.handedOn)
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
    operation: AcceptOperation<A>,
    handle: number,
    remoteAddress: A | undefined
  ): SocketError | undefined {
    const socket = this.ofAccepted(handle)
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
      : startAccept(this.handle, this.domain.family, slot)
  }

  private ensureBound(handle: number, operation: string, peer?: A): SocketError | undefined {
    if (this.isBound) return undefined
    const failure = this.bindAnywhere(handle, operation, peer)
    this.isBound = failure === undefined
    return failure
  }

  private failureOf(result: number, operation: string, syscall: string): SocketError | undefined {
    if (result === 0) return undefined
    return fromWsa(winsock().WSAGetLastError(), { operation, syscall })
  }
}
