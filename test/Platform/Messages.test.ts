/**
 * Typed messages on connections, in both encodings.
 */
import { assert, describe } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Net from "../../src/Net/index.js"
import * as Messages from "../../src/Platform/Messages.js"
import { bytes, pair, test } from "../Net/harness.js"
import { subject } from "./bothLayers.js"

class Greeting extends Schema.Class<Greeting>("Greeting")({
  name: Schema.String,
  at: Schema.Date
}) {}

const options = { receive: Greeting, send: Greeting, maxBytes: 1000 }

const encodings = {
  ndjson: (connection: Net.Connection) => Messages.ndjson(connection, options),
  msgPack: (connection: Net.Connection) => Messages.msgPack(connection, { ...options, prefix: "u16be" })
}

const greetings = ["Ada", "grün\nund blau", "🐟"].map(
  (name, index) => new Greeting({ name, at: new Date(1_700_000_000_000 + index) })
)

for (const [name, make] of Object.entries(encodings)) {
  describe(name, () => {
    test(subject, "messages arrive as they were sent, and then the stream ends", () =>
      Effect.gen(function* () {
        const { client, server } = yield* pair
        const there = yield* make(server)
        const reading = yield* Effect.fork(Stream.runCollect(there.stream))
        const here = yield* make(client)
        yield* Effect.forEach(greetings, here.send)
        yield* client.shutdown("write")
        assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Fiber.join(reading)), greetings)
        assert.isTrue(Option.isNone(yield* there.read))
      })
    )

    test(subject, "a message over the maximum is refused, and nothing of it is sent", () =>
      Effect.gen(function* () {
        const { client, server } = yield* pair
        const here = yield* make(client)
        const long = new Greeting({ name: "x".repeat(1000), at: new Date(0) })
        const refused = yield* Effect.flip(here.send(long))
        assert.deepInclude(refused, { _tag: "NetworkError", reason: "InvalidArgument" })
        yield* here.send(new Greeting({ name: "short", at: new Date(0) }))
        const found = yield* Effect.flatMap(make(server), ({ read }) => read)
        assert.strictEqual(Option.getOrThrow(found).name, "short")
      })
    )

    test(subject, "half a message and then the end: InvalidData", () =>
      Effect.gen(function* () {
        const { client, server } = yield* pair
        yield* client.writeAll(name === "ndjson" ? bytes('{"name":') : Uint8Array.of(0, 9, 1))
        yield* client.shutdown("write")
        const failure = yield* Effect.flip(Effect.flatMap(make(server), ({ read }) => read))
        assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidData" })
      })
    )

    test(subject, "what is none of the schema's is a ParseError, and the next message is there", () =>
      Effect.gen(function* () {
        const { client, server } = yield* pair
        // An empty object, and what is no encoding at all.
        const wrong = name === "ndjson" ? bytes("{}\n{{\n") : Uint8Array.of(0, 1, 0x80, 0, 1, 0xc1)
        yield* client.writeAll(wrong)
        yield* Effect.flatMap(make(client), ({ send }) =>
          send(new Greeting({ name: "next", at: new Date(0) }))
        )
        const there = yield* make(server)
        assert.strictEqual((yield* Effect.flip(there.read))._tag, "ParseError")
        assert.strictEqual((yield* Effect.flip(there.read))._tag, "ParseError")
        assert.strictEqual(Option.getOrThrow(yield* there.read).name, "next")
      })
    )
  })
}

test(subject, "a line that is not UTF-8: InvalidData", () =>
  Effect.gen(function* () {
    const { client, server } = yield* pair
    yield* client.writeAll(Uint8Array.of(0x22, 0xff, 0x22, 0x0a))
    const failure = yield* Effect.flip(Effect.flatMap(encodings.ndjson(server), ({ read }) => read))
    assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidData" })
  })
)
