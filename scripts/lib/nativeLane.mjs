// @ts-check
/** The native lane: vitest on this machine's own node. On Windows that is the one that runs the IOCP tests. */
import { run } from "./command.mjs"
import { inRoot, laneFolder, root } from "./paths.mjs"
import { discardReport, laneBoundSeconds, readLane, vitestCommand } from "./vitestLane.mjs"

/** @type {Partial<Record<NodeJS.Platform, string>>} */
const platformNames = { darwin: "macOS", linux: "Linux", win32: "Windows" }
const platformName = platformNames[process.platform] ?? process.platform
const folder = laneFolder("native")

/** @param {ReadonlyArray<string>} extra Further arguments of vitest */
export const runNativeLane = async (extra) => {
  const name = `native (${platformName}, node ${process.versions.node})`
  console.log(`\nLane: ${name}`)
  discardReport(folder)
  const { args, env } = vitestCommand(folder, extra)
  const outcome = await run(process.execPath, [inRoot("node_modules", "vitest", "vitest.mjs"), ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    boundSeconds: laneBoundSeconds
  })
  return readLane(name, folder, outcome)
}
