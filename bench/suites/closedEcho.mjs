// @ts-check
/** The workload that most suites are variants of: a closed loop of echoes. */

/**
 * @param {{ connections: number, seconds: number, bytes?: number, pipelined?: number, idleConnections?: number }} what
 * @returns {import("../lib/suites.mjs").Workload}
 */
export const closedEcho = ({ connections, seconds, bytes = 64, pipelined = 1, idleConnections = 0 }) => ({
  workload: bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`,
  connections,
  pipelined,
  idleConnections,
  requestedPerSecond: null,
  serverMode: "echo",
  serverLife: "whole suite",
  load: [
    "echo",
    ...["--connections", `${connections}`],
    ...["--message-bytes", `${bytes}`],
    ...["--depth", `${pipelined}`],
    ...["--idle", `${idleConnections}`],
    ...["--seconds", `${seconds}`]
  ]
})
