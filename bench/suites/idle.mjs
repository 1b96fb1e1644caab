// @ts-check
/** What connections cost on which nothing happens: memory, and the CPU time of those beside them. */
import { closedEcho } from "./closedEcho.mjs"

const heldConnections = 5000
const busyConnections = 50
const idleBeside = [0, 1000, 8000]

/** In a fresh server: memory that a runtime once took it seldom gives back. @type {import("../lib/suites.mjs").Workload} */
const memory = {
  workload: "memory",
  connections: 0,
  pipelined: 0,
  idleConnections: heldConnections,
  requestedPerSecond: null,
  serverMode: "echo",
  serverLife: "one turn",
  load: ["hold", "--idle", `${heldConnections}`]
}

/** @type {import("../lib/suites.mjs").Suite} */
export const idle = {
  name: "idle",
  title: "Idle connections: the memory of each, and echoes of 64 B beside them",
  workloads: ({ seconds }) => [
    memory,
    ...idleBeside.map((idleConnections) =>
      closedEcho({ connections: busyConnections, idleConnections, seconds })
    )
  ]
}
