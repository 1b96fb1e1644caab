/**
 * Listening as servers of Node do, where nobody said on which address: on all of them.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { SocketError } from "../../Errors/index.js"
import type { Listener } from "../../Net/Listener.js"
import * as Net from "../../Net/Net.js"

/** Part of the public options, so not internal. */
export interface AnywhereOptions
  extends Pick<Net.ListenOptions, "backlog" | "port" | "reusePort" | "v6Only"> {
  /** An IP address of this host, or a name for one. All addresses, of both versions of IP, if absent. */
  readonly host?: string | undefined
}

/**
 * Listens on the host, or else on `::`, and on `0.0.0.0` where that cannot be: a system may have no IPv6.
 *
 * @internal
 */
export const listenAnywhere = ({
  backlog,
  host,
  port,
  reusePort,
  v6Only
}: AnywhereOptions): Effect.Effect<Listener, SocketError, Net.Net | Scope.Scope> => {
  const on = (host: string) => Net.listen({ host, port, backlog, reusePort, v6Only })
  return host === undefined ? Effect.orElse(on("::"), () => on("0.0.0.0")) : on(host)
}
