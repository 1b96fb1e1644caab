/**
 * A thread that posts to a port, or to an epoll instance, of another's, in the way that it is told to.
 *
 *   count    so many packets, in order, each again until there is room; then says "done"
 *   flood    without end; says with what that failed
 *   late     waits for a message before it posts once; says how that went
 */
import { parentPort, workerData } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Epoll from "../../../src/Epoll/index.js"
import type { NetworkError } from "../../../src/Errors/index.js"
import * as Iocp from "../../../src/Iocp/index.js"

type Token = Iocp.PortToken | Epoll.EpollToken
type Posting = Effect.Effect<unknown, NetworkError>

interface Task {
  readonly way: "count" | "flood" | "late"
  readonly token: Token
  readonly thread: number
  readonly count: number
}

const { count, thread, token, way } = workerData as Task

/** What posts a packet that tells of this thread and carries a number. */
const opened = (token: Token): Effect.Effect<(number: number) => Posting, NetworkError> =>
  token._tag === "PortToken"
    ? Effect.map(Iocp.open(token), (port) => (key) => Iocp.post(port, { key, bytes: thread }))
    : Effect.map(Epoll.open(token), (epoll) => (data) => Epoll.post(epoll, { data, bytes: thread }))

const say = (what: unknown) => Effect.sync(() => parentPort?.postMessage(what))

const whenTold = Effect.async<void>((resume) => {
  parentPort?.once("message", () => resume(Effect.void))
  parentPort?.postMessage("ready")
})

/** Once more, in a while, if there is no room. */
const patiently = (posting: Posting) =>
  Effect.retry(posting, {
    while: ({ reason }) => reason === "ResourceExhausted",
    schedule: Schedule.spaced("1 millis")
  })

const numbers = Array.from({ length: count }, (_, at) => at)

const ways: Record<Task["way"], (post: (number: number) => Posting) => Posting> = {
  count: (post) =>
    Effect.zipRight(
      Effect.forEach(numbers, (number) => patiently(post(number)), { discard: true }),
      say("done")
    ),
  flood: (post) => Effect.zipRight(say("started"), Effect.forever(patiently(post(0)))),
  late: (post) => Effect.zipRight(whenTold, Effect.zipRight(post(0), say("posted")))
}

await Effect.runPromise(
  Effect.catchAll(Effect.flatMap(opened(token), ways[way]), ({ operation, reason }) =>
    say({ reason, operation })
  )
)
