// @ts-check
/**
 * A vitest reporter that notes which test files have started and ended, in the file that LANE_PROGRESS names. When a
 * worker crashes or hangs, vitest writes no report: then these notes say where it was.
 */
import { appendFileSync } from "node:fs"
import { relative } from "node:path"

/** @param {"start" | "end"} event @param {{ moduleId: string }} module */
const note = (event, module) => {
  const path = process.env["LANE_PROGRESS"]
  if (path === undefined) return
  appendFileSync(path, `${event} ${relative(process.cwd(), module.moduleId).replaceAll("\\", "/")}\n`)
}

export default class ProgressReporter {
  /** @param {{ moduleId: string }} module */
  onTestModuleQueued(module) {
    note("start", module)
  }

  /** @param {{ moduleId: string }} module */
  onTestModuleEnd(module) {
    note("end", module)
  }
}
