/** A real `redis-server`, for as long as the scope lasts: on a free port of the loopback interface, without a file. */
import { spawn } from "node:child_process"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Net from "../../src/Net/index.js"

const host = "127.0.0.1"

/** A port that was free a moment ago. */
const freePort: Effect.Effect<number> = Effect.async((resume) => {
  const server = createServer().listen(0, host, () => {
    const address = server.address()
    server.close(() =>
      resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : 0))
    )
  })
})

export const redisServer = Effect.gen(function* () {
  const port = yield* freePort
  const settings = [
    "--port",
    String(port),
    "--bind",
    host,
    "--save",
    "",
    "--appendonly",
    "no",
    "--dir",
    tmpdir()
  ]
  yield* Effect.acquireRelease(
    Effect.sync(() => spawn("redis-server", settings, { stdio: "ignore" })),
    (child) =>
      Effect.async<void>((resume) => {
        if (child.exitCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
  )
  yield* Effect.scoped(Net.connect({ host, port })).pipe(
    Effect.retry(Schedule.intersect(Schedule.spaced("50 millis"), Schedule.recurs(100)))
  )
  return port
})
