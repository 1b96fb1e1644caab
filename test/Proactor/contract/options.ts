import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { pair, type Subject, test } from "../harness.js"

export const options = (subject: Subject): void => {
  test(subject, "small writes leave at once unless told otherwise, on both sides", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      for (const socket of [client, server]) {
        assert.isTrue(yield* socket.getOption("noDelay"))
        yield* socket.setOption("noDelay", false)
        assert.isFalse(yield* socket.getOption("noDelay"))
      }
    })
  )

  test(subject, "keepAlive is off, and can be turned on and off", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* pair(proactor)
      assert.isFalse(yield* client.getOption("keepAlive"))
      yield* client.setOption("keepAlive", true)
      assert.isTrue(yield* client.getOption("keepAlive"))
      yield* client.setOption("keepAlive", false)
      assert.isFalse(yield* client.getOption("keepAlive"))
    })
  )

  test(subject, "lingerSeconds is off, no seconds, or some", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* pair(proactor)
      assert.isUndefined(yield* client.getOption("lingerSeconds"))
      for (const seconds of [0, 5, undefined]) {
        yield* client.setOption("lingerSeconds", seconds)
        assert.strictEqual(yield* client.getOption("lingerSeconds"), seconds)
      }
    })
  )

  test(subject, "buffers are as large as asked for, or larger", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* pair(proactor)
      for (const name of ["receiveBufferBytes", "sendBufferBytes"] as const) {
        yield* client.setOption(name, 32_768)
        assert.isAtLeast(yield* client.getOption(name), 32_768)
      }
    })
  )

  test(subject, "a value that makes no sense is refused before the system sees it", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* pair(proactor)
      for (const set of [
        client.setOption("lingerSeconds", -1),
        client.setOption("lingerSeconds", 0.5),
        client.setOption("lingerSeconds", 65_536),
        client.setOption("receiveBufferBytes", Number.NaN),
        client.setOption("sendBufferBytes", 2 ** 31)
      ]) {
        const failure = yield* Effect.flip(set)
        assert.strictEqual(failure.reason, "InvalidArgument")
        assert.strictEqual(failure.operation, "setOption")
      }
    })
  )
}
