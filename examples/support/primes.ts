/**
 * A thread of `worker-queue`: counts the primes of a range, and posts how many they are, and the last one.
 */
import { workerData } from "node:worker_threads"
import { Effect } from "effect"
import { ThreadQueue } from "effect-iocp"
import type { Task } from "../worker-queue.js"

const isPrime = (n: number): boolean => {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false
  return n >= 2
}

const { from, token, until } = workerData as Task

const program = Effect.gen(function* () {
  const sender = yield* ThreadQueue.open(token)
  let count = 0
  let last = 0
  for (let n = from; n < until; n++) {
    if (!isPrime(n)) continue
    count += 1
    last = n
  }
  yield* sender.post({ key: from, value: count, bytes: new TextEncoder().encode(String(last)) })
})

await Effect.runPromise(Effect.scoped(program))
