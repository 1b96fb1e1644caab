/**
 * Runs a program, and collects what it prints and logs.
 */
import { assert } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { openHandles, resources } from "../support/resources.js"

export interface Collected {
  readonly lines: ReadonlyArray<string>
  readonly logged: ReadonlyArray<string>
}

const collecting = (program: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const logged: Array<string> = []
    const log = (...words: ReadonlyArray<unknown>) => Effect.sync(() => void lines.push(words.join(" ")))
    const logger = Logger.make(({ message }) => void logged.push(String(message)))
    yield* Console.consoleWith((console) => Effect.withConsole(program, { ...console, log })).pipe(
      Effect.provide(Logger.replace(Logger.defaultLogger, logger))
    )
    return { lines, logged }
  })

/** Runs the program, and fails if it leaves a handle or foreign memory behind. */
export const runCollecting = async (program: Effect.Effect<unknown, unknown>): Promise<Collected> => {
  // Its first use of the system opens what is kept: libraries, threads of the pool, libuv's own descriptors.
  await Effect.runPromise(collecting(program))
  const before = resources()
  const collected = await Effect.runPromise(collecting(program))
  // libuv gives its own handles back a turn later.
  for (let turn = 0; turn < 50 && openHandles() > before.handles; turn++)
    await Effect.runPromise(Effect.sleep(10))
  assert.isAtMost(openHandles(), before.handles, "descriptors or handles left open")
  assert.strictEqual(resources().foreignBytes, before.foreignBytes, "foreign memory left allocated")
  return collected
}
