// @ts-check
/**
 * Measures workloads. The contenders take turns on the same machine in the same minutes: each workload begins with turns
 * that do not count, and then every contender has one turn in every round, each round beginning with another one.
 */
import { startProgress } from "./progress.mjs"
import { describe, resultOf } from "./results.mjs"

/**
 * @typedef {import("./results.mjs").Result} Result
 * @typedef {import("./suites.mjs").Workload} Workload
 * @typedef {import("./turn.mjs").Turn} Turn
 *
 * @typedef {object} Contender A peer that is there, and how to have it take a turn
 * @property {string} name
 * @property {(workload: Workload) => Promise<Turn>} turn
 */

const warmUpTurns = 2

/** A server that lives for one turn cannot be warmed up by others. @param {Workload} workload */
const warmUpsOf = ({ serverLife }) => (serverLife === "one turn" ? 0 : warmUpTurns)

/** @template A @param {ReadonlyArray<A>} list @param {number} by */
const rotated = (list, by) => {
  const first = by % list.length
  return [...list.slice(first), ...list.slice(0, first)]
}

/** @param {Contender} contender @param {Workload} workload */
const turnOf = async ({ name, turn }, workload) => {
  try {
    return await turn(workload)
  } catch (error) {
    throw new Error(`${name}, ${describe(workload)}: ${error instanceof Error ? error.message : error}`)
  }
}

/**
 * @param {ReadonlyArray<Contender>} contenders
 * @param {Workload} workload
 * @param {number} rounds
 * @param {(name: string) => void} onTurn
 * @returns {Promise<ReadonlyArray<Result>>}
 */
export const measureWorkload = async (contenders, workload, rounds, onTurn = () => {}) => {
  /** @type {Map<string, Array<Turn>>} */
  const turns = new Map(contenders.map(({ name }) => [name, []]))
  const warmUps = warmUpsOf(workload)
  for (let round = 0; round < warmUps + rounds; round++) {
    for (const contender of rotated(contenders, round)) {
      const turn = await turnOf(contender, workload)
      if (round >= warmUps) turns.get(contender.name)?.push(turn)
      onTurn(contender.name)
    }
  }
  return contenders.map(({ name }) => resultOf(name, workload, turns.get(name) ?? []))
}

/**
 * @param {string} title
 * @param {ReadonlyArray<Contender>} contenders
 * @param {ReadonlyArray<Workload>} workloads
 * @param {number} rounds
 * @returns {Promise<ReadonlyArray<Result>>}
 */
export const measureWorkloads = async (title, contenders, workloads, rounds) => {
  const turns = workloads.reduce((sum, workload) => sum + warmUpsOf(workload) + rounds, 0)
  const progress = startProgress(title, turns * contenders.length)
  /** @type {Array<Result>} */
  const results = []
  try {
    for (const workload of workloads) {
      const doing = describe(workload)
      progress.begin(doing)
      const onTurn = (/** @type {string} */ name) => progress.step(`${doing}: ${name}`)
      results.push(...(await measureWorkload(contenders, workload, rounds, onTurn)))
    }
  } finally {
    progress.end()
  }
  return results
}
