import { describe } from "@effect/vitest"
import * as Net from "../../src/Net/index.js"
import { contract } from "./contract/index.js"

describe.runIf(process.platform === "win32")("Net over IOCP", () => {
  const isWine = process.env["EFFECT_IOCP_LANE"] === "wine"
  // Wine 8 has no Unix sockets.
  contract({
    name: "iocp",
    layer: Net.layerIocp,
    isSlow: isWine,
    unix: isWine ? "none" : "paths",
    hasPipes: true
  })
})
