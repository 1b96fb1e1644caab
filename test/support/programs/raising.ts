/** A thread that raises a signal, so many times: each time when it is told to. Says "ready", and then what each raise answered. */
import { parentPort, workerData } from "node:worker_threads"
import * as Effect from "effect/Effect"
import { openRaiser, type SignalToken } from "../../../src/Proactor/Signal.js"

const { token, times } = workerData as { readonly token: SignalToken; readonly times: number }

const whenTold = Effect.async<void>((resume) => {
  parentPort?.once("message", () => resume(Effect.void))
})

const program = Effect.gen(function* () {
  const raiser = yield* openRaiser("raise", token)
  parentPort?.postMessage("ready")
  for (let time = 0; time < times; time++) {
    yield* whenTold
    parentPort?.postMessage(raiser.raise())
  }
})

await Effect.runPromise(program)
