import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import { makeProgram, type Program } from "../support/program.js"
import { describeOnWindows } from "./windows.js"

// The parked calls of these programs last for a day: one that is not woken ends the test by its time limit.
describeOnWindows("a program with a call parked on a port", () => {
  let program: Program

  beforeAll(async () => {
    program = await makeProgram(new URL("./programs/parked.ts", import.meta.url))
  })

  afterAll(() => program.dispose())

  for (const ending of ["exit", "exitAtOnce", "exitWhileWaiting"]) {
    it(`ends when it calls process.exit (${ending})`, async () => {
      const { code, output } = await program.run(ending)
      assert.strictEqual(code, 7, output)
    })
  }

  it("ends when it throws", async () => {
    const { code, output } = await program.run("throw")
    assert.notStrictEqual(code, 0)
    assert.include(output, "nobody catches this")
  })

  for (const ending of ["unpark", "interrupt"]) {
    it(`ends by itself when nobody waits any more (${ending})`, async () => {
      const { code, output } = await program.run(ending)
      assert.strictEqual(code, 0, output)
      assert.include(output, "ended by itself")
      assert.notInclude(output, "woken")
    })
  }

  it("ends by itself when the port closes", async () => {
    const { code, output } = await program.run("close")
    assert.strictEqual(code, 0, output)
    assert.include(output, "closed")
  })
})
