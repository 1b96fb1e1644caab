/**
 * A thread that sends into a queue of another's, in the way that it is told to.
 *
 *   post     so many entries, each when there is room, and closes its sender; then says "done"
 *   offer    the same with `offer`, again and again until there is room
 *   leave    so many entries, and then ends its thread, with nothing closed
 *   flood    without end; says "started", and with what that failed
 *   wait     says "ready", and does nothing
 */
import { parentPort, workerData } from "node:worker_threads"
import * as Effect from "effect/Effect"
import type { SocketError } from "../../../src/Errors/index.js"
import * as ThreadQueue from "../../../src/ThreadQueue/index.js"
import { sentBytes } from "./sent.js"

interface Task {
  readonly way: "post" | "offer" | "leave" | "flood" | "wait"
  readonly token: ThreadQueue.QueueToken
  readonly thread: number
  readonly count: number
  /** Milliseconds between two entries. */
  readonly pause?: number
}

const { count, pause = 0, thread, token, way } = workerData as Task

const say = (what: unknown) => Effect.sync(() => parentPort?.postMessage(what))

const entry = (value: number) => ({ key: thread, value, bytes: sentBytes(thread, value) })

type Sending = (entry: ThreadQueue.NewEntry) => Effect.Effect<unknown, SocketError>

const all = (send: Sending) =>
  Effect.forEach(
    Array.from({ length: count }, (_, value) => value),
    (value) => {
      const sending = send(entry(value))
      return pause > 0 ? Effect.delay(sending, pause) : sending
    },
    { discard: true }
  )

/** Again and again, each time when the loop has turned, until there is room. */
const patiently = (
  sender: ThreadQueue.Sender,
  entry: ThreadQueue.NewEntry
): Effect.Effect<void, SocketError> =>
  Effect.flatMap(sender.offer(entry), (isIn) =>
    isIn ? Effect.void : Effect.delay(patiently(sender, entry), 0)
  )

const ways: Record<Task["way"], (sender: ThreadQueue.Sender) => Effect.Effect<unknown, SocketError>> = {
  post: (sender) => all((entry) => sender.post(entry)),
  offer: (sender) => all((entry) => patiently(sender, entry)),
  leave: (sender) =>
    Effect.zipRight(
      all((entry) => sender.post(entry)),
      Effect.sync(() => process.exit(0))
    ),
  flood: (sender) =>
    Effect.zipRight(
      say("started"),
      Effect.iterate(0, {
        while: () => true,
        body: (value) => Effect.as(sender.post(entry(value)), value + 1)
      })
    ),
  wait: () => Effect.zipRight(say("ready"), Effect.never)
}

const program = Effect.zipRight(
  Effect.scoped(Effect.flatMap(ThreadQueue.open(token), (sender) => ways[way](sender))),
  say("done")
)

await Effect.runPromise(Effect.catchAll(program, ({ operation, reason }) => say([operation, reason])))
