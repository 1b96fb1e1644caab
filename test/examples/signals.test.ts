/**
 * The echo server as a program of its own: Ctrl-C ends it in good order.
 *
 * Not on Windows, where a program cannot send another one Ctrl-C, and `kill` ends it at once.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { connect } from "node:net"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"

const program = fileURLToPath(new URL("../../build/examples/echo-server.js", import.meta.url))

/** Starts it on a port that the system chooses, and answers which, with the lines that it prints afterwards. */
const startServer = async () => {
  assert.isTrue(existsSync(program), `${program} is not there: npm test compiles it`)
  const child = spawn(process.execPath, [program, "0"], { stdio: ["ignore", "pipe", "inherit"] })
  const lines = createInterface({ input: child.stdout })
  const [first] = await Promise.race([once(lines, "line"), once(lines, "close")])
  const port = /^listening on 127\.0\.0\.1:(\d+)$/.exec(String(first))?.[1]
  if (port === undefined) assert.fail(`not where it listens: ${first}`)
  const printed: Array<string> = []
  lines.on("line", (line) => printed.push(line))
  return { child, lines, port: Number(port), printed }
}

const exitOf = async (child: ChildProcess) => {
  const [code, signal] = await once(child, "exit")
  return { code, signal }
}

describe.skipIf(process.platform === "win32")("the echo server", () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`closes its sockets and ends on ${signal}`, async () => {
      const server = await startServer()
      const closed = once(server.lines, "close")
      const exit = exitOf(server.child)
      try {
        const client = connect(server.port, "127.0.0.1")
        client.write("hello")
        const [echoed] = await once(client, "data")
        assert.strictEqual(String(echoed), "hello")

        const ended = once(client, "end")
        server.child.kill(signal)
        await ended
        client.destroy()
        assert.deepStrictEqual(await exit, { code: 0, signal: null })
        await closed
        assert.strictEqual(server.printed.at(-1), "ended: 0 sockets open, 0 operations in flight")
        assert.match(server.printed.at(-2) ?? "", /^- 127\.0\.0\.1:\d+: 5 bytes$/)
      } finally {
        server.child.kill("SIGKILL")
      }
    })
  }
})
