/**
 * What a test must leave as it found it: descriptors or handles, and foreign memory.
 */
import { readdirSync } from "node:fs"
import * as Effect from "effect/Effect"
import { foreignBytesInUse } from "../../src/Foreign/Memory.js"
import { handleCount } from "./handles.js"

export interface Resources {
  readonly handles: number
  readonly foreignBytes: number
}

/** Open descriptors of this process on Linux, open handles on Windows. */
export const openHandles = (): number =>
  process.platform === "win32" ? handleCount() : readdirSync("/proc/self/fd").length

export const resources = (): Resources => ({ handles: openHandles(), foreignBytes: foreignBytesInUse() })

/** The same, once no more handles are open than before, or some time has passed. */
export const resourcesAfter = (before: Resources): Effect.Effect<Resources> =>
  Effect.promise(async () => {
    // Some are given back a moment later: libuv's own, and one that another thread was using when its lease ended.
    for (let turn = 0; turn < 50 && openHandles() > before.handles; turn++) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    return resources()
  })
