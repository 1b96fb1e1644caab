// @ts-check
/** Small requests by HTTP to the HttpServer of @effect/platform. The load is wrk: without it, nothing is measured. */
import { spawnSync } from "node:child_process"
import { inRoot } from "../../scripts/lib/paths.mjs"

const hasWrk = () => spawnSync("wrk", ["--version"], { stdio: "ignore" }).error === undefined

/** @type {import("../lib/suites.mjs").Suite} */
export const http = {
  name: "http",
  title: "GET of 14 B through the HttpServer of @effect/platform",
  workloads: ({ connections, seconds }) => {
    if (!hasWrk()) {
      console.error("http is left out: it needs wrk (on Debian: apt-get install wrk)")
      return []
    }
    return (connections ?? [1, 50, 500]).map((count) => ({
      workload: "GET",
      connections: count,
      pipelined: 1,
      idleConnections: 0,
      requestedPerSecond: null,
      serverMode: "http",
      serverLife: "whole suite",
      loadProgram: [process.execPath, inRoot("bench", "load", "http.mjs")],
      load: ["--connections", `${count}`, "--seconds", `${seconds}`]
    }))
  }
}
