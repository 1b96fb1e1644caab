/**
 * A cursor over several pieces: beside one buffer with all of them in it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Pieces } from "../../src/Proactor/Pieces.js"

const anyPieces = fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 10 })

describe("pieces", () => {
  it("are what they would be in one buffer, however they are taken", () =>
    fc.assert(
      fc.property(anyPieces, fc.infiniteStream(fc.nat(15)), (all, steps) => {
        const whole = Buffer.concat(all)
        const pieces = new Pieces(all)
        assert.strictEqual(pieces.byteLength, whole.length)
        for (let at = 0; at < whole.length; ) {
          const step = Math.min(steps.next().value ?? 1, whole.length - at)
          assert.strictEqual(pieces.bytesLeft, whole.length - at)
          assert.strictEqual(pieces.current[pieces.offset], whole[at])
          assert.strictEqual(pieces.at(0), pieces.current)
          assert.deepStrictEqual(Buffer.from(pieces.copy(step)), whole.subarray(at, at + step))
          const target = Buffer.alloc(step + 1, 0xee)
          assert.strictEqual(pieces.copyTo(target), Math.min(step + 1, whole.length - at))
          pieces.advance(step)
          at += step
        }
        assert.strictEqual(pieces.bytesLeft, 0)
        assert.strictEqual(pieces.left, 0)
        assert.strictEqual(pieces.current.length, 0)
      }),
      { numRuns: 500 }
    ))
})
