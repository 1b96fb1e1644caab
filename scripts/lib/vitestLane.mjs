// @ts-check
/** What the two lanes share: vitest's arguments, the bound on a run, and the reading of its report. */
import { existsSync, mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { crashed } from "./laneResult.mjs"
import { readJson } from "./paths.mjs"
import { discardProgress, progressFile, readProgress } from "./progress.mjs"

const reportName = "report.json"

/** The reporter that says where a run was when it died; the Wine lane needs a copy of it. */
export const progressReporter = "scripts/lib/progressReporter.mjs"

/** How long a lane may take before it counts as hung. */
export const laneBoundSeconds = Number(process.env["LANE_TIMEOUT_SECONDS"] ?? 30 * 60)

const wantsColours = process.stdout.isTTY || process.env["FORCE_COLOR"] !== undefined

/**
 * Makes a lane's folder ready for a run: what an earlier run wrote must never be read for this one's.
 * @param {string} folder
 */
export const discardReport = (folder) => {
  mkdirSync(folder, { recursive: true })
  rmSync(join(folder, reportName), { force: true })
  discardProgress(folder)
}

/**
 * How to start vitest: the arguments after its name, and what to add to the environment.
 * @param {string} folder The lane's folder, as vitest sees it
 * @param {ReadonlyArray<string>} extra What the person added on the command line
 */
export const vitestCommand = (folder, extra) => ({
  args: [
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${folder}/${reportName}`,
    `--reporter=./${progressReporter}`,
    ...extra
  ],
  env: {
    LANE_PROGRESS: progressFile(folder),
    // Colours only for a person: a log is read as text, and node.exe would take them for granted.
    ...(wantsColours ? {} : { NO_COLOR: "1" })
  }
})

/**
 * The test files that started and did not end, in words.
 * @param {string} folder
 */
const whereItWas = (folder) => {
  const { ended, running } = readProgress(folder)
  return `${ended.length} files had ended, it was in ${running.join(", ") || "none"}`
}

/**
 * A file that failed without one failed test (it could not be loaded, or a hook failed) is a failure too.
 * @param {{ status: string, assertionResults: ReadonlyArray<{ status: string }> }} file
 */
const failedAsWhole = (file) =>
  file.status === "failed" && file.assertionResults.every((test) => test.status !== "failed")

/**
 * @param {string} name The lane's name
 * @param {string} folder The lane's folder
 * @param {import("./command.mjs").Outcome} outcome How vitest ended
 * @param {ReadonlyArray<import("./laneResult.mjs").Counts>} [before] Of the files that ended in an earlier run
 * @returns {import("./laneResult.mjs").LaneResult}
 */
export const readLane = (name, folder, outcome, before = []) => {
  if (outcome.timedOut) return crashed(name, `hung, ${outcome.ending}; ${whereItWas(folder)}`)
  const report = join(folder, reportName)
  if (!existsSync(report)) return crashed(name, `vitest died (${outcome.ending}); ${whereItWas(folder)}`)
  const { numFailedTests, numPassedTests, numTotalTests, testResults } = readJson(report)
  const broken = testResults.filter(failedAsWhole).length
  const earlier = (/** @type {keyof import("./laneResult.mjs").Counts} */ key) =>
    before.reduce((sum, counts) => sum + counts[key], 0)
  const passed = numPassedTests + earlier("passed")
  const failed = numFailedTests + broken + earlier("failed")
  if (passed + failed === 0) return crashed(name, "not one test was executed")
  const complaints = broken === 0 ? [] : [`files that failed as a whole: ${broken}`]
  // Errors that belong to no test (an unhandled rejection, a worker that died) show only in the exit code.
  const outsideTests = failed === 0 && outcome.code !== 0
  if (outsideTests) complaints.push(`failed outside its tests (${outcome.ending})`)
  const counts = {
    passed,
    failed: outsideTests ? 1 : failed,
    skipped: numTotalTests - numPassedTests - numFailedTests + earlier("skipped")
  }
  return { state: "ran", name, counts, complaints }
}
