/**
 * How a process with an open queue ends. Each runs a program of its own; one that did not end would keep its test waiting.
 */
import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import { makeProgram, type Program } from "../support/program.js"

for (const layer of ["platform", "simulated"]) {
  describe(`a process with an open queue, over the loop of a ${layer} network`, () => {
    let program: Program
    beforeAll(async () => {
      program = await makeProgram(new URL("./programs/ending.ts", import.meta.url))
    })
    afterAll(() => program.dispose())

    const ends = (what: string, way: string, code: number, lines: ReadonlyArray<string>) =>
      it(what, async () => {
        const ended = await program.run(way, layer)
        const said = ended.output.split(/\r?\n/).filter((line) => line !== "")
        assert.deepStrictEqual(
          { code: ended.code, signal: ended.signal, said },
          { code, signal: null, said: [...lines] }
        )
      })

    ends("ends by itself while nobody takes", "idle", 0, ["done"])
    ends("stays alive while somebody takes, and ends by itself after that", "taken", 0, ["7", "done"])
    ends("ends by itself when the take was interrupted", "interrupted", 0, ["done"])
    ends("ends by itself while a thread waits for room", "threadWaits", 0, ["done"])
    ends("is ended by process.exit in the middle of a take", "exit", 7, [])
    ends("has threads that stay alive while they wait for room", "room", 0, [
      "1",
      "2",
      "3",
      "thread 0",
      "done"
    ])
  })
}
