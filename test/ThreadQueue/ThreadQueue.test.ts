import { describe } from "@effect/vitest"
import * as Net from "../../src/Net/index.js"
import { queueContract } from "./queue.js"

const isSlow = process.env["EFFECT_IOCP_LANE"] === "wine"

describe("a queue into the loop of this platform", () => {
  queueContract({ name: "platform", layer: Net.layer, isSlow })
})

describe("a queue into the loop of a simulated network", () => {
  queueContract({ name: "simulated", layer: Net.layerSimulated(), isSlow: false })
})
