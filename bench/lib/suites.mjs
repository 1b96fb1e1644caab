// @ts-check
/** Every suite by its name, and what a suite is. */
import { bulk } from "../suites/bulk.mjs"
import { churn } from "../suites/churn.mjs"
import { echo } from "../suites/echo.mjs"
import { http } from "../suites/http.mjs"
import { idle } from "../suites/idle.mjs"
import { latency } from "../suites/latency.mjs"
import { rpc } from "../suites/rpc.mjs"
import { sendfile } from "../suites/sendfile.mjs"
import { socketServer } from "../suites/socketServer.mjs"
import { udp } from "../suites/udp.mjs"

/**
 * @typedef {object} Workload
 * @property {string} workload What a request is: "64 B", "stream received", ...
 * @property {number} connections Busy ones
 * @property {number} pipelined Requests in flight on a connection
 * @property {number} idleConnections Open and silent beside the busy ones
 * @property {number | null} requestedPerSecond Of an open load
 * @property {"echo" | "receive" | "send" | "socket-server" | "rpc" | "http" | "udp" | "send-file"} serverMode
 * @property {"whole suite" | "one turn"} serverLife
 * @property {ReadonlyArray<string>} load The load generator's mode and arguments
 * @property {ReadonlyArray<string>} [loadProgram] Another load generator: its program and first arguments
 *
 * @typedef {object} Bench What a suite may ask for ahead of its own measuring
 * @property {(peerName: string, workload: Workload) => Promise<number>} requestsPerSecond
 *
 * @typedef {object} Suite
 * @property {string} name
 * @property {string} title
 * @property {(measuring: import("./arguments.mjs").Measuring, bench: Bench) => Promise<ReadonlyArray<Workload>> | ReadonlyArray<Workload>} workloads
 */

/** @type {Record<string, Suite>} */
export const suites = {
  echo,
  bulk,
  churn,
  idle,
  latency,
  "socket-server": socketServer,
  rpc,
  http,
  udp,
  sendfile
}
