/**
 * A stream socket of a simulated host, with the manners of a proactor, however it is addressed.
 *
 * Lifecycle:
 *
 *     Idle --listen--> Listening
 *       |
 *       +--connect--> Connecting --established--> Connected (an accepted one starts here)
 *                         |
 *                         +--failed, or cancelled--> Idle
 *
 * and from each of them to Closed. Every operation is first tried; most are over at once. One that cannot be is
 * parked, and tried again when its end of the connection, or its listener, says that it is worth it.
 *
 * What names there are to bind and to connect to, a subclass knows.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type Endpoint as Address, format } from "../../Address/index.js"
import { closed, type SocketError, type SocketErrorReason } from "../../Errors/index.js"
import type { AcceptOperation, AnyOperation, ConnectOperation } from "../Operation.js"
import type { ProactorSocket, ShutdownHow } from "../Proactor.js"
import type { SocketFamily, SocketOptionName, SocketOptions } from "../SocketOption.js"
import type { Attempt } from "./Attempt.js"
import type { Endpoint } from "./Endpoint.js"
import { failure } from "./Faults.js"
import { SimulatedListener } from "./Listener.js"
import type { ConnectingSocket, Route } from "./Network.js"
import { OptionValues } from "./OptionValues.js"
import { Parked } from "./Parked.js"
import type { SimulatedProactor } from "./SimulatedProactor.js"
import { failed, hurrySend, receive, send } from "./Transfers.js"

type State<A extends Address> =
  | { readonly _tag: "Idle" }
  | { readonly _tag: "Connecting"; readonly attempt: Attempt<A> }
  | { readonly _tag: "Connected"; readonly endpoint: Endpoint<A> }
  | { readonly _tag: "Listening"; readonly listener: SimulatedListener<A> }
  | { readonly _tag: "Closed" }

const IDLE = { _tag: "Idle" } as const
const CLOSED = { _tag: "Closed" } as const

/** @internal */
export abstract class SimulatedStreamSocket<A extends Address>
  implements ProactorSocket<A>, ConnectingSocket<A>
{
  readonly options: OptionValues
  protected readonly owner: SimulatedProactor
  private readonly parked: Parked<AnyOperation<A>>
  private state: State<A> = IDLE

  constructor(owner: SimulatedProactor, family: SocketFamily, endpoint: Endpoint<A> | undefined) {
    const { settings, simulation } = owner.network
    this.owner = owner
    this.options = new OptionValues(settings, family)
    this.parked = new Parked(simulation, (operation) => this.cancelled(operation))
    if (endpoint !== undefined) this.connected(endpoint)
  }

  /** An address as this socket sees it. */
  abstract readonly see: (address: A) => A

  /** What no system would take, and what this kind of socket cannot reach. */
  protected abstract whatIsWrongWith(operation: "bind" | "connect", address: A): SocketError | undefined

  /** The name that the socket holds, if it holds one. */
  protected abstract readonly bound: A | undefined

  /** The address of a socket that holds none. */
  protected abstract readonly unbound: A

  /** Takes a name. The socket has none yet. */
  protected abstract take(address: A): SocketErrorReason | undefined

  /** Takes some name, for `listen`. The socket has none yet. */
  protected abstract takeAny(): SocketErrorReason | undefined

  /** Gives the name back, if there is one. */
  protected abstract release(): void

  /** Makes the listener known by the socket's name. */
  protected abstract publish(listener: SimulatedListener<A>): void

  /** The way to an address; or why there is none. */
  protected abstract routeTo(address: A): Route<A> | SocketErrorReason

  /** The socket of a connection that this one has accepted. */
  protected abstract ofAccepted(endpoint: Endpoint<A>): SimulatedStreamSocket<A>

  /** Whether it can still become something. */
  protected get isIdle(): boolean {
    return this.state === IDLE
  }

  submit(operation: AnyOperation<A>): boolean {
    operation.begin(this.owner.ledger)
    if (this.state === CLOSED || this.owner.isClosed) {
      operation.failure = closed(operation.kind.toLowerCase())
    } else if (!this.attempt(operation)) {
      this.parked.park(operation)
      return false
    }
    operation.finish()
    return true
  }

  cancel(operation: AnyOperation<A>): void {
    if (!this.parked.isWaiting(operation)) return
    const { settings, simulation } = this.owner.network
    if (simulation.random.chance(settings.cancelLosesRace) && this.hurry(operation)) return
    this.parked.cancel(operation, settings.cancelDelay)
  }

  /** Cancels everything that waits, in this step. */
  cancelAll(): void {
    this.parked.cancelAll()
  }

  close(): void {
    const { state } = this
    if (state === CLOSED) return
    this.state = CLOSED
    if (state._tag === "Connected") state.endpoint.close(this.options.isAbortive)
    if (state._tag === "Listening") state.listener.close()
    if (state._tag === "Connecting") state.attempt.cancel()
    this.release()
    this.owner.forget(this)
  }

  abandon(): void {
    // Nothing outlives its operation here. Closing is always right.
    this.cancelAll()
    this.close()
  }

  bind(address: A): Effect.Effect<void, SocketError> {
    return this.call("bind", () => {
      const wrong = this.whatIsWrongWith("bind", address)
      if (wrong !== undefined) return wrong
      const isBound = this.bound !== undefined || !this.isIdle
      const reason = isBound ? "InvalidArgument" : this.drawn("bind", () => this.take(address))
      return reason === undefined ? undefined : failure("bind", reason, format(address))
    })
  }

  listen(backlog: number): Effect.Effect<void, SocketError> {
    return this.call("listen", () => {
      if (this.state._tag === "Listening") return undefined
      const reason = this.isIdle
        ? this.drawn("listen", () => this.startListening(backlog))
        : "InvalidArgument"
      return reason === undefined ? undefined : failure("listen", reason)
    })
  }

  shutdown(how: ShutdownHow): Effect.Effect<void, SocketError> {
    return this.call("shutdown", () => {
      if (this.state._tag !== "Connected" || this.state.endpoint.failureReason !== undefined) {
        return failure("shutdown", "NotConnected")
      }
      if (how !== "write") this.state.endpoint.shutRead()
      if (how !== "read") this.state.endpoint.shutWrite()
      return undefined
    })
  }

  get localAddress(): Effect.Effect<A, SocketError> {
    return Effect.suspend(() => {
      if (this.state === CLOSED) return Effect.fail(closed("localAddress"))
      if (this.state._tag === "Connected") return Effect.succeed(this.state.endpoint.local)
      return Effect.succeed(this.bound ?? this.unbound)
    })
  }

  get remoteAddress(): Effect.Effect<A, SocketError> {
    return Effect.suspend(() => {
      if (this.state === CLOSED) return Effect.fail(closed("remoteAddress"))
      if (this.state._tag === "Connected") return Effect.succeed(this.state.endpoint.remote)
      return Effect.fail(failure("remoteAddress", "NotConnected"))
    })
  }

  getOption<Name extends SocketOptionName>(name: Name): Effect.Effect<SocketOptions[Name], SocketError> {
    return Effect.suspend(() => {
      const wrong = this.state === CLOSED ? closed("getOption") : this.options.missing("getOption", name)
      return wrong === undefined ? Effect.succeed(this.options.get(name)) : Effect.fail(wrong)
    })
  }

  setOption<Name extends SocketOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return this.call("setOption", () => {
      const missing = this.options.missing("setOption", name)
      if (missing !== undefined) return missing
      const isTooLate = name === "v6Only" && (this.bound !== undefined || !this.isIdle)
      if (isTooLate) return failure("setOption", "InvalidArgument")
      const wrong = this.options.set(name, value)
      if (wrong === undefined && this.state._tag === "Connected") {
        this.state.endpoint.sendBufferBytes = this.options.get("sendBufferBytes")
        this.state.endpoint.growReceiveBuffer(this.options.get("receiveBufferBytes"))
      }
      return wrong
    })
  }

  /** The connect in flight came through. */
  readonly established = (endpoint: Endpoint<A>): void => {
    this.connected(endpoint)
    const operation = this.parked.first("Connect")
    if (operation !== undefined) this.parked.settle(operation)
  }

  /** The connect in flight did not come through. */
  readonly refused = (reason: SocketErrorReason): void => {
    this.state = IDLE
    const operation = this.parked.first("Connect")
    if (operation === undefined) return
    failed(operation, reason, format(operation.address))
    this.parked.settle(operation)
  }

  /** The failure that was drawn for such a call; or what the call answers. */
  protected drawn(
    kind: "bind" | "listen",
    run: () => SocketErrorReason | undefined
  ): SocketErrorReason | undefined {
    return this.owner.network.faults.draw(kind, this.owner.host.name) ?? run()
  }

  protected call(operation: string, run: () => SocketError | undefined): Effect.Effect<void, SocketError> {
    return Effect.suspend(() => {
      if (this.state === CLOSED) return Effect.fail(closed(operation))
      const wrong = run()
      return wrong === undefined ? Effect.void : Effect.fail(wrong)
    })
  }

  /** Answers whether the operation is over. */
  private attempt(operation: AnyOperation<A>): boolean {
    const { state } = this
    switch (operation.kind) {
      case "Receive":
        if (state._tag !== "Connected") return failed(operation, "NotConnected")
        return receive(this.owner, operation, state.endpoint)
      case "Send":
        if (state._tag !== "Connected") return failed(operation, "NotConnected")
        return send(this.owner, operation, state.endpoint)
      case "SendFile":
        return failed(operation, "Unsupported")
      case "Accept":
        if (state._tag !== "Listening") return failed(operation, "InvalidArgument")
        return this.accept(operation, state.listener)
      case "Connect":
        return this.connect(operation)
    }
  }

  private accept(operation: AcceptOperation<A>, listener: SimulatedListener<A>): boolean {
    if (!listener.isReady) return false
    const reason = this.owner.network.faults.draw("accept", this.owner.host.name) ?? this.owner.shortage()
    if (reason !== undefined) return failed(operation, reason)
    const endpoint = listener.take()
    if (endpoint === undefined) return false
    const accepted = this.ofAccepted(endpoint)
    accepted.options.inherit(this.options)
    operation.accepted = accepted
    operation.remoteAddress = endpoint.remote
    this.owner.network.simulation.trace(() => `${endpoint.name} accepts ${format(endpoint.remote)}`)
    return true
  }

  private connect(operation: ConnectOperation<A>): boolean {
    const { address } = operation
    const wrong = this.whatIsWrongWith("connect", address)
    if (wrong !== undefined) {
      operation.failure = wrong
      return true
    }
    if (this.state._tag === "Connected") return failed(operation, "AlreadyConnected", format(address))
    if (!this.isIdle) return failed(operation, "InvalidArgument", format(address))
    const route = this.routeTo(address)
    if (typeof route === "string") return failed(operation, route, format(address))
    this.state = { _tag: "Connecting", attempt: this.owner.network.connect(route, this) }
    return false
  }

  private connected(endpoint: Endpoint<A>): void {
    this.state = { _tag: "Connected", endpoint }
    endpoint.owner = { readable: () => this.resume("Receive"), writable: () => this.resume("Send") }
  }

  private startListening(backlog: number): SocketErrorReason | undefined {
    const reason = this.bound === undefined ? this.takeAny() : undefined
    if (reason !== undefined) return reason
    const listener = new SimulatedListener<A>(backlog, this.options.buffers, this.see)
    listener.onReady = () => this.resume("Accept")
    this.publish(listener)
    this.state = { _tag: "Listening", listener }
    return undefined
  }

  /** Tries those that wait again, as long as they can be done. */
  private resume(kind: AnyOperation["kind"]): void {
    for (let next = this.parked.first(kind); next !== undefined; next = this.parked.first(kind)) {
      if (!this.attempt(next)) return
      this.parked.settle(next)
    }
  }

  /** Lets the operation complete at once, if anything is on its way that completes it. */
  private hurry(operation: AnyOperation<A>): boolean {
    const { state } = this
    if (state._tag === "Connecting") return state.attempt.hurry()
    const isOver = () => !this.parked.isWaiting(operation)
    if (state._tag === "Listening") return this.owner.network.hurryTo(state.listener, isOver)
    if (state._tag !== "Connected") return false
    if (operation.kind === "Receive") {
      while (!isOver() && state.endpoint.hurry()) {}
      return isOver()
    }
    if (operation.kind !== "Send" || !hurrySend(this.owner, operation, state.endpoint)) return false
    this.parked.settle(operation)
    return true
  }

  private cancelled(operation: AnyOperation<A>): void {
    if (operation.kind !== "Connect" || this.state._tag !== "Connecting") return
    this.state.attempt.cancel()
    this.state = IDLE
  }
}
