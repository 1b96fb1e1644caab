// @ts-check
/** Calls of @effect/rpc as ndjson, from a load that speaks the protocol and is cheaper than any server here. */
import { inRoot } from "../../scripts/lib/paths.mjs"

/** @type {import("../lib/suites.mjs").Suite} */
export const rpc = {
  name: "rpc",
  title: "Calls of @effect/rpc, ndjson over TCP",
  workloads: ({ connections, seconds }) =>
    (connections ?? [16]).flatMap((count) =>
      [1, 16].map((depth) => ({
        workload: "call",
        connections: count,
        pipelined: depth,
        idleConnections: 0,
        requestedPerSecond: null,
        serverMode: "rpc",
        serverLife: "whole suite",
        loadProgram: [process.execPath, inRoot("bench", "load", "rpc.mjs")],
        load: ["--connections", `${count}`, "--depth", `${depth}`, "--seconds", `${seconds}`]
      }))
    )
}
