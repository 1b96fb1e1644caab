/**
 * The contract that every proactor keeps: submit an operation, get exactly one completion.
 *
 * A proactor owns sockets and drives the operations on them. There is one over IOCP (Windows), one over epoll
 * (Linux); what is above them, `Net`, knows only this contract. What they promise:
 *
 *  - `submit` never throws for a reason that lies outside the program: a failing system call retires the operation
 *    with a typed `failure`.
 *  - Every operation submitted retires exactly once (see `Operation`). `onRetired` runs outside of the dequeue and
 *    may submit again.
 *  - A socket has at most one receive, one send and one connect in flight, and any number of accepts.
 *  - `cancel` asks for an early retirement of an operation in flight on this socket. What completes all the same is a
 *    success, with its bytes or its connection.
 *  - `close` is for a socket with nothing in flight: whoever closes cancels first, and waits. Closing twice is no
 *    error. After `close` every call on the socket fails with `Closed`, and touches no descriptor: its number may be
 *    somebody else's by then.
 *  - While anything is in flight the process stays alive; when nothing is, the proactor does not keep it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { AddressFamily, SocketAddress } from "../Address/index.js"
import type { SocketError } from "../Errors/index.js"
import type { AnyOperation } from "./Operation.js"
import type { SocketOptionName, SocketOptions } from "./SocketOption.js"

/**
 * Which half of a connection to shut down.
 *
 * @since 0.1.0
 * @category models
 */
export type ShutdownHow = "read" | "write" | "both"

/**
 * One kernel socket, owned by a proactor.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorSocket {
  readonly family: AddressFamily
  /** Starts an operation. `true`: it has retired already, see its fields. `false`: `onRetired` will be called. */
  readonly submit: (operation: AnyOperation) => boolean
  /** Asks that an operation in flight on this socket retire early. Does nothing to one that is not in flight. */
  readonly cancel: (operation: AnyOperation) => void
  /** Gives the handle back to the system. */
  readonly close: () => void
  /**
   * Gives the handle up without closing it, with whatever the kernel may still write to: for a socket whose operations
   * would not drain. A leak on purpose, the lesser evil.
   */
  readonly abandon: () => void
  /** `bind(2)`; `SO_REUSEADDR` on Linux and `SO_EXCLUSIVEADDRUSE` on Windows are set already. */
  readonly bind: (address: SocketAddress) => Effect.Effect<void, SocketError>
  /** `listen(2)`. */
  readonly listen: (backlog: number) => Effect.Effect<void, SocketError>
  /** `shutdown(2)`. */
  readonly shutdown: (how: ShutdownHow) => Effect.Effect<void, SocketError>
  /** `getsockname(2)`. */
  readonly localAddress: Effect.Effect<SocketAddress, SocketError>
  /** `getpeername(2)`. */
  readonly remoteAddress: Effect.Effect<SocketAddress, SocketError>
  /** `getsockopt(2)`. */
  readonly getOption: <Name extends SocketOptionName>(
    name: Name
  ) => Effect.Effect<SocketOptions[Name], SocketError>
  /** `setsockopt(2)`. */
  readonly setOption: <Name extends SocketOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ) => Effect.Effect<void, SocketError>
}

/**
 * What a proactor has done so far, and what it holds now.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorStatistics {
  /** Operations submitted since the start. */
  readonly submitted: number
  /** Operations retired since the start. */
  readonly retired: number
  /** `submitted - retired`. */
  readonly inFlight: number
  /** Sockets open now. */
  readonly openSockets: number
}

/**
 * A proactor.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorService {
  readonly name: "iocp" | "epoll" | "simulated"
  /** Opens a TCP socket: not inherited by child processes, `TCP_NODELAY` on. The caller closes it. */
  readonly openTcp: (family: AddressFamily) => Effect.Effect<ProactorSocket, SocketError>
  readonly statistics: Effect.Effect<ProactorStatistics>
}

/**
 * The proactor that the network service stands on.
 *
 * @since 0.1.0
 * @category tags
 */
export class Proactor extends Context.Tag("effect-iocp/Proactor")<Proactor, ProactorService>() {}
