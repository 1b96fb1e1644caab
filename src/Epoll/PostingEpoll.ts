/**
 * An epoll instance in the hands of another thread, which posts to it.
 *
 * Lifecycle:
 *
 *     Shared    `share` opens a way in (see `Inlet`) and lends it (see `Lease`). What it answers is plain data, for
 *               `workerData` or `postMessage`.
 *     Opened    `open`, in one thread and once, makes something of it to post to.
 *     Ended     the scope of `share` was closed, or the instance. Whoever posts gets `InvalidHandle`.
 *
 * The descriptor that is written to is closed when no post is under way on it, and not before. So a thread that is late
 * posts to nobody, never to what has the number by then; and a thread that is terminated leaves nothing behind, since it
 * owns nothing.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { invalidArgument, type NetworkError } from "../Errors/index.js"
import { Borrowed, isLent, Lease, type Lent, openedBefore } from "../Foreign/Lease.js"
import { EAGAIN, EINTR, EPIPE, O_CLOEXEC, O_NONBLOCK } from "./Constants.js"
import { encodeRecord, Inlet } from "./Inlet.js"
import type { Epoll } from "./Instance.js"
import { type Libc, libc } from "./Libc.js"
import { instanceClosed, onLinux, sharedInstanceClosed, systemError } from "./Support.js"
import { threads } from "./Threads.js"

/**
 * An instance for another thread of this process. Plain data.
 *
 * @since 0.1.0
 * @category models
 */
export interface EpollToken {
  readonly _tag: "EpollToken"
  readonly lent: Lent
}

/** What `write` ended with: 0, or the errno. */
const write = (system: Libc, fd: number, record: Uint8Array): number => {
  for (;;) {
    if (system.write(fd, record, record.length) === record.length) return 0
    const code = system.errno()
    if (code !== EINTR) return code
  }
}

/**
 * An epoll instance as another thread has it: to post to, and for nothing else. `open` makes one.
 *
 * @since 0.1.0
 * @category models
 */
export class PostingEpoll {
  private readonly borrowed: Borrowed

  /** @internal */
  constructor(borrowed: Borrowed) {
    this.borrowed = borrowed
  }

  /** Whether it can still be posted to. */
  get isOpen(): boolean {
    return !this.borrowed.hasEnded
  }

  /** @internal */
  post(data: bigint, bytes: number): NetworkError | undefined {
    const code = this.borrowed.use((fd) => write(libc(), fd, encodeRecord(data, bytes)))
    if (code === 0) return undefined
    // Who closes it may be between the end of the lease and that of the pipe.
    if (code === undefined || code === EPIPE) return this.refusal("post")
    const advice = code === EAGAIN ? "the instance has not taken what was posted before" : undefined
    return systemError(code, { operation: "post", syscall: "write" }, advice)
  }

  /** @internal */
  refusal(operation: string): NetworkError {
    return sharedInstanceClosed(operation)
  }
}

const lend = (epoll: Epoll): Effect.Effect<Inlet, NetworkError> =>
  Effect.suspend(() => {
    const system = libc()
    if (!epoll.isOpen) return Effect.fail(instanceClosed("share"))
    const fds = new Int32Array(2)
    if (system.pipe2(fds, O_NONBLOCK | O_CLOEXEC) !== 0) {
      return Effect.fail(systemError(system.errno(), { operation: "share", syscall: "pipe2" }))
    }
    const [reader = -1, writer = -1] = fds
    const inlet = new Inlet(system, reader, new Lease(writer, threads))
    const code = epoll.addInlet(inlet)
    if (code === 0) return Effect.succeed(inlet)
    inlet.close()
    return Effect.fail(systemError(code, { operation: "share", syscall: "epoll_ctl" }))
  })

/**
 * Lets another thread post to the instance, until the scope closes: give it the token. Each thread needs one of its own. What
 * was posted before that is still told.
 *
 * Calls `pipe2` and `epoll_ctl`.
 *
 * @since 0.1.0
 * @category threads
 */
export const share = (epoll: Epoll): Effect.Effect<EpollToken, NetworkError, Scope.Scope> =>
  onLinux("share", () => {
    const inlet = Effect.acquireRelease(lend(epoll), (inlet) => Effect.sync(() => epoll.removeInlet(inlet)))
    return Effect.map(inlet, ({ lease }) => ({ _tag: "EpollToken", lent: lease.lent }) as const)
  })

const isEpollToken = (token: EpollToken): boolean => token?._tag === "EpollToken" && isLent(token.lent)

/**
 * The instance that a token stands for, for `post`. A token can be opened once. There is nothing to close: it is over when
 * whoever shared it says so.
 *
 * @since 0.1.0
 * @category threads
 */
export const open = (token: EpollToken): Effect.Effect<PostingEpoll, NetworkError> =>
  onLinux("open", () => {
    if (!isEpollToken(token)) return Effect.fail(invalidArgument("open", "this is no token of Epoll.share"))
    const borrowed = Borrowed.claim(token.lent, threads)
    if (borrowed === "Ended") return Effect.fail(sharedInstanceClosed("open"))
    if (borrowed === "Claimed") return Effect.fail(openedBefore("open"))
    return Effect.succeed(new PostingEpoll(borrowed))
  })
