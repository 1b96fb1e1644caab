/**
 * A connection as a Node stream that passes for a `net.Socket`, for libraries that want one: HTTP and TLS of Node,
 * clients of databases.
 *
 * Lifecycle:
 *
 *     Open --the peer ended--> half open --`end()`, by itself unless `allowHalfOpen`--> Destroyed --> 'close'
 *       |
 *       +--`destroy()`, an error, the scope's end--> Destroyed: the connection is closed --> 'close'
 *                                                 (with a reset, if a write is under way)
 *
 * Reading. Node asks (`_read`), and gets what has arrived in the same call; if nothing has, the stream waits in the
 * connection's intake, as a fiber would. While Node does not ask, because nobody reads or what came before is still
 * there, nothing is received, and the peer has to wait. Bytes land in the connection before they are pushed: what
 * nobody asked for any more is there for whoever reads the connection next.
 *
 * Writing. What Node hands over is one write of the connection, also where it is several pieces, which were corked, or
 * waited for an earlier write. Its callback comes when the system has taken all of it.
 *
 * There is no fiber for a read or a write, only for closing. Listeners never run within the completion loop (see
 * `AfterBatch`): one that throws hurts its own program, as with `node:net`, and no other connection.
 *
 * @since 0.1.0
 */
import { Duplex } from "node:stream"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import type { Endpoint } from "../Address/index.js"
import { invalidArgument, type SocketError } from "../Errors/index.js"
import type { AnyConnection } from "../Net/Connection.js"
import type { ReadHalf } from "../Net/internal/ReadHalf.js"
import { StreamConnection } from "../Net/internal/StreamConnection.js"
import type { WriteHalf } from "../Net/internal/WriteHalf.js"
import type { WriteJob } from "../Net/internal/WriteJob.js"
import { Pieces } from "../Proactor/Pieces.js"
import type { SocketOptionName, SocketOptions } from "../Proactor/SocketOption.js"
import { afterBatch } from "./internal/AfterBatch.js"
import { nodeAddress } from "./internal/NodeAddress.js"
import { toNodeError } from "./internal/NodeErrors.js"
import { SilenceTimer } from "./internal/SilenceTimer.js"

/**
 * How a connection becomes a stream.
 *
 * @since 0.1.0
 * @category options
 */
export interface NodeDuplexOptions {
  /** Whether this side may go on writing when the peer has ended. `false` if absent, as with `net.Socket`. */
  readonly allowHalfOpen?: boolean | undefined
}

/** So many chunks are pushed in a row before whoever reads is asked whether there is still demand. */
const CHUNKS_IN_A_ROW = 16

type Callback = (error?: Error | null) => void

interface Piece {
  readonly chunk: Uint8Array
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/**
 * A `node:stream` Duplex over a connection, with the properties and methods of a connected `net.Socket`.
 *
 * What differs from `net.Socket`: it is not an `instanceof` it; it receives nothing until somebody reads; 'close' comes
 * without an argument; the process stays alive while the stream reads or writes, whatever `unref` was told; and a
 * stream that is destroyed while a write is under way resets the connection, where `net.Socket` ends it in good order.
 *
 * @since 0.1.0
 * @category models
 */
export class NodeDuplex extends Duplex {
  /** Whom the connection is with; `undefined` unless it is over IP. */
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly remoteFamily: "IPv4" | "IPv6" | undefined
  /** This side's address; `undefined` unless the connection is over IP. */
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  readonly localFamily: "IPv4" | "IPv6" | undefined
  /** Always `false`: the connection was there first. */
  readonly connecting = false
  /** Always `false`: the connection was there first. */
  readonly pending = false
  /** How many bytes were received. */
  bytesRead = 0
  /** Milliseconds without activity until 'timeout'; `undefined` before `setTimeout` is called. */
  timeout: number | undefined
  private readonly connection: StreamConnection<Endpoint>
  private readonly runtime: Runtime.Runtime<never>
  private readonly reading: ReadHalf
  private readonly writing: WriteHalf
  private isPulling = false
  private isWaiting = false
  private isAbortive = false
  /** The write that is under way. */
  private sending: WriteJob | undefined
  private bytesSent = 0
  private readonly silence = new SilenceTimer(
    () => this.writing.sent,
    () => this.emit("timeout")
  )

  /** @internal */
  constructor(
    connection: StreamConnection<Endpoint>,
    local: Endpoint,
    runtime: Runtime.Runtime<never>,
    options: NodeDuplexOptions | undefined
  ) {
    super({ allowHalfOpen: options?.allowHalfOpen ?? false })
    const remoteEnd = nodeAddress(connection.remoteAddress)
    const localEnd = nodeAddress(local)
    this.connection = connection
    this.runtime = runtime
    this.reading = connection.raw.reading
    this.writing = connection.raw.writing
    this.remoteAddress = remoteEnd.address
    this.remotePort = remoteEnd.port
    this.remoteFamily = remoteEnd.family
    this.localAddress = localEnd.address
    this.localPort = localEnd.port
    this.localFamily = localEnd.family
  }

  /** How many bytes were written, those that still wait included. */
  get bytesWritten(): number {
    return this.bytesSent + this.writableLength
  }

  /** How many bytes wait to be sent. */
  get bufferSize(): number {
    return this.writableLength
  }

  get readyState(): "open" | "readOnly" | "writeOnly" | "closed" {
    if (this.readable) return this.writable ? "open" : "readOnly"
    return this.writable ? "writeOnly" : "closed"
  }

  /** This side's address, as `net.Socket` tells it; an empty object once the stream is destroyed, or if it is no IP address. */
  address(): { address: string; family: string; port: number } | Record<string, never> {
    const { destroyed, localAddress: address, localFamily: family, localPort: port } = this
    if (destroyed || address === undefined || family === undefined || port === undefined) return {}
    return { address, family, port }
  }

  /**
   * For clients that insist on connecting: the connection is there already, wherever to they ask for. 'connect' and
   * 'ready' are emitted in the next turn; a callback among the arguments is called with the first of them.
   */
  connect(...args: ReadonlyArray<unknown>): this {
    const callback = args.at(-1)
    if (typeof callback === "function") this.once("connect", () => Reflect.apply(callback, this, []))
    process.nextTick(() => {
      if (this.destroyed) return
      this.emit("connect")
      this.emit("ready")
    })
    return this
  }

  /**
   * Emits 'timeout' after so many milliseconds without anything received or sent; 0 turns that off. Nothing else
   * happens then: whoever set it ends the connection. The callback is added as a listener, for once.
   */
  setTimeout(milliseconds: number, callback?: () => void): this {
    if (
      typeof milliseconds !== "number" ||
      !(milliseconds >= 0) ||
      milliseconds === Number.POSITIVE_INFINITY
    ) {
      throw new RangeError("the timeout is a number of milliseconds, 0 or more")
    }
    this.timeout = milliseconds
    this.silence.stop()
    if (callback !== undefined) {
      if (milliseconds === 0) this.off("timeout", callback)
      else this.once("timeout", callback)
    }
    if (milliseconds > 0 && !this.destroyed) this.silence.start(milliseconds)
    return this
  }

  /** `TCP_NODELAY`. It is on from the start here. */
  setNoDelay(noDelay = true): this {
    return this.setOption("noDelay", noDelay)
  }

  /** `SO_KEEPALIVE`, and the milliseconds of silence before the first probe; 0 leaves those as they are. */
  setKeepAlive(enable = false, initialDelay = 0): this {
    const seconds = Math.floor(initialDelay / 1000)
    if (seconds > 0) this.setOption("keepAliveIdleSeconds", seconds)
    return this.setOption("keepAlive", enable)
  }

  /** Does nothing: the process stays alive while the stream reads or writes. */
  ref(): this {
    return this
  }

  /**
   * Does nothing: an operation in flight keeps the process alive, and there is one while the stream reads or writes. A
   * stream that is paused keeps nothing alive.
   */
  unref(): this {
    return this
  }

  /** Ends the stream, and destroys it when all is sent. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once("finish", () => this.destroy())
  }

  /** Closes the connection with a reset: the peer learns that it was cut off. */
  resetAndDestroy(): this {
    this.isAbortive = true
    return this.destroy()
  }

  /** @internal */
  override _read(): void {
    this.pull()
  }

  /** @internal */
  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: Callback): void {
    this.follow(this.writing.start(chunk, "all"), callback)
  }

  /** @internal */
  override _writev(pieces: ReadonlyArray<Piece>, callback: Callback): void {
    const chunks = pieces.map(({ chunk }) => chunk)
    this.follow(this.writing.startVectored(new Pieces(chunks), "all"), callback)
  }

  /** @internal */
  override _final(callback: Callback): void {
    const ended = Effect.match(this.connection.shutdown("write"), {
      onSuccess: () => undefined,
      onFailure: (error) => error
    })
    this.run(ended, (error) => {
      // A connection that is gone has no half to shut down, and its end is told by whoever reads.
      const isGone = error?.reason === "NotConnected" || error?.reason === "Closed"
      callback(error === undefined || isGone ? null : toNodeError(error, "shutdown"))
    })
  }

  /** @internal */
  override _destroy(error: Error | null, callback: Callback): void {
    this.silence.stop()
    this.reading.waiters.remove(this.wake)
    // Half a message and an orderly end would look like a whole one.
    const isCutOff = this.isAbortive || this.sending !== undefined
    this.run(isCutOff ? this.connection.abort : this.connection.close, () => callback(error))
  }

  /** In the completion loop: only takes note. */
  private readonly wake = (): void => afterBatch(this.woken)

  private readonly woken = (): void => {
    this.isWaiting = false
    this.pull()
  }

  /** Pushes what has arrived as long as it is wanted, and then waits for more. */
  private pull(): void {
    if (this.isPulling || this.isWaiting || this.destroyed) return
    this.isPulling = true
    try {
      // After so many without an end to the demand, Node asks again: it does after each chunk.
      for (let count = 0; count < CHUNKS_IN_A_ROW; count++) if (!this.pullOnce()) return
    } catch (error) {
      // A listener threw. Should the program survive that, the stream goes on, as a `net.Socket` would.
      process.nextTick(() => this.pull())
      throw error
    } finally {
      this.isPulling = false
    }
  }

  /** Answers whether to go on. */
  private pullOnce(): boolean {
    const ready = this.reading.pollFor(this.reading, this.wake)
    if (ready === true) return this.received(this.reading.take())
    if (ready === false) this.isWaiting = true
    else this.failed(ready)
    return false
  }

  private received(bytes: Uint8Array): boolean {
    this.silence.active()
    if (bytes.length === 0) {
      this.push(null)
      // Nobody may be reading at the moment, and is to hear of the end all the same.
      process.nextTick(() => this.read(0))
      return false
    }
    this.bytesRead += bytes.length
    return this.push(asBuffer(bytes)) && !this.destroyed
  }

  private failed(error: SocketError): void {
    // This side closed the connection: that is no news to it.
    this.destroy(error.reason === "Closed" ? undefined : toNodeError(error))
  }

  /** Calls back when the write is over. */
  private follow(job: WriteJob, callback: Callback): void {
    this.silence.active()
    if (job.isDone) {
      this.sent(job, callback)
      return
    }
    this.sending = job
    job.onDone(() =>
      afterBatch(() => {
        this.silence.active()
        this.sent(job, callback)
      })
    )
  }

  private sent(job: WriteJob, callback: Callback): void {
    if (job.failure !== undefined) {
      callback(toNodeError(job.failure))
      return
    }
    this.sending = undefined
    this.bytesSent += job.byteLength
    callback()
  }

  private setOption<Name extends SocketOptionName>(name: Name, value: SocketOptions[Name]): this {
    // As with `net.Socket` nobody is told if it fails: the connection does its work without.
    this.run(Effect.ignore(this.connection.setOption(name, value)), () => {})
    return this
  }

  private run<A>(effect: Effect.Effect<A>, done: (value: A) => void): void {
    Runtime.runCallback(this.runtime)(effect, {
      onExit: (exit) => {
        if (exit._tag === "Success") done(exit.value)
        else afterBatch(() => this.broken(exit.cause))
      }
    })
  }

  /** A defect of this library: not to be passed over in silence. */
  private broken(cause: unknown): void {
    throw new Error("a stream over a connection failed unexpectedly", { cause })
  }
}

/**
 * Like `make`, without a scope: the stream is its maker's to destroy.
 *
 * @internal
 */
export const unsafeMake = (
  connection: StreamConnection<Endpoint>,
  local: Endpoint,
  runtime: Runtime.Runtime<never> = Runtime.defaultRuntime,
  options?: NodeDuplexOptions
): NodeDuplex => new NodeDuplex(connection, local, runtime, options)

/**
 * Destroys a stream and waits until that is done.
 *
 * @internal
 */
export const destroyed = (stream: Duplex): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (stream.closed) return resume(Effect.void)
    stream.once("close", () => resume(Effect.void))
    stream.destroy()
  })

/**
 * A connection as a stream that passes for a `net.Socket`. Destroying the stream closes the connection; the end of the
 * scope destroys the stream and waits until the connection is closed.
 *
 * The stream has the connection to itself: what somebody else reads from it, the stream does not get.
 *
 * Errors on the stream are Node's, with `code`, `syscall` and, as their `cause`, the typed error. Fails with
 * `InvalidArgument` if the connection is not one of this library's.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  connection: AnyConnection,
  options?: NodeDuplexOptions
): Effect.Effect<NodeDuplex, SocketError, Scope.Scope> =>
  Effect.gen(function* () {
    if (!(connection instanceof StreamConnection)) {
      return yield* Effect.fail(invalidArgument("NodeDuplex.make", "the connection is none of Net's"))
    }
    const local = yield* connection.localAddress
    const runtime = yield* Effect.runtime<never>()
    return yield* Effect.acquireRelease(
      Effect.sync(() => unsafeMake(connection, local, runtime, options)),
      destroyed
    )
  })
