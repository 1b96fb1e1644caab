/** A short soak, bounded by count. `npm run soak` is the long one, through the same code. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { growth } from "./soak/memory.js"
import { derived, isPattern, makeRandom, pattern } from "./soak/random.js"
import { soak } from "./soak/soak.js"
import { isSlow } from "./support/subject.js"

describe("a soak", () => {
  const seed = Number(process.env["SOAK_SEED"] || Math.floor(Math.random() * 2 ** 31))

  it.live(`of some rounds leaves everything as it was (seed ${seed})`, () =>
    Effect.gen(function* () {
      const size = isSlow ? { rounds: 2, conversations: 50 } : { rounds: 10, conversations: 120 }
      const result = yield* soak({ seed, concurrency: 20, ...size })
      assert.deepStrictEqual(result.failures, [])
      assert.strictEqual(result.rounds, size.rounds)
      assert.strictEqual(result.conversations, size.rounds * size.conversations)
      assert.isAbove(result.submitted, 0)
    })
  )
})

describe("what a soak judges by", () => {
  it("memory that grows, memory that does not, and too little to tell", () => {
    const flat = Array.from({ length: 400 }, (_, index) => 100e6 + (index % 7) * 1e6)
    const growing = Array.from({ length: 400 }, (_, index) => 100e6 + index * 1e6)
    assert.isTrue(growth(flat)?.isFlat)
    assert.isFalse(growth(growing)?.isFlat)
    assert.isUndefined(growth(growing.slice(0, 10)))
  })

  it("choices that the seed repeats", () => {
    const draws = (seed: number) => {
      const random = derived(seed, 7)
      return Array.from({ length: 20 }, () => random.below(1000))
    }
    assert.deepStrictEqual(draws(1), draws(1))
    assert.notDeepEqual(draws(1), draws(2))
    const random = makeRandom(3)
    for (let round = 0; round < 1000; round++) {
      const drawn = random.between(2, 5)
      assert.isTrue(drawn >= 2 && drawn <= 5 && Number.isInteger(drawn))
    }
  })

  it("bytes that are out of place", () => {
    assert.isTrue(isPattern(pattern(1000).subarray(300, 600), 300))
    assert.isFalse(isPattern(pattern(1000).subarray(300, 600), 301))
  })
})
