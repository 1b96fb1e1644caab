// @ts-check
/** Wine itself: finding it, installing it, a prefix of its own, and running a program in it. */
import { spawnSync } from "node:child_process"
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { delimiter, dirname, join } from "node:path"
import { pathToFileURL } from "node:url"
import { run } from "./command.mjs"
import { inOwnNetwork } from "./ownNetwork.mjs"
import { follow } from "./tail.mjs"

/** @typedef {{ program: string, server: string | undefined, version: string }} Wine */

/**
 * The first of these names that the PATH, or a folder that Debian keeps off the PATH, holds.
 * @param {ReadonlyArray<string>} names
 */
const findProgram = (names) => {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/lib/wine"].filter(
    (folder) => folder !== ""
  )
  return names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

/** @returns {Wine | undefined} */
export const findWine = () => {
  const program = findProgram(["wine", "wine64"])
  if (program === undefined) return undefined
  const { status, stdout } = spawnSync(program, ["--version"], { encoding: "utf8" })
  // Installed in half: the launcher is there and the loader is not.
  if (status !== 0) return undefined
  const server = findProgram(["wineserver", "wineserver64"])
  return { program, server, version: /wine-(\S+)/.exec(stdout)?.[1] ?? stdout.trim() }
}

/**
 * Why Wine could not be installed, or undefined when it was.
 * @returns {Promise<string | undefined>}
 */
export const installWine = async () => {
  const packages = "apt-get install -y --no-install-recommends wine wine64"
  if (findProgram(["apt-get"]) === undefined) return "Wine is not installed; install Wine 8 or later (64-bit)"
  if (process.getuid?.() !== 0) return `Wine is not installed; install it with: sudo ${packages}`
  console.log("Installing Wine with apt-get")
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  // A stale package list is no reason to give up: the installation says whether it mattered.
  await run("apt-get", ["update", "-q"], { env, boundSeconds: 600 })
  const { code, ending } = await run("sh", ["-c", packages], { env, boundSeconds: 1800 })
  return code === 0 ? undefined : `apt-get could not install Wine (${ending})`
}

/** @param {string} prefix */
const baseEnvironment = (prefix) => ({
  ...process.env,
  WINEPREFIX: prefix,
  WINEARCH: "win64",
  WINEDEBUG: "-all",
  // No offers to download .NET or a browser engine, and nothing written to the desktop's menus.
  WINEDLLOVERRIDES: "mscoree=;mshtml=;winemenubuilder.exe="
})

/** A path as Windows programs see it: Wine's drive Z: is the whole file system. @param {string} path */
export const windowsPath = (path) => `Z:${path.replaceAll("/", "\\")}`

/** The same as a URL. @param {string} path */
export const windowsUrl = (path) => `file:///Z:${pathToFileURL(path).pathname}`

/**
 * Ends every process of this prefix, and no other's. There may be none.
 * @param {Wine} wine
 * @param {string} prefix
 */
export const stopWine = (wine, prefix) => {
  if (wine.server === undefined || !existsSync(prefix)) return
  const options = /** @type {const} */ ({ env: baseEnvironment(prefix), stdio: "ignore", timeout: 30_000 })
  spawnSync(wine.server, ["-k"], options)
  // -k only asks; -w waits until the last process is gone.
  spawnSync(wine.server, ["-w"], options)
}

/**
 * Runs a program in Wine, in a network of its own where that can be, provided nothing runs in the prefix: the sockets are
 * `wineserver`'s. Its output is shown as it comes unless told otherwise. Its stdout and stderr are regular files:
 * with a pipe or a terminal node.exe ends with EBADF at its start.
 *
 * @param {Wine} wine
 * @param {ReadonlyArray<string>} command
 * @param {{ prefix: string, logs: string, isShown?: boolean, cwd: string, env?: NodeJS.ProcessEnv, boundSeconds: number, isStuck?: (() => boolean) | undefined }} options
 */
export const runInWine = async (wine, command, options) => {
  const { boundSeconds, cwd, env, isShown = true, isStuck, logs, prefix } = options
  const outPath = join(logs, "out.log")
  const errPath = join(logs, "err.log")
  const out = openSync(outPath, "w")
  const err = openSync(errPath, "w")
  const stopFollowing = isShown ? [follow(outPath, process.stdout), follow(errPath, process.stderr)] : []
  try {
    const [program = wine.program, ...args] = inOwnNetwork([wine.program, ...command])
    return await run(program, args, {
      cwd,
      env: { ...baseEnvironment(prefix), ...env },
      stdio: ["ignore", out, err],
      boundSeconds,
      isStuck,
      killMore: () => stopWine(wine, prefix)
    })
  } finally {
    for (const stop of stopFollowing) stop()
    closeSync(out)
    closeSync(err)
  }
}

/**
 * Makes the prefix unless this Wine has made it already. Throws when Wine cannot.
 * @param {Wine} wine
 * @param {string} prefix
 */
export const ensurePrefix = async (wine, prefix) => {
  const stamp = join(prefix, `made-by-${wine.version.replaceAll(/[^\w.-]/g, "_")}`)
  if (existsSync(stamp)) return
  console.log(`Making a Wine prefix (Wine ${wine.version})`)
  stopWine(wine, prefix)
  rmSync(prefix, { recursive: true, force: true })
  mkdirSync(dirname(prefix), { recursive: true })
  // node.exe refuses a Windows older than 10.
  for (const command of [
    ["wineboot", "-i"],
    ["winecfg", "-v", "win10"]
  ]) {
    const { code, ending } = await run(wine.program, command, {
      env: baseEnvironment(prefix),
      stdio: "ignore",
      boundSeconds: 300,
      killMore: () => stopWine(wine, prefix)
    })
    if (code !== 0) throw new Error(`wine ${command.join(" ")}: ${ending}`)
  }
  writeFileSync(stamp, "")
}
