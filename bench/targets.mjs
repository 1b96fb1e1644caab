// @ts-check
/** What this library is to reach. A target that is missed is told, and no failure. */

/**
 * @typedef {object} Target
 * @property {string} suite
 * @property {string} title
 * @property {import("./lib/results.mjs").Figure} figure
 * @property {Partial<import("./lib/results.mjs").Described>} of The workload
 * @property {string} [against] The peer; this library itself if absent
 * @property {Partial<import("./lib/results.mjs").Described>} [base] The workload it is compared with; the same if absent
 * @property {number} [atLeast] The ratio, this library to the other
 * @property {number} [atMost]
 */

/** @type {(connections: number) => Target["of"]} */
const echo = (connections) => ({ connections, pipelined: 1 })

/** @type {ReadonlyArray<Target>} */
export const targets = [
  {
    suite: "echo",
    title: "requests/s, 1 connection",
    figure: "requestsPerSecond",
    of: echo(1),
    against: "node:net",
    atLeast: 1
  },
  {
    suite: "echo",
    title: "requests/s, 50 connections",
    figure: "requestsPerSecond",
    of: echo(50),
    against: "node:net",
    atLeast: 1.3
  },
  {
    suite: "echo",
    title: "requests/s, 500 connections",
    figure: "requestsPerSecond",
    of: echo(500),
    against: "node:net",
    atLeast: 1.3
  },
  {
    suite: "echo",
    title: "requests/s, 50 connections",
    figure: "requestsPerSecond",
    of: echo(50),
    against: "NodeSocketServer",
    atLeast: 4
  },
  {
    suite: "echo",
    title: "requests/s, 500 connections",
    figure: "requestsPerSecond",
    of: echo(500),
    against: "NodeSocketServer",
    atLeast: 4
  },
  {
    suite: "echo",
    title: "CPU/request, 50 connections",
    figure: "cpuMicrosPerRequest",
    of: echo(50),
    against: "c-epoll",
    atMost: 1.35
  },
  {
    suite: "echo",
    title: "CPU/request, 500 connections",
    figure: "cpuMicrosPerRequest",
    of: echo(500),
    against: "c-epoll",
    atMost: 1.6
  },
  {
    suite: "bulk",
    title: "requests/s, echo of 64 KiB",
    figure: "requestsPerSecond",
    of: { workload: "64 KiB" },
    against: "node:net",
    atLeast: 1.5
  },
  {
    suite: "bulk",
    title: "stream received",
    figure: "requestsPerSecond",
    of: { workload: "stream received" },
    against: "node:net",
    atLeast: 1.2
  },
  {
    suite: "bulk",
    title: "stream sent",
    figure: "requestsPerSecond",
    of: { workload: "stream sent" },
    against: "node:net",
    atLeast: 1.2
  },
  {
    suite: "churn",
    title: "connections/s",
    figure: "requestsPerSecond",
    of: {},
    against: "node:net",
    atLeast: 1.2
  },
  {
    suite: "churn",
    title: "connections/s",
    figure: "requestsPerSecond",
    of: {},
    against: "NodeSocketServer",
    atLeast: 6
  },
  {
    suite: "idle",
    title: "memory of an idle connection",
    figure: "bytesPerConnection",
    of: { workload: "memory" },
    against: "node:net",
    atMost: 1
  },
  {
    suite: "idle",
    title: "CPU/request beside 8000 idle connections",
    figure: "cpuMicrosPerRequest",
    of: { workload: "64 B", idleConnections: 8000 },
    base: { workload: "64 B", idleConnections: 0 },
    atMost: 1.1
  },
  {
    suite: "latency",
    title: "p99 at half of node:net's rate",
    figure: "p99Micros",
    of: {},
    against: "node:net",
    atMost: 1
  },
  ...[50, 500].map((connections) => ({
    suite: "socket-server",
    title: `requests/s, ${connections} connections`,
    figure: /** @type {const} */ ("requestsPerSecond"),
    of: echo(connections),
    against: "NodeSocketServer",
    atLeast: 2
  })),
  {
    suite: "rpc",
    title: "calls/s, 16 in flight on each of 16 connections",
    figure: "requestsPerSecond",
    of: { connections: 16, pipelined: 16 },
    against: "NodeSocketServer",
    atLeast: 1.5
  },
  {
    suite: "rpc",
    title: "calls/s, 1 in flight on each of 16 connections",
    figure: "requestsPerSecond",
    of: { connections: 16, pipelined: 1 },
    against: "NodeSocketServer",
    atLeast: 1.5
  },
  ...[1, 50, 500].map((connections) => ({
    suite: "http",
    title: `requests/s, ${connections} connection${connections === 1 ? "" : "s"}`,
    figure: /** @type {const} */ ("requestsPerSecond"),
    of: echo(connections),
    against: "NodeHttpServer",
    atLeast: 0.9
  })),
  ...[
    { connections: 1, pipelined: 1 },
    { connections: 16, pipelined: 1 },
    { connections: 16, pipelined: 8 }
  ].map((of) => ({
    suite: "udp",
    title: `requests/s, ${of.connections} socket${of.connections === 1 ? "" : "s"}, ${of.pipelined} in flight on each`,
    figure: /** @type {const} */ ("requestsPerSecond"),
    of,
    against: "node:dgram",
    atLeast: 1.5
  })),
  ...["read and write", "readInto and write"].map((against) => ({
    suite: "sendfile",
    title: "file sent",
    figure: /** @type {const} */ ("requestsPerSecond"),
    of: {},
    against,
    atLeast: 2
  })),
  {
    suite: "windows",
    title: "echo, 1 connection",
    figure: "requestsPerSecond",
    of: { ...echo(1), workload: "64 B" },
    against: "node:net",
    atLeast: 1.2
  },
  {
    suite: "windows",
    title: "echo, 50 connections",
    figure: "requestsPerSecond",
    of: { ...echo(50), workload: "64 B" },
    against: "node:net",
    atLeast: 1.2
  },
  {
    suite: "windows",
    title: "echo, 200 connections",
    figure: "requestsPerSecond",
    of: { ...echo(200), workload: "64 B" },
    against: "node:net",
    atLeast: 1.2
  }
]
