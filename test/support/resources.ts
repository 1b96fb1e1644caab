/**
 * What a test must leave as it found it: descriptors or handles, and foreign memory.
 */
import { readdirSync } from "node:fs"
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
