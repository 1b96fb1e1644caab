/** Closing takes time where a cancelled operation does; who is interrupted meanwhile still closes. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Net from "../../src/Net/index.js"
import { pair, type Subject, test } from "./harness.js"

const slow: Subject = {
  name: "simulated, cancels take time",
  layer: Net.layerSimulated({ cancel: { delay: "50 millis" } }),
  isSlow: false
}

describe("closing while a cancelled operation is still in flight", () => {
  test(slow, "an interruption meanwhile leaves no socket open", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { client } = yield* Scope.extend(pair, scope)
      yield* Effect.fork(Effect.ignore(client.read))
      yield* Effect.sleep("5 millis")
      const closing = yield* Effect.fork(client.close)
      yield* Effect.sleep("5 millis")
      yield* Fiber.interrupt(closing)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Net.statistics).openSockets, 0)
    })
  )
})
