/**
 * Those who wait for the same event, to be woken all at once.
 *
 * Nearly always there is one at most, so one has a place of its own and costs no collection.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/** What `Effect.async` hands out to resume a fiber, or any callback: that one ignores its argument. */
type Wake = (nothing: Effect.Effect<void>) => void

/** @internal */
export class Waiters {
  private key: object | undefined
  private wake: Wake | undefined
  /** Those who came while there was a first, in their order. */
  private others: Map<object, Wake> | undefined

  get isEmpty(): boolean {
    return this.wake === undefined && (this.others === undefined || this.others.size === 0)
  }

  /** `key` is what takes it back: the callback itself, or what the callback belongs to. */
  add(wake: Wake, key: object = wake): void {
    if (this.isEmpty) {
      this.key = key
      this.wake = wake
      return
    }
    this.others ??= new Map()
    this.others.set(key, wake)
  }

  remove(key: object): void {
    if (this.key === key) {
      this.key = undefined
      this.wake = undefined
    } else this.others?.delete(key)
  }

  /** Wakes those who wait now; whoever comes back meanwhile waits for the next time. */
  wakeAll(): void {
    const { others, wake } = this
    this.key = undefined
    this.wake = undefined
    this.others = undefined
    wake?.(Effect.void)
    if (others !== undefined) for (const other of others.values()) other(Effect.void)
  }
}
