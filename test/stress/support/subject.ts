/** The service of the lane that a stress test runs in, and how much of it a lane bears. */
import * as Net from "../../../src/Net/index.js"
import type { Subject } from "../../Net/harness.js"

/** Whether system calls are slow here, so that a test takes fewer rounds. */
export const isSlow = process.env["EFFECT_IOCP_LANE"] === "wine"

export const isLinux = process.platform === "linux"

export const subject: Subject = { name: isLinux ? "epoll" : "iocp", layer: Net.layer, isSlow }

/** A size that the environment may raise, for the runs that take longer than a test may. */
export const sized = (variable: string, usual: number): number => Number(process.env[variable] || usual)
