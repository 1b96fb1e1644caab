// @ts-check
/** Small requests: one in flight on each of few and many connections, and many in flight on some. */
import { closedEcho } from "./closedEcho.mjs"

/** @type {import("../lib/suites.mjs").Suite} */
export const echo = {
  name: "echo",
  title: "Echo of 64 B, the next request when the answer has come",
  workloads: ({ connections, seconds }) => {
    const closed = (connections ?? [1, 50, 500]).map((count) => closedEcho({ connections: count, seconds }))
    return connections === undefined
      ? [...closed, closedEcho({ connections: 50, pipelined: 16, seconds })]
      : closed
  }
}
