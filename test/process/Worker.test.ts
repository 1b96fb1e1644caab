/**
 * The network service in worker threads: it works there, and a thread that ends in the middle of a wait takes nothing
 * with it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { node } from "./child.js"

const workers = new URL("./programs/workers.mjs", import.meta.url)

/** Runs so many worker threads, expects every one to end so, and the main thread to be none the worse for it. */
const expectWorkers = (program: string, count: number, order: "together" | "inTurn", ending: string) =>
  Effect.gen(function* () {
    const child = yield* node(workers, program, String(count), order)
    assert.strictEqual(yield* child.line("workers: "), `${count} ${ending}`)
    assert.strictEqual(yield* child.line("main: "), "question answer")
    assert.deepStrictEqual(yield* child.ending, { code: 0, signal: null })
    assert.strictEqual(child.errors(), "")
  })

describe("worker threads", () => {
  for (const order of ["inTurn", "together"] as const) {
    const when = order === "inTurn" ? "one after the other" : "at once"
    it.scopedLive(`talk, and end by themselves, four ${when}`, () =>
      expectWorkers("talk", 4, order, "question answer (0)")
    )
    it.scopedLive(`terminate() ends a wait, in four threads ${when}`, () =>
      expectWorkers("wait", 4, order, "waiting (1)")
    )
    it.scopedLive(`process.exit ends a wait and its thread, in four threads ${when}`, () =>
      expectWorkers("exit", 4, order, " (3)")
    )
    it.scopedLive(`an exception ends a wait and its thread, in four threads ${when}`, () =>
      expectWorkers("throw", 4, order, "thrown in a worker (1)")
    )
  }
})
