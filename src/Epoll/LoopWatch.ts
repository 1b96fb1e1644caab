/**
 * Lets Node's own event loop look at a descriptor: the one binding here that is koffi's and not the C library's.
 *
 * koffi's poll handle is not documented, so what it does is written down here (koffi 3.3.4, whose version the
 * package pins):
 *
 * - it is a libuv poll handle: level-triggered, so it calls back for as long as the descriptor stays readable;
 * - the callback receives a status, negative if the watch failed and ended, and then the events;
 * - an exception thrown in the callback is never reported and leaves the process hanging, so the callback given
 *   to this class must not throw;
 * - the handle keeps the process alive from its first start until `stop`, `unref` or `close`;
 * - any method but `close` is a crash once `close` was called, hence the checks below;
 * - when Node takes an environment down, the loop goes round once more, and a handle that calls back then aborts the
 *   process, since JavaScript cannot run any more. So whatever is open is closed on `exit`. A worker thread that is
 *   terminated has no such moment (and unloads koffi while libuv still points into it): see `TimerWatch`.
 *
 * @since 0.1.0
 */
import { koffi } from "../Foreign/Koffi.js"
import type { Watch } from "./Watch.js"

const readable = { readable: true } as const

type PollHandle = ReturnType<ReturnType<typeof koffi>["node"]["poll"]>

/** Every watch that has a handle. */
const open = new Set<LoopWatch>()

const closeAll = () => {
  for (const watch of open) watch.close()
}

const enlist = (watch: LoopWatch) => {
  if (open.size === 0) process.on("exit", closeAll)
  open.add(watch)
}

const dismiss = (watch: LoopWatch) => {
  open.delete(watch)
  if (open.size === 0) process.off("exit", closeAll)
}

/** @internal */
export class LoopWatch implements Watch {
  private readonly fd: number
  private readonly onReadable: () => void
  private handle: PollHandle | undefined
  private isStarted = false
  private isRef = false
  private isClosed = false
  private readonly callback = (status: unknown) => {
    // libuv ends a watch that failed; whoever watches finds out why by using the descriptor.
    if (typeof status === "number" && status < 0) this.stop()
    this.onReadable()
  }

  /** `onReadable` must not throw. */
  constructor(fd: number, onReadable: () => void) {
    this.fd = fd
    this.onReadable = onReadable
  }

  start(): void {
    if (this.isStarted || this.isClosed) return
    if (this.handle === undefined) this.open()
    else this.handle.start(readable, this.callback)
    this.isStarted = true
  }

  stop(): void {
    if (!this.isStarted) return
    this.isStarted = false
    this.handle?.stop()
  }

  ref(): void {
    if (this.isRef) return
    this.isRef = true
    this.handle?.ref()
  }

  unref(): void {
    if (!this.isRef) return
    this.isRef = false
    this.handle?.unref()
  }

  close(): void {
    this.isStarted = false
    this.isClosed = true
    this.handle?.close()
    this.handle = undefined
    dismiss(this)
  }

  private open(): void {
    enlist(this)
    // This object keeps the handle, and the handle's callback keeps this object: neither is collected before `close`.
    this.handle = koffi().node.poll(this.fd, readable, this.callback)
    this.handle.unref()
  }
}
