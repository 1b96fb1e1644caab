/**
 * A Unix socket of a simulated host: names of the host's to bind and to reach, its own and nobody else's.
 *
 * It goes over the link from the host to itself, and so is as slow as that is told to be. There are no files, no
 * processes and no users: a path is never stale, and a mode keeps nobody out.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { makeUnix, type UnixAddress } from "../../Address/index.js"
import { unixFromSystem } from "../../Address/UnixAddress.js"
import { type SocketError, type SocketErrorReason, unsupported } from "../../Errors/index.js"
import type { PeerCredentials, ProactorUnixSocket } from "../UnixSocket.js"
import type { Endpoint } from "./Endpoint.js"
import type { SimulatedListener } from "./Listener.js"
import type { Route } from "./Network.js"
import type { PathBinding } from "./Paths.js"
import type { SimulatedProactor } from "./SimulatedProactor.js"
import { SimulatedStreamSocket } from "./SimulatedStreamSocket.js"

const UNNAMED = unixFromSystem("")

/** @internal */
export class SimulatedUnixSocket extends SimulatedStreamSocket<UnixAddress> implements ProactorUnixSocket {
  private binding: PathBinding | undefined

  constructor(owner: SimulatedProactor, endpoint?: Endpoint<UnixAddress>) {
    super(owner, "Unix", endpoint)
  }

  override readonly see = (address: UnixAddress): UnixAddress => address

  removeStale({ path }: UnixAddress): Effect.Effect<boolean, SocketError> {
    return Effect.sync(() => this.owner.host.paths.isFree(path))
  }

  readonly peerCredentials: Effect.Effect<PeerCredentials, SocketError> = Effect.fail(
    unsupported("peerCredentials", "a simulated host has no processes and no users")
  )

  protected override whatIsWrongWith(_: "bind" | "connect", { path }: UnixAddress): SocketError | undefined {
    const made = makeUnix(path)
    return made._tag === "Left" ? made.left : undefined
  }

  protected override get bound(): UnixAddress | undefined {
    return this.binding === undefined ? undefined : unixFromSystem(this.binding.path)
  }

  protected override get unbound(): UnixAddress {
    return UNNAMED
  }

  protected override take({ path }: UnixAddress): SocketErrorReason | undefined {
    const binding = this.owner.host.paths.bind(path)
    if (typeof binding === "string") return binding
    this.binding = binding
    return undefined
  }

  /** Nobody could find it. */
  protected override takeAny(): SocketErrorReason | undefined {
    return "InvalidArgument"
  }

  protected override release(): void {
    if (this.binding !== undefined) this.owner.host.paths.release(this.binding)
    this.binding = undefined
  }

  protected override publish(listener: SimulatedListener<UnixAddress>): void {
    if (this.binding !== undefined) this.binding.listener = listener
  }

  protected override routeTo(target: UnixAddress): Route<UnixAddress> {
    const { host } = this.owner
    const source = this.bound ?? UNNAMED
    return { client: host, server: host, source, target, listener: () => host.paths.listenerAt(target.path) }
  }

  protected override ofAccepted(endpoint: Endpoint<UnixAddress>): SimulatedUnixSocket {
    return this.owner.adopt(new SimulatedUnixSocket(this.owner, endpoint))
  }
}
