/**
 * What runs in a worker thread.
 *
 *   talk     a conversation, then the thread ends by itself
 *   wait     waits for ever
 *   exit     ends its thread in the middle of a wait, with process.exit
 *   throw    ends its thread in the middle of a wait, with an exception
 */
import { parentPort, workerData } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Net from "effect-iocp/Net"
import { pair, talk } from "./talk.mjs"

const runtime = ManagedRuntime.make(Net.layer)

const waits = Effect.flatMap(pair, ({ client, listener }) =>
  Effect.all([listener.accept, client.read], { concurrency: 2 })
)

const whenWaiting = async (then) => {
  runtime.runFork(Effect.scoped(waits))
  const isWaiting = Effect.map(Net.statistics, ({ inFlight }) => inFlight === 2)
  while (!(await runtime.runPromise(isWaiting))) await new Promise((after) => setTimeout(after, 20))
  await new Promise((after) => setTimeout(after, 50))
  then()
}

const programs = {
  talk: async () => parentPort.postMessage(await runtime.runPromise(Effect.scoped(talk))),
  wait: () => whenWaiting(() => parentPort.postMessage("waiting")),
  exit: () => whenWaiting(() => process.exit(3)),
  throw: () =>
    whenWaiting(() =>
      setTimeout(() => {
        throw new Error("thrown in a worker")
      }, 0)
    )
}

await programs[workerData]()
