import { describe } from "@effect/vitest"
import * as Net from "../../src/Net/index.js"
import { contract } from "./contract/index.js"

describe.runIf(process.platform === "linux")("Net over epoll", () => {
  contract({ name: "epoll", layer: Net.layerEpoll, isSlow: false, unix: "paths and abstract names" })
})
