// @ts-check
/** Runs a command with a bound on its time. */
import { spawn, spawnSync } from "node:child_process"
import { onInterrupt, unlessInterrupted } from "./interrupt.mjs"

/**
 * @typedef {object} Outcome
 * @property {number | null} code The exit code; null when a signal or a failed start ended it
 * @property {boolean} timedOut Whether the bound was reached and the command was killed for it
 * @property {boolean} isStuck Whether it was killed because it came to a stand
 * @property {string} ending How it ended, in words: "exit code 1", "killed after 60 s", ...
 *
 * @typedef {object} Options
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {import("node:child_process").StdioOptions} [stdio]
 * @property {number} [boundSeconds] Killed after this long
 * @property {(() => boolean) | undefined} [isStuck] Asked now and then: whether it has come to a stand, and is to be killed for that
 * @property {() => void} [killMore] Kills what the command's process group does not hold
 * @property {boolean} [shell]
 */

const graceMilliseconds = 5_000
const lookEveryMilliseconds = 10_000
const isWindows = process.platform === "win32"

/**
 * Signals a child and everything in its process group. There may be nobody left to signal: that is no error.
 * @param {number | undefined} pid
 * @param {NodeJS.Signals} signal
 */
const signalTree = (pid, signal) => {
  if (pid === undefined) return
  if (isWindows) {
    spawnSync("taskkill", ["/pid", String(pid), "/T", "/F"], { stdio: "ignore" })
    return
  }
  try {
    process.kill(-pid, signal)
  } catch {
    // ESRCH: the group is already empty.
  }
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Promise<{ code: number | null, ending: string }>}
 */
const ended = (child) =>
  new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, ending: error.message }))
    child.once("exit", (code, signal) =>
      resolve({ code, ending: signal === null ? `exit code ${code}` : `ended by ${signal}` })
    )
  })

/**
 * @param {string} command
 * @param {ReadonlyArray<string>} args
 * @param {Options} [options]
 * @returns {Promise<Outcome>}
 */
export const run = async (command, args, options = {}) => {
  const { boundSeconds, isStuck, killMore, ...spawnOptions } = options
  // A process group of its own, so that the bound and Ctrl-C reach the grandchildren too.
  const child = spawn(command, args, {
    stdio: ["ignore", "inherit", "inherit"],
    ...spawnOptions,
    detached: !isWindows
  })
  const exit = ended(child)
  let timedOut = false
  let wasStuck = false
  const killAll = () => {
    signalTree(child.pid, "SIGKILL")
    killMore?.()
  }
  const onBound = () => {
    timedOut = true
    killAll()
  }
  const lookAtIt = () => {
    if (wasStuck || isStuck?.() !== true) return
    wasStuck = true
    killAll()
  }
  const look = isStuck === undefined ? undefined : setInterval(lookAtIt, lookEveryMilliseconds)
  const timer = boundSeconds === undefined ? undefined : setTimeout(onBound, boundSeconds * 1000)
  const forget = onInterrupt(async (signal) => {
    signalTree(child.pid, signal)
    await Promise.race([exit, new Promise((after) => setTimeout(after, graceMilliseconds))])
    killAll()
  })
  const { code, ending } = await exit
  clearTimeout(timer)
  clearInterval(look)
  await unlessInterrupted()
  forget()
  return { code, timedOut, isStuck: wasStuck, ending: timedOut ? `killed after ${boundSeconds} s` : ending }
}
