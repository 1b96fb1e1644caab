import { assert, describe, it } from "@effect/vitest"
import { pipeModeOf } from "../../src/Iocp/PipeCalls.js"

// What the kind of a pipe says of clients cannot be read back from it, and under Wine there is no other machine to refuse.
describe("the kind of a named pipe", () => {
  it("keeps clients of other machines out (PIPE_REJECT_REMOTE_CLIENTS, 8), unless it is told to let them in", () => {
    assert.strictEqual(pipeModeOf({ allowRemote: false, mode: "byte" }), 0x8)
    assert.strictEqual(pipeModeOf({ allowRemote: true, mode: "byte" }), 0)
    assert.strictEqual(pipeModeOf({ allowRemote: false, mode: "message" }), 0x4 | 0x2 | 0x8)
    assert.strictEqual(pipeModeOf({ allowRemote: true, mode: "message" }), 0x4 | 0x2)
  })
})
