import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Net from "../../../src/Net/index.js"
import { acceptStorm } from "../acceptStorm.js"
import {
  concat,
  finish,
  pairOf,
  pattern,
  readExactly,
  readToEnd,
  type Subject,
  test,
  testTcp
} from "../harness.js"
import { someTime, yieldingAnywhere } from "../interruptions.js"

/** Sends the bytes in small pieces, at an uneven pace. */
const trickle = (connection: Net.AnyConnection, all: Uint8Array, pause: Effect.Effect<unknown> = someTime) =>
  Effect.gen(function* () {
    for (let at = 0; at < all.length; ) {
      const size = 1 + Math.floor(Math.random() * 40)
      yield* connection.writeAll(all.subarray(at, at + size))
      at += size
      yield* pause
    }
    yield* finish(connection)
  })

export const interruption = (subject: Subject) => {
  const rounds = 1000

  // What counts is what the code right after the read was given. (`Effect.map` would run its function one step later, and the
  // fiber's exit is some steps away: at each of them this fiber may be interrupted.)
  const storm = (
    name: string,
    read: (connection: Net.AnyConnection) => Effect.Effect<Uint8Array, unknown>,
    tune: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = (effect) => effect
  ) =>
    stormOf(
      name,
      (connection, keep) =>
        Effect.flatMap(read(connection), (chunk) => {
          keep(chunk)
          return Effect.void
        }),
      tune
    )

  const stormOf = (
    name: string,
    reading: (
      connection: Net.AnyConnection,
      keep: (chunk: Uint8Array) => void
    ) => Effect.Effect<void, unknown>,
    tune: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = (effect) => effect
  ) =>
    test(subject, `a thousand interrupted reads lose and repeat no byte: ${name}`, () =>
      Effect.gen(function* () {
        const { client, server } = yield* pairOf(subject)
        const sent = pattern(20_000)
        const writer = yield* Effect.fork(trickle(client, sent))
        const received: Array<Uint8Array> = []
        let interrupted = 0
        let completed = 0
        for (let round = 0; round < rounds || interrupted < rounds / 2; round++) {
          const reader = yield* Effect.fork(tune(reading(server, (chunk) => received.push(chunk))))
          yield* someTime
          const exit = yield* Fiber.interrupt(reader)
          if (Exit.isSuccess(exit)) completed += 1
          else if (Exit.isInterrupted(exit)) interrupted += 1
          else return assert.fail(`a read failed: ${exit.cause}`)
          if (writer.unsafePoll() !== null) break
        }
        yield* Fiber.interrupt(writer)
        yield* finish(client)
        received.push(yield* readToEnd(server))
        const all = concat(received)
        assert.isAbove(interrupted, 0, "no read was interrupted: the test tested nothing")
        assert.isAbove(completed, 0, "no read completed: the test tested nothing")
        assert.isTrue(Buffer.from(all).equals(sent.subarray(0, all.length)), "bytes were lost or repeated")
      })
    )

  /** Into buffers that are used again and again. */
  const buffers = [new Uint8Array(5), new Uint8Array(0), new Uint8Array(11)]
  const intoBuffers =
    (options?: Net.TimeoutOptions) => (connection: Net.AnyConnection, keep: (chunk: Uint8Array) => void) =>
      Effect.flatMap(connection.readVectored(buffers, options ?? {}), (count) => {
        keep(concat(buffers).subarray(0, count))
        return Effect.void
      })

  storm("plain", (connection) => connection.read)
  storm("small reads", (connection) => connection.readWith({ maxBytes: 3 }))
  storm("with a timeout", (connection) => connection.readWith({ timeout: "10 seconds" }))
  storm("yielding at any step", (connection) => connection.read, yieldingAnywhere)
  storm(
    "small reads, yielding at any step",
    (connection) => connection.readWith({ maxBytes: 3 }),
    yieldingAnywhere
  )
  storm(
    "with a timeout, yielding at any step",
    (connection) => connection.readWith({ timeout: "10 seconds" }),
    yieldingAnywhere
  )

  stormOf("into buffers", intoBuffers())
  stormOf("into buffers, yielding at any step", intoBuffers(), yieldingAnywhere)
  stormOf(
    "into buffers, with a timeout, yielding at any step",
    intoBuffers({ timeout: "10 seconds" }),
    yieldingAnywhere
  )

  test(subject, "reads that time out lose no byte", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const sent = pattern(2_000)
      yield* Effect.fork(trickle(client, sent, Effect.sleep("3 millis")))
      const received: Array<Uint8Array> = []
      let late = 0
      for (;;) {
        const chunk = yield* Effect.option(server.readWith({ timeout: "1 millis" }))
        if (chunk._tag === "None") late += 1
        else if (chunk.value.length === 0) break
        else received.push(chunk.value)
      }
      assert.isAbove(late, 0, "no read timed out: the test tested nothing")
      assert.isTrue(Buffer.from(concat(received)).equals(sent))
    })
  )

  testTcp(subject, "interrupted accepts lose no connection", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const { port } = listener.address
      yield* acceptStorm(subject.isSlow ? 60 : 200, listener.accept, Net.connect({ host: "127.0.0.1", port }))
    })
  )

  testTcp(subject, "interrupting a connect closes its socket", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      for (let round = 0; round < 50; round++) {
        const connecting = yield* Effect.fork(
          Effect.scoped(Net.connect({ host: "127.0.0.1", port: listener.address.port }))
        )
        yield* someTime
        yield* Fiber.interrupt(connecting)
      }
    })
  )

  test(subject, "a write that was interrupted before it left breaks nothing", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const first = pattern(8_000_000)
      const writer = yield* Effect.fork(client.writeAll(first))
      yield* Effect.sleep("20 millis")
      const second = yield* Effect.fork(client.writeString("never sent"))
      yield* Effect.sleep("5 millis")
      yield* Fiber.interrupt(second)
      const reading = yield* Effect.fork(readToEnd(server))
      yield* Fiber.join(writer)
      yield* client.writeString("!")
      yield* finish(client)
      const received = yield* reading
      assert.strictEqual(received.length, first.length + 1)
      assert.isTrue(Buffer.from(received.subarray(0, first.length)).equals(first))
    })
  )

  test(subject, "a write that was interrupted in the middle breaks the writing half, and only that", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      const writer = yield* Effect.fork(client.writeAll(pattern(50_000_000)))
      yield* Effect.sleep("50 millis")
      yield* Fiber.interrupt(writer)
      const failure = yield* Effect.flip(client.writeString("more"))
      assert.deepInclude(failure, { _tag: "ConnectionError", reason: "Aborted", operation: "write" })
      yield* server.writeString("still here")
      assert.strictEqual((yield* readExactly(client, 10)).length, 10)
    })
  )
}
