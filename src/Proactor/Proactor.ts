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
 *    error. Where a thread closes the handle, `whenClosed` tells when that is done. After `close` every call on the socket
 *    fails with `Closed`, and touches no descriptor: its number may be somebody else's by then.
 *  - While anything is in flight the process stays alive; when nothing is, the proactor does not keep it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { AddressFamily, Endpoint, SocketAddress } from "../Address/index.js"
import type { SocketError } from "../Errors/index.js"
import type { ProactorDatagramSocket } from "./Datagram.js"
import type { ChangesOperation, FileOperation } from "./FileOperation.js"
import type { ProactorPipes } from "./NamedPipe.js"
import type { AnyOperation, Operation, SignalOperation, StreamOperation } from "./Operation.js"
import type { SignalToken } from "./Signal.js"
import type { SocketOptionName, SocketOptions } from "./SocketOption.js"
import type { ProactorUnixSocket } from "./UnixSocket.js"

/**
 * Which half of a connection to shut down.
 *
 * @since 0.1.0
 * @category models
 */
export type ShutdownHow = "read" | "write" | "both"

/**
 * Something of the kernel's that a proactor drives operations of one kind on: a socket, a pipe, a file.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorHandle<Op extends Operation> {
  /** Starts an operation. `true`: it has retired already, see its fields. `false`: `onRetired` will be called. */
  readonly submit: (operation: Op) => boolean
  /** Asks that an operation in flight on this handle retire early. Does nothing to one that is not in flight. */
  readonly cancel: (operation: Op) => void
  /** Gives the handle back to the system. */
  readonly close: () => void
  /**
   * Gives the handle up without closing it, with whatever the kernel may still write to: for one whose operations
   * would not drain. A leak on purpose, the lesser evil. One that was closed, and which the system is still closing, is
   * not waited for any more, by nobody.
   */
  readonly abandon: () => void
  /**
   * Calls back, once, when the system has closed the handle; within this call, if it has. Absent where that is so as soon as
   * `close` returns, or the last operation retires that was still in flight.
   */
  readonly whenClosed?: (closed: () => void) => void
}

/**
 * What a connection is made of: a connected stream of bytes, `A` being how its ends are addressed.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorStream<out A extends Endpoint = SocketAddress>
  extends ProactorHandle<StreamOperation> {
  /** `shutdown(2)`. */
  readonly shutdown: (how: ShutdownHow) => Effect.Effect<void, SocketError>
  /** `getsockname(2)`. */
  readonly localAddress: Effect.Effect<A, SocketError>
  /** `getpeername(2)`. */
  readonly remoteAddress: Effect.Effect<A, SocketError>
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
 * One stream socket of the kernel's, which becomes a listener or a connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorSocket<A extends Endpoint = SocketAddress> extends ProactorStream<A> {
  readonly submit: (operation: AnyOperation<A>) => boolean
  readonly cancel: (operation: AnyOperation<A>) => void
  /**
   * `setsockopt(2)`. What is set before `listen`, the connections that are accepted have from their first moment; but for
   * `v6Only`, which means nothing to them.
   */
  readonly setOption: ProactorStream["setOption"]
  /** `bind(2)`; `SO_REUSEADDR` on Linux and `SO_EXCLUSIVEADDRUSE` on Windows are set already for TCP. */
  readonly bind: (address: A) => Effect.Effect<void, SocketError>
  /** `listen(2)`. */
  readonly listen: (backlog: number) => Effect.Effect<void, SocketError>
}

/**
 * A file of the kernel's: any number of operations may be in flight on it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorFile extends ProactorHandle<FileOperation> {}

/**
 * A directory that is watched. It has one operation in flight at most.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorDirectory extends ProactorHandle<ChangesOperation> {}

/**
 * How to open a file.
 *
 * @since 0.1.0
 * @category models
 */
export interface FileOpening {
  readonly path: string
  readonly access: "read" | "write" | "readWrite"
  /** What there is to be: a file already (`never`), or one that is made if it is missing, new, or emptied. */
  readonly create: "never" | "ifMissing" | "exclusively" | "truncated"
  /** Whether all writing is at the end, wherever that is by then. */
  readonly append: boolean
  /** Whether what was never written is to take no room on the disk, also where that has to be asked for. */
  readonly sparse: boolean
  /** The permissions of a file that is made. Where there are none, anything given is `Unsupported`. */
  readonly mode: number | undefined
}

/**
 * What one thread raises a signal by, until it is ended, or the signal closed.
 *
 * @since 0.1.0
 * @category models
 */
export interface SignalShare {
  /** For the thread, which opens it with `openRaiser`, once. Plain data. */
  readonly token: SignalToken
  /** From here on the thread does not raise it any more. To end it twice does nothing. */
  readonly end: () => void
}

/**
 * A signal that every thread of this process can raise: how what happens there gets into the loop.
 *
 * A raise is never missed: it completes the operation that is in flight or, if none is, one that is submitted later. Several
 * raises may count as one. A signal has at most one operation in flight, and only then does it keep the process alive.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorSignal extends ProactorHandle<SignalOperation> {
  /** Lets another thread raise it. Each thread needs one of its own, which the caller ends. */
  readonly share: Effect.Effect<SignalShare, SocketError>
  /** Raises it from this thread. An operation in flight retires in a later turn of the loop. */
  readonly raise: () => void
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
  /** Sockets open now, and files, directories and signals. */
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
  /** Opens a stream socket of the Unix domain, not inherited by child processes. The caller closes it. */
  readonly openUnix: Effect.Effect<ProactorUnixSocket, SocketError>
  /** The number that the system has for a network interface, by name: `AddressNotAvailable` if there is none. */
  readonly interfaceIndex: (name: string) => Effect.Effect<number, SocketError>
  /** Opens a UDP socket: not inherited by child processes. The caller closes it. */
  readonly openUdp: (family: AddressFamily) => Effect.Effect<ProactorDatagramSocket, SocketError>
  /** Opens a file, not inherited by child processes. A directory is none. The caller closes it. */
  readonly openFile: (opening: FileOpening) => Effect.Effect<ProactorFile, SocketError>
  /** Opens a directory to be watched; with what is below it, if it is to be `isRecursive`. The caller closes it. */
  readonly openDirectory: (
    path: string,
    isRecursive: boolean
  ) => Effect.Effect<ProactorDirectory, SocketError>
  /** Opens a signal. The caller closes it. */
  readonly openSignal: Effect.Effect<ProactorSignal, SocketError>
  /** Named pipes, where the system has them. */
  readonly pipes: Effect.Effect<ProactorPipes, SocketError>
  readonly statistics: Effect.Effect<ProactorStatistics>
}

/**
 * The proactor that the network service stands on.
 *
 * @since 0.1.0
 * @category tags
 */
export class Proactor extends Context.Tag("effect-iocp/Proactor")<Proactor, ProactorService>() {}
