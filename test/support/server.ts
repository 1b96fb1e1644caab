/** Servers that are programs of others, for as long as a scope lasts, on the loopback interface. */
import { spawn } from "node:child_process"
import { createServer } from "node:net"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Net from "../../src/Net/index.js"

export const host = "127.0.0.1"

/** A port that was free a moment ago. */
export const freePort: Effect.Effect<number> = Effect.async((resume) => {
  const server = createServer().listen(0, host, () => {
    const address = server.address()
    server.close(() =>
      resume(Effect.succeed(address !== null && typeof address === "object" ? address.port : 0))
    )
  })
})

/** Runs the program until the scope closes. */
export const running = (command: string, args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(command, [...args], { stdio: "ignore" })),
    (child) =>
      Effect.async<void>((resume) => {
        if (child.exitCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
  )

/** Waits until somebody listens there: 5 seconds at most. */
export const reachable = (port: number) =>
  Effect.scoped(Net.connect({ host, port })).pipe(
    Effect.retry(Schedule.intersect(Schedule.spaced("50 millis"), Schedule.recurs(100)))
  )
