/**
 * The packet layer, on which streams stand, and datagrams can.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Link } from "../../src/Proactor/Simulated/Link.js"
import type { LinkOptions } from "../../src/Proactor/Simulated/Options.js"
import { makeSimulation } from "../../src/Proactor/Simulated/Simulation.js"

const PACKETS = 2000

const link = (options: LinkOptions) =>
  Effect.map(
    Effect.clock,
    (clock) => new Link(makeSimulation(clock, 1, { isTraced: false, shuffles: false }), options)
  )

/** When each of many packets arrives that are sent once, at 0: never, once, or twice. */
const deliveries = (options: LinkOptions) =>
  Effect.map(link(options), (made) => Array.from({ length: PACKETS }, () => made.delivery(100)))

describe("a link", () => {
  it.effect("delivers every packet once, after its latency, if it is told nothing else", () =>
    Effect.gen(function* () {
      for (const times of yield* deliveries({ latency: 5 })) assert.deepStrictEqual(times, [5])
    })
  )

  it.effect("loses and doubles packets as often as it is told", () =>
    Effect.gen(function* () {
      const lossy = (yield* deliveries({ loss: 0.25 })).filter(({ length }) => length === 0).length
      assert.approximately(lossy / PACKETS, 0.25, 0.05)
      const doubled = (yield* deliveries({ duplication: 0.25 })).filter(({ length }) => length === 2).length
      assert.approximately(doubled / PACKETS, 0.25, 0.05)
    })
  )

  it.effect("lets packets overtake others", () =>
    Effect.gen(function* () {
      const times = (yield* deliveries({ latency: 5, reordering: 0.1 })).flat()
      const overtaken = times.filter((time, at) => time > (times[at + 1] ?? time)).length
      assert.approximately(overtaken / PACKETS, 0.1, 0.05)
    })
  )

  it.effect("sends one packet after the other, as fast as its bandwidth allows", () =>
    Effect.gen(function* () {
      const times = (yield* deliveries({ bandwidth: 100_000 })).flat()
      assert.approximately(times.at(-1) ?? 0, PACKETS, 0.001)
    })
  )

  it.effect("that is cut delivers nothing, and tells when it is repaired", () =>
    Effect.gen(function* () {
      const made = yield* link({})
      let repairs = 0
      made.cut()
      made.whenRepaired(() => {
        repairs += 1
      })
      assert.deepStrictEqual(made.delivery(1), [])
      made.repair()
      made.repair()
      assert.strictEqual(repairs, 1)
      assert.deepStrictEqual(made.delivery(1), [0])
    })
  )

  it.effect("sends what is lost again, for those who ask for that: it costs time only", () =>
    Effect.gen(function* () {
      const made = yield* link({ loss: 0.5 })
      const times = Array.from({ length: PACKETS }, () => made.arrival(1))
      assert.isAbove(times.filter((time) => time === 0).length, PACKETS / 3)
      assert.isAbove(times.filter((time) => time >= 200).length, PACKETS / 3)
    })
  )
})
