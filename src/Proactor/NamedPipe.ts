/**
 * Named pipes of Windows, as a proactor drives them.
 *
 * A pipe is a name, and under the name instances, each of them for one client at a time. A listener makes instances as they
 * are needed. Accepting is to wait for a client of one of them, and the instance is the connection then.
 *
 * In byte mode an end is a stream like any other, with two differences: no half of it can be shut down alone, and nobody can
 * tell a peer that closed its end from one that was killed. Both are the end of the stream.
 *
 * In message mode what is written is a message, and is read as one. One receive brings a part of a message, or all of it; a
 * message may be empty, and is not the end then. A message leaves in one piece: all of it, or nothing.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { PipeAddress } from "../Address/index.js"
import type { SocketError } from "../Errors/index.js"
import { type AcceptOperation, Operation } from "./Operation.js"
import type { ProactorHandle, ProactorStream } from "./Proactor.js"

const noBytes = new Uint8Array(0)

/**
 * Receives the next part of a message.
 *
 * @since 0.1.0
 * @category models
 */
export class ReceiveMessageOperation extends Operation {
  readonly kind = "ReceiveMessage"
  /** What came of the message: memory of its own, the submitter's to keep. */
  part: Uint8Array = noBytes
  /** Whether the message ends with this part. */
  isLast = false
  /** Whether there is no part, nor will there be another: the other end was closed. */
  hasEnded = false

  /** What came, which the operation forgets: it may be long until the next part comes. */
  takePart(): Uint8Array {
    const { part } = this
    this.part = noBytes
    return part
  }
}

/**
 * Sends `message`, all of it. While that is in flight the system has the message, and will send it whatever happens here: one
 * that is cancelled may have arrived.
 *
 * @since 0.1.0
 * @category models
 */
export class SendMessageOperation extends Operation {
  readonly kind = "SendMessage"
  message: Uint8Array = noBytes
  /** How long the message was when it was given to be sent. If it is not by now, its buffer went to another thread, say. */
  byteLength = 0

  /** Lets go of the message, once retired: it may be long until the next one. */
  forget(): void {
    this.message = noBytes
  }
}

/**
 * The operations of a connection in message mode.
 *
 * @since 0.1.0
 * @category models
 */
export type MessageOperation = ReceiveMessageOperation | SendMessageOperation

/** `ERROR_PIPE_BUSY`. */
const EVERY_INSTANCE_HAS_A_CLIENT = 231

/**
 * Whether a connect failed because every instance has a client: then it is worth trying again.
 *
 * @internal
 */
export const isBusy = ({ code }: SocketError): boolean => code === EVERY_INSTANCE_HAS_A_CLIENT

/** What both modes have. */
interface PipeEnd {
  /** The id of the process at the other end. */
  readonly peerProcessId: Effect.Effect<number, SocketError>
}

/**
 * A connection over a named pipe in byte mode.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorPipe extends ProactorStream<PipeAddress>, PipeEnd {}

/**
 * A connection over a named pipe in message mode.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorMessagePipe extends ProactorHandle<MessageOperation>, PipeEnd {}

/**
 * What a listener is to be like.
 *
 * @since 0.1.0
 * @category options
 */
export interface PipeListenOptions {
  readonly address: PipeAddress
  /**
   * How many instances there may be at once, those with a client and the one that waits for the next: 2 to 254. No limit if
   * `undefined`.
   */
  readonly maxInstances: number | undefined
  /** Whether clients on other machines may connect. */
  readonly allowRemote: boolean
  /** Who may do what, in SDDL. The system's own choice if `undefined`. */
  readonly securityDescriptor: string | undefined
  /** How many bytes each direction holds that were written and not read. */
  readonly bufferBytes: number
}

/**
 * What a proactor does with named pipes.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorPipes {
  /** Makes the first instances of a name that nobody has: where somebody has it, `AddressInUse`. */
  readonly listen: (
    options: PipeListenOptions
  ) => Effect.Effect<ProactorHandle<AcceptOperation<PipeAddress, ProactorPipe>>, SocketError>
  readonly listenForMessages: (
    options: PipeListenOptions
  ) => Effect.Effect<ProactorHandle<AcceptOperation<PipeAddress, ProactorMessagePipe>>, SocketError>
  /**
   * Connects to an instance that has no client. Where every instance has one, `ResourceExhausted`, and it is worth trying
   * again. For a pipe of another machine this takes its time, and cannot be interrupted.
   */
  readonly connect: (address: PipeAddress) => Effect.Effect<ProactorPipe, SocketError>
  readonly connectForMessages: (address: PipeAddress) => Effect.Effect<ProactorMessagePipe, SocketError>
}
