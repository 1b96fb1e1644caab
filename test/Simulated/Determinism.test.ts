/**
 * The seed decides everything.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Net from "../../src/Net/index.js"
import { echoServer, pattern, readToEnd, toServer } from "./programs.js"

const silently = Logger.remove(Logger.defaultLogger)

/** As much chance as there can be. */
const rough = (seed: number): Net.SimulationOptions => ({
  seed,
  trace: true,
  shuffle: true,
  latency: { min: 0, max: "30 millis" },
  bandwidth: 5_000_000,
  loss: 0.05,
  reordering: 0.1,
  partialReads: 0.5,
  partialWrites: 0.5,
  sendBufferBytes: 100,
  receiveBufferBytes: 150,
  cancel: { delay: { min: 0, max: 3 }, losesRace: 0.3 },
  reset: { probability: 0.1 },
  silence: { probability: 0.02, afterBytes: { min: 0, max: 1000 } },
  faults: {
    connect: { Refused: 0.05, Unreachable: 0.02, any: 0.02 },
    accept: { ResourceExhausted: 0.1 },
    receive: { Reset: 0.01, any: 0.01 },
    send: { Reset: 0.01, any: 0.01 }
  }
})

/** Asks the echo server, with time limits; answers whether all came back as it was. */
const ask = (size: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* toServer({ timeout: "5 seconds" })
      const sent = pattern(size)
      yield* Effect.fork(
        Effect.ignore(Effect.zipRight(connection.writeAll(sent), connection.shutdown("write")))
      )
      const all = yield* readToEnd(connection).pipe(Effect.timeout("20 seconds"))
      assert.isTrue(all.equals(sent), `sent ${size} bytes, ${all.length} came back`)
      return "echoed"
    })
  ).pipe(
    Effect.catchTags({
      ConnectionError: ({ reason }) => Effect.succeed(String(reason)),
      NetworkError: ({ reason }) => Effect.succeed(String(reason)),
      TimeoutError: () => Effect.succeed("late"),
      TimeoutException: () => Effect.succeed("late")
    })
  )

/** What a seed leads to: the outcomes, and everything that happened on the network. */
const run = (seed: number, options = rough(seed)) =>
  Effect.scoped(
    Effect.gen(function* () {
      const listening = yield* Effect.either(echoServer())
      const outcomes = yield* Effect.forEach([1, 50, 700], ask, { concurrency: "unbounded" })
      const { trace } = yield* Net.Simulated
      return { outcomes, trace: yield* trace, isListening: listening._tag === "Right" }
    })
  ).pipe(Effect.provide([Net.layerSimulated(options), silently]), Net.virtualTime)

describe("a simulated run", () => {
  it.live("is the same with the same seed, event by event", () =>
    Effect.gen(function* () {
      for (let seed = 0; seed < 20; seed++) {
        const one = yield* run(seed)
        const other = yield* run(seed)
        assert.deepStrictEqual(other, one)
        assert.isAbove(one.trace.length, 3)
      }
    })
  )

  it.live("differs with another seed", () =>
    Effect.gen(function* () {
      const runs = yield* Effect.forEach([...Array(20).keys()], (seed) => run(seed))
      assert.strictEqual(new Set(runs.map(({ trace }) => JSON.stringify(trace))).size, runs.length)
    })
  )

  it.live("is the same in another clock's time, without chance", () =>
    Effect.gen(function* () {
      const plain = { trace: true }
      const { trace: virtual } = yield* run(0, plain)
      assert.deepStrictEqual(
        virtual.map(({ time }) => time),
        virtual.map(() => 0),
        "an instant network takes no time"
      )
    })
  )

  it.live("takes so little that a thousand seeds are a matter of seconds", () =>
    Effect.gen(function* () {
      const seen = new Set<string>()
      const count = 1000
      yield* Net.Simulated.replayable(
        (seed) =>
          Effect.map(run(seed, { ...rough(seed), trace: false }), ({ outcomes }) => {
            for (const outcome of outcomes) seen.add(outcome)
          }),
        { runs: count }
      )
      // Enough of them to have met what is injected by name.
      assert.includeMembers([...seen], ["echoed", "Refused", "Unreachable", "Reset", "late"])
    })
  )

  it.live("that fails tells its seed, which makes it fail again", () =>
    Effect.gen(function* () {
      const failsOnce = (seed: number) => (seed === 17 ? Effect.fail("the failure" as const) : Effect.void)
      const failure = yield* Effect.flip(Net.Simulated.replayable(failsOnce, { firstSeed: 10 }))
      assert.strictEqual(failure.seed, 17)
      assert.include(failure.message, "the seed 17")
      assert.include(failure.message, "the failure")
      assert.strictEqual(
        (yield* Effect.flip(Net.Simulated.replayable(failsOnce, { seed: failure.seed }))).seed,
        17
      )
      yield* Net.Simulated.replayable(failsOnce, { runs: 10 })
    })
  )

  it.live("that dies tells its seed too, and one that is interrupted is", () =>
    Effect.gen(function* () {
      const dying = Net.Simulated.replayable(() => Effect.die(new Error("a defect")), { runs: 1 })
      assert.include((yield* Effect.flip(dying)).message, "a defect")
      const waiting = yield* Effect.fork(Net.Simulated.replayable(() => Effect.never))
      yield* Effect.yieldNow()
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(waiting)))
    })
  )
})
