/**
 * A signal that is an event counter (`eventfd`), driven by epoll like any other descriptor: whoever raises it adds to the
 * counter, and the operation reads it, which empties it.
 *
 * Each other thread writes by a duplicate of its own, which is lent to it (see `Lease`).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { EINTR, F_DUPFD_CLOEXEC } from "../../Epoll/Constants.js"
import { libc } from "../../Epoll/Libc.js"
import { threads } from "../../Epoll/Threads.js"
import { closed, fromErrno, type SocketError } from "../../Errors/index.js"
import { Leases, type Lent } from "../../Foreign/Lease.js"
import type { SignalOperation } from "../Operation.js"
import type { ProactorSignal, SignalShare } from "../Proactor.js"
import { EpollDescriptor, wouldBlock } from "./EpollDescriptor.js"

/**
 * What raises a signal that is an event counter. Plain data.
 *
 * @since 0.1.0
 * @category models
 */
export interface EpollSignalToken {
  readonly _tag: "EpollSignal"
  readonly lent: Lent
}

const one = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)
const count = new Uint8Array(8)

/**
 * Adds one to a counter, and answers whether that was done. (It would block at 2^64 - 1.)
 *
 * @internal
 */
export const raiseCounter = (fd: number): boolean => libc().write(fd, one, one.length) === one.length

/** @internal */
export class EpollSignal extends EpollDescriptor<SignalOperation> implements ProactorSignal {
  private readonly leases = new Leases()

  get share(): Effect.Effect<SignalShare, SocketError> {
    return Effect.suspend(() => {
      if (this.fd < 0) return Effect.fail(closed("share"))
      const fd = this.system.fcntl(this.fd, F_DUPFD_CLOEXEC, 0)
      if (fd >= 0) return Effect.succeed(this.lend(fd))
      return Effect.fail(fromErrno(this.system.errno(), { operation: "share", syscall: "fcntl" }))
    })
  }

  raise(): void {
    if (this.fd >= 0) raiseCounter(this.fd)
  }

  override close(): void {
    super.close()
    this.leases.endAll()
  }

  protected override start(operation: SignalOperation): boolean {
    for (;;) {
      if (this.system.read(this.fd, count, count.length) >= 0) return true
      const code = this.system.errno()
      if (wouldBlock(code)) return false
      if (code !== EINTR) return this.failed(operation, "read", code)
    }
  }

  protected override isWriting(): boolean {
    return false
  }

  private lend(fd: number): SignalShare {
    const { end, lent } = this.leases.grant(fd, threads)
    return { token: { _tag: "EpollSignal", lent }, end }
  }
}
