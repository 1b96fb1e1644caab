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
import * as Option from "effect/Option"
import { ConnectionError, closed, NetworkError, type SocketError } from "../../Errors/index.js"
import { ReceiveOperation } from "../../Proactor/Operation.js"
import type { ProactorSocket } from "../../Proactor/Proactor.js"
import { giveUp } from "./Atomic.js"
import type { Deadline } from "./Deadline.js"
import { Inbox } from "./Inbox.js"
import { type Demand, Intake } from "./Intake.js"
import type { Ending } from "./Lifetime.js"

/** How much one receive asks of the system. */
const RECEIVE_BYTES = 64 * 1024

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

type Late<E> = () => Effect.Effect<never, E>

/** @internal */
export class ReadHalf {
  private readonly inbox = new Inbox()
  private readonly peer: string
  private hasEnded = false
  private arrived = 0
  private readonly intake: Intake<ReceiveOperation>
  private readonly utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

  constructor(socket: ProactorSocket, peer: string) {
    const operation = new ReceiveOperation()
    operation.maxBytes = RECEIVE_BYTES
    this.peer = peer
    this.intake = new Intake({
      socket,
      operation,
      land: ({ chunk }) => {
        if (chunk.length === 0) this.hasEnded = true
        else this.inbox.push(chunk)
        this.arrived += chunk.length
      },
      asked: { operation: "read", address: peer },
      // A connection that failed stays failed. Lack of memory passes.
      isFinal: (failure) => failure instanceof ConnectionError
    })
  }

  /** What has come, at most `maxBytes`; empty at the end of the stream. */
  read<E = never>(
    maxBytes: number,
    deadline?: Deadline,
    late?: Late<E>
  ): Effect.Effect<Uint8Array, SocketError | E> {
    return this.intake.consume(
      {
        ready: () => this.inbox.byteLength > 0 || this.hasEnded,
        take: () => (this.inbox.byteLength > 0 || this.hasEnded ? this.inbox.takeChunk(maxBytes) : giveUp())
      },
      deadline,
      late
    )
  }

  /** The next line without its end; none at the end of the stream. */
  readLine<E = never>(
    maxBytes: number,
    deadline?: Deadline,
    late?: Late<E>
  ): Effect.Effect<Option.Option<string>, SocketError | E> {
    return this.intake.consume(this.lineDemand(maxBytes), deadline, late)
  }

  /** Whether anything waits in the system for this half. */
  get isInFlight(): boolean {
    return this.intake.isInFlight
  }

  /** From now on reads fail. What has arrived is dropped. */
  close(why?: Ending): void {
    this.inbox.clear()
    this.intake.close(why?.("read") ?? closed("read", this.peer))
  }

  /** How many bytes have come. */
  get received(): number {
    return this.arrived
  }

  whenDrained(drained: () => void): void {
    this.intake.whenDrained(drained)
  }

  /** The line is found and decoded first, and taken only if nobody took bytes meanwhile. */
  private lineDemand(maxBytes: number): Demand<Option.Option<string>> {
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
      return Option.some(this.utf8.decode(this.inbox.peek(content)))
    } catch (cause) {
      const advice = "the line is not valid UTF-8; read it as bytes"
      return new NetworkError({
        reason: "InvalidData",
        operation: "readLine",
        address: this.peer,
        advice,
        cause
      })
    }
  }

  private lineTooLong(maxBytes: number): NetworkError {
    const advice = `no line end within ${maxBytes} bytes; raise maxBytes, or read it as bytes`
    return new NetworkError({ reason: "TooLong", operation: "readLine", address: this.peer, advice })
  }
}

interface LineMeasure {
  /** Bytes of text. */
  readonly content: number
  /** Bytes to take: the text and the line's end. */
  readonly length: number
}

const isMeasure = (value: LineMeasure | NetworkError): value is LineMeasure => "content" in value
