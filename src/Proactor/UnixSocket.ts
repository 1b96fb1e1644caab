/**
 * What a socket of the Unix domain can do beyond any stream socket: it has a file, and knows who is at its other end.
 *
 * Lifecycle of the file. `bind` makes it, with its mode from the first moment; nothing but `bind` does. It is taken away
 * when the socket is closed, and before the socket is, so that nobody is refused by it in between; and only if it is still
 * the one that was made. A process that is killed leaves it behind: it is stale then, and in the way of the next `bind`.
 * `removeStale` is for that. Abstract names have no file, and end with their socket.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { UnixAddress } from "../Address/index.js"
import type { SocketError } from "../Errors/index.js"
import type { ProactorSocket } from "./Proactor.js"

/**
 * Who was at the other end when the connection was made, as the system knows it.
 *
 * @since 0.1.0
 * @category models
 */
export interface PeerCredentials {
  /** Its process; 0 if that is one which this process cannot see (another PID namespace). */
  readonly processId: number
  readonly userId: number
  readonly groupId: number
}

/**
 * A stream socket of the Unix domain.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorUnixSocket extends ProactorSocket<UnixAddress> {
  /** `bind(2)`. The mode of the file is `mode`; if absent, what the umask leaves of 0777. */
  readonly bind: (address: UnixAddress, mode?: number) => Effect.Effect<void, SocketError>
  /**
   * Takes away the file at the address if it is that of a socket at which nobody listens. Answers whether the path is free
   * now, as far as this call can know: then `bind` is worth another try.
   */
  readonly removeStale: (address: UnixAddress) => Effect.Effect<boolean, SocketError>
  /** `SO_PEERCRED`. */
  readonly peerCredentials: Effect.Effect<PeerCredentials, SocketError>
}
