/**
 * Schema-typed messages on a connection, each in a frame of its own (see `Framing`): JSON in lines, or MessagePack behind a
 * length.
 *
 * A message is taken when it is decoded: a read that is interrupted, or runs out of time, before that leaves it for the next one.
 * What does not fit the schema is a `ParseError`, and takes its frame with it: whoever wants to may go on with the next one.
 * What breaks the framing is a `SocketError`, and the connection is best closed.
 *
 * @since 0.1.0
 */
import * as MsgPack from "@effect/platform/MsgPack"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ParseError } from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import { invalidArgument, NetworkError, type SocketError, type TimeoutError } from "../Errors/index.js"
import type { AnyConnection, TimeoutOptions } from "../Net/Connection.js"
import * as Framing from "../Net/Framing.js"
import { giveUp, unlessGone } from "../Net/internal/Atomic.js"
import { pulled, type Source, takeOne } from "../Net/internal/Pulling.js"
import { StreamConnection } from "../Net/internal/StreamConnection.js"

/**
 * The messages of one connection: those that come, and the sending of those that go.
 *
 * @since 0.1.0
 * @category models
 */
export interface Messages<In, Out, R = never> {
  /** The next message; none at the end of the stream. */
  readonly read: Effect.Effect<Option.Option<In>, SocketError | TimeoutError | ParseError, R>
  /** Every message until the end of the stream, each read when it is asked for. */
  readonly stream: Stream.Stream<In, SocketError | TimeoutError | ParseError, R>
  readonly send: (message: Out) => Effect.Effect<void, SocketError | ParseError, R>
}

/**
 * @since 0.1.0
 * @category options
 */
export interface MessagesOptions<In, InEncoded, Out, OutEncoded, R> extends TimeoutOptions {
  /** What comes. */
  readonly receive: Schema.Schema<In, InEncoded, R>
  /** What goes. */
  readonly send: Schema.Schema<Out, OutEncoded, R>
  /** The most bytes of an encoded message. 65 536 if absent. */
  readonly maxBytes?: number | undefined
}

/** A schema's message from and to the bytes of its frame. */
interface Codec<In, Out, R> {
  readonly decode: (frame: Uint8Array) => Effect.Effect<In, ParseError | NetworkError, R>
  readonly encode: (message: Out) => Effect.Effect<Uint8Array, ParseError, R>
}

const over = <In, Out, R>(
  connection: AnyConnection,
  framing: Framing.Framing,
  { decode, encode }: Codec<In, Out, R>,
  options: TimeoutOptions
): Messages<In, Out, R> => {
  const source = () => arriving(connection, framing, decode, options)
  return {
    read: Effect.suspend(() => takeOne(source())),
    stream: pulled(source),
    send: (message) => Effect.flatMap(encode(message), (frame) => Framing.write(connection, framing, frame))
  }
}

/**
 * The messages of a connection. Each is decoded first, and its frame taken only then, if nobody else took it meanwhile: who is
 * interrupted while it is being decoded has taken nothing.
 */
const arriving = <In, R>(
  connection: AnyConnection,
  framing: Framing.Framing,
  decode: Codec<In, never, R>["decode"],
  { timeout }: TimeoutOptions
): Source<In, SocketError | TimeoutError | ParseError, R> => {
  if (!(connection instanceof StreamConnection)) {
    const notOfNet = invalidArgument("Messages.read", "the connection is none of Net's")
    return { ready: Effect.fail(notOfNet), take: giveUp }
  }
  const { look, ready, take } = connection.frames(framing.measure, timeout)
  let message: Option.Option<In> = Option.none()
  /** What does not fit takes its frame with it; unless somebody else took that first, and is told. */
  const refused = (cause: Cause.Cause<ParseError | NetworkError>) =>
    unlessGone(take) === undefined ? found : Effect.failCause(cause)
  const found: Effect.Effect<void, SocketError | TimeoutError | ParseError, R> = Effect.flatMap(ready, () => {
    const frame = unlessGone(look)
    if (frame === undefined) return found
    message = Option.none()
    if (Option.isNone(frame)) return Effect.void
    return Effect.matchCauseEffect(decode(frame.value), {
      onFailure: refused,
      onSuccess: (decoded) => {
        message = Option.some(decoded)
        return Effect.void
      }
    })
  })
  return { ready: found, take: () => (Option.isSome(take()) ? message : Option.none()) }
}

const utf8 = new TextDecoder("utf-8", { fatal: true })
const encoder = new TextEncoder()

const textOf = (frame: Uint8Array): Effect.Effect<string, NetworkError> =>
  Effect.try({
    try: () => utf8.decode(frame),
    catch: (cause) =>
      new NetworkError({
        reason: "InvalidData",
        operation: "Messages.read",
        advice: "it is not UTF-8",
        cause
      })
  })

/**
 * JSON, a message a line, as ndjson has it. Fails with `InvalidArgument` if `maxBytes` is no number of bytes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ndjson = <In, InEncoded, Out, OutEncoded, R>(
  connection: AnyConnection,
  options: MessagesOptions<In, InEncoded, Out, OutEncoded, R>
): Effect.Effect<Messages<In, Out, R>, NetworkError> => {
  const decode = Schema.decode(Schema.parseJson(options.receive))
  const encode = Schema.encode(Schema.parseJson(options.send))
  const codec: Codec<In, Out, R> = {
    decode: (frame) => Effect.flatMap(textOf(frame), (text) => decode(text)),
    encode: (message) => Effect.map(encode(message), (text) => encoder.encode(text))
  }
  return Effect.map(Framing.delimited({ delimiter: "\n", maxBytes: options.maxBytes }), (framing) =>
    over(connection, framing, codec, options)
  )
}

/**
 * @since 0.1.0
 * @category options
 */
export interface MsgPackOptions<In, InEncoded, Out, OutEncoded, R>
  extends MessagesOptions<In, InEncoded, Out, OutEncoded, R> {
  /** What tells the length of a message. `u32be` if absent. */
  readonly prefix?: Framing.LengthPrefix | undefined
}

/**
 * MessagePack, as `@effect/platform` has it, each message behind its length. Fails with `InvalidArgument` if `maxBytes` is
 * more than the prefix can tell.
 *
 * @since 0.1.0
 * @category constructors
 */
export const msgPack = <In, InEncoded, Out, OutEncoded, R>(
  connection: AnyConnection,
  options: MsgPackOptions<In, InEncoded, Out, OutEncoded, R>
): Effect.Effect<Messages<In, Out, R>, NetworkError> => {
  const { maxBytes, prefix = "u32be" } = options
  const codec: Codec<In, Out, R> = {
    decode: Schema.decode(MsgPack.schema(options.receive)),
    encode: Schema.encode(MsgPack.schema(options.send))
  }
  return Effect.map(Framing.lengthPrefixed({ prefix, maxBytes }), (framing) =>
    over(connection, framing, codec, options)
  )
}
