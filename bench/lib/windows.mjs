// @ts-check
/**
 * Both servers in the same node.exe under Wine, and the load generator natively on the same loopback. Wine's cost covers
 * much of the rest: only the ratio of the two says something, and little about Windows.
 */
import { useWindowsLane } from "../../scripts/lib/windowsLane.mjs"
import { churnOf } from "../suites/churn.mjs"
import { closedEcho } from "../suites/closedEcho.mjs"
import { measureWorkloads } from "./measure.mjs"
import { subject } from "./peers.mjs"
import { takeTurn } from "./turn.mjs"
import { startWineServer } from "./wineServer.mjs"

const connectionCounts = [1, 50, 200]
const peers = [
  { name: subject, script: "effect-iocp.mjs" },
  { name: "node:net", script: "node-net.mjs" }
]

/**
 * @param {import("../../scripts/lib/windowsLane.mjs").RunNode} node
 * @param {import("./arguments.mjs").Measuring} measuring
 */
const measureBoth = async (node, { connections, rounds, seconds }) => {
  const counts = connections ?? connectionCounts
  const workloads = [...counts.map((count) => closedEcho({ connections: count, seconds })), churnOf(seconds)]
  /** @type {Array<import("./server.mjs").Server>} */
  const servers = []
  /** @type {Array<import("./measure.mjs").Contender>} */
  const contenders = []
  try {
    for (const { name, script } of peers) {
      const server = await startWineServer(node, script)
      servers.push(server)
      contenders.push({ name, turn: (workload) => takeTurn(server, workload) })
    }
    return await measureWorkloads("windows", contenders, workloads, rounds)
  } finally {
    for (const server of servers) await server.stop()
  }
}

/** Throws when Wine cannot be had. @param {import("./arguments.mjs").Measuring} measuring */
export const measureUnderWine = (measuring) =>
  useWindowsLane(async (node, lane) => ({ lane, results: await measureBoth(node, measuring) }))
