// @ts-check
/**
 * npm run demo: compiles the examples and runs those of this platform.
 *
 *   --windows   runs them in Windows' node.exe under Wine instead
 *
 * Other arguments pick the examples whose names contain one of them.
 */
import { buildExamples, buildLibrary } from "./lib/build.mjs"
import { run } from "./lib/command.mjs"
import { ensureDependencies } from "./lib/dependencies.mjs"
import { findExamples, runExamples } from "./lib/examples.mjs"
import { root } from "./lib/paths.mjs"
import { useWindowsLane } from "./lib/windowsLane.mjs"

const args = process.argv.slice(2)
const underWine = args.includes("--windows") && process.platform !== "win32"
const picks = args.filter((arg) => !arg.startsWith("--"))

/** @type {import("./lib/windowsLane.mjs").RunNode} */
const nativeNode = (command, boundSeconds) => run(process.execPath, command, { cwd: root, boundSeconds })

const demo = async () => {
  await ensureDependencies()
  if (!(await buildLibrary()) || !(await buildExamples())) return false
  const examples = findExamples().filter(
    ({ name }) => picks.length === 0 || picks.some((pick) => name.includes(pick))
  )
  if (!underWine) return runExamples(examples, process.platform, nativeNode)
  return useWindowsLane((node, lane) => {
    console.log(`On: ${lane}`)
    return runExamples(examples, "win32", node)
  })
}

try {
  if (!(await demo())) process.exitCode = 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
