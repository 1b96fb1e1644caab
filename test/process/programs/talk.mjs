/**
 * A conversation of a program with itself, over loopback.
 *
 * This program and its like import single modules: under Wine, where a file takes its time, all of effect takes three
 * times as long to load.
 */
import * as Effect from "effect/Effect"
import * as Net from "effect-iocp/Net"

/** A listener and one connection to it. */
export const pair = Effect.gen(function* () {
  const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
  const [client, server] = yield* Effect.all(
    [Net.connect({ host: "127.0.0.1", port: listener.address.port }), listener.accept],
    { concurrency: 2 }
  )
  return { listener, client, server }
})

/** A question and its answer. */
export const talk = Effect.gen(function* () {
  const { client, server } = yield* pair
  yield* client.writeString("question\n")
  const question = yield* server.readLine
  yield* server.writeString("answer\n")
  const answer = yield* client.readLine
  return `${question._tag === "Some" && question.value} ${answer._tag === "Some" && answer.value}`
})
