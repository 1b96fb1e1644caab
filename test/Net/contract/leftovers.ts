/**
 * What an interruption leaves behind: nothing, whichever step of an operation it hits.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Framing from "../../../src/Net/Framing.js"
import * as Net from "../../../src/Net/index.js"
import { CountingClock } from "../../support/countingClock.js"
import { bytes, pairOf, type Subject, test, testTcp } from "../harness.js"
import { leaveNoClock } from "../interruptions.js"
import { two } from "../udp.js"

const timeout = "1 hour"

export const leftovers = (subject: Subject) => {
  test(subject, "reads that are interrupted at whichever step leave no clock running", () =>
    Effect.gen(function* () {
      const { server } = yield* pairOf(subject)
      const framing = yield* Framing.delimited({ delimiter: "\n" })
      yield* leaveNoClock([
        server.readWith({ timeout }),
        server.readVectored([new Uint8Array(5)], { timeout }),
        server.readLineWith({ timeout }),
        Framing.read(server, framing, { timeout })
      ])
    })
  )

  test(subject, "a read that finds something starts no clock", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pairOf(subject)
      yield* client.writeAll(bytes("ab"))
      yield* server.readWith({ maxBytes: 1 })
      const clock = new CountingClock()
      yield* clock.during(server.readWith({ timeout }))
      assert.strictEqual(clock.slept, 0)
    })
  )

  testTcp(
    subject,
    "accepts, connects and receives that are interrupted at whichever step leave no clock running",
    () =>
      Effect.gen(function* () {
        const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
        const [one] = yield* two
        yield* leaveNoClock([
          Effect.scoped(listener.acceptWith({ timeout })),
          one.receiveWith({ timeout }),
          one.receiveMany(2, { timeout })
        ])
        const { port } = listener.address
        yield* leaveNoClock([Effect.scoped(Net.connect({ host: "127.0.0.1", port, timeout }))])
      })
  )
}
