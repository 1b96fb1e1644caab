/**
 * Those who wait for the same event, to be woken all at once.
 *
 * Nearly always there is one at most, so one has a place of its own and costs no collection.
 *
 * @since 0.1.0
 */
/**
 * Who waits.
 *
 * @internal
 */
export interface Waiter {
  /** What takes it back. */
  readonly key: object
  readonly wake: () => void
}

/** @internal */
export class Waiters {
  private first: Waiter | undefined
  /** Those who came while there was a first, in their order. */
  private others: Map<object, Waiter> | undefined

  get isEmpty(): boolean {
    return this.first === undefined && (this.others === undefined || this.others.size === 0)
  }

  /** Adds a callback, which is also what takes it back. */
  add(wake: () => void): void {
    this.enlist({ key: wake, wake })
  }

  enlist(waiter: Waiter): void {
    if (this.isEmpty) {
      this.first = waiter
      return
    }
    this.others ??= new Map()
    this.others.set(waiter.key, waiter)
  }

  remove(key: object): void {
    if (this.first?.key === key) this.first = undefined
    else this.others?.delete(key)
  }

  /** Wakes those who wait now; whoever comes back meanwhile waits for the next time. */
  wakeAll(): void {
    const { first, others } = this
    this.first = undefined
    this.others = undefined
    first?.wake()
    if (others !== undefined) for (const other of others.values()) other.wake()
  }
}
