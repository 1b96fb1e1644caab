/**
 * Messages with borders, on the byte stream that a connection is: ended by a delimiter, or led by their length.
 *
 * A frame is taken from the connection only when all of it is there. So a read that is interrupted, or runs out of time, in
 * the middle of a frame takes nothing, and the next read finds the frame from its beginning. A frame that is too long is
 * refused as soon as that can be told: one with a length before any of it is kept, one with a delimiter once `maxBytes` have
 * come without it. What was refused stays on the connection, which is best closed then.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { invalidArgument, type NetworkError, type SocketError, type TimeoutError } from "../Errors/index.js"
import type { AnyConnection, TimeoutOptions } from "./Connection.js"
import { type Arrived, contentOf, type Measured } from "./internal/Frame.js"
import { isPositiveInteger } from "./internal/Numbers.js"
import { pulled } from "./internal/Pulling.js"
import { StreamConnection } from "./internal/StreamConnection.js"

/**
 * How frames are told apart. Made by `delimited` and `lengthPrefixed`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Framing {
  /** The most bytes of a frame, its delimiter or length not counted. */
  readonly maxBytes: number
  /** @internal */
  readonly measure: (arrived: Arrived) => Measured
  /** What leaves for a frame, or why it cannot. @internal */
  readonly encode: (frame: Uint8Array) => ReadonlyArray<Uint8Array> | string
}

/** As with lines. */
const DEFAULT_MAX_BYTES = 64 * 1024

/**
 * @since 0.1.0
 * @category options
 */
export interface DelimitedOptions {
  /** What ends a frame: one byte or more. Text is UTF-8. */
  readonly delimiter: Uint8Array | string
  /** 65 536 if absent. */
  readonly maxBytes?: number | undefined
}

/** Whether the peer would find the delimiter before the frame is over: within it, or begun by its last bytes. */
const endsEarly = (frame: Buffer, delimiter: Buffer): boolean => {
  if (frame.includes(delimiter)) return true
  const last = frame.subarray(Math.max(0, frame.length - delimiter.length + 1))
  return Buffer.concat([last, delimiter]).indexOf(delimiter) < last.length
}

const refuseMaxBytes = (operation: string, most: number): NetworkError =>
  invalidArgument(operation, `maxBytes is a whole number, 1 to ${most}`)

/**
 * Frames that end with a delimiter. Fails with `InvalidArgument` if the delimiter is empty, or `maxBytes` no number of bytes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const delimited = (options: DelimitedOptions): Effect.Effect<Framing, NetworkError> =>
  Effect.suspend(() => {
    const { maxBytes = DEFAULT_MAX_BYTES } = options
    const delimiter = Buffer.from(options.delimiter)
    if (delimiter.length === 0) {
      return Effect.fail(invalidArgument("Framing.delimited", "the delimiter is one byte or more"))
    }
    if (!isPositiveInteger(maxBytes)) {
      return Effect.fail(refuseMaxBytes("Framing.delimited", Number.MAX_SAFE_INTEGER))
    }
    const tooLong = `no delimiter within ${maxBytes} bytes`
    return Effect.succeed({
      maxBytes,
      measure: (arrived: Arrived): Measured => {
        // A delimiter that is not there yet may end right after the longest frame.
        const seen = arrived.peek(Math.min(arrived.byteLength, maxBytes + delimiter.length))
        const length = asBuffer(seen).indexOf(delimiter)
        if (length > maxBytes) return { tooLong }
        if (length >= 0) return { start: 0, length, total: length + delimiter.length }
        return seen.length === maxBytes + delimiter.length ? { tooLong } : undefined
      },
      encode: (frame: Uint8Array): ReadonlyArray<Uint8Array> | string => {
        if (frame.length > maxBytes) return `a frame is at most ${maxBytes} bytes`
        return endsEarly(asBuffer(frame), delimiter)
          ? "the frame holds its own delimiter"
          : [frame, delimiter]
      }
    })
  })

/**
 * The types of a length: unsigned, of 1, 2 or 4 bytes, the most significant first (`be`, network order) or last (`le`).
 *
 * @since 0.1.0
 * @category models
 */
export type LengthPrefix = "u8" | "u16be" | "u16le" | "u32be" | "u32le"

/**
 * @since 0.1.0
 * @category options
 */
export interface LengthPrefixedOptions {
  readonly prefix: LengthPrefix
  /** 65 536 if absent, or the most that the prefix can tell if that is less. */
  readonly maxBytes?: number | undefined
}

interface PrefixCodec {
  readonly bytes: 1 | 2 | 4
  readonly read: (view: DataView) => number
  readonly write: (view: DataView, length: number) => void
}

const prefixes: Record<LengthPrefix, PrefixCodec> = {
  u8: { bytes: 1, read: (view) => view.getUint8(0), write: (view, length) => view.setUint8(0, length) },
  u16be: { bytes: 2, read: (view) => view.getUint16(0), write: (view, length) => view.setUint16(0, length) },
  u16le: {
    bytes: 2,
    read: (view) => view.getUint16(0, true),
    write: (view, length) => view.setUint16(0, length, true)
  },
  u32be: { bytes: 4, read: (view) => view.getUint32(0), write: (view, length) => view.setUint32(0, length) },
  u32le: {
    bytes: 4,
    read: (view) => view.getUint32(0, true),
    write: (view, length) => view.setUint32(0, length, true)
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/**
 * Frames that are led by their length, which does not count itself. Fails with `InvalidArgument` if `maxBytes` is more than
 * the prefix can tell.
 *
 * @since 0.1.0
 * @category constructors
 */
export const lengthPrefixed = (options: LengthPrefixedOptions): Effect.Effect<Framing, NetworkError> =>
  Effect.suspend(() => {
    const codec = Object.hasOwn(prefixes, options.prefix) ? prefixes[options.prefix] : undefined
    if (codec === undefined) {
      const known = Object.keys(prefixes).join(", ")
      return Effect.fail(invalidArgument("Framing.lengthPrefixed", `the prefix is one of ${known}`))
    }
    const most = 2 ** (8 * codec.bytes) - 1
    const { maxBytes = Math.min(DEFAULT_MAX_BYTES, most) } = options
    if (!isPositiveInteger(maxBytes) || maxBytes > most) {
      return Effect.fail(refuseMaxBytes("Framing.lengthPrefixed", most))
    }
    return Effect.succeed({
      maxBytes,
      measure: (arrived: Arrived): Measured => {
        if (arrived.byteLength < codec.bytes) return undefined
        const length = codec.read(viewOf(arrived.peek(codec.bytes)))
        if (length > maxBytes)
          return { tooLong: `a frame of ${length} bytes, and at most ${maxBytes} are allowed` }
        const total = codec.bytes + length
        return arrived.byteLength < total ? undefined : { start: codec.bytes, length, total }
      },
      encode: (frame: Uint8Array): ReadonlyArray<Uint8Array> | string => {
        if (frame.length > maxBytes) return `a frame is at most ${maxBytes} bytes`
        const length = new Uint8Array(codec.bytes)
        codec.write(viewOf(length), frame.length)
        return [length, frame]
      }
    })
  })

const notOfNet = (): NetworkError => invalidArgument("Framing.read", "the connection is none of Net's")

/**
 * The next frame; none at the end of the stream. Frames may be empty.
 *
 * Fails with `NetworkError` `TooLong` at a frame over `maxBytes`, and with `InvalidData` if the stream ends in the middle of
 * one.
 *
 * @since 0.1.0
 * @category operations
 */
export const read: {
  (
    framing: Framing,
    options?: TimeoutOptions
  ): (connection: AnyConnection) => Effect.Effect<Option.Option<Uint8Array>, SocketError | TimeoutError>
  (
    connection: AnyConnection,
    framing: Framing,
    options?: TimeoutOptions
  ): Effect.Effect<Option.Option<Uint8Array>, SocketError | TimeoutError>
} = dual(
  (args) => "remoteAddress" in args[0],
  (
    connection: AnyConnection,
    framing: Framing,
    options?: TimeoutOptions
  ): Effect.Effect<Option.Option<Uint8Array>, SocketError | TimeoutError> =>
    connection instanceof StreamConnection
      ? connection.readFrame(framing.measure, options?.timeout, contentOf)
      : Effect.fail(notOfNet())
)

/**
 * Every frame until the end of the stream, each read when it is asked for.
 *
 * @since 0.1.0
 * @category streams
 */
export const frames: {
  (
    framing: Framing,
    options?: TimeoutOptions
  ): (connection: AnyConnection) => Stream.Stream<Uint8Array, SocketError | TimeoutError>
  (
    connection: AnyConnection,
    framing: Framing,
    options?: TimeoutOptions
  ): Stream.Stream<Uint8Array, SocketError | TimeoutError>
} = dual(
  (args) => "remoteAddress" in args[0],
  (
    connection: AnyConnection,
    framing: Framing,
    options?: TimeoutOptions
  ): Stream.Stream<Uint8Array, SocketError | TimeoutError> =>
    connection instanceof StreamConnection
      ? pulled(() => connection.frames(framing.measure, options?.timeout))
      : Stream.fail(notOfNet())
)

/**
 * Writes a frame. One that is too long, or holds its own delimiter, fails with `InvalidArgument`, and nothing is sent.
 *
 * @since 0.1.0
 * @category operations
 */
export const write: {
  (framing: Framing, frame: Uint8Array): (connection: AnyConnection) => Effect.Effect<void, SocketError>
  (connection: AnyConnection, framing: Framing, frame: Uint8Array): Effect.Effect<void, SocketError>
} = dual(
  3,
  (connection: AnyConnection, framing: Framing, frame: Uint8Array): Effect.Effect<void, SocketError> =>
    Effect.suspend(() => {
      const encoded = frame instanceof Uint8Array ? framing.encode(frame) : "a frame is a Uint8Array"
      return typeof encoded === "string"
        ? Effect.fail(invalidArgument("Framing.write", encoded))
        : connection.writeAllVectored(encoded)
    })
)
