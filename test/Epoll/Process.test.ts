/**
 * How a process with an open epoll instance ends. Each runs a program of its own; one that did not end would keep
 * its test waiting.
 */
import { assert, it } from "@effect/vitest"
import { afterAll, beforeAll } from "vitest"
import { makeProgram, type Program } from "../support/program.js"
import { describeOnLinux } from "./linux.js"

describeOnLinux("a process with an open instance", () => {
  let program: Program
  beforeAll(async () => {
    program = await makeProgram(new URL("./programs/ending.ts", import.meta.url))
  })
  afterAll(() => program.dispose())

  const ends = (what: string, way: string, code: number, lines: ReadonlyArray<string>) =>
    it(what, async () => {
      const ended = await program.run(way)
      const said = ended.output.split("\n").filter((line) => line !== "")
      assert.deepStrictEqual(
        { code: ended.code, signal: ended.signal, said },
        { code, signal: null, said: [...lines] }
      )
    })

  ends("ends by itself when nobody has waited", "idle", 0, ["done"])
  ends("ends by itself when nobody waits any more", "lingering", 0, ["ReadyEvent", "done"])
  ends("ends by itself when the wait was interrupted", "interrupted", 0, ["done"])
  ends("stays alive while somebody waits", "alive", 0, ["done"])
  ends("is ended by process.exit in the middle of a wait", "exit", 7, [])
  ends("is ended by process.exit when a wait is about to end", "exitWhenReady", 7, [])
  ends("can wait in a worker", "workerWorks", 0, ["worker 0", "done"])
  ends("goes on when a worker is terminated in traffic", "workerTerminatedInTraffic", 0, ["worker 1", "done"])
  ends("goes on when a worker is terminated in the middle of a wait", "workerTerminated", 0, [
    "worker 1",
    "done"
  ])
  ends("goes on when a worker is terminated after a wait", "workerTerminatedAfterwards", 0, [
    "worker 1",
    "done"
  ])
  ends("goes on when a worker exits in the middle of a wait", "workerExits", 0, ["worker 5", "done"])

  for (const [way, message] of [
    ["throw", "thrown beside a wait"],
    ["throwWhenTold", "thrown when told"]
  ] as const) {
    it(`is ended by an exception: ${message}`, async () => {
      const ended = await program.run(way)
      assert.strictEqual(ended.code, 1)
      assert.include(ended.output, message)
    })
  }
})
