/**
 * A listener on a named pipe: the instances of a name that were not handed out yet.
 *
 * Lifecycle of an instance:
 *
 *     Idle --some accept is in flight--> Listening --a client is here--> Arrived --an accept takes it--> handed out
 *      ^                                    |
 *      +--no accept is in flight any more---+--failed--> closed
 *
 * A client that finds every instance with a client has to come again, and one that finds no instance at all takes the server
 * for absent. Worse, a name that nobody has can be taken by somebody else. So an instance is handed out only when there is
 * another one that stays, and if need be that is made first. Where none can be made, the accept fails, and the client stays
 * with its instance for the next accept.
 *
 * Lifecycle of an accept:
 *
 *     Waiting --a client, or a failure--> Settled --others wait, or nothing listens--> retired
 *         |
 *         +--cancelled--> Unwanted --others wait, or nothing listens--> retired
 *
 * Which instance a client gets is for the system to say, whether it is listening or idle. So as long as an accept waits all
 * of them listen, and whichever has a client first, the first accept gets it. When none waits any more, the listening ends
 * too, and the last accept is over only then: a listener that nobody accepts on has nothing in flight. A client that comes in
 * between, or later, is there for the next accept. Nearly always there is one accept, and one instance.
 *
 * @since 0.1.0
 */
import type { PipeAddress } from "../../Address/index.js"
import {
  closed,
  fromWin32,
  isSocketError,
  type SocketError,
  socketError,
  withDetails
} from "../../Errors/index.js"
import { ERROR_ACCESS_DENIED, ERROR_OPERATION_ABORTED, ERROR_PIPE_BUSY } from "../../Iocp/Constants.js"
import { createInstance, type InstanceSettings } from "../../Iocp/PipeCalls.js"
import type { SecurityAttributes } from "../../Iocp/Security.js"
import type { AcceptOperation } from "../Operation.js"
import type { ProactorHandle } from "../Proactor.js"
import type { IocpHost } from "./IocpHost.js"
import { type IocpPipeEnd, ListenOperation } from "./IocpPipeEnd.js"

/** So many accepts end in the call that starts them, before one waits until others had their turn. */
const ENDED_AT_ONCE_IN_A_ROW = 32

const taken = "Another program has a pipe of this name, or clients of one that had. Choose another name."
const noneLeft =
  "As many instances of the pipe have a client as may be. Close a connection, or allow for more."

type Accept<S> = AcceptOperation<PipeAddress, S>

/**
 * An instance, which becomes a connection of the kind `S`.
 *
 * @internal
 */
export type Instance<S> = S & ProactorHandle<ListenOperation> & Pick<IocpPipeEnd<never>, "onClosed">

/**
 * Makes an instance of a handle, or closes that and says why.
 *
 * @internal
 */
export type Furnish<S> = (handle: number) => Instance<S> | SocketError

/** An instance that was not handed out. */
interface Waiting<S> {
  readonly instance: Instance<S>
  readonly listening: ListenOperation
  hasClient: boolean
}

/** @internal */
export class IocpPipeListener<S> implements ProactorHandle<Accept<S>> {
  private readonly host: IocpHost
  private readonly settings: Omit<InstanceSettings, "isFirst">
  private readonly security: SecurityAttributes | undefined
  private readonly furnish: Furnish<S>
  private isOpen = true
  private readonly waiting = new Set<Waiting<S>>()
  /** Those of them that have a client, the first one first. */
  private readonly arrived: Array<Waiting<S>> = []
  /** In flight and not settled, the first one first. */
  private accepts: Array<Accept<S>> = []
  /** Those of them that are to retire early. */
  private readonly unwanted = new Set<Accept<S>>()
  /** Settled, and not retired yet. */
  private settled: Array<Accept<S>> = []
  /** Why an instance could not listen: an accept is to be told. */
  private failure: SocketError | undefined
  private endedAtOnce = 0

  constructor(
    host: IocpHost,
    settings: Omit<InstanceSettings, "isFirst">,
    security: SecurityAttributes | undefined,
    furnish: Furnish<S>
  ) {
    this.host = host
    this.settings = settings
    this.security = security
    this.furnish = furnish
  }

  /**
   * Makes the first instance, and one more: whether that can be made (the security descriptor has to allow it) is better known
   * now than at the first client. On a failure everything is closed again.
   */
  open(): SocketError | undefined {
    const failure = this.add("listen", true) ?? this.add("listen")
    if (failure !== undefined) this.close()
    return failure
  }

  submit(accept: Accept<S>): boolean {
    accept.begin(this.host.ledger)
    if (!this.isOpen || this.host.isEnding) {
      accept.failure = closed("accept", this.settings.address.name)
      accept.finish()
      return true
    }
    this.accepts.push(accept)
    this.settle()
    let isOver = false
    for (const over of this.takeOver()) {
      if (over === accept) isOver = true
      else this.host.postpone(over)
    }
    if (!isOver) return false
    if (accept.failure === undefined && this.isGreedy()) {
      this.host.postpone(accept)
      return false
    }
    accept.finish()
    return true
  }

  cancel(accept: Accept<S>): void {
    if (!this.accepts.includes(accept)) return
    this.unwanted.add(accept)
    for (const over of this.takeOver()) this.host.postpone(over)
  }

  close(): void {
    this.end((instance) => instance.close())
  }

  abandon(): void {
    this.end((instance) => instance.abandon())
    // The instances are left to themselves. Nothing of an accept is with the kernel.
    this.waiting.clear()
    for (const over of this.takeOver()) this.host.postpone(over)
    this.security?.free()
  }

  private end(endOne: (instance: Instance<S>) => void): void {
    if (!this.isOpen) return
    this.isOpen = false
    for (const accept of this.accepts) this.unwanted.add(accept)
    for (const { instance } of this.waiting) endOne(instance)
    for (const over of this.takeOver()) this.host.postpone(over)
    if (this.waiting.size === 0) this.security?.free()
  }

  /** Whether some accept waits. */
  private get isWanted(): boolean {
    return this.accepts.length > this.unwanted.size
  }

  private get isListening(): boolean {
    for (const { listening } of this.waiting) if (listening.isInFlight) return true
    return false
  }

  /** Called when a listening retires. */
  private heard(waiting: Waiting<S>): void {
    this.note(waiting)
    this.settle()
    const over = this.takeOver()
    for (const accept of over) accept.finish()
    for (const accept of over) accept.onRetired()
  }

  /** The accepts that are over by now, but for `finish`. */
  private takeOver(): ReadonlyArray<Accept<S>> {
    if (!this.isWanted && this.isListening) {
      for (const { instance, listening } of this.waiting) instance.cancel(listening)
      return []
    }
    const over = this.settled
    for (const accept of this.unwanted) {
      accept.failure = cancelled(this.settings.address)
      over.push(accept)
    }
    this.accepts = this.accepts.filter((accept) => !this.unwanted.has(accept))
    this.unwanted.clear()
    this.settled = []
    return over
  }

  /** Has the instances listen as long as that is wanted, and settles what accepts it can. */
  private settle(): void {
    do this.listen()
    while (this.settleFirst())
  }

  private listen(): void {
    if (!this.isOpen) return
    if (this.isWanted && this.waiting.size === 0) this.failure ??= this.add("accept")
    for (const waiting of this.waiting) {
      if (!this.isWanted || this.arrived.length >= this.accepts.length) return
      const { hasClient, instance, listening } = waiting
      if (!hasClient && !listening.isInFlight && instance.submit(listening)) this.note(waiting)
    }
  }

  /** Books how a listening ended. */
  private note(waiting: Waiting<S>): void {
    const { failure } = waiting.listening
    // One that is being closed is nobody's connection any more.
    if (!this.isOpen) return
    if (failure === undefined) {
      waiting.hasClient = true
      this.arrived.push(waiting)
    } else if (failure.reason !== "Cancelled") {
      this.failure = failure
      this.waiting.delete(waiting)
      waiting.instance.close()
    }
  }

  /** Settles the first accept, if there is a client for it or a failure. */
  private settleFirst(): boolean {
    const [accept] = this.accepts
    const [client] = this.arrived
    if (accept === undefined || (client === undefined && this.failure === undefined)) return false
    this.accepts.shift()
    this.unwanted.delete(accept)
    accept.failure = this.failure ?? (this.waiting.size > 1 ? undefined : this.add("accept"))
    this.failure = undefined
    if (accept.failure === undefined && client !== undefined) this.handOut(accept, client)
    this.settled.push(accept)
    return true
  }

  private handOut(accept: Accept<S>, client: Waiting<S>): void {
    const { instance } = client
    this.arrived.shift()
    this.waiting.delete(client)
    instance.onClosed = () => {}
    accept.accepted = instance
    accept.remoteAddress = this.settings.address
  }

  /** Makes one more instance, which waits. */
  private add(operation: "listen" | "accept", isFirst = false): SocketError | undefined {
    if (!this.isOpen || this.host.isEnding) return closed(operation, this.settings.address.name)
    const handle = createInstance({ ...this.settings, isFirst }, this.security, operation)
    if (typeof handle !== "number") return isFirst ? occupied(handle) : exhausted(handle)
    const instance = this.furnish(handle)
    if (isSocketError(instance)) return instance
    const waiting: Waiting<S> = { instance, listening: new ListenOperation(), hasClient: false }
    waiting.listening.onRetired = () => this.heard(waiting)
    instance.onClosed = () => this.gone(waiting)
    this.waiting.add(waiting)
    return undefined
  }

  /** An instance that waited was closed: the last one with the listener, or by a proactor that ends. */
  private gone(waiting: Waiting<S>): void {
    this.waiting.delete(waiting)
    const isOver = !this.isOpen || this.host.isEnding
    if (isOver && this.waiting.size === 0) this.security?.free()
  }

  private isGreedy(): boolean {
    this.endedAtOnce = (this.endedAtOnce + 1) % (ENDED_AT_ONCE_IN_A_ROW + 1)
    return this.endedAtOnce === 0
  }
}

const cancelled = ({ name }: PipeAddress): SocketError =>
  fromWin32(ERROR_OPERATION_ABORTED, { operation: "accept", syscall: "ConnectNamedPipe", address: name })

/** Where the name is taken, Windows says that access is denied, or that all instances are in use. */
const occupied = (failure: SocketError): SocketError => {
  const isTaken = failure.code === ERROR_ACCESS_DENIED || failure.code === ERROR_PIPE_BUSY
  if (!isTaken) return failure
  const { address, code, codeName, operation, syscall } = failure
  return socketError("AddressInUse", { address, code, codeName, operation, syscall, advice: taken })
}

const exhausted = (failure: SocketError): SocketError =>
  failure.code === ERROR_PIPE_BUSY ? withDetails(failure, { advice: noneLeft }) : failure
