/**
 * Random programs on the simulated network, faultless and not, and on the real one.
 *
 * `MODEL_RUNS` and `MODEL_SEED` set how many programs run, and from which seed of fast-check; a failure prints the
 * seed, the program and the options of its network.
 */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as fc from "fast-check"
import * as Net from "../../src/Net/index.js"
import { type Program, programs, runProgram } from "./model.js"

const count = (name: string, fallback: number) => Number(process.env[name] ?? fallback)

const parameters = (numRuns: number): fc.Parameters<unknown> => {
  const seed = process.env["MODEL_SEED"]
  return seed === undefined ? { numRuns } : { numRuns, seed: Number(seed) }
}

const chance = (max: number) => fc.option(fc.double({ min: 0, max, noNaN: true }), { nil: 0, freq: 1 })
const bufferBytes = fc.constantFrom(10, 100, 65_536)

/** Networks without faults: all that can happen is that things come late, in pieces, and in another order. */
const healthy: fc.Arbitrary<Net.SimulationOptions> = fc.record({
  seed: fc.nat(),
  latency: fc.constantFrom(0, 0, 1, { min: 0, max: 3 }),
  shuffle: fc.boolean(),
  partialReads: chance(1),
  partialWrites: chance(1),
  sendBufferBytes: bufferBytes,
  receiveBufferBytes: bufferBytes,
  cancel: fc.record({ losesRace: chance(1), delay: fc.constantFrom(0, { min: 0, max: 2 }) })
})

const rates = fc.record({ any: chance(0.1), Reset: chance(0.1) })

/** Networks that break whatever can be broken. */
const broken: fc.Arbitrary<Net.SimulationOptions> = fc
  .record({
    healthy,
    faults: fc.record({ connect: rates, accept: rates, receive: rates, send: rates, socket: rates }),
    reset: fc.record({ probability: chance(0.5) }),
    silence: fc.record({ probability: chance(0.3), afterBytes: fc.nat(2000) }),
    loss: chance(0.3)
  })
  .map(({ healthy, ...faults }) => ({ ...healthy, ...faults, retransmitLimit: "10 seconds" }))

/** For runs of many programs on slow machines; ten thousand take less than a minute. */
const LONGEST = 600_000

const silently = Logger.remove(Logger.defaultLogger)

/** In virtual time, so a program that hangs is one that takes longer than an hour. */
const simulated = (program: Program, options: Net.SimulationOptions) =>
  runProgram(program).pipe(
    Effect.timeout("1 hour"),
    Effect.provide(Layer.merge(Net.layerSimulated(options), silently)),
    Net.virtualTime,
    Effect.runPromise
  )

describe("random programs", () => {
  it(
    "on simulated networks",
    async () => {
      await fc.assert(fc.asyncProperty(programs, healthy, simulated), parameters(count("MODEL_RUNS", 1000)))
    },
    LONGEST
  )

  it(
    "on simulated networks that break",
    async () => {
      await fc.assert(fc.asyncProperty(programs, broken, simulated), parameters(count("MODEL_RUNS", 1000)))
    },
    LONGEST
  )

  const isReal = process.platform === "linux" || process.platform === "win32"
  it.runIf(isReal)(
    "on the network of this platform",
    async () => {
      const real = (program: Program) =>
        runProgram(program).pipe(Effect.provide(Layer.merge(Net.layer, silently)), Effect.runPromise)
      await fc.assert(fc.asyncProperty(programs, real), parameters(count("MODEL_REAL_RUNS", 200)))
    },
    LONGEST
  )
})
