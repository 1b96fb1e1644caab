// @ts-check
/**
 * A server in Windows' node.exe under Wine. It has no pipe to us: it is told its port ahead, says in a file that it
 * listens, and ends when another file is gone, or has not been touched for a while because we are gone.
 */
import { mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { onInterrupt } from "../../scripts/lib/interrupt.mjs"
import { inRoot } from "../../scripts/lib/paths.mjs"
import { windowsPath } from "../../scripts/lib/wine.mjs"

/** @typedef {import("../../scripts/lib/windowsLane.mjs").RunNode} RunNode */

const startSeconds = 60
const lifeSeconds = 3600
const lookEveryMilliseconds = 100
/** Well within the time after which a forgotten server ends. */
const touchEveryMilliseconds = 5_000

/** Chosen by the system, and given back. @returns {Promise<number>} */
const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })

/** A file that says that we are there; returns the function that takes it back. @param {string} path */
const keepAlive = (path) => {
  writeFileSync(path, "")
  const timer = setInterval(() => utimesSync(path, new Date(), new Date()), touchEveryMilliseconds)
  return () => {
    clearInterval(timer)
    rmSync(path, { force: true })
  }
}

/** The files of a server, in a folder of its own. @param {string} name */
const filesOf = (name) => {
  const folder = inRoot("build", "bench", "wine", name)
  mkdirSync(folder, { recursive: true })
  const out = join(folder, "out.log")
  const err = join(folder, "err.log")
  for (const path of [out, err]) writeFileSync(path, "")
  return {
    folder,
    alive: join(folder, "alive"),
    out: () => readFileSync(out, "utf8"),
    err: () => readFileSync(err, "utf8").trim()
  }
}

/**
 * @param {ReturnType<typeof filesOf>} files
 * @param {() => boolean} isOver
 */
const listening = async (files, isOver) => {
  const deadline = Date.now() + startSeconds * 1000
  while (!files.out().includes("listening ")) {
    if (isOver()) throw new Error(`it ended at its start: ${files.err()}`)
    if (Date.now() > deadline) throw new Error(`it did not listen within ${startSeconds} s: ${files.err()}`)
    await sleep(lookEveryMilliseconds)
  }
}

/**
 * @param {RunNode} node
 * @param {string} script In bench/peers
 * @returns {Promise<import("./server.mjs").Server>}
 */
export const startWineServer = async (node, script) => {
  const files = filesOf(script)
  const port = await freePort()
  const letGo = keepAlive(files.alive)
  const forget = onInterrupt(letGo)
  const args = [`bench/peers/${script}`, "echo", `${port}`, "0", "--alive", windowsPath(files.alive)]
  let isOver = false
  const running = node(args, lifeSeconds, {}, files.folder).then(() => {
    isOver = true
  })
  const stop = async () => {
    letGo()
    await running
    forget()
  }
  try {
    await listening(files, () => isOver)
  } catch (error) {
    await stop()
    throw new Error(`${script}: ${error instanceof Error ? error.message : error}`)
  }
  // No process to look at: what a program under Wine costs is spread over several.
  return { port, pid: undefined, stop, complaint: files.err }
}
