/**
 * A Node stream with the manners of a proactor's socket, so that all of `Net` above works on it.
 *
 * Receiving. A receive takes what the stream has; if that is nothing, it is parked until the stream is readable, ends
 * or fails. The stream is read in paused mode (`read()`), so what nobody asks for stays in it, and, once it is full,
 * with the peer. What it hands out beyond `maxBytes` is kept for the next receive. A cancelled receive has taken
 * nothing and retires at once.
 *
 * Sending. The stream's buffer is to this socket what the kernel's is to one of the kernel's: bytes are sent when the
 * stream has them, and who sends waits while the stream says that it is full. The stream keeps a reference and no copy,
 * so it is given a copy. A failure that comes later is told to who sends or receives next.
 *
 *     Open --close--> Ending: the stream still sends what it has --'finish', or the limit--> destroyed --> 'close'
 *       |
 *       +--close after lingerSeconds 0 (abort)--> reset, if the stream can do that, or destroyed
 *       |
 *       +--the stream closed by itself--> failed: without an error and without an 'end' before, that is a reset
 *
 * Closing comes back at once, like close(2), and what the stream has is still sent, like there; the end of the
 * connection's scope waits for it. A peer that takes nothing would hold it up for ever, so there is a limit.
 *
 * A stream that is referenced keeps the process alive or not as it did before: that is its owner's affair.
 *
 * @since 0.1.0
 */
import type { Duplex } from "node:stream"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Endpoint, SocketAddress } from "../../Address/index.js"
import * as Address from "../../Address/index.js"
import {
  closed,
  invalidArgument,
  type SocketError,
  type SocketErrorReason,
  socketError,
  unsupported,
  withDetails
} from "../../Errors/index.js"
import {
  Ledger,
  type ReceiveOperation,
  type SendOperation,
  type StreamOperation
} from "../../Proactor/Operation.js"
import type { ProactorStream, ShutdownHow } from "../../Proactor/Proactor.js"
import {
  decodeOption,
  encodeOption,
  type SocketOptionName,
  type SocketOptions
} from "../../Proactor/SocketOption.js"
import { fromNodeError } from "./NodeErrors.js"

/** The most that one send gives the stream, and copies for it. */
const PIECE_BYTES = 64 * 1024
/** How long a closed stream may go on sending to a peer that does not take it. */
const LINGER_MILLISECONDS = 2_000

const noBytes = new Uint8Array(0)

/** A stream that is closed and did not say why. */
const gone = socketError("Reset", { operation: "stream", advice: "The stream was closed before its end." })

/** What `read()` answers: text too, if somebody gave the stream an encoding. */
const asBytes = (chunk: unknown): Uint8Array => {
  if (chunk instanceof Uint8Array) return chunk
  return typeof chunk === "string" ? Buffer.from(chunk) : noBytes
}

/** A property of a stream that may be a `net.Socket`, or be like one. */
const property = (stream: Duplex, name: string): unknown => Reflect.get(stream, name)

/** Calls a method that the stream may have; answers whether it has it, and it did not throw. */
const call = (stream: Duplex, name: string, args: ReadonlyArray<unknown>): boolean => {
  const method = property(stream, name)
  if (typeof method !== "function") return false
  try {
    Reflect.apply(method, stream, args)
    return true
  } catch {
    // A TLS socket has `resetAndDestroy` from `net.Socket`, and throws: its handle is none that can be reset.
    return false
  }
}

/** An address that the stream tells like a `net.Socket`, if it does. */
const addressOf = (stream: Duplex, side: "local" | "remote"): SocketAddress | undefined => {
  const host = property(stream, `${side}Address`)
  const port = property(stream, `${side}Port`)
  if (typeof host !== "string" || typeof port !== "number") return undefined
  return Either.getOrUndefined(Address.make(host, port))
}

/** @internal */
export const remoteAddressOf = (stream: Duplex): SocketAddress | undefined => addressOf(stream, "remote")

/** @internal */
export const localAddressOf = (stream: Duplex): SocketAddress | undefined => addressOf(stream, "local")

/**
 * The ends of a stream, for those who ask.
 *
 * @internal
 */
export interface Ends<A extends Endpoint> {
  readonly remote: A
  /** Asked when somebody asks: a stream may learn its address later, and forgets it when it is destroyed. */
  readonly local: () => A | undefined
}

/** @internal */
export class DuplexSocket<A extends Endpoint> implements ProactorStream<A> {
  readonly ledger = new Ledger()
  private readonly stream: Duplex
  private readonly ends: Ends<A>
  private readonly local: A | undefined
  private receiving: ReceiveOperation | undefined
  private sending: SendOperation | undefined
  /** What the stream handed out and nobody took yet. */
  private rest: Uint8Array = noBytes
  private hasEnded: boolean
  private failure: SocketError | undefined
  private isClosed = false
  private isAbortive = false
  /** What was set. A Node stream does not tell what it was made with. */
  private readonly options = new Map<SocketOptionName, readonly [onOff: number, value: number]>([
    ["lingerSeconds", [0, 0]]
  ])
  private readonly reset: (() => void) | undefined

  /** `reset` is how to cut the connection off, where the stream cannot do it itself. */
  constructor(stream: Duplex, ends: Ends<A>, reset?: () => void) {
    this.stream = stream
    this.reset = reset
    this.ends = ends
    this.local = ends.local()
    this.hasEnded = stream.readableEnded
    // Both halves are for the program to end.
    stream.allowHalfOpen = true
    if (stream.destroyed) this.failed(stream.errored ?? gone)
    stream.on("readable", () => this.resumeReceive())
    stream.on("end", () => this.ended())
    stream.on("drain", () => this.drained())
    // Stays to the end: an error that nobody listens to would end the process.
    stream.on("error", (error: unknown) => this.failed(error))
    stream.on("close", () => this.failed(gone))
  }

  submit(operation: StreamOperation): boolean {
    operation.begin(this.ledger)
    if (!this.start(operation)) return false
    operation.finish()
    return true
  }

  cancel(operation: StreamOperation): void {
    if (operation !== this.receiving && operation !== this.sending) return
    if (operation === this.receiving) this.receiving = undefined
    // Bytes that the stream has leave all the same: whoever cancels a send is about to close.
    else this.sending = undefined
    operation.failure = this.told("Cancelled", operation)
    this.retire(operation)
  }

  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.rest = noBytes
    if (this.receiving !== undefined) this.cancel(this.receiving)
    if (this.sending !== undefined) this.cancel(this.sending)
    if (this.isAbortive) this.cutOff()
    else this.endAndDestroy()
  }

  abandon(): void {
    this.isAbortive = true
    this.close()
  }

  shutdown(how: ShutdownHow): Effect.Effect<void, SocketError> {
    return this.whileOpen("shutdown", () => {
      if (this.stream.destroyed) return Effect.fail(socketError("NotConnected", { operation: "shutdown" }))
      if (how !== "read") this.stream.end()
      if (how !== "write") this.ended()
      return Effect.void
    })
  }

  get localAddress(): Effect.Effect<A, SocketError> {
    return this.whileOpen("localAddress", () => {
      // A socket that was connecting when it was handed over has its address by now.
      const local = this.local ?? this.ends.local()
      return local === undefined
        ? Effect.fail(unsupported("localAddress", "the stream does not tell its address"))
        : Effect.succeed(local)
    })
  }

  get remoteAddress(): Effect.Effect<A, SocketError> {
    return this.whileOpen("remoteAddress", () => Effect.succeed(this.ends.remote))
  }

  getOption<Name extends SocketOptionName>(name: Name): Effect.Effect<SocketOptions[Name], SocketError> {
    return this.whileOpen("getOption", () => {
      const integers = this.options.get(name)
      return integers === undefined
        ? Effect.fail(unsupported("getOption", `a Node stream does not tell its ${name} before it was set`))
        : Effect.succeed(decodeOption(name, integers))
    })
  }

  setOption<Name extends SocketOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return this.whileOpen("setOption", () => {
      const encoded = encodeOption(name, value)
      if (typeof encoded === "string") return Effect.fail(invalidArgument("setOption", encoded))
      if (!this.apply(name, encoded)) {
        return Effect.fail(unsupported("setOption", `this stream cannot set its ${name} to this`))
      }
      this.options.set(name, encoded)
      return Effect.void
    })
  }

  private whileOpen<B>(
    operation: string,
    run: () => Effect.Effect<B, SocketError>
  ): Effect.Effect<B, SocketError> {
    return Effect.suspend(() => (this.isClosed ? Effect.fail(closed(operation)) : run()))
  }

  /** Answers whether the operation is over. */
  private start(operation: StreamOperation): boolean {
    switch (operation.kind) {
      case "Receive":
        return this.receive(operation)
      case "Send":
        return this.send(operation)
      case "SendFile":
        // A stream takes bytes, and no file.
        operation.failure = this.told("Unsupported", operation)
        return true
    }
  }

  private receive(operation: ReceiveOperation): boolean {
    if (this.isClosed) return this.refuse(operation)
    const chunk = this.take(operation.maxBytes)
    // An empty chunk is the end of the stream.
    if (chunk !== undefined || this.hasEnded) operation.chunk = chunk ?? noBytes
    else if (this.failure !== undefined) return this.refuse(operation)
    else {
      this.receiving = operation
      return false
    }
    return true
  }

  private take(maxBytes: number): Uint8Array | undefined {
    // Only reading makes a stream tell of its end. What arrived before a failure is there until it is read.
    if (this.rest.length === 0) this.rest = asBytes(this.stream.read())
    if (this.rest.length === 0) return undefined
    const chunk = this.rest.subarray(0, maxBytes)
    this.rest = this.rest.subarray(chunk.length)
    return chunk
  }

  private send(operation: SendOperation): boolean {
    if (this.isClosed || this.failure !== undefined || this.stream.destroyed) return this.refuse(operation)
    if (this.stream.writableEnded) {
      operation.failure = this.told("Closed", operation)
      return true
    }
    const { bytes, offset, pieces, vanished } = operation
    if (vanished !== undefined) {
      operation.failure = vanished
      return true
    }
    const piece = pieces?.copy(PIECE_BYTES) ?? Buffer.from(bytes.subarray(offset, offset + PIECE_BYTES))
    operation.sent = piece.length
    operation.committed = piece.length
    const isFull = !this.stream.write(piece) && this.stream.writableNeedDrain
    if (isFull) this.sending = operation
    return !isFull
  }

  private resumeReceive(): void {
    const operation = this.receiving
    if (operation === undefined) return
    this.receiving = undefined
    if (this.receive(operation)) this.retire(operation)
  }

  private ended(): void {
    this.hasEnded = true
    this.resumeReceive()
  }

  private drained(): void {
    const operation = this.sending
    if (operation === undefined) return
    this.sending = undefined
    this.retire(operation)
  }

  private failed(error: unknown): void {
    this.failure ??= fromNodeError(error, { operation: "stream" })
    this.resumeReceive()
    const operation = this.sending
    if (operation === undefined) return
    this.sending = undefined
    operation.sent = 0
    operation.failure = this.refusal(operation)
    this.retire(operation)
  }

  private refuse(operation: StreamOperation): true {
    operation.failure = this.refusal(operation)
    return true
  }

  private refusal({ peer: address, purpose }: StreamOperation): SocketError {
    if (this.isClosed) return closed(purpose, address)
    return withDetails(this.failure ?? gone, { operation: purpose, address })
  }

  private told(
    reason: SocketErrorReason,
    { peer: address, purpose: operation }: StreamOperation
  ): SocketError {
    return socketError(reason, { operation, address })
  }

  private retire(operation: StreamOperation): void {
    operation.finish()
    operation.onRetired()
  }

  /** Answers whether the stream can do it. */
  private apply(name: SocketOptionName, [onOff, value]: readonly [number, number]): boolean {
    switch (name) {
      case "noDelay":
        return call(this.stream, "setNoDelay", [value !== 0])
      case "keepAlive":
        return call(this.stream, "setKeepAlive", [value !== 0])
      case "lingerSeconds":
        this.isAbortive = onOff !== 0 && value === 0
        return onOff === 0 || value === 0
      default:
        return false
    }
  }

  private cutOff(): void {
    if (this.reset !== undefined) this.reset()
    else if (call(this.stream, "resetAndDestroy", [])) return
    this.stream.destroy()
  }

  private endAndDestroy(): void {
    const { stream } = this
    if (stream.destroyed) return
    if (stream.writableFinished) {
      stream.destroy()
      return
    }
    const limit = setTimeout(() => stream.destroy(), LINGER_MILLISECONDS)
    stream.once("finish", () => stream.destroy())
    stream.once("close", () => clearTimeout(limit))
    stream.end()
  }
}
