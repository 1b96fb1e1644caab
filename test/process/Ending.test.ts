/**
 * How programs end: by themselves when their work is done, and at once when they are told to, whatever they wait for.
 *
 * That a program which waits for ever ends at all is what these tests look at. A wait that held the process back would
 * hold it until the test itself runs out of time.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { node } from "./child.js"

const finished = new URL("./programs/finished.mjs", import.meta.url)
const waiting = new URL("./programs/waiting.mjs", import.meta.url)

describe("a program whose work is done ends by itself", () => {
  const cases = {
    scopes: "with everything closed",
    runtime: "with the service still open",
    sockets: "with a listener and a connection still open, and nobody waiting",
    futures: "with the waits cancelled that were under way"
  }
  for (const [program, situation] of Object.entries(cases)) {
    it.scopedLive(situation, () =>
      Effect.gen(function* () {
        const child = yield* node(finished, program)
        assert.isNotEmpty(yield* child.line("done: "))
        assert.deepStrictEqual(yield* child.ending, { code: 0, signal: null })
        assert.strictEqual(child.errors(), "")
      })
    )
  }
})

const waits = ["accept", "read", "write", "several"]

/** Each wait on its own with the first way to end, all of them together with the second. */
const each = <A>(first: A, second: A) => [
  ...waits.map((wait) => ({ wait, ending: first })),
  { wait: "several", ending: second }
]

describe("process.exit ends the program in the middle of a wait", () => {
  for (const { ending, wait } of each("exit", "exitInFiber")) {
    it.scopedLive(`${wait}, ${ending === "exit" ? "from a timer" : "from a fiber"}`, () =>
      Effect.gen(function* () {
        const child = yield* node(waiting, wait, ending)
        yield* child.line("waiting")
        assert.deepStrictEqual(yield* child.ending, { code: 7, signal: null })
        assert.strictEqual(child.errors(), "")
      })
    )
  }
})

describe("an exception that nobody catches ends the program in the middle of a wait", () => {
  for (const { ending, wait } of each("throw", "reject")) {
    it.scopedLive(`${wait}, ${ending === "throw" ? "thrown" : "a rejected promise"}`, () =>
      Effect.gen(function* () {
        const child = yield* node(waiting, wait, ending)
        yield* child.line("waiting")
        assert.deepStrictEqual(yield* child.ending, { code: 1, signal: null })
        assert.include(child.errors(), "thrown in the middle of a wait")
      })
    )
  }
})
