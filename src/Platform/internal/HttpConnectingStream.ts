/**
 * A stream that is there before its connection is: what Node's HTTP agents count on, who want to know at once what they have.
 *
 * Lifecycle:
 *
 *     Opening --opened--> Open: everything goes to the stream over the connection --closed, destroyed--> Closed
 *        |
 *        +--destroyed: the opening is given up-----------------------------------------> Closed
 *        +--could not be opened--------------------------------> destroyed with the error
 *
 * While it opens, Node keeps what is written. (An agent could be answered later, by a callback; but it does not count the
 * connections that are under way then: `maxSockets` would not hold, and nobody could give them up.)
 *
 * @since 0.1.0
 */
import { Duplex } from "node:stream"
import * as Either from "effect/Either"
import type { NodeDuplex } from "../NodeDuplex.js"

/**
 * Starts opening and tells how that ended; answers how to give it up, after which it ends too.
 *
 * @internal
 */
export type Open = (opened: (result: Either.Either<NodeDuplex, Error>) => void) => () => void

type Callback = (error?: Error | null) => void

interface Piece {
  readonly chunk: Uint8Array
}

/** @internal */
export class ConnectingStream extends Duplex {
  private readonly open: Open
  private giveUp: (() => void) | undefined
  private inner: NodeDuplex | undefined
  /** Milliseconds, from when the connection is open; 0: none. */
  timeout = 0

  constructor(open: Open) {
    super({ allowHalfOpen: false })
    this.open = open
  }

  get connecting(): boolean {
    return this.inner === undefined && !this.destroyed
  }

  get remoteAddress(): string | undefined {
    return this.inner?.remoteAddress
  }

  get remotePort(): number | undefined {
    return this.inner?.remotePort
  }

  get remoteFamily(): string | undefined {
    return this.inner?.remoteFamily
  }

  get localAddress(): string | undefined {
    return this.inner?.localAddress
  }

  get localPort(): number | undefined {
    return this.inner?.localPort
  }

  setTimeout(milliseconds: number, callback?: () => void): this {
    this.timeout = milliseconds
    if (callback !== undefined) {
      if (milliseconds === 0) this.off("timeout", callback)
      else this.once("timeout", callback)
    }
    this.inner?.setTimeout(milliseconds)
    return this
  }

  /** Does nothing: `TCP_NODELAY` is on. */
  setNoDelay(): this {
    return this
  }

  setKeepAlive(enable?: boolean): this {
    this.whenOpen((inner) => inner.setKeepAlive(enable))
    return this
  }

  /** Does nothing: an operation in flight keeps the process alive. */
  ref(): this {
    return this
  }

  /** Does nothing: an operation in flight keeps the process alive. */
  unref(): this {
    return this
  }

  /** Ends the stream, and destroys it when all is sent. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once("finish", () => this.destroy())
  }

  override destroy(error?: Error): this {
    super.destroy(error)
    // Node waits for the end of the opening before it closes what was opened.
    this.giveUp?.()
    return this
  }

  override _construct(callback: Callback): void {
    this.giveUp = this.open((result) => {
      this.giveUp = undefined
      if (Either.isLeft(result)) {
        callback(result.left)
        return
      }
      this.join(result.right)
      callback()
      if (!this.destroyed) this.emit("connect")
    })
  }

  override _read(): void {
    this.inner?.resume()
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, callback: Callback): void {
    this.inner?.write(chunk, callback)
  }

  override _writev(pieces: ReadonlyArray<Piece>, callback: Callback): void {
    this.inner?.cork()
    pieces.forEach(({ chunk }, index) => {
      if (index === pieces.length - 1) this.inner?.write(chunk, callback)
      else this.inner?.write(chunk)
    })
    this.inner?.uncork()
  }

  override _final(callback: Callback): void {
    this.inner?.end(callback)
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const { inner } = this
    if (inner === undefined || inner.closed) {
      callback(error)
      return
    }
    inner.once("close", () => callback(error))
    inner.destroy()
  }

  private join(inner: NodeDuplex): void {
    this.inner = inner
    inner.on("data", (bytes: Uint8Array) => {
      if (!this.push(bytes)) inner.pause()
    })
    inner.on("end", () => {
      this.push(null)
      // Nobody may be reading at the moment, and is to hear of the end all the same.
      this.read(0)
    })
    inner.on("timeout", () => this.emit("timeout"))
    inner.on("error", (error) => this.destroy(error))
    inner.on("close", () => this.destroy())
    if (this.timeout > 0) inner.setTimeout(this.timeout)
  }

  private whenOpen(act: (inner: NodeDuplex) => void): void {
    if (this.inner !== undefined) act(this.inner)
    else this.once("connect", () => this.inner !== undefined && act(this.inner))
  }
}
