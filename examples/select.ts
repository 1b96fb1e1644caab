/**
 * The first of several: futures, of which the others go on, and effects, of which the others stop.
 *
 * `Future.select` waits for the first of several operations that were started. `Net.select` runs effects side by
 * side and interrupts the losers, which lose nothing: a read that loses has taken no byte.
 */
import { Array as Arr, Console, Effect, Exit, Option } from "effect"
import { type Address, Future, Net } from "effect-iocp"
import { runIfStarted } from "./support/runMain.js"

const COUNT = 100

const lineOf = (line: Option.Option<string>) => Option.getOrElse(line, () => "nothing")

/** Answers after as many milliseconds as the client says; told to count, it sends a line every millisecond. */
const serveOrder = (connection: Net.Connection) =>
  Effect.gen(function* () {
    const order = lineOf(yield* connection.readLine)
    if (order === "count") {
      for (let number = 1; number <= COUNT; number++) {
        yield* connection.writeString(`${number}\n`)
        yield* Effect.sleep("1 millis")
      }
      return
    }
    yield* Effect.sleep(`${Number(order)} millis`)
    yield* connection.writeString(`the answer after ${order} ms\n`)
  })

const place = (server: Address.SocketAddress, order: string) =>
  Effect.tap(Net.connect(server), (connection) => connection.writeString(`${order}\n`))

/** Starts three reads, and takes them as they end. */
const selectFutures = (server: Address.SocketAddress) =>
  Effect.gen(function* () {
    const connections = yield* Effect.forEach(["500", "100", "300"], (order) => place(server, order))
    let futures = yield* Effect.forEach(connections, (connection) => Future.start(connection.readLine))
    while (Arr.isNonEmptyReadonlyArray(futures)) {
      const { index, exit } = yield* Future.select(futures, "5 seconds")
      futures = Arr.remove(futures, index)
      const line = Exit.match(exit, { onFailure: () => "a failure", onSuccess: lineOf })
      yield* Console.log(`Future.select: ${line}; ${futures.length} go on`)
    }
  })

/** Reads, a hundred times, from whichever of two connections has a line; then the rest of both. */
const selectEffects = (server: Address.SocketAddress) =>
  Effect.gen(function* () {
    const sources = yield* Effect.all([openSource(server, "a"), openSource(server, "b")] as const)
    for (let round = 0; round < COUNT; round++) yield* Net.select(Arr.map(sources, readFrom))
    yield* Console.log(`Net.select: ${COUNT} lines from whichever had one; the other read was interrupted`)

    for (const source of sources) {
      while (source.numbers.length < COUNT) yield* readFrom(source)
      const inOrder = source.numbers.every((number, index) => number === index + 1)
      yield* Console.log(
        `  ${source.name} counted to ${COUNT}, ${inOrder ? "and no line is missing" : "with gaps"}`
      )
    }
  })

/** A connection whose server counts, and what was read of that. */
const openSource = (server: Address.SocketAddress, name: string) =>
  Effect.map(place(server, "count"), (connection) => {
    const numbers: Array<number> = []
    return { name, connection, numbers }
  })

const readFrom = (source: Effect.Effect.Success<ReturnType<typeof openSource>>) =>
  Effect.map(source.connection.readLine, (line) => source.numbers.push(Number(lineOf(line))))

export const program = Effect.gen(function* () {
  const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
  yield* Effect.forkScoped(listener.serve(serveOrder))
  yield* selectFutures(listener.address)
  yield* selectEffects(listener.address)
}).pipe(Effect.scoped, Effect.provide(Net.layer))

runIfStarted(import.meta, program)
