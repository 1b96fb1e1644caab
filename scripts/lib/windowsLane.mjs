// @ts-check
/** The Windows lane on Linux: the same tests and examples in Windows' node.exe, under Wine. */
import { cpSync, existsSync, mkdirSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { onInterrupt } from "./interrupt.mjs"
import { absent, crashed, crashedBy } from "./laneResult.mjs"
import { lockFolder } from "./lock.mjs"
import { inRoot, laneFolder } from "./paths.mjs"
import { isBetweenFiles, readProgress } from "./progress.mjs"
import { discardReport, laneBoundSeconds, progressReporter, readLane, vitestCommand } from "./vitestLane.mjs"
import { ensureWindowsPackages, nodeExe, nodeExeVersion } from "./windowsPackages.mjs"
import { ensurePrefix, findWine, installWine, runInWine, stopWine, windowsPath, windowsUrl } from "./wine.mjs"

/**
 * Runs node there, and shows its output; or keeps the output in the folder `logs`, for those who run several at a time.
 * @typedef {(args: ReadonlyArray<string>, boundSeconds: number, env?: NodeJS.ProcessEnv, logs?: string, isStuck?: () => boolean) => Promise<import("./command.mjs").Outcome>} RunNode
 */

/** How long a run may be between two files. It takes some seconds; vitest gives a worker two minutes to end. */
const STANDSTILL_SECONDS = 180

const folder = laneFolder("windows")
const prefix = join(folder, "prefix")

/** What node.exe loads first. */
const moduleLoading = "scripts/lib/wineModules.mjs"

/** What of the project is copied into the lane, afresh for every run. */
const mirrored = [
  "src",
  "test",
  "examples",
  "bench/peers",
  "dist",
  "build",
  "README.md",
  "tsconfig.json",
  "vitest.config.ts",
  moduleLoading,
  progressReporter
]

const mirror = () => {
  for (const path of mirrored) {
    rmSync(join(folder, path), { recursive: true, force: true })
    if (existsSync(inRoot(path))) cpSync(inRoot(path), join(folder, path), { recursive: true })
  }
}

/** @returns {Promise<import("./wine.mjs").Wine | string>} Wine, or why there is none */
const provideWine = async () => {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return `it needs Linux on x64 (this is ${process.platform} on ${process.arch})`
  }
  const found = findWine()
  if (found !== undefined) return found
  const problem = await installWine()
  return problem ?? findWine() ?? "Wine was installed but does not start"
}

/**
 * Sets the lane up, hands it to `use`, and stops what ran in it, also on Ctrl-C.
 * @template A
 * @param {import("./wine.mjs").Wine} wine
 * @param {(node: RunNode) => Promise<A>} use
 */
const withLane = async (wine, use) => {
  mkdirSync(folder, { recursive: true })
  const unlock = await lockFolder(folder)
  const stop = () => stopWine(wine, prefix)
  const forget = onInterrupt(stop)
  try {
    // A run that was killed may have left programs behind.
    stop()
    await ensureWindowsPackages(folder)
    await ensurePrefix(wine, prefix)
    mirror()
    // What runs in Wine from here on is in a network of its own: see `runInWine`.
    stop()
    const node = nodeExe(folder)
    const laneEnv = {
      // The PATH of Windows: where esbuild finds "node" to start its service.
      WINEPATH: windowsPath(dirname(node)),
      NODE_OPTIONS: `--import=${windowsUrl(join(folder, moduleLoading))}`,
      EFFECT_IOCP_LANE: "wine"
    }
    return await use((args, boundSeconds, env, logs, isStuck) => {
      const output = { logs: logs ?? folder, isShown: logs === undefined }
      const options = { prefix, ...output, cwd: folder, env: { ...laneEnv, ...env }, boundSeconds, isStuck }
      return runInWine(wine, [node, ...args], options)
    })
  } finally {
    stop()
    forget()
    unlock()
  }
}

/**
 * Sets the lane up ahead of its turn: some tests of the native lane talk to programs in it. A failure is not told here;
 * it meets the lane itself when it runs.
 */
export const prepareWindowsLane = async () => {
  const wine = await provideWine()
  if (typeof wine === "string") return
  await withLane(wine, async () => {}).catch(() => {})
}

/** @param {import("./wine.mjs").Wine} wine */
const laneName = (wine) => `Windows under Wine (Wine ${wine.version}, node.exe ${nodeExeVersion})`

/**
 * Runs the tests; in several runs, if need be: where a worker does not end, or Wine does not tell of it, vitest waits for ever
 * between two files. No test is under way then, and the rest is run anew.
 * @param {string} name
 * @param {RunNode} node
 * @param {ReadonlyArray<string>} extra Further arguments of vitest
 * @param {number} [bound] In seconds
 * @param {ReadonlyArray<import("./progress.mjs").EndedFile>} [before] The files that ended in earlier runs
 * @returns {Promise<import("./laneResult.mjs").LaneResult>}
 */
const runTests = async (name, node, extra, bound = laneBoundSeconds, before = []) => {
  const began = Date.now()
  discardReport(folder)
  const { args, env } = vitestCommand(".", [...extra, ...without(before)])
  const isStuck = () => isBetweenFiles(folder, STANDSTILL_SECONDS)
  const outcome = await node(["node_modules/vitest/vitest.mjs", ...args], bound, env, undefined, isStuck)
  if (!outcome.isStuck) return readLane(name, folder, outcome, before)
  const ended = [...before, ...readProgress(folder).ended]
  console.log(
    `\nvitest came to a stand after ${ended.length} files, between two; the rest in a run of its own`
  )
  const left = Math.max(1, Math.round(bound - (Date.now() - began) / 1000))
  return runTests(name, node, extra, left, ended)
}

/** Arguments of vitest for all but those. @param {ReadonlyArray<import("./progress.mjs").EndedFile>} files */
const without = (files) =>
  files.length === 0 ? [] : ["--passWithNoTests", ...files.map(({ file }) => `--exclude=${file}`)]

/**
 * @param {ReadonlyArray<string>} extra Further arguments of vitest
 * @param {boolean} required Whether a lane that cannot run is a failure
 * @returns {Promise<import("./laneResult.mjs").LaneResult>}
 */
export const runWindowsLane = async (extra, required) => {
  console.log("\nLane: Windows under Wine")
  const wine = await provideWine()
  if (typeof wine === "string") {
    const name = "Windows under Wine"
    return required ? crashed(name, `it is required and did not run: ${wine}`) : absent(name, wine)
  }
  const name = laneName(wine)
  try {
    return await withLane(wine, (node) => runTests(name, node, extra))
  } catch (error) {
    return crashedBy(name, error)
  }
}

/**
 * For programs other than the tests. Throws when the lane cannot be set up.
 * @template A
 * @param {(node: RunNode, name: string) => Promise<A>} use
 */
export const useWindowsLane = async (use) => {
  const wine = await provideWine()
  if (typeof wine === "string") throw new Error(`The Windows lane cannot run: ${wine}`)
  return withLane(wine, (node) => use(node, laneName(wine)))
}
