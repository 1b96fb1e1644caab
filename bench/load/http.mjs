// @ts-check
/** Requests by HTTP, from wrk: it keeps its connections, and has one request in flight on each. Prints what it found. */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { between, serverMicros } from "./serverMicros.mjs"

const text = /** @type {const} */ ({ type: "string" })
const { values } = parseArgs({
  options: { connections: text, seconds: text, port: text, "server-pid": text }
})
/** @param {string} why @returns {never} */
const fail = (why) => {
  console.error(why)
  process.exit(1)
}

// wrk counts in whole seconds.
const seconds = Math.max(Math.ceil(Number(values.seconds)), 1)
const script = fileURLToPath(new URL("http.lua", import.meta.url))
const cpuBefore = serverMicros(values["server-pid"])
const { error, stdout, stderr } = spawnSync(
  "wrk",
  [
    ...["--threads", "1"],
    ...["--connections", `${values.connections}`],
    ...["--duration", `${seconds}s`],
    ...["--script", script],
    `http://127.0.0.1:${values.port}/hello`
  ],
  { encoding: "utf8" }
)
const cpuAfter = serverMicros(values["server-pid"])
if (error !== undefined) fail(`wrk: ${error.message}`)
const line = stdout.trim().split("\n").at(-1) ?? ""
if (!line.startsWith("{")) fail(`wrk said: ${stdout}${stderr}`)
const { failed, ...found } = JSON.parse(line)
if (failed > 0 || found.requests === 0) fail(`${failed} requests failed:\n${stdout}`)
console.log(
  JSON.stringify({
    ...found,
    cpuMicros: between(cpuBefore, cpuAfter),
    rssBytes: null,
    rssBeforeBytes: null,
    unanswered: null
  })
)
