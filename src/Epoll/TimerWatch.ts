/**
 * Looks at a descriptor from time to time: the watch of a worker thread.
 *
 * A worker thread may be terminated at any moment, and then nothing of JavaScript runs any more that could close a
 * `LoopWatch`, which would abort the whole process if its descriptor became readable just then. Immediates and timers
 * simply end with their thread.
 *
 * For so many turns of the event loop it looks in each of them, so that a conversation goes at the loop's own pace;
 * after that every millisecond.
 *
 * @since 0.1.0
 */
import { POLLIN } from "./Constants.js"
import { libc } from "./Libc.js"
import type { Watch } from "./Watch.js"

const EAGER_TURNS = 200
const CALM_MILLISECONDS = 1

/** @internal */
export class TimerWatch implements Watch {
  private readonly onReadable: () => void
  /** A `struct pollfd`: the descriptor, what is asked for, and what is so. */
  private readonly pollfd: Int32Array
  private isStarted = false
  private isRef = false
  private isClosed = false
  private turns = 0
  private immediate: NodeJS.Immediate | undefined
  private timer: NodeJS.Timeout | undefined

  constructor(fd: number, onReadable: () => void) {
    this.onReadable = onReadable
    this.pollfd = Int32Array.of(fd, POLLIN)
  }

  start(): void {
    this.isStarted = !this.isClosed
    this.begin()
  }

  stop(): void {
    this.isStarted = false
    this.pause()
  }

  ref(): void {
    this.isRef = true
    this.begin()
  }

  unref(): void {
    this.isRef = false
    this.pause()
  }

  close(): void {
    this.isClosed = true
    this.stop()
  }

  private begin(): void {
    if (!this.isStarted || !this.isRef || this.immediate !== undefined || this.timer !== undefined) return
    this.turns = 0
    this.schedule()
  }

  private pause(): void {
    clearImmediate(this.immediate)
    clearTimeout(this.timer)
    this.immediate = undefined
    this.timer = undefined
  }

  private schedule(): void {
    if (this.turns < EAGER_TURNS) this.immediate = setImmediate(() => this.look())
    else this.timer = setTimeout(() => this.look(), CALM_MILLISECONDS)
  }

  private look(): void {
    this.immediate = undefined
    this.timer = undefined
    // A call that fails is told like an event: whoever watches finds out why by using the descriptor.
    const isCalm = libc().poll(this.pollfd, 1, 0) === 0
    this.turns = isCalm ? this.turns + 1 : 0
    if (!isCalm) this.onReadable()
    // The callback may have stopped the watch, or stopped and started it.
    if (this.isStarted && this.isRef && this.immediate === undefined && this.timer === undefined)
      this.schedule()
  }
}
