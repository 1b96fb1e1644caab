/**
 * Futures that are awaited with a timeout: an answer in time, a late one, and the connection after that.
 *
 * Waiting is one thing, the operation is another: who gives up waiting gets a `TimeoutError`, and the operation goes
 * on. It can be awaited again, and nothing of it is lost.
 */
import { Console, Effect, Option } from "effect"
import { Future, Net } from "effect-iocp"
import { runIfStarted } from "./support/runMain.js"

/** Answers line by line, and takes its time for a hard question. */
const answer = (connection: Net.Connection) =>
  Effect.gen(function* () {
    for (;;) {
      const question = yield* connection.readLine
      if (Option.isNone(question)) return
      if (question.value.startsWith("hard")) yield* Effect.sleep("400 millis")
      yield* connection.writeString(`the answer to the ${question.value}\n`)
    }
  })

const ask = (connection: Net.Connection, question: string) =>
  Effect.gen(function* () {
    yield* Console.log(`asked: ${question}`)
    yield* connection.writeString(`${question}\n`)
    // The read is under way from here on, whoever waits for it or does not.
    return yield* Future.start(connection.readLine)
  })

const print = (line: Option.Option<string>) =>
  Console.log(`  got: ${Option.getOrElse(line, () => "nothing")}`)

const conversation = Effect.gen(function* () {
  const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
  yield* Effect.forkScoped(listener.serve(answer))
  const connection = yield* Net.connect(listener.address)

  const easy = yield* ask(connection, "easy question")
  yield* print(yield* Future.await(easy, "5 seconds"))

  const hard = yield* ask(connection, "hard question")
  yield* Future.await(hard, "100 millis").pipe(
    Effect.flatMap(print),
    Effect.catchTag("TimeoutError", (error) => Console.log(`  ${error.message}`))
  )
  yield* Console.log("the read goes on: awaited again, for up to five seconds")
  yield* print(yield* Future.await(hard, "5 seconds"))

  const last = yield* ask(connection, "last question")
  yield* print(yield* Future.await(last, "5 seconds"))
})

export const program = conversation.pipe(Effect.scoped, Effect.provide(Net.layer))

runIfStarted(import.meta, program)
