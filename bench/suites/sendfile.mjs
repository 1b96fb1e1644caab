// @ts-check
/**
 * A file over one connection: sent by the system, or read and written. The receiver discards most of it: one that copies the
 * bytes is slower than who sends them here, and would hide the difference.
 */

const pieceBytes = 64 * 1024

/** @type {import("../lib/suites.mjs").Suite} */
export const sendfile = {
  name: "sendfile",
  title: "A file, sent over one connection; 64 KiB count as a request",
  workloads: ({ streamBytes }) => [
    {
      workload: "file sent",
      connections: 1,
      pipelined: 1,
      idleConnections: 0,
      requestedPerSecond: null,
      serverMode: "send-file",
      serverLife: "whole suite",
      load: ["drain", "--message-bytes", `${pieceBytes}`, "--total-bytes", `${streamBytes}`]
    }
  ]
}
