import { describe } from "@effect/vitest"
import * as Net from "../../src/Net/index.js"
import { contract } from "./contract/index.js"

describe.runIf(process.platform === "win32")("Net over IOCP", () => {
  contract({ name: "iocp", layer: Net.layerIocp, isSlow: process.env["EFFECT_IOCP_LANE"] === "wine" })
})
