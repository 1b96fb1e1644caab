/**
 * One end of a simulated connection.
 *
 * Lifecycle of the bytes, from one end to the other:
 *
 *     send --> unsent --room at the peer--> underway --> received by the peer --receive--> the peer's reader
 *                |<------- send buffer ---------------->|<--- receive buffer ----------->|
 *
 * A byte leaves the send buffer when the peer has it (`acknowledge`), and goes out only if the peer has room for it,
 * which it tells whenever its reader took some. So a reader that does not read stops its writer, and memory stays
 * bounded by the two buffers.
 *
 * Lifecycle of the end itself:
 *
 *     Open --shut down--> what is unsent goes out, then the end of the stream --> the peer reads to the end
 *      |
 *      +--closed--> the same; but with bytes unread, or linger 0: a reset
 *      |
 *      +--reset by the peer, or failed--> what has come can be read, then every operation fails, for ever
 *
 * @since 0.1.0
 */
import { type Endpoint as Address, format } from "../../Address/index.js"
import type { SocketErrorReason } from "../../Errors/index.js"
import { ByteQueue } from "./ByteQueue.js"
import type { Wire } from "./Wire.js"

/** The most that one packet carries. */
const SEGMENT_BYTES = 16_384

const ignore = () => {}

/** Whoever reads and writes here; told when it is worth trying again. @internal */
export interface EndpointOwner {
  readonly readable: () => void
  readonly writable: () => void
}

/** What an end needs to know of the connection it belongs to. @internal */
export interface Surroundings {
  /** How many bytes may still be sent before the connection breaks. */
  readonly bytesLeft: () => number
  /** So many bytes are sent. */
  readonly carried: (bytes: number) => void
  /** One of the ends has nothing to do with the connection any more. */
  readonly ended: () => void
}

/** @internal */
export class Endpoint<A extends Address = Address> {
  readonly local: A
  readonly remote: A
  owner: EndpointOwner = { readable: ignore, writable: ignore }
  sendBufferBytes: number
  private readonly surroundings: Surroundings
  private readonly out: Wire
  private partner: Endpoint<A> | undefined
  private readonly unsent = new ByteQueue()
  private readonly received = new ByteQueue()
  /** Sent, and not known to have arrived. */
  private unacknowledged = 0
  /** How much the peer has room for. */
  private room = 0
  private receiveBufferBytes: number
  private finish: "Open" | "Wanted" | "Sent" = "Open"
  private hasEnded = false
  private isReadShut = false
  private isClosed = false
  private broken: SocketErrorReason | undefined

  constructor(
    surroundings: Surroundings,
    out: Wire,
    addresses: { readonly local: A; readonly remote: A },
    buffers: { readonly sendBufferBytes: number; readonly receiveBufferBytes: number }
  ) {
    this.surroundings = surroundings
    this.out = out
    this.local = addresses.local
    this.remote = addresses.remote
    this.sendBufferBytes = buffers.sendBufferBytes
    this.receiveBufferBytes = buffers.receiveBufferBytes
  }

  /** Makes two ends each other's peers. */
  static join<A extends Address>(one: Endpoint<A>, other: Endpoint<A>): void {
    one.partner = other
    other.partner = one
    one.room = other.receiveBufferBytes
    other.room = one.receiveBufferBytes
  }

  get name(): string {
    return format(this.local)
  }

  /** Why every operation fails from now on, if that is so. */
  get failureReason(): SocketErrorReason | undefined {
    return this.broken
  }

  /** Whether this end is done with: closed, or failed. */
  get isOver(): boolean {
    return this.isClosed || this.broken !== undefined
  }

  get isWriteShut(): boolean {
    return this.finish !== "Open"
  }

  /** How many bytes wait to be read. */
  get readable(): number {
    return this.received.length
  }

  /** Whether the stream is over, once all that came before is read. */
  get isAtEnd(): boolean {
    return (this.hasEnded || this.isReadShut) && this.broken === undefined
  }

  /** How many bytes a send would take. */
  get writable(): number {
    return Math.max(0, this.sendBufferBytes - this.unsent.length - this.unacknowledged)
  }

  /** Takes bytes that wait to be read. */
  take(count: number): Uint8Array {
    const chunk = this.received.take(count)
    this.acknowledge(0, count)
    return chunk
  }

  /** Takes bytes to send: a copy, they are the caller's again. */
  put(bytes: Uint8Array): void {
    this.unsent.push(bytes.slice())
    this.pump()
  }

  /** More room than before. */
  growReceiveBuffer(bytes: number): void {
    const grown = bytes - this.receiveBufferBytes
    if (grown <= 0) return
    this.receiveBufferBytes = bytes
    this.acknowledge(0, grown)
  }

  shutRead(): void {
    this.isReadShut = true
    this.owner.readable()
  }

  shutWrite(): void {
    if (this.finish === "Open") this.finish = "Wanted"
    this.pump()
  }

  /** Lets the next thing that comes from the peer come now. */
  hurry(): boolean {
    return this.partner?.out.hurry() ?? false
  }

  /** Gives the end up, as `close(2)` does. */
  close(isAbortive: boolean): void {
    if (this.isClosed) return
    this.isClosed = true
    this.owner = { readable: ignore, writable: ignore }
    if (this.broken === undefined) {
      if (isAbortive || this.received.length > 0) this.reset()
      else this.shutWrite()
    }
    this.received.clear()
    this.surroundings.ended()
  }

  /** This end fails; the peer is told by a reset. */
  fail(reason: SocketErrorReason): void {
    if (this.broken !== undefined) return
    this.reset()
    this.collapse(reason)
  }

  /** This end fails, and the peer is not told. */
  collapse(reason: SocketErrorReason): void {
    if (this.broken !== undefined) return
    this.broken = reason
    this.unsent.clear()
    this.out.forgetStalled()
    this.unacknowledged = 0
    this.surroundings.ended()
    this.owner.readable()
    this.owner.writable()
  }

  /** Sends a reset to the peer, behind what was sent before. It is sent once: a link that is cut loses it. */
  sendReset(): void {
    const { partner } = this
    if (partner !== undefined) this.out.send(0, () => partner.collapse("Reset"))
  }

  /** Tells the peer's side something, behind what was sent before. */
  announce(deliver: () => void): void {
    this.out.send(0, deliver, this.giveUp)
  }

  /** What this end sends from now on never arrives. */
  silence(): void {
    this.out.silence()
  }

  private reset(): void {
    this.unsent.clear()
    this.finish = "Sent"
    this.sendReset()
  }

  /** Sends what there is room for, and the end of the stream behind the last of it. */
  private pump(): void {
    while (this.unsent.length > 0 && this.room > 0 && this.broken === undefined) {
      const left = this.surroundings.bytesLeft()
      const piece = this.unsent.takePiece(Math.min(SEGMENT_BYTES, this.room, left))
      this.room -= piece.length
      this.unacknowledged += piece.length
      this.out.send(piece.length, () => this.partner?.arrived(piece), this.giveUp)
      this.surroundings.carried(piece.length)
    }
    if (this.finish !== "Wanted" || this.unsent.length > 0 || this.broken !== undefined) return
    this.finish = "Sent"
    this.out.send(0, () => this.partner?.ended(), this.giveUp)
  }

  private arrived(piece: Uint8Array): void {
    // Nobody reads here any more: the sender is told the hard way.
    if (this.broken !== undefined) this.sendReset()
    else if (this.isClosed) this.reset()
    else {
      this.received.push(piece)
      this.acknowledge(piece.length, 0)
      this.owner.readable()
    }
  }

  private ended(): void {
    if (this.isOver) return
    this.hasEnded = true
    this.owner.readable()
  }

  private acknowledge(arrived: number, room: number): void {
    const { partner } = this
    if (partner === undefined || this.broken !== undefined) return
    const deliver = () => partner.acknowledged(arrived, room)
    if (this.out.isInstant) deliver()
    else this.out.send(0, deliver, arrived > 0 ? partner.giveUp : ignore)
  }

  private acknowledged(arrived: number, room: number): void {
    if (this.broken !== undefined) return
    this.unacknowledged -= arrived
    this.room += room
    this.pump()
    if (this.writable > 0) this.owner.writable()
  }

  private readonly giveUp = (): void => this.collapse("TimedOut")
}
