/**
 * What is yet to happen, in the order in which it will: by time, then by rank, then first come, first served.
 *
 * A binary heap. An event that was dropped stays in it until it comes to the top, and is passed over there.
 *
 * @since 0.1.0
 */

/** @internal */
export interface Event {
  /** In milliseconds of the clock. */
  readonly time: number
  /** Decides among events of the same time, lowest first. */
  readonly rank: number
  readonly sequence: number
  readonly run: () => void
  isDropped: boolean
}

const isBefore = (one: Event, other: Event): boolean => {
  if (one.time !== other.time) return one.time < other.time
  if (one.rank !== other.rank) return one.rank < other.rank
  return one.sequence < other.sequence
}

/** @internal */
export class EventQueue {
  private readonly heap: Array<Event> = []
  private sequence = 0

  add(time: number, rank: number, run: () => void): Event {
    const event: Event = { time, rank, sequence: this.sequence++, run, isDropped: false }
    this.heap.push(event)
    this.rise(this.heap.length - 1, event)
    return event
  }

  /** The next event; it stays. */
  peek(): Event | undefined {
    for (;;) {
      const top = this.heap[0]
      if (top === undefined || !top.isDropped) return top
      this.removeTop()
    }
  }

  /** Takes the next event, if its time is `limit` or before. */
  takeUntil(limit: number): Event | undefined {
    const top = this.peek()
    if (top === undefined || top.time > limit) return undefined
    this.removeTop()
    return top
  }

  clear(): void {
    this.heap.length = 0
  }

  private removeTop(): void {
    const last = this.heap.pop()
    if (last !== undefined && this.heap.length > 0) this.sink(last)
  }

  private rise(from: number, event: Event): void {
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = this.heap[above]
      if (parent === undefined || !isBefore(event, parent)) break
      this.heap[at] = parent
      at = above
    }
    this.heap[at] = event
  }

  private sink(event: Event): void {
    let at = 0
    for (;;) {
      const below = this.earlierChild(at)
      const child = this.heap[below]
      if (child === undefined || !isBefore(child, event)) break
      this.heap[at] = child
      at = below
    }
    this.heap[at] = event
  }

  private earlierChild(at: number): number {
    const left = 2 * at + 1
    const [one, other] = [this.heap[left], this.heap[left + 1]]
    return one !== undefined && other !== undefined && isBefore(other, one) ? left + 1 : left
  }
}
