// @ts-check
/** Connections that come and go: connect, one echo of 64 B, reset. That is a request here. */

const connections = 16

/** @type {(seconds: number) => import("../lib/suites.mjs").Workload} */
export const churnOf = (seconds) => ({
  workload: "connect, 64 B, reset",
  connections,
  pipelined: 1,
  idleConnections: 0,
  requestedPerSecond: null,
  serverMode: "echo",
  serverLife: "whole suite",
  load: ["churn", "--connections", `${connections}`, "--seconds", `${seconds}`]
})

/** @type {import("../lib/suites.mjs").Suite} */
export const churn = {
  name: "churn",
  title: "Churn: connect, one echo of 64 B, reset, again",
  workloads: ({ seconds }) => [churnOf(seconds)]
}
