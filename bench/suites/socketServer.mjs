// @ts-check
/** The echo of small requests once more, through the SocketServer of @effect/platform. */
import { closedEcho } from "./closedEcho.mjs"

/** @type {import("../lib/suites.mjs").Suite} */
export const socketServer = {
  name: "socket-server",
  title: "Echo of 64 B through the SocketServer of @effect/platform",
  workloads: ({ connections, seconds }) =>
    (connections ?? [50, 500]).map((count) => ({
      ...closedEcho({ connections: count, seconds }),
      serverMode: "socket-server"
    }))
}
