/**
 * Starts an example as a program of its own.
 *
 * `runMain` is what `NodeRuntime.runMain` of `@effect/platform-node` is: it runs an effect until it ends, lets Ctrl-C
 * (SIGINT) and SIGTERM interrupt it, so that its scopes close what they hold, and turns its end into an exit code:
 * 0 if it succeeded or was interrupted, 1 if it failed.
 */
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import * as Runtime from "@effect/platform/Runtime"
import type * as Effect from "effect/Effect"

const runMain = Runtime.makeRunMain(({ fiber, teardown }) => {
  // Once only: a second Ctrl-C ends the process at once.
  const interrupt = () => {
    stopListening()
    fiber.unsafeInterruptAsFork(fiber.id())
  }
  const stopListening = () => {
    process.off("SIGINT", interrupt)
    process.off("SIGTERM", interrupt)
  }
  process.on("SIGINT", interrupt)
  process.on("SIGTERM", interrupt)

  fiber.addObserver((exit) => {
    stopListening()
    // The process ends by itself, since nothing is left that keeps it.
    teardown(exit, (code) => {
      process.exitCode = code
    })
  })
})

/** Whether Node was started with this module, rather than with one that imports it. */
const isStarted = (module: ImportMeta): boolean => {
  const started = process.argv[1]
  if (started === undefined) return false
  return createRequire(module.url).resolve(started) === fileURLToPath(module.url)
}

/** Runs the program of a module, if that module is the one that Node was started with. */
export const runIfStarted = <A, E>(module: ImportMeta, program: Effect.Effect<A, E>): void => {
  if (isStarted(module)) runMain(program)
}
