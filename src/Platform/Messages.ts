/**
 * Schema-typed messages on a connection, each in a frame of its own (see `Framing`): JSON in lines, or MessagePack behind a
 * length.
 *
 * What does not fit the schema is a `ParseError`, and takes its frame with it: whoever wants to may go on with the next one.
 * What breaks the framing is a `SocketError`, and the connection is best closed.
 *
 * @since 0.1.0
 */
import * as MsgPack from "@effect/platform/MsgPack"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { ParseError } from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { NetworkError, type SocketError, type TimeoutError } from "../Errors/index.js"
import type { AnyConnection, TimeoutOptions } from "../Net/Connection.js"
import * as Framing from "../Net/Framing.js"

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
  const read = Effect.flatMap(
    Framing.read(connection, framing, options),
    (found): Effect.Effect<Option.Option<In>, ParseError | NetworkError, R> =>
      Option.isNone(found) ? Effect.succeedNone : Effect.asSome(decode(found.value))
  )
  return {
    read,
    stream: Stream.repeatEffectOption(
      Effect.flatMap(Effect.mapError(read, Option.some), (found) =>
        Option.isNone(found) ? Effect.fail(Option.none()) : Effect.succeed(found.value)
      )
    ),
    send: (message) => Effect.flatMap(encode(message), (frame) => Framing.write(connection, framing, frame))
  }
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
