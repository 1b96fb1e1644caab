import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  type MakePair,
  pair,
  pattern,
  receiveOperation,
  type Subject,
  sendAll,
  test,
  turns
} from "../harness.js"

/** More operations than this in one turn of the event loop is a socket that keeps it for itself. */
const MOST_IN_A_TURN = 150

/** For the proactors that are over a system: the simulated one has a time of its own. */
export const fairness = (subject: Subject, makePair: MakePair = pair): void => {
  test(subject, "a socket that always has bytes lets timers and other I/O have their turn", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      const sent = pattern(1000)
      yield* sendAll(client, sent)
      yield* turns
      const seen: Array<number> = []
      const counts: Array<number> = []
      const look = () => {
        counts.push(seen.length)
        if (seen.length < sent.length) setImmediate(look)
      }
      setImmediate(look)
      yield* Effect.async<void>((resume) => {
        const operation = receiveOperation(1)
        const took = () => seen.push(...operation.takeChunk()) < sent.length
        const readOn = () => {
          while (server.submit(operation)) if (!took()) return resume(Effect.void)
        }
        operation.onRetired = () => (took() ? readOn() : resume(Effect.void))
        readOn()
      })
      counts.push(seen.length)
      assert.deepStrictEqual(seen, [...sent])
      const steps = counts.map((count, index) => count - (counts[index - 1] ?? 0))
      assert.isAtMost(Math.max(...steps), MOST_IN_A_TURN)
    })
  )
}
