/**
 * The receiving half of a connection.
 *
 * What arrives lands in the inbox (see `Intake`), and is taken from there as chunks, as exact counts of bytes, or as
 * lines. The end of the stream comes after everything that came before it, and again at every further read. A reset
 * comes after it too, and is never reported as an end.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import {
  ConnectionError,
  closed,
  invalidArgument,
  NetworkError,
  type SocketError
} from "../../Errors/index.js"
import { ReceiveOperation } from "../../Proactor/Operation.js"
import type { ProactorHandle } from "../../Proactor/Proactor.js"
import { giveUp } from "./Atomic.js"
import type { FoundFrame, Frame, Measure } from "./Frame.js"
import { Inbox } from "./Inbox.js"
import { type Demand, Intake } from "./Intake.js"
import { type Ending, inWords, type Peer } from "./Lifetime.js"

/** How much one receive asks of the system. */
const RECEIVE_BYTES = 64 * 1024

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** Stateless: each line is decoded in one go. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/**
 * A frame that is wanted. When it is ready it can be looked at, too, before it is taken.
 *
 * @internal
 */
export interface FrameDemand extends Demand<Option.Option<FoundFrame>> {
  readonly look: () => Option.Option<FoundFrame>
}

/** The connection, as this half needs it. */
interface Reader extends Peer {
  /** The fiber that serves the connection and closes it at its end, if a server has one for it. */
  readonly servant: Fiber.RuntimeFiber<unknown, unknown> | undefined
}

class Receiving extends ReceiveOperation {
  half: ReadHalf | undefined
  override maxBytes = RECEIVE_BYTES

  override get purpose(): string {
    return "read"
  }

  override get peer(): string | undefined {
    return this.half?.owner.peer
  }

  override onRetired(): void {
    this.half?.retired()
  }
}

/** @internal */
export class ReadHalf extends Intake<ReceiveOperation> implements Demand<Uint8Array> {
  private readonly inbox = new Inbox()
  readonly owner: Reader
  private hasEnded = false
  /** How many bytes have come. */
  received = 0
  private plainRead: Effect.Effect<Uint8Array, SocketError> | undefined

  constructor(socket: ProactorHandle<ReceiveOperation>, owner: Reader) {
    const operation = new Receiving()
    super(socket, operation)
    operation.half = this
    this.owner = owner
  }

  /** What has come, as one receive brought it; empty at the end of the stream. */
  get next(): Effect.Effect<Uint8Array, SocketError> {
    this.plainRead ??= this.consume(this)
    return this.plainRead
  }

  /** What has come, at most `maxBytes`; empty at the end of the stream. */
  upTo(maxBytes: number): Demand<Uint8Array> {
    return { ready: () => this.ready(), take: () => this.take(maxBytes) }
  }

  ready(): boolean {
    return this.inbox.byteLength > 0 || this.hasEnded
  }

  take(maxBytes = RECEIVE_BYTES): Uint8Array {
    return this.ready() ? this.inbox.takeChunk(maxBytes) : giveUp()
  }

  /**
   * Fills the buffers with what has come, and answers how many bytes that was; 0 at the end of the stream. Their memory may be
   * transferred to another thread while nothing has come: then they have no room, and what comes stays.
   */
  into(buffers: ReadonlyArray<Uint8Array>): Demand<number> {
    return {
      ready: () => (hasRoom(buffers) ? this.ready() : this.refuseBuffers()),
      take: () => (hasRoom(buffers) && this.ready() ? this.inbox.takeInto(buffers) : giveUp())
    }
  }

  /**
   * The next line without its end; none at the end of the stream. It is found and decoded first, and taken only if nobody took
   * bytes meanwhile.
   */
  line(maxBytes: number): Demand<Option.Option<string>> {
    let found: { readonly text: Option.Option<string>; readonly length: number } | undefined
    let version = -1
    return {
      ready: () => {
        const measured = this.measureLine(maxBytes)
        if (measured === undefined) return false
        if (!isMeasure(measured)) return measured
        const text = this.decode(measured)
        if (text instanceof NetworkError) return text
        found = { text, length: measured.length }
        version = this.inbox.version
        return true
      },
      take: () => {
        if (found === undefined || version !== this.inbox.version) return giveUp()
        this.inbox.takeExactly(found.length)
        return found.text
      }
    }
  }

  /** The bytes of the next frame, taken together; none at the end of the stream. */
  frame(measure: Measure): FrameDemand {
    let found: Frame | undefined
    let version = -1
    const isThere = () => version === this.inbox.version
    return {
      ready: () => {
        const measured = measure(this.inbox)
        version = this.inbox.version
        found = undefined
        if (measured === undefined) return this.hasEnded && this.frameEnded()
        if ("tooLong" in measured) return this.refuseFrame("TooLong", measured.tooLong)
        if ("invalid" in measured) return this.refuseFrame("InvalidData", measured.invalid)
        found = measured
        return true
      },
      look: () => {
        if (!isThere()) return giveUp()
        return Option.map(Option.fromNullable(found), (frame) => ({
          frame,
          taken: this.inbox.peek(frame.total)
        }))
      },
      take: () => {
        if (!isThere()) return giveUp()
        if (found === undefined) return Option.none()
        return Option.some({ frame: found, taken: this.inbox.takeExactly(found.total) })
      }
    }
  }

  /** From now on reads fail. What has arrived is dropped. */
  override close(why?: Ending): void {
    this.inbox.clear()
    this.closeWith(() => why?.("read") ?? closed("read", this.owner.peer))
  }

  protected override needsGuard(fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean {
    return fiber !== this.owner.servant
  }

  protected override land(operation: ReceiveOperation): void {
    const chunk = operation.takeChunk()
    if (chunk.length === 0) this.hasEnded = true
    else this.inbox.push(chunk)
    this.received += chunk.length
  }

  /** A connection that failed stays failed. Lack of memory passes. */
  protected override isFinal(failure: SocketError): boolean {
    return failure instanceof ConnectionError
  }

  protected override told(failure: SocketError): SocketError {
    return inWords(failure, "read", this.owner)
  }

  /** The stream is over: in good order, or in the middle of a frame. */
  private frameEnded(): true | NetworkError {
    const { byteLength } = this.inbox
    if (byteLength === 0) return true
    return this.refuseFrame("InvalidData", `the stream ended ${byteLength} bytes into a frame`)
  }

  private refuseFrame(reason: "InvalidData" | "TooLong", advice: string): NetworkError {
    return new NetworkError({ reason, operation: "readFrame", address: this.owner.peer, advice })
  }

  /** With no room, "nothing" would look like the end of the stream. */
  private refuseBuffers(): NetworkError {
    return invalidArgument("read", "the buffers have room for no byte", this.owner.peer)
  }

  /** How long the next line is, with and without its end; `undefined` if it has not all come yet. */
  private measureLine(maxBytes: number): LineMeasure | NetworkError | undefined {
    const feed = this.inbox.indexOf(LINE_FEED)
    const content = feed >= 0 ? this.withoutReturn(feed) : this.inbox.byteLength
    if (content > maxBytes && (feed >= 0 || content > maxBytes + 1)) return this.lineTooLong(maxBytes)
    if (feed >= 0) return { content, length: feed + 1 }
    if (!this.hasEnded) return undefined
    if (content > maxBytes) return this.lineTooLong(maxBytes)
    return { content, length: content }
  }

  private withoutReturn(feed: number): number {
    return feed > 0 && this.inbox.peek(feed)[feed - 1] === CARRIAGE_RETURN ? feed - 1 : feed
  }

  private decode({ content, length }: LineMeasure): Option.Option<string> | NetworkError {
    // Nothing at all, not even a line's end: the stream is over.
    if (length === 0) return Option.none()
    try {
      return Option.some(utf8.decode(this.inbox.peek(content)))
    } catch (cause) {
      const advice = "the line is not valid UTF-8; read it as bytes"
      return new NetworkError({
        reason: "InvalidData",
        operation: "readLine",
        address: this.owner.peer,
        advice,
        cause
      })
    }
  }

  private lineTooLong(maxBytes: number): NetworkError {
    const advice = `no line end within ${maxBytes} bytes; raise maxBytes, or read it as bytes`
    return new NetworkError({ reason: "TooLong", operation: "readLine", address: this.owner.peer, advice })
  }
}

const hasRoom = (buffers: ReadonlyArray<Uint8Array>): boolean => buffers.some((buffer) => buffer.length > 0)

interface LineMeasure {
  /** Bytes of text. */
  readonly content: number
  /** Bytes to take: the text and the line's end. */
  readonly length: number
}

const isMeasure = (value: LineMeasure | NetworkError): value is LineMeasure => "content" in value
