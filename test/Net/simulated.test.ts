import { describe } from "@effect/vitest"
import * as Net from "../../src/Net/index.js"
import { contract } from "./contract/index.js"

describe("Net over a simulated network", () => {
  contract({
    name: "simulated",
    layer: Net.layerSimulated(),
    isSlow: false,
    unix: "paths and abstract names"
  })
})

// Everything takes a while, comes in pieces, and in another order each time; nothing of what is promised changes.
describe("Net over a simulated network, slow and shuffled", () => {
  const options = {
    seed: 1,
    latency: { min: 0, max: 2 },
    shuffle: true,
    cancel: { delay: { min: 0, max: 2 }, losesRace: 0.3 }
  }
  contract({
    name: "simulated, slow",
    layer: Net.layerSimulated(options),
    isSlow: true,
    unix: "paths and abstract names"
  })
})
