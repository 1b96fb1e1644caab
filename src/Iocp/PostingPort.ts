/**
 * A completion port in the hands of another thread, which posts to it.
 *
 * Lifecycle:
 *
 *     Shared    `share` makes a second handle of the port and lends it (see `Lease`). What it answers is plain data, for
 *               `workerData` or `postMessage`.
 *     Opened    `open`, in one thread and once, makes something of it to post to.
 *     Ended     the scope of `share` was closed, or the port. Whoever posts gets `InvalidHandle`.
 *
 * The second handle is closed when no post is under way on it, and not before. So a thread that is late posts to nobody,
 * never to what has the number by then; and a thread that is terminated leaves nothing behind, since it owns nothing.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { invalidArgument, type NetworkError } from "../Errors/index.js"
import { Borrowed, type Granted, isLent, type Lent, openedBefore } from "../Foreign/Lease.js"
import type { CompletionPort } from "./CompletionPort.js"
import { duplicate, enqueue, kernel32, type Word } from "./Kernel32.js"
import { onWindows, portClosed, portError, sharedPortClosed } from "./Support.js"
import { threads } from "./Threads.js"

/**
 * A port for another thread of this process. Plain data.
 *
 * @since 0.1.0
 * @category models
 */
export interface PortToken {
  readonly _tag: "PortToken"
  readonly lent: Lent
  /** The OVERLAPPED pointer that packets of the port's own have. */
  readonly marker: number
}

/**
 * A completion port as another thread has it: to post to, and for nothing else. `open` makes one.
 *
 * @since 0.1.0
 * @category models
 */
export class PostingPort {
  private readonly borrowed: Borrowed
  private readonly marker: number

  /** @internal */
  constructor(borrowed: Borrowed, marker: number) {
    this.borrowed = borrowed
    this.marker = marker
  }

  /** Whether it can still be posted to. */
  get isOpen(): boolean {
    return !this.borrowed.hasEnded
  }

  /** @internal */
  refusal(operation: string): NetworkError {
    return sharedPortClosed(operation)
  }

  /**
   * Whether an OVERLAPPED pointer is one that the port itself makes use of.
   *
   * @internal
   */
  isMarker(overlapped: Word): boolean {
    return Number(overlapped) === this.marker
  }

  /**
   * Queues a packet; answers 0, or the code, or `undefined` if it is not open.
   *
   * @internal
   */
  enqueue(bytes: number, key: Word, overlapped: Word): number | undefined {
    return this.borrowed.use((handle) => enqueue(handle, bytes, key, overlapped))
  }
}

const grant = (port: CompletionPort): Effect.Effect<Granted, NetworkError> =>
  Effect.suspend(() => {
    if (!port.isOpen) return Effect.fail(portClosed("share"))
    const handle = duplicate(port.handle)
    if (handle !== undefined) return Effect.succeed(port.leases.grant(handle, threads))
    const call = { operation: "share", syscall: "DuplicateHandle" }
    return Effect.fail(portError(kernel32().GetLastError(), call))
  })

/**
 * Lets another thread post to the port, until the scope closes: give it the token. Each thread needs one of its own.
 *
 * Calls `DuplicateHandle`.
 *
 * @since 0.1.0
 * @category threads
 */
export const share = (port: CompletionPort): Effect.Effect<PortToken, NetworkError, Scope.Scope> =>
  onWindows("share", () =>
    Effect.map(
      Effect.acquireRelease(grant(port), ({ end }) => Effect.sync(end)),
      ({ lent }) => ({ _tag: "PortToken", lent, marker: port.waiter.marker }) as const
    )
  )

const isPortToken = (token: PortToken): boolean =>
  token?._tag === "PortToken" && isLent(token.lent) && typeof token.marker === "number"

/**
 * The port that a token stands for, for `post`. A token can be opened once. There is nothing to close: it is over when whoever
 * shared it says so.
 *
 * @since 0.1.0
 * @category threads
 */
export const open = (token: PortToken): Effect.Effect<PostingPort, NetworkError> =>
  onWindows("open", () => {
    if (!isPortToken(token)) return Effect.fail(invalidArgument("open", "this is no token of Iocp.share"))
    const borrowed = Borrowed.claim(token.lent, threads)
    if (borrowed === "Ended") return Effect.fail(sharedPortClosed("open"))
    if (borrowed === "Claimed") return Effect.fail(openedBefore("open"))
    return Effect.succeed(new PostingPort(borrowed, token.marker))
  })
