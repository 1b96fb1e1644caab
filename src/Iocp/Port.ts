/**
 * Making, using and closing completion ports: `CreateIoCompletionPort`, `PostQueuedCompletionStatus`,
 * `CloseHandle`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { closed, invalidArgument, type NetworkError, type SocketError } from "../Errors/index.js"
import { isWord, notAWord } from "../Foreign/Word.js"
import { CompletionPort } from "./CompletionPort.js"
import { ERROR_INVALID_PARAMETER, INVALID_HANDLE_VALUE } from "./Constants.js"
import type { OverlappedHandle } from "./Handle.js"
import { kernel32 } from "./Kernel32.js"
import type { Overlapped } from "./Overlapped.js"
import type { Pipe } from "./Pipe.js"
import type { PostingPort } from "./PostingPort.js"
import type { Socket } from "./Socket.js"
import { onWindows, portClosed, portError } from "./Support.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface PortOptions {
  /**
   * How many threads the system lets run at once on the port's packets; 0 for one a processor. 1 if left out.
   */
  readonly concurrency?: number
  /** How many packets one call to the system dequeues at most. 64 if left out. */
  readonly batch?: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PostOptions {
  /** The packet's completion key, up to 64 bits. 0 if left out. */
  readonly key?: number | bigint
  /** The packet's number of bytes, up to 32 bits. 0 if left out. */
  readonly bytes?: number
  /** The packet's OVERLAPPED pointer, up to 64 bits; the system does not look at it. 0 if left out. */
  readonly overlapped?: number | bigint
}

const create = (concurrency: number, batch: number): Effect.Effect<CompletionPort, NetworkError> =>
  Effect.suspend(() => {
    if (!isWord(concurrency, 32)) return Effect.fail(notAWord("make", "concurrency", 32))
    if (!isWord(batch, 32) || batch < 1 || batch > 4096) {
      return Effect.fail(invalidArgument("make", "batch has to be a whole number between 1 and 4096"))
    }
    const handle = kernel32().CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, concurrency)
    if (handle !== 0) return Effect.succeed(new CompletionPort(handle, batch))
    const code = kernel32().GetLastError()
    return Effect.fail(portError(code, { operation: "make", syscall: "CreateIoCompletionPort" }))
  })

/**
 * `create-io-completion-port`, `with-iocp`: a completion port that is closed with the scope.
 *
 * Calls `CreateIoCompletionPort`. Elsewhere than on Windows it fails with the reason `Unsupported`.
 *
 * @since 0.1.0
 * @category ports
 */
export const make = (options: PortOptions = {}): Effect.Effect<CompletionPort, NetworkError, Scope.Scope> =>
  onWindows("make", () =>
    Effect.acquireRelease(create(options.concurrency ?? 1, options.batch ?? 64), closeHandle)
  )

/** What is in flight whose packets come to this port. */
const inFlightOn = (port: CompletionPort): ReadonlyArray<Overlapped> =>
  [...port.handles].flatMap(({ inFlight }) => [...inFlight]).filter((overlapped) => overlapped.port === port)

/**
 * Dequeues packets into the port's inbox until `isDone`. Where that does not end, says so: the operations'
 * memory is left to the system for good.
 *
 * @internal
 */
export const drained = (
  port: CompletionPort,
  operation: string,
  isDone: () => boolean
): Effect.Effect<void> =>
  Effect.flatMap(
    Effect.async<boolean>((resume) => port.drain(isDone, (ok) => resume(Effect.succeed(ok)))),
    (ok) => {
      const text = `${operation}: cancelled operations did not end; their memory is left allocated`
      return ok ? Effect.void : Effect.logWarning(text)
    }
  )

/**
 * `close-handle`: closes the port, before its scope does. Calls `CloseHandle`.
 *
 * Those who wait fail with `InvalidHandle`. What is in flight on the port's handles is cancelled first and
 * awaited. Packets that nobody has taken are dropped. Closing a port that is closed does nothing.
 *
 * @since 0.1.0
 * @category ports
 */
export const closeHandle = (port: CompletionPort): Effect.Effect<void> =>
  Effect.uninterruptible(
    Effect.suspend(() => {
      const closed = Effect.async<void>((resume) => port.whenClosed(() => resume(Effect.void)))
      if (!port.beginClose()) return closed
      for (const overlapped of inFlightOn(port)) overlapped.cancel()
      const quiet = drained(port, "closeHandle", () => inFlightOn(port).length === 0)
      return Effect.zipRight(
        Effect.map(quiet, () => port.endClose()),
        closed
      )
    })
  )

const associate = (
  operation: string,
  port: CompletionPort,
  handle: OverlappedHandle,
  key: number | bigint
): Effect.Effect<void, SocketError> =>
  Effect.suspend((): Effect.Effect<void, SocketError> => {
    if (!port.isOpen) return Effect.fail(portClosed(operation))
    if (!handle.isOpen) return Effect.fail(closed(operation))
    if (!isWord(key, 64)) return Effect.fail(notAWord(operation, "key", 64))
    if (kernel32().CreateIoCompletionPort(handle.handle, port.handle, key, 0) !== 0) {
      handle.port = port
      port.handles.add(handle)
      return Effect.void
    }
    const code = kernel32().GetLastError()
    const call = { operation, syscall: "CreateIoCompletionPort" }
    const twice = code === ERROR_INVALID_PARAMETER && handle.port !== undefined
    const advice = "it is associated with a port already; that is for life"
    return Effect.fail(portError(code, call, twice ? advice : undefined))
  })

/**
 * `associate-socket`: from now on the packets of the socket's operations come to the port, with this key.
 *
 * Calls `CreateIoCompletionPort`. A socket can be associated once in its life; a second time is an
 * `InvalidArgument` (87).
 *
 * @since 0.1.0
 * @category ports
 */
export const associateSocket = (
  port: CompletionPort,
  socket: Socket,
  key: number | bigint = 0
): Effect.Effect<void, SocketError> => associate("associateSocket", port, socket, key)

/**
 * The same for an end of a named pipe.
 *
 * @since 0.1.0
 * @category ports
 */
export const associatePipe = (
  port: CompletionPort,
  pipe: Pipe,
  key: number | bigint = 0
): Effect.Effect<void, SocketError> => associate("associatePipe", port, pipe, key)

/**
 * `post-queued-completion-status`: queues a packet of one's own. Calls `PostQueuedCompletionStatus`.
 *
 * Another thread posts to the port that it has from `open`.
 *
 * @since 0.1.0
 * @category ports
 */
export const post = (
  port: CompletionPort | PostingPort,
  packet: PostOptions = {}
): Effect.Effect<void, NetworkError> =>
  Effect.suspend(() => {
    const { key = 0, bytes = 0, overlapped = 0 } = packet
    if (!port.isOpen) return Effect.fail(port.refusal("post"))
    if (!isWord(key, 64)) return Effect.fail(notAWord("post", "key", 64))
    if (!isWord(bytes, 32)) return Effect.fail(notAWord("post", "bytes", 32))
    if (!isWord(overlapped, 64)) return Effect.fail(notAWord("post", "overlapped", 64))
    if (port.isMarker(overlapped)) {
      return Effect.fail(invalidArgument("post", "this address belongs to the port itself"))
    }
    const code = port.enqueue(bytes, key, overlapped)
    if (code === 0) return Effect.void
    if (code === undefined) return Effect.fail(port.refusal("post"))
    return Effect.fail(portError(code, { operation: "post", syscall: "PostQueuedCompletionStatus" }))
  })

/**
 * Closes a handle: what is in flight on it is cancelled, and the packets are dequeued into the port's inbox, where
 * whoever waits finds them. Then `shut` gives it back to the system. One that is closed, or being closed, is left alone.
 *
 * @internal
 */
export const closeDrained = (
  handle: OverlappedHandle,
  operation: string,
  shut: () => void
): Effect.Effect<void> =>
  Effect.uninterruptible(
    Effect.suspend(() => {
      if (!handle.isOpen) return Effect.void
      handle.state = "Closing"
      const end = Effect.sync(() => {
        handle.state = "Closed"
        handle.port?.handles.delete(handle)
        shut()
      })
      const [first] = handle.inFlight
      if (first?.port === undefined) return end
      for (const overlapped of handle.inFlight) overlapped.cancel()
      return Effect.zipRight(
        drained(first.port, operation, () => handle.inFlight.size === 0),
        end
      )
    })
  )
