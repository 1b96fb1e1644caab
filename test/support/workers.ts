/** Worker threads of a test: programs that were bundled (see `program.ts`), and what they say. */
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import type { Program } from "./program.js"

export interface Thread {
  readonly worker: Worker
  /** The next thing that it says; dies if the thread ends first. */
  readonly says: Effect.Effect<unknown>
  /** Waits until it has ended by itself. */
  readonly ended: Effect.Effect<number>
  /** Ends it wherever it is. */
  readonly terminate: Effect.Effect<void>
}

type Heard = { readonly said: unknown } | { readonly code: number } | { readonly failure: Error }

/** Starts a thread that runs the program with this `workerData`; it is ended with the scope at the latest. */
export const startThread = (program: Program, data: unknown) =>
  Effect.acquireRelease(
    Effect.sync(() => makeThread(program, data)),
    ({ terminate }) => terminate
  )

const makeThread = (program: Program, workerData: unknown): Thread => {
  const worker = new Worker(program.file, { workerData })
  const heard: Array<Heard> = []
  let listener = () => {}
  const hear = (event: Heard) => {
    heard.push(event)
    listener()
  }
  worker.on("message", (said: unknown) => hear({ said }))
  worker.on("error", (failure) => hear({ failure }))
  const ending = new Promise<number>((resolve) =>
    worker.on("exit", (code) => {
      hear({ code })
      resolve(code)
    })
  )
  const next = Effect.async<Heard>((resume) => {
    listener = () => {
      const event = heard[0]
      if (event === undefined) return
      // How it ended is kept, for whoever asks again.
      if ("said" in event) heard.shift()
      listener = () => {}
      resume(Effect.succeed(event))
    }
    listener()
  })
  return {
    worker,
    says: Effect.flatMap(next, (event) => {
      if ("said" in event) return Effect.succeed(event.said)
      return Effect.die("failure" in event ? event.failure : new Error(`the thread ended: ${event.code}`))
    }),
    ended: Effect.promise(() => ending),
    terminate: Effect.promise(async () => {
      await worker.terminate()
    })
  }
}
