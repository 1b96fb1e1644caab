/**
 * The rings of a queue, which take turns: each has its entry taken before any has another.
 *
 * A ring that is closed stays until what is in it is taken.
 *
 * @since 0.1.0
 */
import type { Entry } from "./Entry.js"
import type { Ring } from "./Ring.js"

/** @internal */
export class Rings {
  private readonly rings: Array<Ring> = []
  /** Whose turn it is. */
  private turn = 0

  /** How many there are. */
  get size(): number {
    return this.rings.length
  }

  get hasEntry(): boolean {
    return this.rings.some((ring) => !ring.isEmpty)
  }

  add(ring: Ring): void {
    this.rings.push(ring)
  }

  /** Takes the oldest entry of the ring whose turn it is, of those that have one. */
  take(): Entry | undefined {
    const { length } = this.rings
    for (let step = 0; step < length; step++) {
      const at = (this.turn + step) % length
      const ring = this.rings[at]
      const entry = ring?.read()
      if (ring === undefined || entry === undefined) continue
      this.turn = at + 1
      ring.tellOfRoom()
      this.dropIfOver(ring)
      return entry
    }
    return undefined
  }

  /** Nothing more comes by this ring. */
  close(ring: Ring): void {
    ring.close()
    this.dropIfOver(ring)
  }

  /** Nothing more comes, and what is there is dropped. */
  closeAll(): void {
    for (const ring of this.rings.splice(0)) ring.close()
  }

  private dropIfOver(ring: Ring): void {
    if (!ring.isClosed || !ring.isEmpty) return
    const at = this.rings.indexOf(ring)
    if (at < 0) return
    this.rings.splice(at, 1)
    if (at < this.turn) this.turn -= 1
  }
}
