/**
 * Connections: streams of bytes both ways, over TCP, Unix domain sockets or named pipes.
 *
 * A connection is a scoped resource: it is closed with the scope it was made in, or earlier by `close`. Its two
 * halves are independent: one fiber may read while another writes. Several fibers may write: each write goes out
 * whole, one after the other. Several may read: each byte goes to one of them.
 *
 * Interruption. A read that is interrupted takes nothing; the bytes are there for the next read. A write that is
 * interrupted before any byte left, or after all had, changes nothing either; one that is interrupted in the middle
 * breaks the sending half, because nobody knows where the stream stands: later writes fail with `Aborted`.
 *
 * Time. A read or write that runs out of its `timeout` fails with `TimeoutError` and leaves the connection usable:
 * a read has taken nothing, and a write tells in `bytesTransferred` how many bytes are on their way.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { Endpoint, SocketAddress } from "../Address/index.js"
import type { FileError, SocketError, TimeoutError } from "../Errors/index.js"
import type { File } from "../File/File.js"
import type { ShutdownHow } from "../Proactor/Proactor.js"
import type { SocketOptionName, SocketOptions } from "../Proactor/SocketOption.js"

/**
 * How long an operation may take.
 *
 * @since 0.1.0
 * @category options
 */
export interface TimeoutOptions {
  /** No limit if absent or infinite. */
  readonly timeout?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface ReadOptions extends TimeoutOptions {
  /** The most bytes to take. 65 536 if absent. */
  readonly maxBytes?: number | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface ReadLineOptions extends TimeoutOptions {
  /** The most bytes a line may have, not counting its end. 65 536 if absent. */
  readonly maxBytes?: number | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface SendFileOptions extends TimeoutOptions {
  /** Where in the file to begin, in bytes. 0 if absent. */
  readonly offset?: number | undefined
  /** How many bytes to send. If absent, all that the file has from there on when sending is asked for. */
  readonly length?: number | undefined
}

/**
 * A connection. `A` is how its ends are addressed: by IP address and port unless said otherwise.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection<out A extends Endpoint = SocketAddress> {
  /** Whom the connection is with. */
  readonly remoteAddress: A
  /** This side's address (`getsockname`). */
  readonly localAddress: Effect.Effect<A, SocketError>

  /** What has arrived, at least one byte; empty at the end of the stream, as with `recv(2)`. */
  readonly read: Effect.Effect<Uint8Array, SocketError>
  readonly readWith: (options: ReadOptions) => Effect.Effect<Uint8Array, SocketError | TimeoutError>

  /**
   * Fills the buffers, one after the other, with what has arrived, at least one byte, and answers how many that was; 0 at
   * the end of the stream, as with `readv(2)`. The buffers are left alone until then, and are untouched if nothing was read.
   */
  readonly readVectored: {
    (buffers: ReadonlyArray<Uint8Array>): Effect.Effect<number, SocketError>
    (
      buffers: ReadonlyArray<Uint8Array>,
      options: TimeoutOptions
    ): Effect.Effect<number, SocketError | TimeoutError>
  }

  /**
   * The next line, decoded as UTF-8, without its end (LF or CRLF). The last line may lack its end. None at the end of
   * the stream. A line over the limit or not UTF-8 fails, and is still there to be read as bytes.
   */
  readonly readLine: Effect.Effect<Option.Option<string>, SocketError>
  readonly readLineWith: (
    options: ReadLineOptions
  ) => Effect.Effect<Option.Option<string>, SocketError | TimeoutError>

  /** Writes some of the bytes, at least one, and answers how many, as `send(2)` does. */
  readonly write: {
    (bytes: Uint8Array): Effect.Effect<number, SocketError>
    (bytes: Uint8Array, options: TimeoutOptions): Effect.Effect<number, SocketError | TimeoutError>
  }

  /** Writes all of the bytes. The caller leaves them unchanged until then. */
  readonly writeAll: {
    (bytes: Uint8Array): Effect.Effect<void, SocketError>
    (bytes: Uint8Array, options: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError>
  }

  /**
   * Writes some of the bytes of the chunks, one chunk after the other, at least one byte, and answers how many, as
   * `writev(2)` does.
   */
  readonly writeVectored: {
    (chunks: ReadonlyArray<Uint8Array>): Effect.Effect<number, SocketError>
    (
      chunks: ReadonlyArray<Uint8Array>,
      options: TimeoutOptions
    ): Effect.Effect<number, SocketError | TimeoutError>
  }

  /**
   * Writes all of the chunks, one after the other, as one write: like `writeAll` of a buffer with all of them in it, without
   * that buffer. The caller leaves the chunks unchanged until then. One whose memory is transferred to another thread meanwhile
   * ends the write before it, with `InvalidArgument`.
   */
  readonly writeAllVectored: {
    (chunks: ReadonlyArray<Uint8Array>): Effect.Effect<void, SocketError>
    (
      chunks: ReadonlyArray<Uint8Array>,
      options: TimeoutOptions
    ): Effect.Effect<void, SocketError | TimeoutError>
  }

  /**
   * Sends a file, or a part of it, and answers how many bytes that was. It is one write among the others: it goes out whole,
   * in its turn, and is interrupted and timed out like them. TCP, and on Linux Unix sockets, have the system send it, without
   * the bytes coming through this program (`sendfile(2)`, `TransmitFile`); the others read and send it, a chunk at a time.
   *
   * A file that ends before `length` bytes of it were sent, or cannot be read, fails with a `FileError`. Its
   * `bytesTransferred` tells how many bytes were sent; the connection is well, and goes on after them.
   */
  readonly sendFile: {
    (file: File): Effect.Effect<number, SocketError | FileError>
    (file: File, options: SendFileOptions): Effect.Effect<number, SocketError | FileError | TimeoutError>
  }

  /** Writes all of the text, as UTF-8. */
  readonly writeString: {
    (text: string): Effect.Effect<void, SocketError>
    (text: string, options: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError>
  }

  /**
   * Shuts one half down, or both (`shutdown(2)`). `write` lets earlier writes out first and then tells the peer that
   * nothing more comes: it reads the end of the stream, and can still answer. The timeout is for those earlier writes;
   * if it passes first, nothing has been shut down.
   */
  readonly shutdown: {
    (how: ShutdownHow): Effect.Effect<void, SocketError>
    (how: ShutdownHow, options: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError>
  }

  /** Closes the connection now rather than with its scope. Operations under way fail with `Closed`. Closing twice is no error. */
  readonly close: Effect.Effect<void>
  /**
   * Says that the handshake is over, whatever that is in this protocol: the `handshakeTimeout` of the server that serves
   * this connection no longer counts. Means nothing elsewhere.
   */
  readonly established: Effect.Effect<void>
  /** Closes the connection with a reset (`SO_LINGER` 0): the peer learns that it was cut off. */
  readonly abort: Effect.Effect<void>

  readonly getOption: <Name extends SocketOptionName>(
    name: Name
  ) => Effect.Effect<SocketOptions[Name], SocketError>
  readonly setOption: <Name extends SocketOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ) => Effect.Effect<void, SocketError>
}

/**
 * A connection over whatever transport: what works on bytes takes any.
 *
 * @since 0.1.0
 * @category models
 */
export type AnyConnection = Connection<Endpoint>
