/**
 * A socket of a simulated host, with the manners of a proactor.
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
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type AddressFamily, format, isSocketAddress, type SocketAddress } from "../../Address/index.js"
import { closed, invalidArgument, type SocketError, type SocketErrorReason } from "../../Errors/index.js"
import type { AcceptOperation, AnyOperation, ConnectOperation } from "../Operation.js"
import type { ProactorSocket, ShutdownHow } from "../Proactor.js"
import type { SocketOptionName, SocketOptions } from "../SocketOption.js"
import type { Attempt } from "./Attempt.js"
import type { Endpoint } from "./Endpoint.js"
import { failure } from "./Faults.js"
import { SimulatedListener } from "./Listener.js"
import { OptionValues } from "./OptionValues.js"
import { Parked } from "./Parked.js"
import { type Binding, onWire, seenBy } from "./Ports.js"
import type { SimulatedProactor } from "./SimulatedProactor.js"
import { failed, hurrySend, receive, send } from "./Transfers.js"

type State =
  | { readonly _tag: "Idle" }
  | { readonly _tag: "Connecting"; readonly attempt: Attempt }
  | { readonly _tag: "Connected"; readonly endpoint: Endpoint }
  | { readonly _tag: "Listening"; readonly listener: SimulatedListener }
  | { readonly _tag: "Closed" }

const IDLE: State = { _tag: "Idle" }
const CLOSED: State = { _tag: "Closed" }

/** @internal */
export class SimulatedSocket implements ProactorSocket {
  readonly family: AddressFamily
  readonly options: OptionValues
  private readonly owner: SimulatedProactor
  private readonly parked: Parked
  private state: State = IDLE
  private binding: Binding | undefined

  constructor(owner: SimulatedProactor, family: AddressFamily, endpoint?: Endpoint) {
    const { settings, simulation } = owner.network
    this.owner = owner
    this.family = family
    this.options = new OptionValues(settings, family)
    this.parked = new Parked(simulation, (operation) => this.cancelled(operation))
    if (endpoint !== undefined) this.connected(endpoint)
  }

  submit(operation: AnyOperation): boolean {
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

  cancel(operation: AnyOperation): void {
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
    this.unbind()
    this.owner.forget(this)
  }

  abandon(): void {
    // Nothing outlives its operation here. Closing is always right.
    this.cancelAll()
    this.close()
  }

  bind(address: SocketAddress): Effect.Effect<void, SocketError> {
    return this.call("bind", () => {
      const wrong = this.whatIsWrongWith("bind", address)
      if (wrong !== undefined) return wrong
      const isBound = this.binding !== undefined || this.state !== IDLE
      const reason = isBound ? "InvalidArgument" : this.bindTo(onWire(address.host), address.port)
      return reason === undefined ? undefined : failure("bind", reason, format(address))
    })
  }

  listen(backlog: number): Effect.Effect<void, SocketError> {
    return this.call("listen", () => {
      if (this.state._tag === "Listening") return undefined
      const reason = this.state === IDLE ? this.startListening(backlog) : "InvalidArgument"
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

  get localAddress(): Effect.Effect<SocketAddress, SocketError> {
    return Effect.suspend(() => {
      if (this.state === CLOSED) return Effect.fail(closed("localAddress"))
      if (this.state._tag === "Connected") return Effect.succeed(this.state.endpoint.local)
      const { host, port } = this.binding ?? { host: this.anyHost, port: 0 }
      return Effect.succeed(seenBy(this.family, host, port))
    })
  }

  get remoteAddress(): Effect.Effect<SocketAddress, SocketError> {
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
      const isTooLate = name === "v6Only" && (this.binding !== undefined || this.state !== IDLE)
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
  established(endpoint: Endpoint): void {
    this.connected(endpoint)
    const operation = this.parked.first("Connect")
    if (operation !== undefined) this.parked.settle(operation)
  }

  /** The connect in flight did not come through. */
  refused(reason: SocketErrorReason): void {
    this.state = IDLE
    const operation = this.parked.first("Connect")
    if (operation === undefined) return
    failed(operation, reason, format(operation.address))
    this.parked.settle(operation)
  }

  /** From where it connects; it gets an address now if it has none. */
  source(host: string): Binding | SocketErrorReason {
    if (this.binding !== undefined) return this.binding
    const reason = this.bindTo(host, 0)
    if (reason !== undefined) return reason === "AddressInUse" ? "AddressNotAvailable" : reason
    return this.binding ?? "AddressNotAvailable"
  }

  /** Answers whether the operation is over. */
  private attempt(operation: AnyOperation): boolean {
    const { state } = this
    switch (operation.kind) {
      case "Receive":
        if (state._tag !== "Connected") return failed(operation, "NotConnected")
        return receive(this.owner, operation, state.endpoint)
      case "Send":
        if (state._tag !== "Connected") return failed(operation, "NotConnected")
        return send(this.owner, operation, state.endpoint)
      case "Accept":
        if (state._tag !== "Listening") return failed(operation, "InvalidArgument")
        return this.accept(operation, state.listener)
      case "Connect":
        return this.connect(operation)
    }
  }

  private accept(operation: AcceptOperation, listener: SimulatedListener): boolean {
    if (!listener.isReady) return false
    const reason = this.owner.network.faults.draw("accept", this.owner.host.name) ?? this.owner.shortage()
    if (reason !== undefined) return failed(operation, reason)
    const endpoint = listener.take()
    if (endpoint === undefined) return false
    operation.accepted = this.owner.adopt(this.family, endpoint)
    operation.remoteAddress = endpoint.remote
    this.owner.network.simulation.trace(() => `${endpoint.name} accepts ${format(endpoint.remote)}`)
    return true
  }

  private connect(operation: ConnectOperation): boolean {
    const { address } = operation
    const wrong = this.whatIsWrongWith("connect", address)
    if (wrong !== undefined) {
      operation.failure = wrong
      return true
    }
    if (this.state._tag === "Connected") return failed(operation, "AlreadyConnected", format(address))
    if (this.state !== IDLE) return failed(operation, "InvalidArgument", format(address))
    const attempt = this.owner.network.connect(this.owner, this, address)
    if (typeof attempt === "string") return failed(operation, attempt, format(address))
    this.state = { _tag: "Connecting", attempt }
    return false
  }

  private connected(endpoint: Endpoint): void {
    this.state = { _tag: "Connected", endpoint }
    endpoint.owner = { readable: () => this.resume("Receive"), writable: () => this.resume("Send") }
  }

  private startListening(backlog: number): SocketErrorReason | undefined {
    const fault = this.owner.network.faults.draw("listen", this.owner.host.name)
    if (fault !== undefined) return fault
    const reason = this.binding === undefined ? this.bindTo(this.anyHost, 0) : undefined
    if (reason !== undefined) return reason
    const listener = new SimulatedListener(backlog, this.options.buffers, this.family)
    listener.onReady = () => this.resume("Accept")
    if (this.binding !== undefined) this.binding.listener = listener
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
  private hurry(operation: AnyOperation): boolean {
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

  private cancelled(operation: AnyOperation): void {
    if (operation.kind !== "Connect" || this.state._tag !== "Connecting") return
    this.state.attempt.cancel()
    this.state = IDLE
  }

  private bindTo(host: string, port: number): SocketErrorReason | undefined {
    const fault = this.owner.network.faults.draw("bind", this.owner.host.name)
    if (fault !== undefined) return fault
    const binding = this.owner.ports.bind(host, port, this.options.get("v6Only"))
    if (typeof binding === "string") return binding
    this.binding = binding
    return undefined
  }

  private unbind(): void {
    if (this.binding !== undefined) this.owner.ports.release(this.binding)
    this.binding = undefined
  }

  private get anyHost(): string {
    return this.family === "IPv4" ? "0.0.0.0" : "::"
  }

  /** What no system would take, and what this socket's family cannot reach. */
  private whatIsWrongWith(operation: "bind" | "connect", address: SocketAddress): SocketError | undefined {
    if (!isSocketAddress(address)) return invalidArgument(operation, "the address is not one")
    if (address.family === this.family) return undefined
    return failure(operation, "Unsupported", format(address))
  }

  private call(operation: string, run: () => SocketError | undefined): Effect.Effect<void, SocketError> {
    return Effect.suspend(() => {
      if (this.state === CLOSED) return Effect.fail(closed(operation))
      const wrong = run()
      return wrong === undefined ? Effect.void : Effect.fail(wrong)
    })
  }
}
