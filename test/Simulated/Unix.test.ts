/**
 * Unix sockets of simulated hosts: each has names of its own, and faults and time are those of the network.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "../../src/Net/index.js"
import * as Unix from "../../src/Net/Unix.js"
import { readToEnd, text } from "../Net/harness.js"

const path = "/run/app.sock"

describe("Unix sockets of simulated hosts", () => {
  it.live("are the host's own: the same path on two of them is two places", () =>
    Effect.gen(function* () {
      const serve = (name: string) =>
        Net.Simulated.on(name)(
          Effect.gen(function* () {
            const listener = yield* Unix.listen({ path })
            yield* Effect.forkScoped(listener.serve((connection) => connection.writeString(name)))
          })
        )
      const ask = Effect.scoped(Effect.flatMap(Unix.connect({ path }), readToEnd))
      yield* serve("one")
      yield* serve("other")
      for (const name of ["one", "other"]) assert.strictEqual(text(yield* Net.Simulated.on(name)(ask)), name)
      const failure = yield* Effect.flip(Net.Simulated.on("third")(ask))
      assert.deepInclude(failure, { _tag: "ConnectionError", reason: "Refused", address: path })
    }).pipe(Effect.scoped, Effect.provide(Net.layerSimulated()), Net.virtualTime)
  )

  it.live("fail on purpose, and take the time that their host takes to reach itself", () =>
    Effect.gen(function* () {
      const network = yield* Net.Simulated
      const listener = yield* Unix.listen({ path })
      yield* network.failNext("connect", "PermissionDenied")
      assert.deepInclude(yield* Effect.flip(Unix.connect({ path })), { reason: "PermissionDenied" })
      yield* network.failNext("bind", "PermissionDenied")
      assert.deepInclude(yield* Effect.flip(Unix.listen({ path: "/other" })), { reason: "PermissionDenied" })
      yield* network.link("localhost", "localhost", { latency: "2 seconds" })
      const late = yield* Effect.flip(Unix.connect({ path, timeout: "1 second" }))
      assert.deepInclude(late, { _tag: "TimeoutError", operation: "connect", address: path })
      yield* Unix.connect({ path, timeout: "5 seconds" })
      yield* listener.accept
    }).pipe(Effect.scoped, Effect.provide(Net.layerSimulated()), Net.virtualTime)
  )
})
