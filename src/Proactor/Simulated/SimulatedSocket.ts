/**
 * A TCP socket of a simulated host: addresses and ports to bind, and hosts to reach.
 *
 * @since 0.1.0
 */
import { type AddressFamily, format, isSocketAddress, type SocketAddress } from "../../Address/index.js"
import { invalidArgument, type SocketError, type SocketErrorReason } from "../../Errors/index.js"
import type { Endpoint } from "./Endpoint.js"
import { failure } from "./Faults.js"
import type { SimulatedListener } from "./Listener.js"
import type { Route } from "./Network.js"
import { type Binding, destination, onWire, seenBy, wireAddress } from "./Ports.js"
import type { SimulatedProactor } from "./SimulatedProactor.js"
import { SimulatedStreamSocket } from "./SimulatedStreamSocket.js"

/** @internal */
export class SimulatedSocket extends SimulatedStreamSocket<SocketAddress> {
  private readonly family: AddressFamily
  private binding: Binding<SimulatedListener<SocketAddress>> | undefined

  constructor(owner: SimulatedProactor, family: AddressFamily, endpoint?: Endpoint<SocketAddress>) {
    super(owner, family, endpoint)
    this.family = family
  }

  override readonly see = ({ host, port }: SocketAddress): SocketAddress => seenBy(this.family, host, port)

  protected override whatIsWrongWith(
    operation: "bind" | "connect",
    address: SocketAddress
  ): SocketError | undefined {
    if (!isSocketAddress(address)) return invalidArgument(operation, "the address is not one")
    if (address.family === this.family) return undefined
    return failure(operation, "Unsupported", format(address))
  }

  protected override get bound(): SocketAddress | undefined {
    return this.binding === undefined
      ? undefined
      : this.see(wireAddress(this.binding.host, this.binding.port))
  }

  protected override get unbound(): SocketAddress {
    return this.see(wireAddress(this.anyHost, 0))
  }

  protected override take({ host, port }: SocketAddress): SocketErrorReason | undefined {
    return this.hold(onWire(host), port)
  }

  protected override takeAny(): SocketErrorReason | undefined {
    return this.drawn("bind", () => this.hold(this.anyHost, 0))
  }

  protected override release(): void {
    if (this.binding !== undefined) this.owner.host.ports.release(this.binding)
    this.binding = undefined
  }

  protected override publish(listener: SimulatedListener<SocketAddress>): void {
    if (this.binding !== undefined) this.binding.holder = listener
  }

  protected override routeTo(address: SocketAddress): Route<SocketAddress> | SocketErrorReason {
    const { host: client, network } = this.owner
    const targetHost = destination(onWire(address.host))
    const server = client.ports.isOwn(targetHost) ? client : network.hostAt(targetHost)
    const nearest = client.ports.sourceFor(targetHost)
    if (server === undefined || nearest === undefined) return "Unreachable"
    const source = this.source(nearest)
    if (typeof source === "string") return source
    const isAny = source.host === "0.0.0.0" || source.host === "::"
    return {
      client,
      server,
      source: wireAddress(isAny ? nearest : source.host, source.port),
      target: wireAddress(targetHost, address.port),
      listener: () => server.ports.holdersAt(targetHost, address.port)[0]
    }
  }

  protected override ofAccepted(endpoint: Endpoint<SocketAddress>): SimulatedSocket {
    return this.owner.adopt(new SimulatedSocket(this.owner, this.family, endpoint))
  }

  /** From where it connects; it gets an address now if it has none. */
  private source(host: string): Binding<SimulatedListener<SocketAddress>> | SocketErrorReason {
    if (this.binding !== undefined) return this.binding
    const reason = this.drawn("bind", () => this.hold(host, 0))
    if (reason !== undefined) return reason === "AddressInUse" ? "AddressNotAvailable" : reason
    return this.binding ?? "AddressNotAvailable"
  }

  private hold(host: string, port: number): SocketErrorReason | undefined {
    const binding = this.owner.host.ports.bind(host, port, { isIPv6Only: this.options.get("v6Only") })
    if (typeof binding === "string") return binding
    this.binding = binding
    return undefined
  }

  private get anyHost(): string {
    return this.family === "IPv4" ? "0.0.0.0" : "::"
  }
}
