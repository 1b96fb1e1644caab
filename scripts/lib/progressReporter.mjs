// @ts-check
/**
 * A vitest reporter that notes which test files have started, and how they have ended, in the file that LANE_PROGRESS names.
 * When a worker crashes or hangs, vitest writes no report: then these notes say where it was. See `progress.mjs`.
 *
 * It also keeps vitest's process alive for the run. Between two files, vitest waits for the end of a worker whose handle
 * does not hold the event loop; what does is a timer of one second. On a busy machine, a worker under Wine can take
 * longer to end, and vitest's process ended too, in the middle of a run, with exit code 0. A run that hangs still ends:
 * a lane is bounded by who starts it.
 */
import { appendFileSync } from "node:fs"
import { relative } from "node:path"

/** @param {"start" | "end"} event @param {{ moduleId: string }} module @param {Array<number>} counts */
const note = (event, module, ...counts) => {
  const path = process.env["LANE_PROGRESS"]
  if (path === undefined) return
  const file = relative(process.cwd(), module.moduleId).replaceAll("\\", "/")
  appendFileSync(path, `${[event, file, ...counts].join(" ")}\n`)
}

/**
 * How many tests passed, failed, and were skipped. A file that failed without one failed test counts as one.
 * @param {import("vitest/node").TestModule} module
 */
const countsOf = (module) => {
  const states = [...module.children.allTests()].map((test) => test.result().state)
  const count = (/** @type {string} */ state) => states.filter((one) => one === state).length
  const failed = count("failed")
  return [count("passed"), failed === 0 && module.state() === "failed" ? 1 : failed, count("skipped")]
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

  /** @param {import("vitest/node").TestModule} module */
  onTestModuleEnd(module) {
    note("end", module, ...countsOf(module))
  }
}
