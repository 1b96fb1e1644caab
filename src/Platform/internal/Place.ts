/**
 * Where a server listens, and a client connects to: a host and a port, or the path of a Unix socket, as with Node.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SocketAddress, UnixAddress } from "../../Address/index.js"
import { invalidArgument, type SocketError, type TimeoutError } from "../../Errors/index.js"
import type { Connection, TimeoutOptions } from "../../Net/Connection.js"
import type { Listener } from "../../Net/Listener.js"
import * as Net from "../../Net/Net.js"
import * as Unix from "../../Net/Unix.js"

/** An address of either kind. */
type Address = SocketAddress | UnixAddress

/** A host and a port. Part of the public options, so not internal. */
export interface AnywhereOptions
  extends Pick<Net.ListenOptions, "backlog" | "port" | "reusePort" | "socketOptions" | "v6Only"> {
  /** An IP address of this host, or a name for one. All addresses, of both versions of IP, if absent. */
  readonly host?: string | undefined
  readonly path?: undefined
}

/** A path, or a NUL character and an abstract name, in their place. Part of the public options, so not internal. */
export interface PathOptions extends Unix.ListenOptions {
  readonly host?: undefined
  readonly port?: undefined
}

/** Part of the public options, so not internal. */
export type PlaceOptions = AnywhereOptions | PathOptions

const both = (operation: string) =>
  Effect.fail(invalidArgument(operation, "give a path, or a host and a port, and not both"))

/** On the host, or else on `::`, and on `0.0.0.0` where that cannot be: a system may have no IPv6. */
const listenAnywhere = ({ backlog, host, port, reusePort, socketOptions, v6Only }: AnywhereOptions) => {
  const on = (host: string) => Net.listen({ host, port, backlog, reusePort, socketOptions, v6Only })
  return host === undefined ? Effect.orElse(on("::"), () => on("0.0.0.0")) : on(host)
}

/** @internal */
export const listenAt = (
  options: PlaceOptions
): Effect.Effect<Listener<Address>, SocketError, Net.Net | Scope.Scope> => {
  if (options.path === undefined) return listenAnywhere(options)
  return options.port === undefined && options.host === undefined ? Unix.listen(options) : both("listen")
}

/** A host and a port to connect to. Part of the public options, so not internal. */
export interface RemoteOptions extends Pick<Net.ConnectOptions, "socketOptions"> {
  /** An IP address or a name. `localhost` if absent. */
  readonly host?: string | undefined
  /** 1 to 65535. */
  readonly port: number
  readonly path?: undefined
}

/** A path, or a NUL character and an abstract name, in their place. Part of the public options, so not internal. */
export interface RemotePathOptions extends Pick<Unix.ConnectOptions, "socketOptions"> {
  readonly path: string
  readonly host?: undefined
  readonly port?: undefined
}

/** @internal */
export const connectTo = (
  options: (RemoteOptions | RemotePathOptions) & TimeoutOptions
): Effect.Effect<Connection<Address>, SocketError | TimeoutError, Net.Net | Scope.Scope> => {
  const { socketOptions, timeout } = options
  if (options.path === undefined) {
    const { host = "localhost", port } = options
    return Net.connect({ host, port, socketOptions, timeout })
  }
  const { path } = options
  return options.port === undefined && options.host === undefined
    ? Unix.connect({ path, socketOptions, timeout })
    : both("connect")
}
