/**
 * Frames on connections: every border at which a chunk may be cut, and everything that may be wrong.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import * as Framing from "../../src/Net/Framing.js"
import * as Net from "../../src/Net/index.js"
import { Inbox } from "../../src/Net/internal/Inbox.js"
import { bytes, pair, pattern, readToEnd, type Subject, test, text } from "./harness.js"

const subject: Subject = {
  name: process.platform === "win32" ? "iocp" : "epoll",
  layer: Net.layer,
  isSlow: process.env["EFFECT_IOCP_LANE"] === "wine"
}

const prefixes = ["u8", "u16be", "u16le", "u32be", "u32le"] as const

const framings: Record<string, Effect.Effect<Framing.Framing, unknown>> = {
  "CR LF": Framing.delimited({ delimiter: "\r\n", maxBytes: 200 }),
  "a byte 0": Framing.delimited({ delimiter: Uint8Array.of(0), maxBytes: 200 }),
  ...Object.fromEntries(prefixes.map((prefix) => [prefix, Framing.lengthPrefixed({ prefix, maxBytes: 200 })]))
}

/** What leaves for a frame. */
const encoded = (framing: Framing.Framing, frame: Uint8Array): Buffer => {
  const pieces = framing.encode(frame)
  return typeof pieces === "string" ? assert.fail(pieces) : Buffer.concat(pieces)
}

describe("pure", () => {
  for (const [name, making] of Object.entries(framings)) {
    it(`${name}: what is encoded is found again, wherever it is cut`, () => {
      const framing = Effect.runSync(Effect.orDie(making))
      const frame = fc.uint8Array({ maxLength: 200 }).filter((one) => typeof framing.encode(one) !== "string")
      return fc.assert(
        fc.property(
          fc.array(frame, { maxLength: 8 }),
          fc.infiniteStream(fc.integer({ min: 1, max: 50 })),
          (frames, cuts) => {
            const whole = Buffer.concat(frames.map((one) => encoded(framing, one)))
            const inbox = new Inbox()
            const found: Array<Uint8Array> = []
            for (let at = 0; at < whole.length; ) {
              const size = cuts.next().value ?? 1
              inbox.push(whole.subarray(at, at + size))
              at += size
              for (
                let measured = framing.measure(inbox);
                measured !== undefined;
                measured = framing.measure(inbox)
              ) {
                if (!("total" in measured)) throw new Error(JSON.stringify(measured))
                const { length, start, total } = measured
                found.push(inbox.takeExactly(total).subarray(start, start + length))
              }
            }
            assert.strictEqual(inbox.byteLength, 0)
            assert.deepStrictEqual(
              found.map((one) => Buffer.from(one)),
              frames.map((one) => Buffer.from(one))
            )
          }
        )
      )
    })
  }

  it("lengths are laid out as their names say", () => {
    const layouts = prefixes.map((prefix) => {
      const framing = Effect.runSync(Framing.lengthPrefixed({ prefix }))
      return encoded(framing, bytes("ab")).toString("hex")
    })
    assert.deepStrictEqual(layouts, ["026162", "00026162", "02006162", "000000026162", "020000006162"])
  })

  it("a frame is refused exactly if the peer would end it elsewhere", () => {
    const few = (lengths: object) =>
      fc.array(fc.constantFrom(97, 98), lengths).map((codes) => Buffer.from(codes))
    return fc.assert(
      fc.property(few({ minLength: 1, maxLength: 4 }), few({ maxLength: 8 }), (delimiter, frame) => {
        const framing = Effect.runSync(Framing.delimited({ delimiter }))
        const endsWhereItShould = Buffer.concat([frame, delimiter]).indexOf(delimiter) === frame.length
        assert.strictEqual(typeof framing.encode(frame) !== "string", endsWhereItShould)
      }),
      { numRuns: 2000 }
    )
  })

  it("what makes no framing is refused, typed", () => {
    const wrong = [
      Framing.delimited({ delimiter: "" }),
      Framing.delimited({ delimiter: "\n", maxBytes: 0 }),
      Framing.delimited({ delimiter: "\n", maxBytes: 1.5 }),
      Framing.lengthPrefixed({ prefix: "u8", maxBytes: 256 }),
      Framing.lengthPrefixed({ prefix: "u16be", maxBytes: 65_536 }),
      Framing.lengthPrefixed(JSON.parse('{ "prefix": "u24be" }'))
    ]
    for (const making of wrong) {
      const failure = Effect.runSync(Effect.flip(making))
      assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidArgument" })
    }
  })
})

for (const [name, making] of Object.entries(framings)) {
  describe(name, () => {
    test(subject, "frames arrive as they were sent, and then the stream ends", () =>
      Effect.gen(function* () {
        const framing = yield* making
        const { client, server } = yield* pair
        const sent = ["first", "", "x".repeat(200), "last"]
        const reading = yield* Effect.fork(Stream.runCollect(Framing.frames(server, framing)))
        for (const frame of sent) yield* Framing.write(client, framing, bytes(frame))
        yield* client.shutdown("write")
        const received = Chunk.toReadonlyArray(yield* Fiber.join(reading))
        assert.deepStrictEqual(received.map(text), sent)
      })
    )

    test(subject, "a frame that comes byte by byte, to readers that are interrupted and late", () =>
      Effect.gen(function* () {
        const framing = yield* making
        const { client, server } = yield* pair
        const frame = encoded(framing, bytes("patience"))
        for (const byte of frame.subarray(0, -1)) {
          yield* client.writeAll(Uint8Array.of(byte))
          const late = yield* Effect.flip(Framing.read(server, framing, { timeout: "2 millis" }))
          assert.strictEqual(late._tag, "TimeoutError")
          const interrupted = yield* Effect.fork(Framing.read(server, framing))
          yield* Effect.yieldNow()
          yield* Fiber.interrupt(interrupted)
        }
        yield* client.writeAll(frame.subarray(-1))
        const found = yield* Framing.read(server, framing)
        assert.strictEqual(text(Option.getOrThrow(found)), "patience")
      })
    )

    test(subject, "half a frame and then the end: InvalidData, and the bytes are still there", () =>
      Effect.gen(function* () {
        const framing = yield* making
        const { client, server } = yield* pair
        const half = encoded(framing, bytes("half")).subarray(0, -1)
        yield* client.writeAll(half)
        yield* client.shutdown("write")
        const failure = yield* Effect.flip(Framing.read(server, framing))
        assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidData" })
        assert.strictEqual((yield* readToEnd(server)).length, half.length)
      })
    )

    test(subject, "a frame over the maximum: refused by the writer, and TooLong for the reader", () =>
      Effect.gen(function* () {
        const framing = yield* making
        const { client, server } = yield* pair
        const refused = yield* Effect.flip(Framing.write(client, framing, pattern(201)))
        assert.deepInclude(refused, { _tag: "NetworkError", reason: "InvalidArgument" })
        // As a peer with other limits would send it; it never ends.
        yield* client.writeAll(
          name.startsWith("u") ? new Uint8Array(8).fill(0xff) : new Uint8Array(300).fill(1)
        )
        const failure = yield* Effect.flip(Framing.read(server, framing))
        assert.deepInclude(failure, { _tag: "NetworkError", reason: "TooLong" })
      })
    )
  })
}

test(subject, "a frame with its own delimiter in it is refused, and nothing is sent", () =>
  Effect.gen(function* () {
    const framing = yield* Framing.delimited({ delimiter: "aba" })
    const { client, server } = yield* pair
    for (const frame of ["x aba y", "ends in ab"]) {
      const refused = yield* Effect.flip(Framing.write(client, framing, bytes(frame)))
      assert.deepInclude(refused, { _tag: "NetworkError", reason: "InvalidArgument" })
    }
    yield* client.shutdown("write")
    assert.strictEqual((yield* readToEnd(server)).length, 0)
  })
)

test(subject, "a frame leaves together with its length, or its delimiter: in one send", () =>
  Effect.gen(function* () {
    const { client, server } = yield* pair
    for (const making of [
      Framing.lengthPrefixed({ prefix: "u32be" }),
      Framing.delimited({ delimiter: "\r\n" })
    ]) {
      const framing = yield* making
      const { submitted } = yield* Net.statistics
      yield* Framing.write(client, framing, new Uint8Array(20_000))
      assert.strictEqual((yield* Net.statistics).submitted - submitted, 1)
      yield* Framing.read(server, framing)
    }
  })
)

test(subject, "a frame that is no bytes, as from untyped code, is refused", () =>
  Effect.gen(function* () {
    const framing = yield* Framing.lengthPrefixed({ prefix: "u8" })
    const { client } = yield* pair
    const untyped: (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown> = (...args) =>
      Reflect.apply(Framing.write, undefined, args)
    for (const frame of ["text", undefined, [1, 2]]) {
      const refused = yield* Effect.flip(untyped(client, framing, frame))
      assert.deepInclude(refused, { _tag: "NetworkError", reason: "InvalidArgument" })
    }
  })
)

test(subject, "frames of 1 MiB, and plain reads go on behind them; data-last", () =>
  Effect.gen(function* () {
    const framing = yield* Framing.lengthPrefixed({ prefix: "u32be", maxBytes: 2 ** 20 })
    const { client, server } = yield* pair
    const large = pattern(2 ** 20)
    yield* Effect.fork(
      Effect.zipRight(Framing.write(framing, large)(client), client.writeString("and a line\n"))
    )
    const found = Option.getOrThrow(yield* Framing.read(framing)(server))
    assert.isTrue(Buffer.from(found).equals(large))
    assert.deepStrictEqual(yield* server.readLine, Option.some("and a line"))
  })
)
