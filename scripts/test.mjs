// @ts-check
/**
 * npm test: the whole suite natively, then under Wine where Wine is there or can be installed.
 *
 *   --native             only the native lane
 *   --windows            only the Windows lane (on Windows that is the native one)
 *   --require-windows    a Windows lane that did not run is a failure; REQUIRE_WINDOWS_LANE=1 says the same
 *
 * Everything else goes to vitest, in each lane. LANE_TIMEOUT_SECONDS bounds each lane (default 1800).
 */
import { buildExamples, buildLibrary } from "./lib/build.mjs"
import { ensureDependencies } from "./lib/dependencies.mjs"
import { crashed, crashedBy, summarize } from "./lib/laneResult.mjs"
import { runNativeLane } from "./lib/nativeLane.mjs"
import { prepareWindowsLane, runWindowsLane } from "./lib/windowsLane.mjs"

const own = ["--native", "--windows", "--require-windows"]
const args = process.argv.slice(2)
const extra = args.filter((arg) => !own.includes(arg))
const isWindows = process.platform === "win32"
const onlyNative = args.includes("--native")
const onlyWindows = args.includes("--windows")
const requireWindows =
  onlyWindows || args.includes("--require-windows") || process.env["REQUIRE_WINDOWS_LANE"] === "1"

/** @typedef {import("./lib/laneResult.mjs").LaneResult} LaneResult */

/** Some tests start programs of their own, which import the compiled package. */
const build = async () => (await buildLibrary()) && (await buildExamples())

/** @returns {Promise<ReadonlyArray<LaneResult>>} */
const runLanes = async () => {
  /** @type {Array<LaneResult>} */
  const lanes = []
  try {
    await ensureDependencies()
  } catch (error) {
    return [crashedBy("setup", error)]
  }
  if (!(await build())) lanes.push(crashed("build", "it does not compile"))
  // What a lane throws is that lane's failure, and no reason to leave out the next one or the summary.
  if (!isWindows && !onlyNative && !onlyWindows) await prepareWindowsLane()
  if (isWindows || !onlyWindows) {
    lanes.push(await runNativeLane(extra).catch((error) => crashedBy("native", error)))
  }
  if (!isWindows && !onlyNative) lanes.push(await runWindowsLane(extra, requireWindows))
  return lanes
}

if (!summarize(await runLanes())) process.exitCode = 1
