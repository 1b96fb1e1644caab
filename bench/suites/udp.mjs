// @ts-check
/** Echoes of small datagrams: one socket that waits for each answer, and several with one or some in flight on each. */

/**
 * @param {number} connections
 * @param {number} pipelined
 * @param {number} seconds
 * @returns {import("../lib/suites.mjs").Workload}
 */
const closedEcho = (connections, pipelined, seconds) => ({
  workload: "64 B",
  connections,
  pipelined,
  idleConnections: 0,
  requestedPerSecond: null,
  serverMode: "udp",
  serverLife: "whole suite",
  load: [
    "udp",
    ...["--connections", `${connections}`],
    ...["--message-bytes", "64"],
    ...["--depth", `${pipelined}`],
    ...["--seconds", `${seconds}`]
  ]
})

/** More at once than one socket's buffer holds would measure how much is lost: the server has one socket. */
const mostAtOnce = 128

/** @type {import("../lib/suites.mjs").Suite} */
export const udp = {
  name: "udp",
  title: "UDP: echo of 64 B, the next request when the answer has come; a connection is a client's socket",
  workloads: ({ seconds }) => [
    closedEcho(1, 1, seconds),
    closedEcho(16, 1, seconds),
    closedEcho(16, mostAtOnce / 16, seconds)
  ]
}
