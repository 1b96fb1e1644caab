// @ts-check
/** What the two lanes share: vitest's arguments, the bound on a run, and the reading of its report. */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { crashed } from "./laneResult.mjs"
import { readJson } from "./paths.mjs"

const reportName = "report.json"
const progressName = "progress.log"

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
  for (const name of [reportName, progressName]) rmSync(join(folder, name), { force: true })
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
    LANE_PROGRESS: `${folder}/${progressName}`,
    // Colours only for a person: a log is read as text, and node.exe would take them for granted.
    ...(wantsColours ? {} : { NO_COLOR: "1" })
  }
})

/**
 * The test files that started and did not end, in words.
 * @param {string} folder
 */
const whereItWas = (folder) => {
  const path = join(folder, progressName)
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : []
  const named = (/** @type {string} */ event) =>
    lines.filter((line) => line.startsWith(`${event} `)).map((line) => line.slice(event.length + 1))
  const ended = named("end")
  const running = named("start").filter((file) => !ended.includes(file))
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
 * @returns {import("./laneResult.mjs").LaneResult}
 */
export const readLane = (name, folder, outcome) => {
  if (outcome.timedOut) return crashed(name, `hung, ${outcome.ending}; ${whereItWas(folder)}`)
  const report = join(folder, reportName)
  if (!existsSync(report)) return crashed(name, `vitest died (${outcome.ending}); ${whereItWas(folder)}`)
  const { numFailedTests, numPassedTests, numTotalTests, testResults } = readJson(report)
  const broken = testResults.filter(failedAsWhole).length
  const executed = numPassedTests + numFailedTests
  if (executed + broken === 0) return crashed(name, "not one test was executed")
  const failed = numFailedTests + broken
  const complaints = broken === 0 ? [] : [`files that failed as a whole: ${broken}`]
  // Errors that belong to no test (an unhandled rejection, a worker that died) show only in the exit code.
  const outsideTests = failed === 0 && outcome.code !== 0
  if (outsideTests) complaints.push(`failed outside its tests (${outcome.ending})`)
  const counts = {
    passed: numPassedTests,
    failed: outsideTests ? 1 : failed,
    skipped: numTotalTests - executed
  }
  return { state: "ran", name, counts, complaints }
}
