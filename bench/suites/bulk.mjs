// @ts-check
/** Much data: large echoes, and a stream in either direction over one connection. */
import { closedEcho } from "./closedEcho.mjs"

const pieceBytes = 64 * 1024

/**
 * @param {"receive" | "send"} serverMode
 * @param {number} totalBytes
 * @returns {import("../lib/suites.mjs").Workload}
 */
const stream = (serverMode, totalBytes) => ({
  workload: serverMode === "receive" ? "stream received" : "stream sent",
  connections: 1,
  pipelined: 1,
  idleConnections: 0,
  requestedPerSecond: null,
  serverMode,
  serverLife: "whole suite",
  load: [serverMode, "--message-bytes", `${pieceBytes}`, "--total-bytes", `${totalBytes}`]
})

/** @type {import("../lib/suites.mjs").Suite} */
export const bulk = {
  name: "bulk",
  title: "Bulk: echoes of 64 KiB, and streams, of which 64 KiB count as a request",
  workloads: ({ seconds, streamBytes }) => [
    closedEcho({ connections: 16, bytes: pieceBytes, seconds }),
    stream("receive", streamBytes),
    stream("send", streamBytes)
  ]
}
