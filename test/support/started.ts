/** Other people's programs, in the background of a test. */
import { spawn } from "node:child_process"
import * as Effect from "effect/Effect"

/** A program of this machine, which is killed with the scope. */
export const started = (command: string, ...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(command, [...args])
      child.stdin.on("error", () => {})
      const output: Array<Buffer> = []
      const errors: Array<Buffer> = []
      child.stdout.on("data", (bytes: Buffer) => output.push(bytes))
      child.stderr.on("data", (bytes: Buffer) => errors.push(bytes))
      const said = () => Buffer.concat([...output, ...errors]).toString("latin1")
      return { child, said, output: () => Buffer.concat(output) }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

export type Started = Effect.Effect.Success<ReturnType<typeof started>>

/** Waits until it has ended, and all that it said is here. */
export const ended = ({ child }: Started): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (child.exitCode !== null && child.stdout.closed) return resume(Effect.void)
    child.once("close", () => resume(Effect.void))
  })

/** Waits until it says such a thing; what matched. */
export const announced = ({ child, said }: Started, announcement: RegExp): Effect.Effect<RegExpExecArray> =>
  Effect.async((resume) => {
    const look = () => {
      const match = announcement.exec(said())
      if (match !== null) resume(Effect.succeed(match))
    }
    child.stdout.on("data", look)
    child.stderr.on("data", look)
    look()
  })
