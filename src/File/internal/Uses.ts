/**
 * What uses a file: see `FileSource`.
 *
 * @since 0.1.0
 */
import type { FileUse } from "../../Net/internal/FileSource.js"
import type { Half } from "../../Net/internal/Lifetime.js"
import { Waiters } from "../../Net/internal/Waiters.js"

/** @internal */
export class Uses implements Half {
  private readonly current = new Set<FileUse>()
  private readonly draining = new Waiters()

  get isInFlight(): boolean {
    return this.current.size > 0
  }

  begin(use: FileUse): void {
    this.current.add(use)
  }

  end(use: FileUse): void {
    this.current.delete(use)
    if (!this.isInFlight) this.draining.wakeAll()
  }

  close(): void {
    // One that is over when it is cancelled ends, and leaves the set.
    for (const use of [...this.current]) use.cancel()
  }

  whenDrained(drained: () => void): void {
    if (this.isInFlight) this.draining.add(drained)
    else drained()
  }
}
