/**
 * Opens a queue that nobody closes, and then ends, or is ended, in the way that its argument names; over the loop of this
 * platform, or over a simulated one.
 */
import { fileURLToPath } from "node:url"
import { isMainThread, Worker, workerData } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Net from "../../../src/Net/index.js"
import * as ThreadQueue from "../../../src/ThreadQueue/index.js"

type Way = (queue: ThreadQueue.ThreadQueue, scope: Scope.Scope) => Effect.Effect<unknown, unknown>

/** A thread that does not keep the process alive by itself. */
const startThread = (queue: ThreadQueue.ThreadQueue, scope: Scope.Scope, way: string) =>
  Effect.map(Scope.extend(queue.share, scope), (token) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { token, way } })
    worker.unref()
    return worker
  })

const say = (text: unknown) => Effect.sync(() => console.log(text))

const ways: Record<string, Way> = {
  /** Nobody has taken anything; an entry is there. */
  idle: (queue, scope) =>
    Effect.flatMap(Scope.extend(queue.share, scope), (token) =>
      Effect.flatMap(Scope.extend(ThreadQueue.open(token), scope), (sender) => sender.post({}))
    ),

  /** Somebody has waited, and nobody does any more. */
  taken: (queue, scope) =>
    Effect.gen(function* () {
      yield* startThread(queue, scope, "later")
      yield* say((yield* queue.take).value)
    }),

  interrupted: (queue) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(queue.take)
      yield* Effect.sleep(20)
      yield* Fiber.interrupt(fiber)
    }),

  /** The take is over, and its thread waits for room for ever. */
  threadWaits: (queue, scope) =>
    Effect.gen(function* () {
      yield* startThread(queue, scope, "flood")
      yield* queue.take
    }),

  exit: (queue) =>
    Effect.gen(function* () {
      setTimeout(() => process.exit(7), 20)
      yield* queue.take
    }),

  /** Nothing but the post keeps the thread, which has no room for long. */
  room: (queue, scope) =>
    Effect.gen(function* () {
      const worker = yield* startThread(queue, scope, "three")
      const ended = new Promise<number>((resolve) => worker.once("exit", resolve))
      worker.ref()
      yield* Effect.sleep(200)
      for (const _ of [1, 2, 3]) yield* say((yield* queue.take).value)
      yield* say(`thread ${yield* Effect.promise(() => ended)}`)
    })
}

const threadWays: Record<string, (sender: ThreadQueue.Sender) => Effect.Effect<unknown, unknown>> = {
  later: (sender) => Effect.delay(sender.post({ value: 7 }), 100),
  flood: (sender) => Effect.forever(sender.post({})),
  three: (sender) =>
    Effect.forEach([1, 2, 3], (value) => sender.post({ value, bytes: new Uint8Array(sender.maxBytes) }))
}

const main = Effect.gen(function* () {
  const [way = "", layer] = process.argv.slice(2)
  const scope = yield* Scope.make()
  const network = layer === "simulated" ? Net.layerSimulated() : Net.layer
  const context = yield* Layer.buildWithScope(network, scope)
  const making = Effect.provide(ThreadQueue.make({ capacityBytes: 1024 }), context)
  const queue = yield* Scope.extend(making, scope)
  yield* ways[way]?.(queue, scope) ?? Effect.die("no such way")
  yield* say("done")
})

const thread = Effect.gen(function* () {
  const { token, way } = workerData as { readonly token: ThreadQueue.QueueToken; readonly way: string }
  const sender = yield* ThreadQueue.open(token)
  yield* threadWays[way]?.(sender) ?? Effect.die("no such way")
}).pipe(Effect.scoped)

await Effect.runPromise(isMainThread ? main : thread)
