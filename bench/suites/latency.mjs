// @ts-check
/** Latency under an open load: the same rate for every peer, half of what node:net reaches in a closed loop just now. */
import { closedEcho } from "./closedEcho.mjs"

const connections = 50
const reference = "node:net"
const share = 0.5

/** @type {(rate: number, seconds: number) => import("../lib/suites.mjs").Workload} */
const openEcho = (rate, seconds) => ({
  workload: "64 B at a fixed rate",
  connections,
  pipelined: 1,
  idleConnections: 0,
  requestedPerSecond: rate,
  serverMode: "echo",
  serverLife: "whole suite",
  load: [
    "open",
    ...["--connections", `${connections}`],
    ...["--rate", `${rate}`],
    ...["--seconds", `${seconds}`]
  ]
})

/** @type {import("../lib/suites.mjs").Suite} */
export const latency = {
  name: "latency",
  title: "Latency of echoes of 64 B, counted from when a request was due",
  workloads: async ({ seconds }, { requestsPerSecond }) => {
    const most = await requestsPerSecond(reference, closedEcho({ connections, seconds }))
    return [openEcho(Math.max(Math.floor(most * share), 1), seconds)]
  }
}
