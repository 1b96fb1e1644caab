/**
 * Named pipes: making the ends, and what can be asked of them at once.
 *
 * A pipe is made by its server, as one or more instances of a name; each instance is for one client at a time. How an
 * instance waits for its client, and how bytes move, is in `PipeOperations.ts`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { format, type PipeAddress } from "../Address/index.js"
import { closed, fromWin32, isSocketError, type SocketError } from "../Errors/index.js"
import { type Kernel32, kernel32 } from "./Kernel32.js"
import { Pipe, type PipeMode } from "./Pipe.js"
import { adviceOnInstance, createInstance, openClientEnd, peerProcess, refuseInstance } from "./PipeCalls.js"
import { closeDrained } from "./Port.js"
import { SecurityAttributes } from "./Security.js"
import { onWindows } from "./Support.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface NamedPipeOptions {
  readonly address: PipeAddress
  /** `"byte"` if left out: no borders between what is written. All instances of a name have the same. */
  readonly mode?: PipeMode | undefined
  /** Whether this is to be the first instance of the name, and a failure if it is not. */
  readonly isFirst?: boolean | undefined
  /** How many instances of the name there may be, 1 to 254; no limit if left out. The first instance settles it. */
  readonly maxInstances?: number | undefined
  /** Whether clients on other machines may connect. Not if left out. */
  readonly allowRemote?: boolean | undefined
  /** Who may do what, in SDDL. If left out, everybody may read, and the owner and administrators may do anything. */
  readonly securityDescriptor?: string | undefined
  /** How many bytes each direction holds that were written and not read: advice to the system. 65 536 if left out. */
  readonly bufferBytes?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface OpenPipeOptions {
  /** How it is read: `"message"` for a pipe of messages only. `"byte"` if left out. */
  readonly mode?: PipeMode | undefined
}

const DEFAULT_BUFFER_BYTES = 65_536

const create = (options: NamedPipeOptions): Effect.Effect<Pipe, SocketError> =>
  Effect.suspend(() => {
    const { address, securityDescriptor } = options
    const settings = {
      address,
      mode: options.mode ?? "byte",
      isFirst: options.isFirst ?? false,
      maxInstances: options.maxInstances,
      allowRemote: options.allowRemote ?? false,
      bufferBytes: options.bufferBytes ?? DEFAULT_BUFFER_BYTES
    }
    const advice = adviceOnInstance(settings)
    if (advice !== undefined) return Effect.fail(refuseInstance("createNamedPipe", advice, address))
    const security =
      securityDescriptor === undefined
        ? undefined
        : SecurityAttributes.make(securityDescriptor, "createNamedPipe")
    if (isSocketError(security)) return Effect.fail(security)
    const handle = createInstance(settings, security, "createNamedPipe")
    // The system has a copy of its own.
    security?.free()
    return typeof handle === "number"
      ? Effect.succeed(new Pipe(handle, "server", address, settings.mode))
      : Effect.fail(handle)
  })

/**
 * A server's end: one instance of a named pipe, overlapped, for both directions, not inherited by child processes, and
 * closed with the scope. `connectNamedPipe` waits for its client.
 *
 * Calls `CreateNamedPipeW`. Elsewhere than on Windows it fails with the reason `Unsupported`.
 *
 * @since 0.1.0
 * @category pipes
 */
export const createNamedPipe = (options: NamedPipeOptions): Effect.Effect<Pipe, SocketError, Scope.Scope> =>
  onWindows("createNamedPipe", () => Effect.acquireRelease(create(options), closePipe))

/**
 * A client's end, connected to an instance that has no client, overlapped, and closed with the scope. The server may learn
 * who the client is, and no more.
 *
 * Where no such pipe is, fails with the reason `Refused` (2); where every instance has a client, with `ResourceExhausted`
 * (231): try again later. Calls `CreateFileW`, and `SetNamedPipeHandleState` for messages. A pipe of another machine is
 * opened on a thread of libuv's pool. Elsewhere than on Windows it fails with the reason `Unsupported`.
 *
 * @since 0.1.0
 * @category pipes
 */
export const openPipe = (
  address: PipeAddress,
  { mode = "byte" }: OpenPipeOptions = {}
): Effect.Effect<Pipe, SocketError, Scope.Scope> =>
  onWindows("openPipe", () =>
    Effect.acquireRelease(
      Effect.map(
        openClientEnd(address, mode, "openPipe"),
        (handle) => new Pipe(handle, "client", address, mode)
      ),
      closePipe
    )
  )

/**
 * Closes the end, before its scope does. What was written is there for the other end to read. Calls `CloseHandle`.
 *
 * What is in flight on it is cancelled, and the packets are dequeued into the port's inbox, where whoever waits finds them.
 * Closing one that is closed, or being closed, does nothing.
 *
 * @since 0.1.0
 * @category pipes
 */
export const closePipe = (pipe: Pipe): Effect.Effect<void> =>
  closeDrained(pipe, "closePipe", () => {
    // The handle is the pipe's own and is closed once only: there is nothing to do about a failure.
    kernel32().CloseHandle(pipe.handle)
  })

const callOn = <A>(
  pipe: Pipe,
  operation: string,
  run: (api: Kernel32) => A | SocketError
): Effect.Effect<A, SocketError> =>
  Effect.suspend(() => {
    const answer = pipe.isOpen ? run(kernel32()) : closed(operation, format(pipe.address))
    return isSocketError(answer) ? Effect.fail(answer) : Effect.succeed(answer)
  })

/**
 * Cuts an instance off from its client, which from then on fails with 233; what the client has not read is lost. The
 * instance can wait for another client then. Calls `DisconnectNamedPipe`.
 *
 * @since 0.1.0
 * @category pipes
 */
export const disconnectNamedPipe = (pipe: Pipe): Effect.Effect<void, SocketError> =>
  callOn(pipe, "disconnectNamedPipe", (api) => {
    if (api.DisconnectNamedPipe(pipe.handle) !== 0) return undefined
    const call = { operation: "disconnectNamedPipe", syscall: "DisconnectNamedPipe" }
    return fromWin32(api.GetLastError(), { ...call, address: format(pipe.address) })
  })

/**
 * The id of the process at the other end: of that which made the instance, or which opened the client's end. Calls
 * `GetNamedPipeServerProcessId` or `GetNamedPipeClientProcessId`.
 *
 * @since 0.1.0
 * @category pipes
 */
export const peerProcessId = (pipe: Pipe): Effect.Effect<number, SocketError> =>
  callOn(pipe, "peerProcessId", () => peerProcess(pipe.handle, pipe.end, "peerProcessId"))
