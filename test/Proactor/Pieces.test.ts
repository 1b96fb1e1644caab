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

  it("are nothing any more from one on that was taken away, wherever the cursor stands", () =>
    fc.assert(
      fc.property(fc.array(fc.nat(12), { minLength: 1 }), fc.nat(), fc.nat(), (lengths, one, some) => {
        const all = lengths.map((length, index) => new Uint8Array(length).fill(index))
        const whole = Buffer.concat(all)
        const gone = one % all.length
        const before = Buffer.concat(all.slice(0, gone)).length
        const at = some % (before + 1)
        const pieces = new Pieces(all)
        pieces.advance(at)
        structuredClone(all[gone], { transfer: [all[gone]?.buffer ?? new ArrayBuffer(0)] })
        // Of one that was empty nothing is missing.
        const rest = whole.subarray(at, lengths[gone] === 0 ? undefined : before)
        assert.deepStrictEqual(Buffer.from(pieces.copy(whole.length)), rest)
        assert.strictEqual(pieces.bytesLeft, whole.length - at)
        pieces.advance(rest.length)
        assert.isTrue(pieces.isGone(0))
        assert.strictEqual(pieces.copyTo(Buffer.alloc(1)), 0)
      }),
      { numRuns: 500 }
    ))
})
