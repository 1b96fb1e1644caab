// @ts-check
/**
 * Calls of @effect/rpc as ndjson: on every connection so many are in flight, and each answer is followed by the next call.
 * It builds its requests by hand, and looks at every answer for its success and at some in full, to be cheaper than the
 * server that it measures. Prints what it found as the load generator in C does.
 */
import { connect } from "node:net"
import { parseArgs } from "node:util"
import { between, serverMicros } from "./serverMicros.mjs"

const text = /** @type {const} */ ({ type: "string" })
const { values } = parseArgs({
  options: { connections: text, depth: text, seconds: text, port: text, "server-pid": text }
})
const connections = Number(values.connections)
const depth = Number(values.depth)
const seconds = Number(values.seconds)
const looksAtOneIn = 64
let answered = 0
let isOver = false

/** @param {string} line @param {number} number */
const check = (line, number) => {
  const answer = JSON.parse(line)
  const isRight =
    answer._tag === "Exit" &&
    answer.requestId === `${number}` &&
    answer.exit._tag === "Success" &&
    answer.exit.value === 2 * number
  if (!isRight) fail(`not the answer to call ${number}: ${line}`)
}

/** @param {string} why @returns {never} */
const fail = (why) => {
  console.error(why)
  process.exit(1)
}

const start = () => {
  const socket = connect({ host: "127.0.0.1", port: Number(values.port), noDelay: true })
  let next = 1
  let rest = ""
  const call = (/** @type {number} */ count) => {
    let lines = ""
    for (let left = count; left > 0; left--, next++)
      lines += `{"_tag":"Request","id":"${next}","tag":"Double","payload":{"number":${next}},"headers":[]}\n`
    socket.write(lines)
  }
  socket.setEncoding("latin1")
  socket.on("connect", () => call(depth))
  socket.on("error", (error) => fail(error.message))
  socket.on("close", () => isOver || fail("the server closed a connection"))
  socket.on("data", (/** @type {string} */ chunk) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) {
      answered += 1
      if (!line.includes('"Success"')) fail(`no success: ${line}`)
      if (answered % looksAtOneIn === 0) check(line, Number(/"requestId":"(\d+)"/.exec(line)?.[1]))
    }
    if (!isOver) call(lines.length)
  })
  return socket
}

const sockets = Array.from({ length: connections }, start)
const cpuBefore = serverMicros(values["server-pid"])
const begun = performance.now()
setTimeout(() => {
  const cpuAfter = serverMicros(values["server-pid"])
  const found = {
    requests: answered,
    seconds: (performance.now() - begun) / 1000,
    cpuMicros: between(cpuBefore, cpuAfter),
    rssBytes: null,
    rssBeforeBytes: null,
    unanswered: null,
    p50Micros: null,
    p99Micros: null,
    p999Micros: null
  }
  isOver = true
  for (const socket of sockets) socket.destroy()
  if (answered === 0) fail("no call was answered")
  console.log(JSON.stringify(found))
}, seconds * 1000)
