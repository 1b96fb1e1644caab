/**
 * Where a server listens, and a client connects to: a host and a port, or the path of a Unix socket or of a named pipe, as
 * with Node.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { PipeAddress, SocketAddress, UnixAddress } from "../../Address/index.js"
import { isPipePath } from "../../Address/PipeAddress.js"
import {
  invalidArgument,
  type SocketError,
  type TimeoutError,
  unsupported,
  withDetails
} from "../../Errors/index.js"
import type { Connection, TimeoutOptions } from "../../Net/Connection.js"
import { streamOptions } from "../../Net/internal/OptionsAtStart.js"
import type { Listener } from "../../Net/Listener.js"
import * as NamedPipe from "../../Net/NamedPipe.js"
import * as Net from "../../Net/Net.js"
import * as Unix from "../../Net/Unix.js"

/** An address of any kind. */
type Address = SocketAddress | UnixAddress | PipeAddress

/** A host and a port. Part of the public options, so not internal. */
export interface AnywhereOptions
  extends Pick<Net.ListenOptions, "backlog" | "port" | "reusePort" | "socketOptions" | "v6Only"> {
  /** An IP address of this host, or a name for one. All addresses, of both versions of IP, if absent. */
  readonly host?: string | undefined
  readonly path?: undefined
}

/**
 * A path in their place: that of a Unix socket, a NUL character and an abstract name, or the name of a pipe, `\\.\pipe\app`.
 * A pipe has no file and no queue of its own: `mode` is refused there, and `backlog` and `unlinkStale` mean nothing. Part of
 * the public options, so not internal.
 */
export interface PathOptions extends Unix.ListenOptions {
  readonly host?: undefined
  readonly port?: undefined
  /** How a pipe is made, where the path names one: who may connect (`securityDescriptor`), ... */
  readonly pipe?: Omit<NamedPipe.ListenOptions, "mode" | "name"> | undefined
}

/** Part of the public options, so not internal. */
export type PlaceOptions = AnywhereOptions | PathOptions

const both = (operation: string) =>
  Effect.fail(invalidArgument(operation, "give a path, or a host and a port, and not both"))

/** On the host, or else on `::`, and on `0.0.0.0` where that cannot be: a system may have no IPv6. */
const listenAnywhere = ({ host, ...options }: AnywhereOptions) => {
  const on = (host: string) => Net.listen({ ...options, host })
  return host === undefined ? Effect.orElse(on("::"), () => on("0.0.0.0")) : on(host)
}

const ofPipe = {
  setOption: (name: string) => Effect.fail(unsupported("setOption", `a named pipe has no ${name}`))
}

/** A pipe has none. Who asks for one is told so, as by `setOption`. */
const withoutOptions = (
  operation: string,
  options: Net.StreamSocketOptions | undefined
): Effect.Effect<void, SocketError> =>
  Effect.flatMap(streamOptions(operation, options), (prepare) =>
    prepare === undefined
      ? Effect.void
      : Effect.mapError(prepare(ofPipe), (failure) => withDetails(failure, { operation }))
  )

const listenAtPipe = ({ mode, path, pipe, socketOptions }: PathOptions) => {
  const advice = "a pipe has no file, and so no mode: pipe.securityDescriptor says who may connect"
  if (mode !== undefined) return Effect.fail(invalidArgument("listen", advice, path))
  const listening = NamedPipe.listen({ ...pipe, mode: "byte", name: path })
  return Effect.zipRight(withoutOptions("listen", socketOptions), listening)
}

/** @internal */
export const listenAt = (
  options: PlaceOptions
): Effect.Effect<Listener<Address>, SocketError, Net.Net | Scope.Scope> => {
  if (options.path === undefined) return listenAnywhere(options)
  if (options.port !== undefined || options.host !== undefined) return both("listen")
  return isPipePath(options.path) ? listenAtPipe(options) : Unix.listen(options)
}

/** A host and a port to connect to. Part of the public options, so not internal. */
export interface RemoteOptions extends Pick<Net.ConnectOptions, "socketOptions"> {
  /** An IP address or a name. `localhost` if absent. */
  readonly host?: string | undefined
  /** 1 to 65535. */
  readonly port: number
  readonly path?: undefined
}

/**
 * A path in their place: that of a Unix socket, a NUL character and an abstract name, or the name of a pipe. Part of the
 * public options, so not internal.
 */
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
  if (options.port !== undefined || options.host !== undefined) return both("connect")
  if (!isPipePath(path)) return Unix.connect({ path, socketOptions, timeout })
  return Effect.zipRight(withoutOptions("connect", socketOptions), NamedPipe.connect({ name: path, timeout }))
}
