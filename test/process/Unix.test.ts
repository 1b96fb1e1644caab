/**
 * A server at a path, and what becomes of the path when the server ends: in good order, or not.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "../../src/Net/index.js"
import * as Unix from "../../src/Net/Unix.js"
import { readToEnd, text } from "../Net/harness.js"
import { temporaryFolder } from "../support/folder.js"
import { node } from "./child.js"

const program = new URL("./programs/unixServer.mjs", import.meta.url)

const started = (path: string) => Effect.tap(node(program, path), (child) => child.line("listening at "))

const isServed = (path: string) =>
  Effect.gen(function* () {
    const connection = yield* Unix.connect({ path })
    assert.strictEqual(text(yield* readToEnd(connection)), "served\n")
  })

describe.runIf(process.platform === "linux")("a server at a path", () => {
  it.scopedLive("that is killed leaves it, and the next one takes it; a signal takes it away", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryFolder, "server.sock")
      const first = yield* started(path)
      yield* isServed(path)
      yield* first.signal("SIGKILL")
      yield* first.ending
      assert.isTrue(existsSync(path))
      assert.deepInclude(yield* Effect.flip(Unix.connect({ path })), { reason: "Refused" })

      const second = yield* started(path)
      yield* isServed(path)
      yield* second.signal("SIGTERM")
      yield* second.ending
      assert.isFalse(existsSync(path))
    }).pipe(Effect.provide(Net.layer))
  )

  it.scopedLive("is not displaced by a second one", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryFolder, "server.sock")
      yield* started(path)
      const second = yield* node(program, path)
      const { code } = yield* second.ending
      assert.notStrictEqual(code, 0)
      assert.include(second.output() + second.errors(), "address already in use")
      yield* isServed(path)
    }).pipe(Effect.provide(Net.layer))
  )

  it.scopedLive("many that start at once at a stale path: one has it, and the others say so", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryFolder, "server.sock")
      const stale = yield* started(path)
      yield* stale.signal("SIGKILL")
      yield* stale.ending
      const all = yield* Effect.all(Array.from({ length: 4 }, () => node(program, path)))
      const outcomes = yield* Effect.forEach(all, (child) => Effect.isSuccess(child.line("listening at ")), {
        concurrency: "unbounded"
      })
      assert.strictEqual(outcomes.filter((listens) => listens).length, 1)
      yield* isServed(path)
    }).pipe(Effect.provide(Net.layer))
  )
})
