/**
 * Multicast and broadcast. On Linux the process of this file moves into a network namespace of its own first; elsewhere the
 * loopback interface keeps all of it on this host.
 */
import { describe } from "@effect/vitest"
import * as Net from "../../src/Net/index.js"
import { enterNamespace } from "../support/namespace.js"
import { groupContract } from "./contract/groups.js"

const absence = process.platform === "linux" ? enterNamespace() : "epoll is Linux'"

describe.skipIf(absence !== undefined)(
  `Groups over epoll${absence === undefined ? "" : ` (${absence})`}`,
  () => {
    groupContract({ name: "epoll", layer: Net.layerEpoll, isSlow: false })
  }
)

describe.runIf(process.platform === "win32")("Groups over IOCP", () => {
  groupContract({
    name: "iocp",
    layer: Net.layerIocp,
    isSlow: process.env["EFFECT_IOCP_LANE"] === "wine"
  })
})

describe("Groups over a simulated network", () => {
  groupContract({ name: "simulated", layer: Net.layerSimulated(), isSlow: false })
})

describe("Groups over a simulated network, slow and shuffled", () => {
  const layer = Net.layerSimulated({ seed: 1, latency: { min: 0, max: 2 }, shuffle: true })
  groupContract({ name: "simulated, slow", layer, isSlow: true })
})
