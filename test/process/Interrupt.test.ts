/**
 * Ctrl-C on the demo server: its clients see the end of the stream, its port is free again, and it ends by itself.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "../../src/Net/index.js"
import { bytes, readExactly, text } from "../Net/harness.js"
import { type Child, node, nodeWith, rootUrl, temporaryFolder } from "./child.js"

const echoServer = new URL("build/examples/echo-server.js", rootUrl)
const preload = new URL("./programs/interruptible.mjs", import.meta.url)

interface Interruptible {
  readonly child: Child
  readonly interrupt: Effect.Effect<void>
}

type StartServer = (port: string) => Effect.Effect<Interruptible, Error, Scope.Scope>

/** Interrupted by the signal that a terminal sends. */
const bySignal: StartServer = (port) =>
  Effect.map(node(echoServer, port), (child) => ({ child, interrupt: child.signal("SIGINT") }))

/** Interrupted from inside, by the event that node makes of Ctrl-C. */
const byEvent: StartServer = (port) =>
  Effect.gen(function* () {
    const file = join(yield* temporaryFolder, "interrupt")
    const env = { INTERRUPT_WHEN_THERE: file }
    const child = yield* nodeWith({ env, preload }, echoServer, port)
    return { child, interrupt: Effect.sync(() => writeFileSync(file, "")) }
  })

/** Connects, and says something that comes back. Now it is idle, and the server waits for what it says next. */
const client = (port: number) =>
  Effect.gen(function* () {
    const connection = yield* Net.connect({ host: "127.0.0.1", port })
    yield* connection.writeAll(bytes("hello"))
    assert.strictEqual(text(yield* readExactly(connection, 5)), "hello")
    return connection
  })

const interruptServer = (startServer: StartServer) =>
  Effect.gen(function* () {
    const { child, interrupt } = yield* startServer("0")
    const port = Number((yield* child.line("listening on ")).split(":").at(-1))
    const clients = yield* Effect.all([client(port), client(port)])

    const reading = yield* Effect.fork(
      Effect.forEach(clients, (connection) => connection.read, { concurrency: 2 })
    )
    yield* interrupt
    const ends = yield* reading
    assert.deepStrictEqual(
      ends.map((end) => end.length),
      [0, 0],
      "both clients read the end of the stream, and no reset"
    )
    assert.deepStrictEqual(yield* child.ending, { code: 0, signal: null })
    assert.strictEqual(child.errors(), "")

    yield* Effect.forEach(clients, (connection) => connection.close)
    const listener = yield* Net.listen({ host: "127.0.0.1", port })
    assert.strictEqual(listener.address.port, port, "the port is free again")
  }).pipe(Effect.provide(Net.layer))

describe("Ctrl-C on the demo server closes its sockets and ends it", () => {
  it.scopedLive("as node tells the program of it", () => interruptServer(byEvent))

  const isWindows = process.platform === "win32"
  const title = isWindows ? "as a signal (on Windows no program can send it)" : "as a signal"
  it.scopedLive.skipIf(isWindows)(title, () => interruptServer(bySignal))
})
