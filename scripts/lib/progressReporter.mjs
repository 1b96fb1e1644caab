// @ts-check
/**
 * A vitest reporter that notes which test files have started and ended, in the file that LANE_PROGRESS names. When a
 * worker crashes or hangs, vitest writes no report: then these notes say where it was.
 *
 * It also keeps vitest's process alive for the run. Between two files, vitest waits for the end of a worker whose handle
 * does not hold the event loop; what does is a timer of one second. On a busy machine, a worker under Wine can take
 * longer to end, and vitest's process ended too, in the middle of a run, with exit code 0. A run that hangs still ends:
 * a lane is bounded by who starts it.
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
  /** @type {NodeJS.Timeout | undefined} */
  #run

  onInit() {
    this.#run = setInterval(() => {}, 60_000)
  }

  onTestRunEnd() {
    clearInterval(this.#run)
  }

  /** @param {{ moduleId: string }} module */
  onTestModuleQueued(module) {
    note("start", module)
  }

  /** @param {{ moduleId: string }} module */
  onTestModuleEnd(module) {
    note("end", module)
  }
}
