/**
 * A listener whose accepts are interrupted at any moment, while its clients connect.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Net from "../../src/Net/index.js"
import { readExactly } from "./harness.js"
import { someTime } from "./interruptions.js"

/** Connects so many times, with a number each, and accepts until every one of them is there, exactly once. */
export const acceptStorm = <E, R, E2, R2>(
  total: number,
  accept: Effect.Effect<Net.AnyConnection, E, R>,
  connect: Effect.Effect<Net.AnyConnection, E2, R2>
) =>
  Effect.gen(function* () {
    const connecting = yield* Effect.fork(
      Effect.forEach(
        Array.from({ length: total }, (_, index) => index),
        (index) =>
          Effect.tap(connect, (connection) =>
            Effect.zipRight(connection.writeAll(Uint8Array.of(index)), someTime)
          )
      )
    )
    const seen = new Set<number>()
    let interrupted = 0
    while (seen.size < total) {
      const accepting = yield* Effect.fork(accept)
      yield* someTime
      const exit = yield* Fiber.interrupt(accepting)
      if (Exit.isFailure(exit)) {
        assert.isTrue(Exit.isInterrupted(exit))
        interrupted += 1
      } else {
        const [first = -1] = yield* readExactly(exit.value, 1)
        assert.isFalse(seen.has(first))
        seen.add(first)
      }
    }
    assert.isAbove(interrupted, 0, "no accept was interrupted: the test tested nothing")
    yield* Fiber.join(connecting)
  })
