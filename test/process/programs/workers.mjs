/**
 * Runs worker.mjs in so many worker threads, and says how each ended. At last the main thread has a conversation of its
 * own.
 *
 *   workers.mjs PROGRAM COUNT atOnce|inTurn
 */
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Net from "effect-iocp/Net"
import { talk } from "./talk.mjs"

const [program, count, order] = process.argv.slice(2)

const run = async () => {
  const worker = new Worker(new URL("./worker.mjs", import.meta.url), { workerData: program })
  const said = []
  worker.on("message", (message) => {
    said.push(message)
    if (message === "waiting") void worker.terminate()
  })
  worker.on("error", (error) => said.push(error.message))
  const code = await new Promise((resolve) => worker.on("exit", resolve))
  return `${said.join(", ")} (${code})`
}

const endings = []
if (order === "atOnce") {
  endings.push(...(await Promise.all(Array.from({ length: Number(count) }, run))))
} else {
  for (let worker = 0; worker < Number(count); worker++) endings.push(await run())
}
for (const ending of new Set(endings)) {
  console.log(`workers: ${endings.filter((each) => each === ending).length} ${ending}`)
}
console.log(`main: ${await Effect.runPromise(Effect.scoped(talk).pipe(Effect.provide(Net.layer)))}`)
