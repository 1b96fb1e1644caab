// @ts-check
/** One turn: the load generator against one server, and what it found. */
import { closeSync, fstatSync, openSync, readSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { run } from "../../scripts/lib/command.mjs"
import { root } from "../../scripts/lib/paths.mjs"
import { built } from "./programs.mjs"

/** Longer than any turn that goes well. */
const boundSeconds = 180
/** A server that answers less of an open load cannot carry it; its latencies would only tell how long the turn was. */
const carriedShare = 0.98

/**
 * Where a figure has no meaning for a workload, it is null.
 * @typedef {object} Figures
 * @property {number | null} requestsPerSecond
 * @property {number | null} cpuMicrosPerRequest
 * @property {number | null} p50Micros
 * @property {number | null} p99Micros
 * @property {number | null} p999Micros
 * @property {number | null} rssBytes
 * @property {number | null} bytesPerConnection Growth of the server's memory by an idle connection
 *
 * @typedef {Figures & { overloaded: boolean }} Turn
 *
 * @typedef {object} Found What the load generator prints
 * @property {number} requests
 * @property {number} seconds
 * @property {number | null} cpuMicros
 * @property {number | null} rssBytes
 * @property {number | null} rssBeforeBytes
 * @property {number | null} unanswered
 * @property {number | null} p50Micros
 * @property {number | null} p99Micros
 * @property {number | null} p999Micros
 */

/**
 * @param {import("./suites.mjs").Workload} workload
 * @param {Found} found
 * @returns {Turn}
 */
const turnOf = ({ idleConnections, requestedPerSecond }, found) => {
  const { cpuMicros, requests, rssBeforeBytes, rssBytes, seconds, unanswered } = found
  const requestsPerSecond = seconds > 0 ? requests / seconds : null
  const carried = requestedPerSecond === null || (requestsPerSecond ?? 0) >= requestedPerSecond * carriedShare
  const overloaded = !carried || (unanswered ?? 0) > 0
  const growthBytes = rssBytes === null || rssBeforeBytes === null ? null : rssBytes - rssBeforeBytes
  return {
    requestsPerSecond,
    cpuMicrosPerRequest: cpuMicros === null || requests === 0 ? null : cpuMicros / requests,
    p50Micros: overloaded ? null : found.p50Micros,
    p99Micros: overloaded ? null : found.p99Micros,
    p999Micros: overloaded ? null : found.p999Micros,
    rssBytes,
    bytesPerConnection: growthBytes === null ? null : growthBytes / idleConnections,
    overloaded
  }
}

/** A file without a name: it is gone with this process, however that ends. @param {string} ending */
const openScratch = (ending) => {
  const path = join(dirname(built.load), `load-${process.pid}.${ending}`)
  const file = openSync(path, "w+")
  rmSync(path)
  return file
}

/** From its beginning, wherever the program that wrote it stands. @param {number} file */
const contentOf = (file) => {
  const bytes = Buffer.alloc(fstatSync(file).size)
  readSync(file, bytes, 0, bytes.length, 0)
  return bytes.toString().trim()
}

/** What the load generator prints. @param {string} program @param {ReadonlyArray<string>} args */
const runLoad = async (program, args) => {
  const out = openScratch("out")
  const err = openScratch("err")
  try {
    const { code, ending } = await run(program, args, {
      cwd: root,
      stdio: ["ignore", out, err],
      boundSeconds
    })
    if (code === 0) return contentOf(out)
    throw new Error(`the load generator failed (${ending}): ${contentOf(err)}`)
  } finally {
    closeSync(out)
    closeSync(err)
  }
}

/**
 * @param {import("./server.mjs").Server} server
 * @param {import("./suites.mjs").Workload} workload
 * @returns {Promise<Turn>}
 */
export const takeTurn = async (server, workload) => {
  const of = server.pid === undefined ? [] : ["--server-pid", `${server.pid}`]
  try {
    const [program = built.load, ...first] = workload.loadProgram ?? []
    const args = [...first, ...workload.load, "--port", `${server.port}`, ...of]
    return turnOf(workload, JSON.parse(await runLoad(program, args)))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const complaint = server.complaint()
    throw new Error(complaint === "" ? reason : `${reason}\nThe server said: ${complaint}`)
  }
}
