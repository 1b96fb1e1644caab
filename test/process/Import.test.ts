/**
 * Importing the package costs nothing of the system: foreign libraries are loaded when a layer is built.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { node, root } from "./child.js"

const imports = new URL("./programs/imports.mjs", import.meta.url)
const manifest = join(root, "package.json")

const entryPoints = (): ReadonlyArray<string> => {
  const { exports } = JSON.parse(readFileSync(manifest, "utf8")) as { exports: Record<string, unknown> }
  return Object.keys(exports).filter((path) => path !== "./package.json")
}

describe("importing the package", () => {
  it.scopedLive("loads no foreign library, whatever the entry point", () =>
    Effect.gen(function* () {
      const child = yield* node(imports, manifest)
      assert.strictEqual(Number(yield* child.line("entries: ")), entryPoints().length)
      assert.deepStrictEqual(JSON.parse(yield* child.line("imported: ")), { loaded: 0, cached: 0, mapped: 0 })
      const built = JSON.parse(yield* child.line("built: ")) as Record<"loaded" | "cached" | "mapped", number>
      assert.isAtLeast(built.loaded, 1, "building a layer loads it, and this test would have seen it")
      assert.isAtLeast(built.cached, 1)
      if (process.platform === "linux") assert.isAtLeast(built.mapped, 1)
      assert.deepStrictEqual(yield* child.ending, { code: 0, signal: null })
    })
  )
})
