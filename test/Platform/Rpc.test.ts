/**
 * `@effect/rpc` over these sockets and over those of `@effect/platform-node`, in all four pairings: the same requests have
 * the same answers.
 */

import * as PlatformSocket from "@effect/platform/Socket"
import * as PlatformSocketServer from "@effect/platform/SocketServer"
import * as Rpc from "@effect/rpc/Rpc"
import * as RpcClient from "@effect/rpc/RpcClient"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as RpcServer from "@effect/rpc/RpcServer"
import { assert, describe } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Net from "../../src/Net/index.js"
import { readToEnd, test } from "../Net/harness.js"
import { both, ours, portOf, type Sockets, subject } from "./bothLayers.js"

class Requests extends RpcGroup.make(
  Rpc.make("Double", { payload: { number: Schema.Number }, success: Schema.Number }),
  Rpc.make("Root", { payload: { number: Schema.Number }, success: Schema.Number, error: Schema.String }),
  Rpc.make("Count", { payload: { to: Schema.Number }, success: Schema.Number, stream: true }),
  Rpc.make("Large", { payload: { text: Schema.String }, success: Schema.String }),
  Rpc.make("Wait", { success: Schema.Void })
) {}

const serializations = { ndjson: RpcSerialization.layerNdjson, msgpack: RpcSerialization.layerMsgPack }

/** Serves the requests, and answers with the port, and with what is told when a `Wait` is interrupted. */
const serve = (sockets: Sockets, serialization: Layer.Layer<RpcSerialization.RpcSerialization>) =>
  Effect.gen(function* () {
    const server = yield* sockets.server()
    const waiting = yield* Deferred.make<void>()
    const interrupted = yield* Deferred.make<void>()
    const handlers = Requests.toLayer({
      Double: ({ number }) => Effect.succeed(2 * number),
      Root: ({ number }) => (number < 0 ? Effect.fail("negative") : Effect.succeed(Math.sqrt(number))),
      Count: ({ to }) => Stream.range(1, to),
      Large: ({ text }) => Effect.succeed(text + text),
      Wait: () =>
        Effect.zipRight(Deferred.succeed(waiting, undefined), Effect.never).pipe(
          Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
        )
    })
    yield* Layer.build(
      RpcServer.layer(Requests).pipe(
        Layer.provide(handlers),
        Layer.provide(RpcServer.layerProtocolSocketServer),
        Layer.provide([serialization, Layer.succeed(PlatformSocketServer.SocketServer, server)])
      )
    )
    return { port: portOf(server), waiting, interrupted }
  })

const connect = (
  sockets: Sockets,
  serialization: Layer.Layer<RpcSerialization.RpcSerialization>,
  port: number
) =>
  Effect.gen(function* () {
    const protocol = RpcClient.layerProtocolSocket().pipe(
      Layer.provide([serialization, Layer.effect(PlatformSocket.Socket, sockets.client(port))])
    )
    const context = yield* Layer.build(protocol)
    return yield* Effect.provide(RpcClient.make(Requests), context)
  })

for (const serving of both) {
  for (const calling of both) {
    for (const [format, serialization] of Object.entries(serializations)) {
      describe(`${calling.name} calls ${serving.name}, ${format}`, () => {
        test(subject, "answers, typed failures, streams, and what is larger than one receive", () =>
          Effect.gen(function* () {
            const { port } = yield* serve(serving, serialization)
            const client = yield* connect(calling, serialization, port)
            assert.strictEqual(yield* client.Double({ number: 21 }), 42)
            assert.strictEqual(yield* Effect.flip(client.Root({ number: -1 })), "negative")
            const counted = yield* Stream.runCollect(client.Count({ to: 100 }))
            assert.deepStrictEqual(
              Chunk.toReadonlyArray(counted),
              Array.from({ length: 100 }, (_, index) => index + 1)
            )
            // Not beyond ASCII: the ndjson of @effect/rpc decodes each chunk for itself.
            const text = "green".repeat(50_000)
            assert.strictEqual(yield* client.Large({ text }), text + text)
            const many = yield* Effect.forEach(
              Array.from({ length: 100 }, (_, index) => index),
              (number) => client.Double({ number }),
              { concurrency: "unbounded" }
            )
            assert.deepStrictEqual(
              many,
              many.map((_, index) => 2 * index)
            )
          })
        )

        test(subject, "interrupting a call interrupts its handler, and the next call is answered", () =>
          Effect.gen(function* () {
            const { interrupted, port, waiting } = yield* serve(serving, serialization)
            const client = yield* connect(calling, serialization, port)
            const call = yield* Effect.fork(client.Wait())
            yield* Deferred.await(waiting)
            yield* Fiber.interrupt(call)
            yield* Deferred.await(interrupted)
            assert.strictEqual(yield* client.Double({ number: 1 }), 2)
          })
        )
      })
    }
  }
}

describe("strangers", () => {
  for (const [format, serialization] of Object.entries(serializations)) {
    test(subject, `a client that is gone interrupts its calls; ${format}`, () =>
      Effect.gen(function* () {
        const { interrupted, port, waiting } = yield* serve(ours, serialization)
        const call = yield* Effect.fork(
          Effect.scoped(Effect.flatMap(connect(ours, serialization, port), (client) => client.Wait()))
        )
        yield* Deferred.await(waiting)
        yield* Fiber.interrupt(call)
        yield* Deferred.await(interrupted)
      })
    )
  }

  test(subject, "garbage ends its own connection only", () =>
    Effect.gen(function* () {
      const { port } = yield* serve(ours, RpcSerialization.layerNdjson)
      const stranger = yield* Net.connect({ host: "127.0.0.1", port })
      yield* stranger.writeString("{ this is no JSON\n")
      yield* stranger.shutdown("write")
      assert.isTrue(Exit.isExit(yield* Effect.exit(readToEnd(stranger))))
      const client = yield* connect(ours, RpcSerialization.layerNdjson, port)
      assert.strictEqual(yield* client.Double({ number: 4 }), 8)
    })
  )
})
