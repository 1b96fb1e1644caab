import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { bytes, finish, pairOf, readToEnd, type Subject, test, text } from "../harness.js"

const line = Option.some<string>

export const lines = (subject: Subject) => {
  test(subject, "lines end in LF or CRLF, may be empty, and the last may lack its end", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeString("one\ntwo\r\n\n\r\nthree\rstill three\nlast")
      yield* finish(client)
      for (const expected of ["one", "two", "", "", "three\rstill three", "last"]) {
        assert.deepStrictEqual(yield* server.readLine, line(expected))
      }
      assert.deepStrictEqual(yield* server.readLine, Option.none())
      assert.deepStrictEqual(yield* server.readLine, Option.none())
    })
  )

  test(subject, "UTF-8 survives any border between chunks", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const expected = "grüße, 世界, 🦀\ufeff"
      const reader = yield* Effect.fork(server.readLine)
      for (const byte of bytes(`${expected}\n`)) {
        yield* client.writeAll(Uint8Array.of(byte))
        yield* Effect.sleep("1 millis")
      }
      assert.deepStrictEqual(yield* reader, line(expected))
    })
  )

  test(subject, "a long line of many chunks", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const long = "x".repeat(300_000)
      yield* Effect.fork(client.writeString(`${long}\nnext\n`))
      assert.deepStrictEqual(yield* server.readLineWith({ maxBytes: 300_000 }), line(long))
      assert.deepStrictEqual(yield* server.readLine, line("next"))
    })
  )

  test(subject, "a line of exactly the limit passes, with either end; one byte more does not", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeString("12345\n12345\r\n123456\n")
      assert.deepStrictEqual(yield* server.readLineWith({ maxBytes: 5 }), line("12345"))
      assert.deepStrictEqual(yield* server.readLineWith({ maxBytes: 5 }), line("12345"))
      const failure = yield* Effect.flip(server.readLineWith({ maxBytes: 5 }))
      assert.strictEqual(failure._tag, "NetworkError")
      assert.strictEqual(failure._tag === "NetworkError" && failure.reason, "TooLong")
      assert.deepStrictEqual(yield* server.readLineWith({ maxBytes: 6 }), line("123456"), "nothing is lost")
    })
  )

  test(subject, "an endless line fails at the limit, and is not read on", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* Effect.fork(Effect.ignore(client.writeAll(new Uint8Array(5_000_000).fill(120))))
      const failure = yield* Effect.flip(server.readLineWith({ maxBytes: 1000 }))
      assert.deepInclude(failure, { _tag: "NetworkError", reason: "TooLong", operation: "readLine" })
    })
  )

  test(subject, "a line that is not UTF-8 fails, and is still there as bytes", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeAll(Uint8Array.of(0x61, 0xff, 0x0a))
      yield* finish(client)
      const failure = yield* Effect.flip(server.readLine)
      assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidData", operation: "readLine" })
      assert.deepStrictEqual([...(yield* readToEnd(server))], [0x61, 0xff, 0x0a])
    })
  )

  test(subject, "lines and bytes can be read in turn", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeString("header\nbody")
      yield* finish(client)
      assert.deepStrictEqual(yield* server.readLine, line("header"))
      assert.strictEqual(text(yield* readToEnd(server)), "body")
    })
  )
}
