/**
 * A simulated network needs nothing of the system: it runs where no real one does.
 */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "../../src/Net/index.js"
import { echoServer, readExactly, toServer } from "./programs.js"

/** Traces of the foreign function library: in node's module cache, and, on Linux, in the memory of this process. */
const foreign = (): ReadonlyArray<string> => {
  const cached = Object.keys(createRequire(import.meta.url).cache)
  const mapped = process.platform === "linux" ? readFileSync("/proc/self/maps", "utf8").split("\n") : []
  return [...cached, ...mapped].filter((line) => line.includes("koffi"))
}

describe("a simulated network", () => {
  it.live("loads no foreign library", () =>
    Effect.gen(function* () {
      yield* echoServer()
      const connection = yield* toServer()
      yield* connection.writeString("!")
      assert.strictEqual((yield* readExactly(connection, 1)).length, 1)
      assert.deepStrictEqual(foreign(), [])
    }).pipe(Effect.scoped, Effect.provide(Net.layerSimulated()))
  )
})
