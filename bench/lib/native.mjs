// @ts-check
/** Measures a suite on this machine: its peers' servers are started here, kept, and ended. */
import { measureWorkload, measureWorkloads } from "./measure.mjs"
import { argsFor, missing, peerNamed } from "./peers.mjs"
import { startServer } from "./server.mjs"
import { takeTurn } from "./turn.mjs"

/**
 * @typedef {import("./arguments.mjs").Measuring} Measuring
 * @typedef {import("./measure.mjs").Contender} Contender
 * @typedef {import("./peers.mjs").Peer} Peer
 * @typedef {import("./server.mjs").Server} Server
 * @typedef {import("./suites.mjs").Workload} Workload
 */

/**
 * The servers of a suite, one for every peer and mode, started when they are first needed.
 * @param {number} streamBytes
 */
const serverPool = (streamBytes) => {
  /** @type {Map<string, Server>} */
  const running = new Map()
  return {
    /** @param {Peer} peer @param {Workload["serverMode"]} mode */
    get: async (peer, mode) => {
      const key = `${peer.name} ${mode}`
      const server = running.get(key) ?? (await startServer(peer, mode, streamBytes))
      running.set(key, server)
      return server
    },
    stopAll: async () => {
      for (const server of running.values()) await server.stop()
    }
  }
}

/** @typedef {ReturnType<typeof serverPool>} ServerPool */

/** @param {Peer} peer @param {Workload} workload @param {number} streamBytes */
const turnOfFreshServer = async (peer, workload, streamBytes) => {
  const server = await startServer(peer, workload.serverMode, streamBytes)
  try {
    return await takeTurn(server, workload)
  } finally {
    await server.stop()
  }
}

/** @param {Peer} peer @param {ServerPool} pool @param {number} streamBytes @returns {Contender} */
const contender = (peer, pool, streamBytes) => ({
  name: peer.name,
  turn: async (workload) =>
    workload.serverLife === "one turn"
      ? turnOfFreshServer(peer, workload, streamBytes)
      : takeTurn(await pool.get(peer, workload.serverMode), workload)
})

/**
 * Starts the servers that the workloads need. A peer whose server does not start is left out, and it is said why.
 * @param {ReadonlyArray<Peer>} peers
 * @param {ReadonlyArray<Workload>} workloads
 * @param {ServerPool} pool
 */
const startAll = async (peers, workloads, pool) => {
  const modes = new Set(workloads.map(({ serverMode }) => serverMode))
  /** @type {Array<Peer>} */
  const present = []
  for (const peer of peers) {
    try {
      const reason = missing(peer)
      if (reason !== undefined) throw new Error(reason)
      for (const mode of modes) await pool.get(peer, mode)
      present.push(peer)
    } catch (error) {
      console.error(`${peer.name} is left out: ${error instanceof Error ? error.message : error}`)
    }
  }
  if (present.length === 0) throw new Error("No peer can be measured here")
  return present
}

/**
 * @param {ServerPool} pool
 * @param {Measuring} measuring
 * @returns {import("./suites.mjs").Bench}
 */
const benchOf = (pool, { rounds, streamBytes }) => ({
  requestsPerSecond: async (name, workload) => {
    const only = contender(peerNamed(name), pool, streamBytes)
    const [result] = await measureWorkload([only], workload, rounds)
    if (result === undefined || result.requestsPerSecond === null) throw new Error(`${name} reached no rate`)
    return result.requestsPerSecond
  }
})

/**
 * @param {import("./suites.mjs").Suite} suite
 * @param {Measuring} measuring
 */
export const measureSuite = async (suite, measuring) => {
  const { rounds, streamBytes } = measuring
  const pool = serverPool(streamBytes)
  try {
    const workloads = await suite.workloads(measuring, benchOf(pool, measuring))
    const able = measuring.peers.filter((peer) =>
      workloads.every(({ serverMode }) => argsFor(peer, serverMode) !== undefined)
    )
    const peers = await startAll(able, workloads, pool)
    const contenders = peers.map((peer) => contender(peer, pool, streamBytes))
    return await measureWorkloads(suite.name, contenders, workloads, rounds)
  } finally {
    await pool.stopAll()
  }
}
