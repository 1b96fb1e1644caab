/**
 * The receiving half of a connection whose messages have borders of their own.
 *
 * A message may come in parts, and is kept until the last of them is here: a read that is interrupted in between takes
 * nothing, and the next one finds the message from its beginning. One that is longer than allowed is told of as soon as that
 * can be seen. It is not kept: the rest of it is passed over, and the next read brings the next message.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ConnectionError, closed, NetworkError, type SocketError } from "../../Errors/index.js"
import { ReceiveMessageOperation } from "../../Proactor/NamedPipe.js"
import type { ProactorHandle } from "../../Proactor/Proactor.js"
import { giveUp } from "./Atomic.js"
import { type Demand, Intake } from "./Intake.js"
import { type Ending, inWords, type Peer } from "./Lifetime.js"

class ReceivingMessage extends ReceiveMessageOperation {
  half: MessageReadHalf | undefined

  override get purpose(): string {
    return "readMessage"
  }

  override get peer(): string | undefined {
    return this.half?.owner.peer
  }

  override onRetired(): void {
    this.half?.retired()
  }
}

const joined = (parts: ReadonlyArray<Uint8Array>, byteLength: number): Uint8Array => {
  const [first] = parts
  if (first !== undefined && parts.length === 1) return first
  const whole = new Uint8Array(byteLength)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** @internal */
export class MessageReadHalf
  extends Intake<ReceiveMessageOperation>
  implements Demand<Option.Option<Uint8Array>>
{
  readonly owner: Peer
  /** Grows with everything that comes. */
  received = 0
  private readonly maxBytes: number
  /** Of the message that is coming. */
  private parts: Array<Uint8Array> = []
  private byteLength = 0
  /** The message that is coming is too long: it is passed over. */
  private isSkipping = false
  private message: Uint8Array | undefined
  private hasEnded = false

  constructor(socket: ProactorHandle<ReceiveMessageOperation>, owner: Peer, maxBytes: number) {
    const operation = new ReceivingMessage()
    super(socket, operation)
    operation.half = this
    this.owner = owner
    this.maxBytes = maxBytes
  }

  /** The next message; none at the end. */
  read<E = never>(
    timeout?: Duration.DurationInput,
    late?: () => Effect.Effect<never, E>
  ): Effect.Effect<Option.Option<Uint8Array>, SocketError | E> {
    return this.consume(this, timeout, late)
  }

  ready(): boolean {
    return this.message !== undefined || this.hasEnded
  }

  take(): Option.Option<Uint8Array> {
    const { message } = this
    if (message === undefined) return this.hasEnded ? Option.none() : giveUp()
    this.message = undefined
    return Option.some(message)
  }

  /** From now on reads fail. What has arrived is dropped. */
  override close(why?: Ending): void {
    this.message = undefined
    this.forget()
    this.closeWith(() => why?.("readMessage") ?? closed("readMessage", this.owner.peer))
  }

  protected override land(operation: ReceiveMessageOperation): void {
    const { hasEnded, isLast } = operation
    const part = operation.takePart()
    // Also an empty message is something that moved.
    this.received += part.length + 1
    if (hasEnded) this.end()
    else if (this.isSkipping) this.isSkipping = !isLast
    else this.add(part, isLast)
  }

  /** A connection that failed stays failed. Lack of memory passes. */
  protected override isFinal(failure: SocketError): boolean {
    return failure instanceof ConnectionError
  }

  protected override told(failure: SocketError): SocketError {
    return inWords(failure, "readMessage", this.owner)
  }

  private add(part: Uint8Array, isLast: boolean): void {
    this.parts.push(part)
    this.byteLength += part.length
    if (this.byteLength > this.maxBytes) {
      this.isSkipping = !isLast
      this.refuse("TooLong", `the message is longer than maxMessageBytes, which is ${this.maxBytes}`)
    } else if (isLast) {
      this.message = joined(this.parts, this.byteLength)
      this.forget()
    }
  }

  /** The other end was closed: in good order, or while the system had a part of a message only. */
  private end(): void {
    this.isSkipping = false
    // The next read finds the end again.
    if (this.parts.length > 0) this.refuse("InvalidData", "the pipe ended in the middle of a message")
    else this.hasEnded = true
  }

  private refuse(reason: "InvalidData" | "TooLong", advice: string): void {
    this.forget()
    this.reject(new NetworkError({ reason, operation: "readMessage", address: this.owner.peer, advice }))
  }

  private forget(): void {
    this.parts = []
    this.byteLength = 0
  }
}
