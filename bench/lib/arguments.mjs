// @ts-check
/** What the command line asks for. Throws, with what is right, at what is wrong. */
import { parseArgs } from "node:util"
import { peers } from "./peers.mjs"
import { suites } from "./suites.mjs"

export const usage = `npm run bench -- [SUITE ...] [options]      every suite if none is named: ${Object.keys(suites).join(", ")}
npm run bench -- --show RESULTS.json ...     shows saved results as tables; measures nothing
npm run bench -- --svg RESULTS.json OUT.svg  draws a plot of them
npm run bench:windows                        effect-iocp and node:net under Wine; ratios only

  --rounds N           turns of every peer, 1 to 100 (5)
  --seconds S          length of a turn, 0.05 to 60 (1)
  --peers A,B          ${peers.map(({ name }) => name).join(", ")} (all)
  --connections 1,50   of the suite echo, and under Wine (their own)
  --bytes N            of a stream of the suite bulk, 65536 to 1e12 (2 GiB)
  --json FILE          saves the results of the one suite named, and shows no table
  --help`

/**
 * @typedef {object} Measuring
 * @property {number} rounds
 * @property {number} seconds
 * @property {ReadonlyArray<import("./peers.mjs").Peer>} peers
 * @property {ReadonlyArray<number> | undefined} connections
 * @property {number} streamBytes
 *
 * @typedef {{ kind: "help" }
 *   | { kind: "show", results: ReadonlyArray<string> }
 *   | { kind: "plot", results: string, svg: string }
 *   | { kind: "windows", measuring: Measuring }
 *   | { kind: "measure", measuring: Measuring, suites: ReadonlyArray<import("./suites.mjs").Suite>, json: string | undefined }
 * } Request
 */

const text = /** @type {const} */ ({ type: "string" })
const flag = /** @type {const} */ ({ type: "boolean" })
const known = {
  rounds: text,
  seconds: text,
  peers: text,
  connections: text,
  bytes: text,
  json: text,
  show: flag,
  svg: flag,
  windows: flag,
  help: flag
}

/**
 * @param {string} name
 * @param {string | undefined} given
 * @param {{ usual: number, least: number, most: number, whole: boolean }} range
 */
const number = (name, given, { usual, least, most, whole }) => {
  const value = given === undefined ? usual : Number(given)
  const isFit = value >= least && value <= most && (!whole || Number.isInteger(value))
  if (!isFit)
    throw new Error(`--${name} is a ${whole ? "whole " : ""}number, ${least} to ${most}\n\n${usage}`)
  return value
}

/** @param {string} list */
const split = (list) => list.split(",").map((part) => part.trim())

/** @template A @param {ReadonlyArray<A>} list */
const distinct = (list) => [...new Set(list)]

/** @param {string | undefined} given */
const readPeers = (given) => {
  if (given === undefined) return peers
  return distinct(split(given)).map((name) => {
    const peer = peers.find((one) => one.name === name)
    if (peer === undefined) throw new Error(`No peer is called "${name}"\n\n${usage}`)
    return peer
  })
}

/** @param {string | undefined} given */
const readConnections = (given) => {
  if (given === undefined) return undefined
  const range = { usual: 1, least: 1, most: 10_000, whole: true }
  return distinct(split(given).map((part) => number("connections", part === "" ? "none" : part, range)))
}

/** @param {ReadonlyArray<string>} names */
const readSuites = (names) => {
  if (names.length === 0) return Object.values(suites)
  return distinct(names).map((name) => {
    const suite = Object.values(suites).find((one) => one.name === name)
    if (suite === undefined) throw new Error(`No suite is called "${name}"\n\n${usage}`)
    return suite
  })
}

/** @param {ReadonlyArray<string>} args */
const parse = (args) => {
  try {
    return parseArgs({ args: [...args], options: known, allowPositionals: true })
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n\n${usage}`)
  }
}

/** @param {ReadonlyArray<string>} args @returns {Request} */
export const readArguments = (args) => {
  const { values, positionals } = parse(args)
  if (values.help) return { kind: "help" }
  if (values.show) {
    if (positionals.length === 0) throw new Error(`--show takes files of results\n\n${usage}`)
    return { kind: "show", results: positionals }
  }
  if (values.svg) {
    const [results, svg] = positionals
    if (results === undefined || svg === undefined || positionals.length > 2)
      throw new Error(`--svg takes a file of results, and the file to draw\n\n${usage}`)
    return { kind: "plot", results, svg }
  }
  const measuring = {
    rounds: number("rounds", values.rounds, { usual: 5, least: 1, most: 100, whole: true }),
    seconds: number("seconds", values.seconds, { usual: 1, least: 0.05, most: 60, whole: false }),
    peers: readPeers(values.peers),
    connections: readConnections(values.connections),
    streamBytes: number("bytes", values.bytes, { usual: 2 ** 31, least: 65_536, most: 1e12, whole: true })
  }
  if (values.windows) {
    if (positionals.length > 0 || values.json !== undefined || values.peers !== undefined)
      throw new Error(`Under Wine one suite of two peers is measured, and nothing is saved\n\n${usage}`)
    return { kind: "windows", measuring }
  }
  if (values.json !== undefined && positionals.length !== 1)
    throw new Error(`--json saves the results of one suite: name it\n\n${usage}`)
  return { kind: "measure", measuring, suites: readSuites(positionals), json: values.json }
}
