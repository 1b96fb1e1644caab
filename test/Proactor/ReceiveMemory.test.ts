import { assert, describe, it } from "@effect/vitest"
import { copyOut, ScratchBuffer } from "../../src/Proactor/ReceiveMemory.js"

const filled = (length: number, value: number) => new Uint8Array(length).fill(value)

/** What a receive does: fills the first `length` bytes, and takes them. */
const receive = (scratch: ScratchBuffer, length: number, value: number) => {
  scratch.bytes.fill(value, 0, length)
  return scratch.take(length)
}

describe("memory for received bytes", () => {
  it("is the reader's: what comes later does not change it, whatever the sizes", () => {
    const scratch = new ScratchBuffer(64 * 1024)
    const lengths = [1, 64, 2048, 2049, 32 * 1024, 32 * 1024 + 1, 64 * 1024]
    const received = Array.from({ length: 200 }, (_, index) => {
      const length = lengths[index % lengths.length] ?? 1
      return { piece: receive(scratch, length, index), expected: filled(length, index) }
    })
    for (const { expected, piece } of received) assert.deepStrictEqual(piece, expected)
  })

  it("of a small piece stays here when somebody wants to transfer it: others have theirs in the same slab", () => {
    const kept = copyOut(filled(64, 1), 64)
    const given = copyOut(filled(64, 2), 64)
    assert(given.buffer instanceof ArrayBuffer)
    try {
      structuredClone(given, { transfer: [given.buffer] })
    } catch (failure) {
      // Later versions of Node refuse, earlier ones copy.
      assert.strictEqual(failure instanceof Error && failure.name, "DataCloneError")
    }
    assert.deepStrictEqual(kept, filled(64, 1))
    assert.deepStrictEqual(copyOut(filled(64, 3), 64), filled(64, 3))
  })

  it("of a small piece is shared, so that a busy server allocates little", () => {
    const one = copyOut(filled(64, 1), 64)
    const other = copyOut(filled(64, 2), 64)
    // The first may have been the last of its slab.
    const third = copyOut(filled(64, 3), 64)
    assert.isTrue(one.buffer === other.buffer || other.buffer === third.buffer)
  })

  it("of a larger one is its own: keeping it keeps nothing else alive", () => {
    assert.strictEqual(copyOut(filled(10_000, 1), 3000).buffer.byteLength, 3000)
  })

  it("of one that fills the scratch buffer is not copied", () => {
    const scratch = new ScratchBuffer(1024)
    const { buffer } = scratch.bytes
    assert.strictEqual(receive(scratch, 1024, 1).buffer, buffer)
    assert.notStrictEqual(scratch.bytes.buffer, buffer)
  })
})
