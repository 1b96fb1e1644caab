/**
 * A server that speaks the protocol of Redis and keeps its data in memory.
 *
 *     node build/examples/redis-server.js 6379      on 127.0.0.1, until Ctrl-C; try `redis-cli set greeting hello`
 *
 * Without a port it serves one client of its own, and ends. The protocol, the data and the commands are in `redis/`; here
 * is what this library has to do with it: a fiber for each client, requests as they come, and answers that wait for
 * whoever is slow to read them.
 */
import { Clock, Console, Effect } from "effect"
import { Address, Net } from "effect-iocp"
import { execute } from "./redis/commands.js"
import { Database } from "./redis/database.js"
import { error, ProtocolError, RequestReader } from "./redis/resp.js"
import { runIfStarted } from "./support/runMain.js"

/** Answers are sent together, up to about so many bytes: a client may have sent many requests at once. */
const ANSWER_BYTES = 64 * 1024

interface Answers {
  readonly text: string
  /** Whether the client may go on: it has not said goodbye, and what it says makes sense. */
  readonly goesOn: boolean
  /** Whether there may be more requests among what has come. */
  readonly hasMore: boolean
}

const answer = (requests: RequestReader, database: Database): Answers => {
  let text = ""
  while (text.length < ANSWER_BYTES) {
    const request = requests.next()
    if (request === undefined) return { text, goesOn: true, hasMore: false }
    if (request instanceof ProtocolError) {
      return { text: text + error(`ERR Protocol error: ${request.message}`), goesOn: false, hasMore: false }
    }
    text += execute(request, database)
    if (/^quit$/i.test(request[0] ?? "")) return { text, goesOn: false, hasMore: false }
  }
  return { text, goesOn: true, hasMore: true }
}

/** Serves one client until it ends, says goodbye, or makes no sense. Requests are not read while answers wait. */
const converse = (database: Database) => (connection: Net.Connection) =>
  Effect.gen(function* () {
    const requests = new RequestReader()
    for (;;) {
      const bytes = yield* connection.read
      if (bytes.length === 0) return
      requests.push(bytes)
      let hasMore = true
      while (hasMore) {
        database.now = yield* Clock.currentTimeMillis
        const answers = answer(requests, database)
        if (answers.text !== "") yield* connection.writeAll(Buffer.from(answers.text, "latin1"))
        if (!answers.goesOn) return
        hasMore = answers.hasMore
      }
    }
  })

/** Serves clients of this listener until it is interrupted. */
export const serve = (listener: Net.Listener) =>
  Effect.suspend(() => listener.serve(converse(new Database())))

const listen = (port: number) => Net.listen({ host: "127.0.0.1", port })

const serveOneself = Effect.gen(function* () {
  const listener = yield* listen(0)
  yield* Effect.forkScoped(serve(listener))
  const client = yield* Net.connect(listener.address)
  // As people type it; what programs send has lengths in it.
  yield* client.writeString("SET greeting 'Hello, Redis!'\r\nGET greeting\r\nINCR visits\r\nQUIT\r\n")
  for (;;) {
    const line = yield* client.readLine
    if (line._tag === "None") return
    yield* Console.log(`the client read: ${line.value}`)
  }
})

const main = (port: number | undefined) =>
  Effect.gen(function* () {
    if (port === undefined) return yield* serveOneself
    const listener = yield* listen(port)
    yield* Console.log(`listening on ${Address.format(listener.address)}; Ctrl-C ends it`)
    return yield* serve(listener)
  }).pipe(Effect.scoped, Effect.provide(Net.layer))

export const program = main(undefined)

const [port] = process.argv.slice(2)
runIfStarted(import.meta, main(port === undefined ? undefined : Number(port)))
