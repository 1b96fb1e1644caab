/**
 * Three worker threads that look for primes, and a server that tells its client what they find.
 *
 * The workers post into a queue of the very loop that serves the connections: no polling, and no message ports. Each has a
 * token of its own, plain data in its `workerData`, and a room of its own: a worker that is too fast waits.
 */
import { Worker } from "node:worker_threads"
import { Console, Effect, Option } from "effect"
import { Net, ThreadQueue } from "effect-iocp"
import { runIfStarted } from "./support/runMain.js"

const THREADS = 3
const NUMBERS_EACH = 20_000

/** What a worker is given. */
export interface Task {
  readonly token: ThreadQueue.QueueToken
  readonly from: number
  readonly until: number
}

/** A thread for the scope: terminated at its end, if it has not ended before. */
const startWorker = (file: URL | string, workerData: Task) =>
  Effect.acquireRelease(
    Effect.sync(() => new Worker(file, { workerData })),
    (worker) => Effect.promise(() => worker.terminate())
  )

/** Fails if the thread does; goes on for as long as it runs, and longer. */
const failureOf = (worker: Worker) =>
  Effect.async<never, Error>((resume) => {
    worker.once("error", (cause) => resume(Effect.fail(new Error("a worker failed", { cause }))))
  })

/** Tells the client each result as it comes. */
const report = (queue: ThreadQueue.ThreadQueue, client: Net.Connection) =>
  Effect.forEach(
    Array.from({ length: THREADS }),
    () =>
      Effect.flatMap(queue.take, ({ bytes, key, value }) =>
        client.writeString(`from ${key} on: ${value} primes, the last ${new TextDecoder().decode(bytes)}\n`)
      ),
    { discard: true }
  )

/** The same, with another file for the threads. */
export const programWith = (file: URL | string) =>
  Effect.gen(function* () {
    const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
    const client = yield* Net.connect(listener.address)
    const accepted = yield* listener.accept

    const queue = yield* ThreadQueue.make()
    const workers = yield* Effect.forEach(
      Array.from({ length: THREADS }, (_, index) => index),
      (index) =>
        Effect.gen(function* () {
          const from = index * NUMBERS_EACH
          return yield* startWorker(file, { token: yield* queue.share, from, until: from + NUMBERS_EACH })
        })
    )
    yield* Effect.raceFirst(report(queue, accepted), Effect.raceAll(workers.map(failureOf)))
    yield* accepted.shutdown("write")

    for (;;) {
      const line = yield* client.readLine
      if (Option.isNone(line)) return
      yield* Console.log(line.value)
    }
  }).pipe(Effect.scoped, Effect.provide(Net.layer))

export const program = programWith(new URL("./support/primes.js", import.meta.url))

runIfStarted(import.meta, program)
