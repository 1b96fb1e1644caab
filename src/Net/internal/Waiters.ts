/**
 * Fibers that wait for the same event, to be woken all at once.
 *
 * @since 0.1.0
 */

type Wake = () => void

/** @internal */
export class Waiters {
  private readonly waiting = new Set<Wake>()

  get isEmpty(): boolean {
    return this.waiting.size === 0
  }

  add(wake: Wake): void {
    this.waiting.add(wake)
  }

  remove(wake: Wake): void {
    this.waiting.delete(wake)
  }

  /** Wakes those who wait now; whoever comes back meanwhile waits for the next time. */
  wakeAll(): void {
    if (this.waiting.size === 0) return
    const woken = [...this.waiting]
    this.waiting.clear()
    for (const wake of woken) wake()
  }
}
