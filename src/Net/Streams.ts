/**
 * Connections as Effect's own: streams and sinks.
 *
 * A stream of a connection receives only when somebody pulls: what is not asked for stays with the system, and the peer is
 * held up. A stream that ends early leaves the rest on the connection, for whoever reads next. None of these closes the
 * connection, which belongs to its scope.
 *
 * Interruption. What one of these streams takes, it hands in the same step to the stage that asked for it; so does every other
 * stream of this library (`Framing.frames`, `Udp.datagrams`, `Directory.watch`, the streams of queues and messages). A pull that
 * is interrupted has taken nothing, or the stage has it. What becomes of it from there is up to Effect, which goes from a stage
 * to the next one, and from the last one to the effect of `Stream.runForEach` or `Stream.mapEffect`, in several steps of the
 * fiber that runs the stream: if that is interrupted in between, the one element that it has in hand is dropped. So is what
 * waits in the queues of `Stream.buffer`, of `Stream.merge` and of whatever else has fibers of its own. What must not be lost
 * is read by `read`, `receive` or `take`, whose value comes in the step in which it is taken.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as AsyncInputProducer from "effect/SingleProducerAsyncInput"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { Endpoint } from "../Address/index.js"
import { NetworkError, type SocketError, type TimeoutError } from "../Errors/index.js"
import type { AnyConnection, Connection, ReadLineOptions, ReadOptions } from "./Connection.js"
import { ListenerOver } from "./internal/ListenerOver.js"
import type { LivingConnection } from "./internal/LivingConnection.js"
import { pulled } from "./internal/Pulling.js"
import { StreamConnection } from "./internal/StreamConnection.js"
import type { Listener } from "./Listener.js"

/**
 * What arrives, as it arrives, until the end of the stream. With a `timeout`, each receive has that long.
 *
 * @since 0.1.0
 * @category streams
 */
export const bytes = (
  connection: AnyConnection,
  options?: ReadOptions
): Stream.Stream<Uint8Array, SocketError | TimeoutError> => {
  if (connection instanceof StreamConnection) return pulled(() => connection.chunks(options ?? {}))
  const read = options === undefined ? connection.read : connection.readWith(options)
  return untilEnd(read, (chunk) => (chunk.length === 0 ? Option.none() : Option.some(chunk)))
}

/**
 * The lines, decoded as UTF-8 and without their ends, as `readLine` gives them. A line over the limit (`TooLong`) or not
 * UTF-8 (`InvalidData`) fails the stream, and is still there to be read as bytes.
 *
 * @since 0.1.0
 * @category streams
 */
export const lines = (
  connection: AnyConnection,
  options?: ReadLineOptions
): Stream.Stream<string, SocketError | TimeoutError> => {
  if (connection instanceof StreamConnection) return pulled(() => connection.lines(options ?? {}))
  return untilEnd(
    options === undefined ? connection.readLine : connection.readLineWith(options),
    (line) => line
  )
}

/** The same of a connection that is none of Net's, as well as Effect can. */
const untilEnd = <A, B, E>(
  read: Effect.Effect<A, E>,
  element: (read: A) => Option.Option<B>
): Stream.Stream<B, E> =>
  Stream.repeatEffectOption(
    Effect.flatMap(Effect.mapError(read, Option.some), (read) =>
      Option.match(element(read), { onNone: () => Effect.fail(Option.none()), onSome: Effect.succeed })
    )
  )

/**
 * What arrives, decoded as UTF-8: characters that come in two pieces are put together. What is not UTF-8, or ends in the
 * middle of a character, fails with `NetworkError` `InvalidData`.
 *
 * @since 0.1.0
 * @category streams
 */
export const text = (
  connection: AnyConnection,
  options?: ReadOptions
): Stream.Stream<string, SocketError | TimeoutError> =>
  Stream.unwrap(
    Effect.sync(() => {
      const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      const decode = (piece?: Uint8Array) =>
        Effect.try({
          try: () => (piece === undefined ? decoder.decode() : decoder.decode(piece, { stream: true })),
          catch: (cause) =>
            new NetworkError({ reason: "InvalidData", operation: "read", advice: "it is not UTF-8", cause })
        })
      return bytes(connection, options).pipe(
        Stream.mapEffect(decode),
        Stream.concat(Stream.fromEffect(Effect.suspend(() => decode()))),
        Stream.filter((piece) => piece.length > 0)
      )
    })
  )

/**
 * @since 0.1.0
 * @category options
 */
export interface SinkOptions {
  /** Whether to shut the sending half down (`shutdown(2)`) when everything is written: the peer then reads the end. */
  readonly end?: boolean | undefined
}

const encoder = new TextEncoder()

/** All that came together leaves as one write. */
const write = (
  connection: AnyConnection,
  chunks: Chunk.Chunk<Uint8Array | string>
): Effect.Effect<void, SocketError> =>
  Effect.suspend(() => {
    const bytes = Arr.map(Chunk.toReadonlyArray(chunks), (chunk) =>
      typeof chunk === "string" ? encoder.encode(chunk) : chunk
    )
    const [only] = bytes
    return bytes.length === 1 && only !== undefined
      ? connection.writeAll(only)
      : connection.writeAllVectored(bytes)
  })

/**
 * Writes all that it is given, bytes as they are and text as UTF-8, before more is asked for. What comes in one chunk of the
 * stream is one write (`writeAllVectored`).
 *
 * @since 0.1.0
 * @category sinks
 */
export const sink = (
  connection: AnyConnection,
  { end = false }: SinkOptions = {}
): Sink.Sink<void, Uint8Array | string, never, SocketError> => {
  const writing = Sink.forEachChunk((chunks: Chunk.Chunk<Uint8Array | string>) => write(connection, chunks))
  return end ? Sink.mapEffect(writing, () => connection.shutdown("write")) : writing
}

/**
 * The connection as a channel: what goes in is written, bytes as they are and text as UTF-8, and what arrives comes out,
 * each receive when it is asked for. The end of what goes in shuts the sending half down (`shutdown(2)`), and receiving goes
 * on. The channel is over when the peer has ended the stream; what goes in is not asked for after that.
 *
 * It fails with what goes in, with a write, or with a receive, whichever fails first.
 *
 * @since 0.1.0
 * @category channels
 */
export const channel = <IE = never>(
  connection: AnyConnection,
  options?: ReadOptions
): Channel.Channel<
  Chunk.Chunk<Uint8Array>,
  Chunk.Chunk<Uint8Array | string>,
  SocketError | TimeoutError | IE,
  IE,
  void,
  unknown
> =>
  Channel.unwrap(
    Effect.map(Deferred.make<never, SocketError | IE>(), (failed) => {
      const received = Stream.interruptWhenDeferred(bytes(connection, options), failed)
      return Channel.embedInput(Stream.toChannel(received), intoConnection(connection, failed))
    })
  )

/** Writes what a channel is given. It may fail at any time, also while nothing is asked for. */
const intoConnection = <IE>(
  connection: AnyConnection,
  failed: Deferred.Deferred<never, SocketError | IE>
): AsyncInputProducer.AsyncInputProducer<IE, Chunk.Chunk<Uint8Array | string>, unknown> => {
  const fail = (cause: Cause.Cause<SocketError | IE>) => Deferred.failCause(failed, cause)
  return {
    awaitRead: () => Effect.void,
    emit: (chunks) => Effect.catchAllCause(write(connection, chunks), fail),
    error: fail,
    done: () => Effect.catchAllCause(connection.shutdown("write"), fail)
  }
}

/**
 * The connections that a listener accepts, each when it is asked for; the others wait in the backlog. They are closed with
 * the scope of the stream, or earlier by their own `close`. To serve each in a fiber of its own is what `listener.serve` does.
 *
 * @since 0.1.0
 * @category streams
 */
export const accepting = <A extends Endpoint>(
  listener: Listener<A>
): Stream.Stream<Connection<A>, SocketError, Scope.Scope> =>
  listener instanceof ListenerOver ? acceptedBy(listener) : Stream.repeatEffect(listener.accept)

const acceptedBy = <A extends Endpoint, C extends LivingConnection<A>>(
  listener: Pick<ListenerOver<A, never, C>, "accepted">
): Stream.Stream<C, SocketError, Scope.Scope> =>
  // `Stream.unwrap` would be one more stage between whoever asks and the listener.
  Stream.fromChannel(
    Channel.unwrap(
      Effect.map(Effect.scope, (scope) => Stream.toChannel(pulled(() => listener.accepted(scope))))
    )
  )
