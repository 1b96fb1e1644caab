/**
 * The timer of `setTimeout` of a `net.Socket`: it rings when nothing was received and nothing sent for so long, and not again
 * before something was. It keeps no process alive.
 *
 * @since 0.1.0
 */

const LONGEST_MILLISECONDS = 0x7fffffff

/** @internal */
export class SilenceTimer {
  private readonly sent: () => number
  private readonly ring: () => void
  private timer: NodeJS.Timeout | undefined
  /** What was sent when the timer was set: a large write may go on for long, and is no silence. */
  private sentBefore = 0

  /** `sent` tells how many bytes have been sent so far. */
  constructor(sent: () => number, ring: () => void) {
    this.sent = sent
    this.ring = ring
  }

  /** The silence begins now. */
  start(milliseconds: number): void {
    this.stop()
    this.sentBefore = this.sent()
    this.timer = setTimeout(() => this.elapsed(), Math.min(milliseconds, LONGEST_MILLISECONDS))
    this.timer.unref()
  }

  stop(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }

  /** Something was received or sent: the silence begins anew. */
  active(): void {
    if (this.timer === undefined) return
    this.sentBefore = this.sent()
    this.timer.refresh()
  }

  private elapsed(): void {
    if (this.sent() !== this.sentBefore) this.active()
    else this.ring()
  }
}
