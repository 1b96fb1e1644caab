/**
 * Named pipes in message mode: what is written is a message, and is read as one.
 *
 * It is no stream of bytes, and so no `Connection`: there is nothing to cut into lines or frames, because the system keeps the
 * borders. A message may be empty. It is taken whole or not at all, also by a read that is interrupted or runs out of its
 * time, and it leaves whole or not at all.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { PipeAddress } from "../Address/index.js"
import { invalidArgument, NetworkError, type SocketError, type TimeoutError } from "../Errors/index.js"
import type { ProactorMessagePipe } from "../Proactor/NamedPipe.js"
import type { AcceptOperation } from "../Proactor/Operation.js"
import type { ProactorHandle } from "../Proactor/Proactor.js"
import type { TimeoutOptions } from "./Connection.js"
import type { Accepted } from "./internal/AcceptQueue.js"
import { holdsWithin } from "./internal/Condition.js"
import { timedOut } from "./internal/Deadline.js"
import type { Half } from "./internal/Lifetime.js"
import { ListenerOver } from "./internal/ListenerOver.js"
import { LivingConnection } from "./internal/LivingConnection.js"
import { MessageReadHalf } from "./internal/MessageReadHalf.js"
import { MessageWriteHalf } from "./internal/MessageWriteHalf.js"
import { starting, type WaitFor } from "./internal/Starting.js"
import { awaitDone, type WriteJob } from "./internal/WriteJob.js"
import type { ServeOptionsOf } from "./Serving.js"

/**
 * A connection over a named pipe in message mode.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessagePipe {
  /** The name of the pipe, which both ends have in common. */
  readonly remoteAddress: PipeAddress

  /**
   * The next message, empty perhaps; none when the other end was closed. One that is longer than `maxMessageBytes` fails with
   * `TooLong`, and is gone: the next read brings the next message.
   */
  readonly readMessage: Effect.Effect<Option.Option<Uint8Array>, SocketError>
  readonly readMessageWith: (
    options: TimeoutOptions
  ) => Effect.Effect<Option.Option<Uint8Array>, SocketError | TimeoutError>

  /**
   * Writes a message, and ends when the pipe has room for it. The caller leaves the bytes unchanged until then. One that is
   * longer than `maxMessageBytes` fails with `TooLong`. Interrupted, or out of time, it was written whole or not at all.
   *
   * Out of time, a message that waits for its turn is not written, and fails with a `TimeoutError`. One that the system has
   * already, but no room for, cannot be called back without risk to the next: it counts as written, and leaves when the other
   * end reads. Closing gives it two seconds for that.
   */
  readonly writeMessage: {
    (message: Uint8Array): Effect.Effect<void, SocketError>
    (message: Uint8Array, options: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError>
  }

  /** Says that the handshake is over: see `Connection`. */
  readonly established: Effect.Effect<void>
  /**
   * Closes the pipe now rather than with its scope. Messages that were written are there for the other end to read. Operations
   * under way fail with `Closed`. Closing twice is no error.
   */
  readonly close: Effect.Effect<void>
}

/**
 * A listener whose connections are in message mode.
 *
 * @since 0.1.0
 * @category models
 */
export interface MessageListener {
  readonly address: PipeAddress
  /** The next connection. It is closed with the scope, or earlier by its own `close`. */
  readonly accept: Effect.Effect<MessagePipe, SocketError, Scope.Scope>
  readonly acceptWith: (
    options: TimeoutOptions
  ) => Effect.Effect<MessagePipe, SocketError | TimeoutError, Scope.Scope>
  /** Accepts connections for ever, and runs `handler` for each in a fiber of its own: see `Listener`. */
  readonly serve: <E, R, R2 = never>(
    handler: (pipe: MessagePipe) => Effect.Effect<unknown, E, R>,
    options?: ServeOptionsOf<MessagePipe, E, R2>
  ) => Effect.Effect<never, SocketError, R | R2>
  /** Closes the listener now rather than with its scope. An `accept` under way fails with `Closed`. */
  readonly close: Effect.Effect<void>
}

/** @internal */
export class MessageConnection extends LivingConnection<PipeAddress> implements MessagePipe {
  readonly transport: ProactorMessagePipe
  private readonly reading: MessageReadHalf
  private readonly writing: MessageWriteHalf
  private readonly maxMessageBytes: number

  constructor(socket: ProactorMessagePipe, address: PipeAddress, maxMessageBytes: number) {
    super(socket, address)
    this.transport = socket
    this.reading = new MessageReadHalf(socket, this, maxMessageBytes)
    this.writing = new MessageWriteHalf(socket, this)
    this.maxMessageBytes = maxMessageBytes
  }

  get halves(): ReadonlyArray<Half> {
    return [this.reading, this.writing]
  }

  protected override get progress(): number {
    return this.reading.received + this.writing.sent
  }

  get readMessage(): Effect.Effect<Option.Option<Uint8Array>, SocketError> {
    return this.reading.read()
  }

  readMessageWith(
    options: TimeoutOptions
  ): Effect.Effect<Option.Option<Uint8Array>, SocketError | TimeoutError> {
    const { timeout } = options
    if (timeout === undefined) return this.readMessage
    return this.reading.read(timeout, () => Effect.fail(timedOut("readMessage", timeout, this.peer)))
  }

  writeMessage(message: Uint8Array): Effect.Effect<void, SocketError>
  writeMessage(message: Uint8Array, options: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError>
  writeMessage(
    message: Uint8Array,
    options?: TimeoutOptions
  ): Effect.Effect<void, SocketError | TimeoutError> {
    return starting((waitFor) => {
      if (!(message instanceof Uint8Array)) {
        return Effect.fail(invalidArgument("writeMessage", "a message is a Uint8Array", this.peer))
      }
      if (message.length > this.maxMessageBytes) return this.refuseLength(message.length)
      const job = this.writing.start(message)
      return job.isDone ? outcome(job) : this.finish(job, options?.timeout, waitFor)
    })
  }

  private refuseLength(byteLength: number): Effect.Effect<never, SocketError> {
    const advice = `the message has ${byteLength} bytes, and maxMessageBytes is ${this.maxMessageBytes}`
    const details = { operation: "writeMessage", address: this.peer, advice }
    return Effect.fail(new NetworkError({ reason: "TooLong", ...details }))
  }

  private finish(
    job: WriteJob,
    timeout: Duration.DurationInput | undefined,
    waitFor: WaitFor
  ): Effect.Effect<void, SocketError | TimeoutError> {
    const stop = () =>
      Effect.sync(() => {
        if (!job.isDone) this.writing.interrupt(job)
      })
    if (timeout === undefined) return waitFor(awaitDone(job), stop, () => outcome(job))
    return waitFor(
      holdsWithin(job.done, timeout),
      stop,
      (isDone): Effect.Effect<void, SocketError | TimeoutError> =>
        isDone || this.writing.stop(job)
          ? outcome(job)
          : Effect.fail(timedOut("writeMessage", timeout, this.peer))
    )
  }
}

const outcome = ({ failure }: WriteJob): Effect.Effect<void, SocketError> =>
  failure === undefined ? Effect.void : Effect.fail(failure)

/** @internal */
export class MessageConnectionListener
  extends ListenerOver<PipeAddress, ProactorMessagePipe, MessageConnection>
  implements MessageListener
{
  private readonly maxMessageBytes: number

  constructor(
    socket: ProactorHandle<AcceptOperation<PipeAddress, ProactorMessagePipe>>,
    address: PipeAddress,
    mostConnections: number | undefined,
    maxMessageBytes: number
  ) {
    super(socket, address, mostConnections)
    this.maxMessageBytes = maxMessageBytes
  }

  protected override connection({ socket }: Accepted<PipeAddress, ProactorMessagePipe>): MessageConnection {
    return new MessageConnection(socket, this.address, this.maxMessageBytes)
  }
}
