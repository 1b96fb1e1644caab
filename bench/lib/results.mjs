// @ts-check
/** What a suite found, as it is saved: medians, and every turn, so that spreads and ratios can be derived from it. */
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { cpus, release } from "node:os"
import { dirname } from "node:path"
import { median, ratio } from "./statistics.mjs"

/**
 * @typedef {Pick<import("./suites.mjs").Workload, "workload" | "connections" | "pipelined" | "idleConnections" | "requestedPerSecond">} Described
 *
 * @typedef {object} Measured
 * @property {string} name The peer's
 * @property {boolean} overloaded In any turn: it did not carry the rate it was offered
 * @property {ReadonlyArray<import("./turn.mjs").Turn>} turns One of every round
 *
 * @typedef {Measured & Described & import("./turn.mjs").Figures} Result
 *
 * @typedef {object} Results
 * @property {string} suite
 * @property {string} host
 * @property {number} rounds
 * @property {ReadonlyArray<Result>} results
 */

/** @typedef {keyof import("./turn.mjs").Figures} Figure */

/** The machine's class, and no name. */
export const host = () => {
  const processors = cpus()
  const model = processors[0]?.model.trim().replaceAll(/\s+/g, " ") || "unknown CPU"
  return `${model}, ${processors.length} cores, ${process.platform} ${release()}, Node ${process.versions.node}`
}

/**
 * @param {string} name
 * @param {import("./suites.mjs").Workload} workload
 * @param {ReadonlyArray<import("./turn.mjs").Turn>} turns
 * @returns {Result}
 */
export const resultOf = (name, workload, turns) => {
  /** @param {Figure} figure */
  const middle = (figure) => median(turns.map((turn) => turn[figure]))
  return {
    name,
    workload: workload.workload,
    connections: workload.connections,
    pipelined: workload.pipelined,
    idleConnections: workload.idleConnections,
    requestedPerSecond: workload.requestedPerSecond,
    requestsPerSecond: middle("requestsPerSecond"),
    cpuMicrosPerRequest: middle("cpuMicrosPerRequest"),
    p50Micros: middle("p50Micros"),
    p99Micros: middle("p99Micros"),
    p999Micros: middle("p999Micros"),
    rssBytes: middle("rssBytes"),
    bytesPerConnection: middle("bytesPerConnection"),
    overloaded: turns.some((turn) => turn.overloaded),
    turns
  }
}

/** @param {Result} ours @param {Result} theirs @param {Figure} figure */
export const ratioOf = (ours, theirs, figure) =>
  ratio(
    ours.turns.map((turn) => turn[figure]),
    theirs.turns.map((turn) => turn[figure])
  )

/** @param {number} count @param {string} noun */
export const countOf = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`

/** @param {Described} what */
export const describe = ({ connections, idleConnections, pipelined, requestedPerSecond, workload }) => {
  const parts = [workload]
  if (connections > 0) parts.push(countOf(connections, "connection"))
  if (pipelined > 1) parts.push(`${pipelined} requests in flight on each`)
  if (connections === 0) parts.push(`${idleConnections} idle connections`)
  else if (idleConnections > 0) parts.push(`${idleConnections} idle ones beside them`)
  if (requestedPerSecond !== null) parts.push(`${requestedPerSecond.toLocaleString("en")} requests/s`)
  return parts.join(", ")
}

/** The results of the same workload together. @param {ReadonlyArray<Result>} results */
export const byWorkload = (results) => {
  /** @type {Map<string, Array<Result>>} */
  const groups = new Map()
  for (const result of results) {
    const key = describe(result)
    groups.set(key, [...(groups.get(key) ?? []), result])
  }
  return groups
}

/** Fails now, and not after minutes of measuring, where nothing can be saved. @param {string} path */
export const checkWritable = (path) => {
  mkdirSync(dirname(path), { recursive: true })
  accessSync(dirname(path), constants.W_OK)
}

/** @param {string} path @param {Results} results */
export const saveResults = (path, results) => writeFileSync(path, `${JSON.stringify(results, null, 2)}\n`)

/** @param {string} text */
const parse = (text) => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Throws when the file is none of results. @param {string} path @returns {Results} */
export const loadResults = (path) => {
  const results = parse(readFileSync(path, "utf8"))
  if (typeof results?.suite !== "string" || !Array.isArray(results.results) || results.results.length === 0)
    throw new Error(`${path} holds no results of this benchmark`)
  return results
}
