/**
 * The packets that were dequeued and not yet taken, and the fibers that wait for one, in order.
 *
 * Lifecycle of a place in the line:
 *
 *     Waiting   no packet yet.
 *     Ready     one packet is set aside for it and it was told; nobody else can take that packet.
 *     Expired   its time is up, or the port closed, and it was told; no packet is set aside.
 *     Gone      it took its packet, or left. A packet that was set aside for it goes to the next in line.
 *
 * `push` only stores; `serve` sets packets aside and tells. So a batch is stored whole before anybody runs,
 * and a fiber that is interrupted between being told and taking loses nothing: it leaves, and the packet
 * stays.
 *
 * Pure: no system call, no timer. Tested on every platform.
 *
 * @since 0.1.0
 */

/** @internal */
export interface Place {
  state: "Waiting" | "Ready" | "Expired" | "Gone"
  readonly tell: () => void
}

/** @internal */
export class Inbox<A> {
  private packets: Array<A> = []
  private head = 0
  private readonly line = new Set<Place>()
  private setAside = 0

  /** How many packets are here that nobody was told of. */
  get available(): number {
    return this.packets.length - this.head - this.setAside
  }

  /** How many wait for a packet and have none set aside. */
  get waiting(): number {
    return this.line.size
  }

  /** Stores a packet, behind those that are here. */
  push(packet: A): void {
    this.packets.push(packet)
  }

  /** Takes the oldest packet that is not set aside for somebody. */
  take(): A | undefined {
    return this.available > 0 ? this.shift() : undefined
  }

  /** Joins the end of the line. `tell` is called once, when the place is Ready or Expired. */
  join(tell: () => void): Place {
    const place: Place = { state: "Waiting", tell }
    this.line.add(place)
    return place
  }

  /** Sets packets aside for those who wait, the first in line first, and tells them. */
  serve(): void {
    for (const place of this.line) {
      if (this.available === 0) return
      this.line.delete(place)
      this.setAside += 1
      place.state = "Ready"
      place.tell()
    }
  }

  /** Ends the wait of a place that has no packet yet. */
  expire(place: Place): void {
    if (place.state !== "Waiting") return
    this.line.delete(place)
    place.state = "Expired"
    place.tell()
  }

  /** Ends every wait. */
  expireAll(): void {
    for (const place of this.line) this.expire(place)
  }

  /** Takes the packet that was set aside for the place, if one was, and leaves the line. */
  takeFor(place: Place): A | undefined {
    const wasReady = place.state === "Ready"
    this.line.delete(place)
    place.state = "Gone"
    if (!wasReady) return undefined
    this.setAside -= 1
    return this.shift()
  }

  /** Leaves the line without a packet; one that was set aside goes to the next. */
  leave(place: Place): void {
    const wasReady = place.state === "Ready"
    this.line.delete(place)
    place.state = "Gone"
    if (!wasReady) return
    this.setAside -= 1
    this.serve()
  }

  private shift(): A | undefined {
    const packet = this.packets[this.head]
    this.head += 1
    // The front of the array is given back in pieces, so that taking a packet costs the same however many
    // wait.
    if (this.head === this.packets.length) {
      this.packets = []
      this.head = 0
    } else if (this.head >= 1024) {
      this.packets.splice(0, this.head)
      this.head = 0
    }
    return packet
  }
}
