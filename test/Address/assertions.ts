import { assert } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { NetworkError } from "../../src/Errors/index.js"

/** The error of a result that has to be one of a bad argument. */
export const assertInvalid = (result: Either.Either<unknown, NetworkError>, advice = /./): NetworkError => {
  if (Either.isRight(result)) assert.fail(`expected an error, got ${String(result.right)}`)
  assert.instanceOf(result.left, NetworkError)
  assert.strictEqual(result.left.reason, "InvalidArgument")
  assert.match(result.left.advice ?? "", advice)
  return result.left
}

/** Tries a property on many values. Synchronous properties only, so there is nothing to await. */
export const holds = <Ts>(property: fc.IProperty<Ts>, numRuns = 1000): void =>
  fc.assert(property, { numRuns })
