/**
 * What strangers send to servers of every kind: the handler fails with a typed error, the connection is closed, nothing is
 * left behind (each test looks), and the next client is served, and those who were there before.
 */
import { assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Framing from "../../src/Net/Framing.js"
import * as Net from "../../src/Net/index.js"
import * as Streams from "../../src/Net/Streams.js"
import * as Messages from "../../src/Platform/Messages.js"
import * as Tls from "../../src/Platform/Tls.js"
import { bytes, readExactly, readToEnd, test, text } from "../Net/harness.js"
import { subject } from "./bothLayers.js"
import * as certificates from "./certificates.js"
import { host, trusting } from "./tlsEnds.js"

/** What a stranger sends, whether it then ends its half, and what the server makes of it. */
type Stranger = readonly [sent: Uint8Array, ends: boolean, error: Readonly<Record<string, string>>]

interface Server {
  /** Serves in the background, and tells of handlers that fail. */
  readonly serve: (
    listener: Net.Listener,
    onFailure: (cause: Cause.Cause<unknown>) => Effect.Effect<unknown>
  ) => Effect.Effect<never, unknown>
  /** Says something, and hears it come back; again and again. */
  readonly converse: (
    connection: Net.Connection
  ) => Effect.Effect<Effect.Effect<void, unknown>, unknown, Scope>
  readonly strangers: Readonly<Record<string, Stranger>>
}

type Scope = Effect.Effect.Context<ReturnType<typeof Tls.clientOver>>

const plain =
  (handler: (connection: Net.Connection) => Effect.Effect<unknown, unknown>): Server["serve"] =>
  (listener, onFailure) =>
    listener.serve(handler, { onFailure })

const INVALID = { _tag: "NetworkError", reason: "InvalidData" }
const TOO_LONG = { _tag: "NetworkError", reason: "TooLong" }
const NOT_OURS = { _tag: "ParseError" }
const MOST_BYTES = 200

/** A server of frames, which come back. */
const framed = (
  making: Effect.Effect<Framing.Framing, unknown>,
  half: Uint8Array,
  tooLong: Uint8Array
): Server => ({
  serve: plain((connection) =>
    Effect.flatMap(making, (framing) =>
      Stream.runForEach(Framing.frames(connection, framing), (frame) =>
        Framing.write(connection, framing, frame)
      )
    )
  ),
  converse: (connection) =>
    Effect.map(making, (framing) =>
      Effect.gen(function* () {
        yield* Framing.write(connection, framing, bytes("hello"))
        const frame = yield* Framing.read(connection, framing)
        assert.strictEqual(text(Option.getOrThrow(frame)), "hello")
      })
    ),
  strangers: {
    "half a frame, and then the end": [half, true, INVALID],
    "a frame over the maximum": [tooLong, false, TOO_LONG]
  }
})

/** Frames behind a length; the half one has 3 bytes of 100. */
const prefixed = (prefix: Framing.LengthPrefix, width: number): Server => {
  const length = (value: number) => {
    const encoded = Buffer.alloc(width)
    if (prefix.endsWith("le")) encoded.writeUIntLE(value, 0, width)
    else encoded.writeUIntBE(value, 0, width)
    return encoded
  }
  const making = Framing.lengthPrefixed({ prefix, maxBytes: MOST_BYTES })
  return framed(making, Buffer.concat([length(100), bytes("abc")]), length(MOST_BYTES + 1))
}

class Greeting extends Schema.Class<Greeting>("Greeting")({ name: Schema.String }) {}

/** A server of greetings, which come back. */
const greeted = (
  make: (connection: Net.Connection) => Effect.Effect<Messages.Messages<Greeting, Greeting>, unknown>,
  strangers: Server["strangers"]
): Server => ({
  serve: plain((connection) =>
    Effect.flatMap(make(connection), ({ send, stream }) => Stream.runForEach(stream, send))
  ),
  converse: (connection) =>
    Effect.map(make(connection), ({ read, send }) =>
      Effect.gen(function* () {
        yield* send(new Greeting({ name: "Grüße" }))
        assert.strictEqual(Option.getOrThrow(yield* read).name, "Grüße")
      })
    ),
  strangers
})

const greetings = { receive: Greeting, send: Greeting, maxBytes: MOST_BYTES }

/** A server of lines, which come back. */
const lines = (handler: (connection: Net.Connection) => Effect.Effect<unknown, unknown>): Server => ({
  serve: plain(handler),
  converse: (connection) =>
    Effect.succeed(
      Effect.gen(function* () {
        yield* connection.writeString("Grüße\n")
        assert.strictEqual(text(yield* readExactly(connection, 8)), "Grüße\n")
      })
    ),
  strangers: {
    "a byte that begins nothing": [Uint8Array.of(0x61, 0xff, 0x0a), false, INVALID],
    "a character that goes on wrong": [Uint8Array.of(0xc3, 0x28, 0x0a), false, INVALID],
    "a character longer than it need be": [Uint8Array.of(0xc0, 0xaf, 0x0a), false, INVALID],
    "half of a surrogate pair": [Uint8Array.of(0xed, 0xa0, 0x80, 0x0a), false, INVALID],
    "half a character, and then the end": [Uint8Array.of(0x61, 0xe2, 0x82), true, INVALID]
  }
})

/** How TLS begins: the head of a record of 512 bytes, and the first of those. */
const HALF_A_HELLO = Uint8Array.of(22, 3, 1, 2, 0, 1)
const STALLED = { _tag: "TimeoutError", operation: "handshake" }

/** An echo over TLS, whose handshake may not take long. */
const encrypted: Server = {
  serve: (listener, onFailure) =>
    Tls.serve(
      listener,
      { ...certificates.server, handshakeTimeout: "300 millis" },
      (connection) => Stream.run(Streams.bytes(connection), Streams.sink(connection)),
      { onFailure }
    ),
  converse: (connection) =>
    Effect.map(Tls.clientOver(connection, trusting), (tls) =>
      Effect.gen(function* () {
        yield* tls.writeString("hello")
        assert.strictEqual(text(yield* readExactly(tls, 5)), "hello")
      })
    ),
  strangers: {
    "a handshake that never begins": [new Uint8Array(0), false, STALLED],
    "a handshake that stalls": [HALF_A_HELLO, false, STALLED],
    "a handshake that ends in the middle": [HALF_A_HELLO, true, { _tag: "ConnectionError", reason: "Reset" }],
    "no TLS at all": [bytes("GET / HTTP/1.1\r\n\r\n"), false, { _tag: "TlsError", reason: "NotTls" }]
  }
}

const newline = Framing.delimited({ delimiter: "\n", maxBytes: MOST_BYTES })

const servers: Readonly<Record<string, Server>> = {
  "frames behind a u8": prefixed("u8", 1),
  "frames behind a u16be": prefixed("u16be", 2),
  "frames behind a u16le": prefixed("u16le", 2),
  "frames behind a u32be": prefixed("u32be", 4),
  "frames behind a u32le": prefixed("u32le", 4),
  "frames with a delimiter": framed(newline, bytes("half"), bytes("x".repeat(MOST_BYTES + 1))),
  "messages in ndjson": greeted((connection) => Messages.ndjson(connection, greetings), {
    "half a message, and then the end": [bytes('{"name":"A'), true, INVALID],
    "a message over the maximum": [bytes("x".repeat(MOST_BYTES + 1)), false, TOO_LONG],
    "what is not UTF-8": [
      Buffer.concat([bytes('{"name":"'), Uint8Array.of(0xff), bytes('"}\n')]),
      false,
      INVALID
    ],
    "what is not JSON": [bytes("{name}\n"), false, NOT_OURS],
    "what is none of the schema's": [bytes('{"name":5}\n'), false, NOT_OURS]
  }),
  "messages in MessagePack": greeted((connection) => Messages.msgPack(connection, greetings), {
    "half a message, and then the end": [Uint8Array.of(0, 0, 0, 9, 0x81), true, INVALID],
    "a message over the maximum": [Uint8Array.of(0xff, 0xff, 0xff, 0xff), false, TOO_LONG],
    "two of it in one frame": [Uint8Array.of(0, 0, 0, 2, 0x80, 0x80), false, NOT_OURS],
    "half of it, in a whole frame": [Uint8Array.of(0, 0, 0, 1, 0x81), false, NOT_OURS],
    "what is none of the schema's": [Uint8Array.of(0, 0, 0, 1, 0x80), false, NOT_OURS]
  }),
  "lines, as a stream": lines((connection) =>
    Stream.runForEach(Streams.lines(connection), (line) => connection.writeString(`${line}\n`))
  ),
  "text, as a stream": lines((connection) =>
    Stream.runForEach(Streams.text(connection), (some) => connection.writeString(some))
  ),
  "an echo over TLS": encrypted
}

for (const [kind, { converse, serve, strangers }] of Object.entries(servers)) {
  describe(kind, () => {
    for (const [name, [sent, ends, error]] of Object.entries(strangers)) {
      test(subject, `${name}: typed, closed, and the others are served`, () =>
        Effect.gen(function* () {
          const listener = yield* Net.listen({ host, port: 0 })
          const failures = yield* Queue.unbounded<unknown>()
          const onFailure = (cause: Cause.Cause<unknown>) =>
            Queue.offer(failures, Option.getOrUndefined(Cause.failureOption(cause)) ?? Cause.squash(cause))
          yield* Effect.forkScoped(serve(listener, onFailure))
          const connecting = Net.connect({ host, port: listener.address.port })

          const neighbour = yield* Effect.flatMap(connecting, converse)
          yield* neighbour
          const stranger = yield* connecting
          yield* stranger.writeAll(sent)
          if (ends) yield* stranger.shutdown("write")
          const failure = yield* Queue.take(failures)
          for (const [field, value] of Object.entries(error)) assert.propertyVal(failure, field, value)
          // Closed, one way or the other: what it had not read may make that a reset.
          yield* Effect.exit(readToEnd(stranger))
          yield* neighbour
          yield* Effect.scoped(Effect.flatMap(Effect.flatMap(connecting, converse), (again) => again))
          assert.strictEqual(yield* Queue.size(failures), 0, "nobody else failed")
        })
      )
    }
  })
}
