// @ts-check
/** A peer's server as a process: started, ready when it says so, and ended when we are done with it. */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { onInterrupt, unlessInterrupted } from "../../scripts/lib/interrupt.mjs"
import { root } from "../../scripts/lib/paths.mjs"
import { argsFor } from "./peers.mjs"

const startSeconds = 20
const graceMilliseconds = 2_000
const complaintCharacters = 2_000

/**
 * @typedef {object} Server
 * @property {number} port
 * @property {number | undefined} pid Undefined where its process cannot be looked at
 * @property {() => Promise<void>} stop
 * @property {() => string} complaint What it wrote to stderr, the last of it
 */

/** @typedef {import("node:child_process").ChildProcessByStdio<import("node:stream").Writable, import("node:stream").Readable, import("node:stream").Readable>} Child */

/** The port that the server says it listens on. @param {Child} child @returns {Promise<number>} */
const toldPort = (child) =>
  new Promise((resolve) => {
    // Reading goes on: a pipe that is full would stop the server.
    createInterface({ input: child.stdout }).on("line", (line) => {
      const port = /^listening (\d+)$/.exec(line)?.[1]
      if (port !== undefined) resolve(Number(port))
    })
  })

/** @param {Child} child @returns {Promise<never>} Fails when the server cannot start, or ends */
const endedEarly = (child) =>
  new Promise((_, reject) => {
    child.once("error", reject)
    child.once("exit", (code, signal) =>
      reject(new Error(`it ended at its start (${signal ?? `exit code ${code}`})`))
    )
  })

/** @param {Child} child */
const listening = async (child) => {
  const patience = new AbortController()
  const late = sleep(startSeconds * 1000, undefined, { signal: patience.signal }).then(() => {
    throw new Error(`it did not listen within ${startSeconds} s`)
  })
  try {
    return await Promise.race([toldPort(child), endedEarly(child), late])
  } finally {
    // Whoever loses the race from now on fails unheard.
    late.catch(() => {})
    patience.abort()
  }
}

/** @param {import("node:child_process").ChildProcess} child @returns {Promise<void>} */
const ended = (child) =>
  new Promise((resolve) => {
    child.once("exit", () => resolve())
    child.once("error", () => resolve())
  })

/** A server and what it may have started itself. @param {number | undefined} pid */
const killGroup = (pid) => {
  if (pid === undefined) return
  try {
    process.kill(-pid, "SIGKILL")
  } catch {
    // ESRCH: the group is already empty.
  }
}

/**
 * @param {import("./peers.mjs").Peer} peer
 * @param {import("./peers.mjs").ServerMode} mode
 * @param {number} totalBytes
 * @returns {Promise<Server>}
 */
export const startServer = async (peer, mode, totalBytes) => {
  const args = argsFor(peer, mode)
  if (args === undefined) throw new Error(`it does not serve ${mode}`)
  // A group of its own: a terminal's Ctrl-C is for us, and we end it in good order.
  const child = spawn(peer.program, [...args, mode, "0", `${totalBytes}`], {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["pipe", "pipe", "pipe"],
    detached: true
  })
  let complaint = ""
  child.stderr.on("data", (chunk) => {
    complaint = `${complaint}${chunk}`.slice(-complaintCharacters)
  })
  const exit = ended(child)
  const stop = async () => {
    // The end of its standard input is what it ends at.
    child.stdin.destroy()
    const timer = setTimeout(() => killGroup(child.pid), graceMilliseconds)
    await exit
    clearTimeout(timer)
    forget()
  }
  const forget = onInterrupt(stop)
  try {
    const port = await listening(child)
    return { port, pid: child.pid, stop, complaint: () => complaint.trim() }
  } catch (error) {
    await unlessInterrupted()
    await stop()
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error([reason, complaint.trim()].filter((part) => part !== "").join(": "))
  }
}
