/**
 * What an interruption leaves behind: nothing, whichever step of an operation it hits.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Framing from "../../../src/Net/Framing.js"
import * as Net from "../../../src/Net/index.js"
import { CountingClock } from "../../support/countingClock.js"
import { bytes, pairOf, pattern, readExactly, type Subject, test, testTcp } from "../harness.js"
import { interruptedAtEveryStep, leaveNoClock, yieldingAtEveryStep } from "../interruptions.js"
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

  // There what is cancelled may be sent all the same, however much it is.
  if (subject.name === "simulated, slow") return

  /** More than any buffers on the way hold. */
  const endless = pattern(30_000_000)

  /**
   * One interruption of a write that cannot come to its end. The next write need not wait for it: nothing was sent, or the half
   * is broken and says so.
   */
  const writeRound = (write: (client: Net.AnyConnection) => Effect.Effect<unknown, unknown>) =>
    Effect.map(pairOf(subject), ({ client, server }) => ({
      operation: write(client),
      after: Effect.gen(function* () {
        const next = yield* Effect.either(client.writeString("!", { timeout: "2 seconds" }))
        if (next._tag === "Left") {
          assert.deepInclude({ ...next.left }, { _tag: "ConnectionError", reason: "Aborted" })
        } else assert.deepStrictEqual(yield* readExactly(server, 1), bytes("!"))
        yield* client.abort
        yield* server.abort
      })
    }))

  const writes: Record<string, (client: Net.AnyConnection) => Effect.Effect<unknown, unknown>> = {
    plain: (client) => client.writeAll(endless),
    vectored: (client) => client.writeAllVectored([endless.subarray(0, 7), endless.subarray(7)]),
    "with a timeout": (client) => client.writeAll(endless, { timeout: "1 hour" })
  }
  for (const [name, write] of Object.entries(writes)) {
    test(subject, `a write that is interrupted at whichever step does not go on: ${name}`, () =>
      interruptedAtEveryStep(writeRound(write))
    )
  }

  test(subject, "a write that is interrupted where its fiber yields by itself does not go on", () =>
    yieldingAtEveryStep(
      writeRound((client) => client.writeAll(endless)),
      subject.isSlow ? 10 : 30
    )
  )
}
