import * as EpollProactor from "../../src/Proactor/Epoll/EpollProactor.js"
import type { Subject } from "./harness.js"

/** The proactor over epoll. */
export const epoll: Subject = {
  name: "epoll",
  make: EpollProactor.make,
  isHere: process.platform === "linux",
  isSlow: false,
  restartsAtOnce: true,
  unix: "paths and abstract names",
  codes: {
    refused: { code: 111, codeName: "ECONNREFUSED" },
    addressInUse: { code: 98, codeName: "EADDRINUSE" },
    notConnected: { code: 107, codeName: "ENOTCONN" }
  }
}
