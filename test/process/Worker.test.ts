/**
 * The network service in worker threads: it works there, and a thread that ends in the middle of a wait takes nothing
 * with it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { node } from "./child.js"

const workers = new URL("./programs/workers.mjs", import.meta.url)

/** Loading a program takes seconds under Wine, and every thread loads its own. */
const count = process.env["EFFECT_IOCP_LANE"] === "wine" ? 2 : 4

/** Runs some worker threads, expects every one to end so, and the main thread to be none the worse for it. */
const expectWorkers = (program: string, order: "atOnce" | "inTurn", ending: string) =>
  Effect.gen(function* () {
    const child = yield* node(workers, program, String(count), order)
    assert.strictEqual(yield* child.line("workers: "), `${count} ${ending}`)
    assert.strictEqual(yield* child.line("main: "), "question answer")
    assert.deepStrictEqual(yield* child.ending, { code: 0, signal: null })
    assert.strictEqual(child.errors(), "")
  })

describe("worker threads", () => {
  it.scopedLive("talk and end by themselves, one after the other", () =>
    expectWorkers("talk", "inTurn", "question answer (0)")
  )
  it.scopedLive("talk and end by themselves, all at once", () =>
    expectWorkers("talk", "atOnce", "question answer (0)")
  )
  it.scopedLive("end at terminate() in the middle of a wait, one after the other", () =>
    expectWorkers("wait", "inTurn", "waiting (1)")
  )
  it.scopedLive("end at terminate() in the middle of a wait, all at once", () =>
    expectWorkers("wait", "atOnce", "waiting (1)")
  )
  it.scopedLive("end at process.exit in the middle of a wait", () => expectWorkers("exit", "atOnce", " (3)"))
  it.scopedLive("end at an exception in the middle of a wait", () =>
    expectWorkers("throw", "atOnce", "thrown in a worker (1)")
  )
})
