/**
 * Holds connections, both ends of each, while a few of them talk.
 *
 *   held.mjs COUNT TALKERS ROUNDS
 *
 * It needs twice as many descriptors as connections.
 */
import * as Effect from "effect/Effect"
import * as Net from "effect-iocp/Net"
import { runAndTell } from "./counters.mjs"

const [count, talkers, rounds] = process.argv.slice(2).map(Number)

const echo = (connection) =>
  Effect.repeat(
    Effect.tap(connection.read, (chunk) => connection.writeAll(chunk)),
    { until: (chunk) => chunk.length === 0 }
  )

const exchange = (connection, text) =>
  Effect.gen(function* () {
    yield* connection.writeString(`${text}\n`)
    const line = yield* connection.readLine
    return line._tag === "Some" && line.value === text ? 1 : 0
  })

const sum = (numbers) => numbers.reduce((total, one) => total + one, 0)

const program = Effect.gen(function* () {
  const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
  yield* Effect.forkScoped(listener.serve(echo))
  const { port } = listener.address
  const connections = yield* Effect.forEach(
    Array.from({ length: count }),
    () => Net.connect({ host: "127.0.0.1", port }),
    { concurrency: 64 }
  )
  // Held means accepted, and waiting in a read: a first word, there and back.
  const held = yield* Effect.forEach(connections, (connection) => exchange(connection, "hello"), {
    concurrency: 64
  })
  const step = Math.floor(count / talkers)
  const talking = connections.filter((_, index) => index % step === 0).slice(0, talkers)
  const start = performance.now()
  const talked = yield* Effect.forEach(
    talking,
    (connection) =>
      Effect.map(
        Effect.forEach(Array.from({ length: rounds }), (_, round) => exchange(connection, `round ${round}`)),
        sum
      ),
    { concurrency: "unbounded" }
  )
  const milliseconds = Math.round(performance.now() - start)
  const { openSockets: open } = yield* Net.statistics
  // And every one of them is still there.
  const alive = yield* Effect.forEach(connections, (connection) => exchange(connection, "goodbye"), {
    concurrency: 64
  })
  const residentMebibytes = Math.round(process.memoryUsage.rss() / 1024 / 1024)
  return { held: sum(held), talked: sum(talked), open, alive: sum(alive), milliseconds, residentMebibytes }
})

await runAndTell(program)
