/**
 * Busy polling: for a moment after a batch of few, the event loop is kept from sleeping.
 *
 * To sleep until the system has something, and to be woken, costs tens of microseconds. In a conversation of one question
 * at a time it is most of what an answer takes. So before it sleeps, the loop looks for the next batch for about as long as
 * sleeping would cost: who does that pays at most twice what the best foresight would have paid.
 *
 * Lifecycle, from one batch to the next:
 *
 *     Idle --a batch of few, and a chance is due--> Looking, once in every turn of the event loop
 *      ^                                              |    |
 *      +------found, in vain, or needlessly-----------+    +--stopped: nobody wants to know--> Idle
 *
 * Everybody else goes on meanwhile: timers, other I/O, promises. Only the thread does not sleep.
 *
 * Whether it pays is learned. Looking may be in vain (the peer takes its time, or has no processor to answer on while this one
 * is busy), or needless (there was something at the first look: the thread would not have slept). When that happens more
 * often than the other, the next chance is passed over, then two of them, four, and so on up to a thousand, with a few trials in
 * between. So a program for which it does not pay sleeps as it would without this.
 *
 * After a batch of many it is not done: what comes while the loop is told of it makes the next batch larger, and that pays more.
 *
 * @since 0.1.0
 */

/** About what it costs to sleep and to be woken. */
const PATIENCE_MILLISECONDS = 0.05

/** A batch that holds so much, at most, is of few. 1 is a transfer of a stream. */
const FEW = 2

/** So many failures end a series of trials in which nothing succeeds. */
const TRIALS = 4
/** So many failures end, at most, what has paid for long. */
const MOST_CREDIT = 8

const MOST_CHANCES_TO_PASS = 1024

/** @internal */
export class BusyPoll {
  private readonly nowMillis: () => number
  /** Whether a batch of few has come since this last began. */
  private isDue = false
  /** Falls with each failure; at none left, chances are passed over. */
  private credit = TRIALS
  private chancesToPass = 0
  private chancesToPassNext = 1
  private isFirstLook = true
  private untilMillis = 0
  private immediate: NodeJS.Immediate | undefined
  private poll: () => number = () => 0
  private onFound: (held: number) => void = () => {}

  constructor(nowMillis: () => number = () => performance.now()) {
    this.nowMillis = nowMillis
  }

  /** Whether it looks. */
  get isLooking(): boolean {
    return this.immediate !== undefined
  }

  /** To be called with what each batch held. */
  noted(held: number): void {
    if (held > 0) this.isDue = held <= FEW
  }

  /**
   * To be called before the loop sleeps. `poll` is called until it answers that there was something, which `onFound` is told
   * then; until the time is over; or until `found` or `stop` is called.
   */
  begin(poll: () => number, onFound: (held: number) => void): void {
    if (!this.isDue || this.isLooking) return
    this.isDue = false
    if (this.chancesToPass > 0) {
      this.chancesToPass -= 1
      return
    }
    this.poll = poll
    this.onFound = onFound
    this.isFirstLook = true
    this.untilMillis = this.nowMillis() + PATIENCE_MILLISECONDS
    this.immediate = setImmediate(this.turn)
  }

  /** There is something, and others have found it. */
  found(): void {
    if (!this.isLooking) return
    this.stop()
    if (this.isFirstLook) this.failed()
    else this.succeeded()
  }

  /** Nobody wants to know any more. */
  stop(): void {
    clearImmediate(this.immediate)
    this.immediate = undefined
  }

  private readonly turn = (): void => {
    const held = this.poll()
    if (held > 0) {
      this.found()
      this.onFound(held)
      return
    }
    this.isFirstLook = false
    if (this.nowMillis() < this.untilMillis) {
      this.immediate = setImmediate(this.turn)
    } else {
      this.stop()
      this.failed()
    }
  }

  private succeeded(): void {
    this.credit = Math.min(this.credit + 1, MOST_CREDIT)
    this.chancesToPassNext = 1
  }

  private failed(): void {
    this.credit -= 1
    if (this.credit > 0) return
    this.credit = TRIALS
    this.chancesToPass = this.chancesToPassNext
    this.chancesToPassNext = Math.min(this.chancesToPassNext * 2, MOST_CHANCES_TO_PASS)
  }
}
