/**
 * A program that ends in the middle of a wait which would otherwise last for ever.
 *
 *   waiting.mjs WAIT ENDING
 */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Net from "effect-iocp/Net"
import { pair } from "./talk.mjs"

const megabytes = new Uint8Array(64 * 1024 * 1024)

/** What the program waits for. */
const waits = {
  accept: Effect.flatMap(pair, ({ listener }) => listener.accept),
  read: Effect.flatMap(pair, ({ client }) => client.read),
  // The peer does not read.
  write: Effect.flatMap(pair, ({ client }) => client.writeAll(megabytes)),
  several: Effect.flatMap(pair, ({ client, listener, server }) =>
    Effect.all([listener.accept, client.read, server.read, client.writeAll(megabytes)], {
      concurrency: "unbounded"
    })
  )
}

/** How it ends. */
const endings = {
  exit: () => process.exit(7),
  // Not from a callback of node's, but from a fiber that shares its scheduler with the wait.
  exitInFiber: () => runtime.runFork(Effect.sync(() => process.exit(7))),
  throw: () => {
    throw new Error("thrown in the middle of a wait")
  },
  reject: () => void Promise.reject(new Error("thrown in the middle of a wait"))
}

const runtime = ManagedRuntime.make(Net.layer)
const [wait, ending] = process.argv.slice(2)

runtime.runFork(Effect.scoped(waits[wait]))

const isWaiting = Effect.map(Net.statistics, ({ inFlight }) => inFlight > 0)
const pause = () => new Promise((after) => setTimeout(after, 100))

while (!(await runtime.runPromise(isWaiting))) await pause()
// By now the loop, too, has seen that there is nothing to do but to wait.
await pause()
console.log("waiting")
setTimeout(endings[ending], 0)
