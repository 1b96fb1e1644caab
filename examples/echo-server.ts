/**
 * An echo server that runs until Ctrl-C, then closes its sockets and ends.
 *
 *     node build/examples/echo-server.js 8080             on 127.0.0.1; try `nc 127.0.0.1 8080`
 *     node build/examples/echo-server.js 8080 0.0.0.0     on every interface
 *
 * Without a port it serves one client of its own, and ends.
 */
import { Console, Effect, Option, type Scope } from "effect"
import { Address, Net } from "effect-iocp"
import { runIfStarted } from "./support/runMain.js"

/** Sends back what comes, until the client has sent all of it. What cannot be sent on yet is not read yet. */
const echo = (connection: Net.Connection) => {
  const client = Address.format(connection.remoteAddress)
  let count = 0
  const echoAll = Effect.gen(function* () {
    for (;;) {
      const bytes = yield* connection.read
      if (bytes.length === 0) return
      yield* connection.writeAll(bytes)
      count += bytes.length
    }
  })
  return Console.log(`+ ${client}`).pipe(
    Effect.zipRight(echoAll),
    Effect.ensuring(Effect.suspend(() => Console.log(`- ${client}: ${count} bytes`)))
  )
}

const listen = (host: string, port: number) =>
  Effect.tap(Net.listen({ host, port }), (listener) =>
    Console.log(`listening on ${Address.format(listener.address)}`)
  )

/** For ever, that is until it is interrupted: `serve` then interrupts its handlers, and their connections close. */
const serve = (host: string, port: number) =>
  Effect.gen(function* () {
    const listener = yield* listen(host, port)
    yield* Console.log("Ctrl-C ends it")
    return yield* listener.serve(echo)
  })

/** One client, which sends two lines, says that no more will come, and reads what comes back. */
const serveOneself = Effect.gen(function* () {
  const listener = yield* listen("127.0.0.1", 0)
  yield* Effect.forkScoped(listener.serve(echo))
  const connection = yield* Net.connect(listener.address)
  yield* connection.writeString("Is anybody there?\nJa, überall!\n")
  yield* connection.shutdown("write")
  for (;;) {
    const line = yield* connection.readLine
    if (Option.isNone(line)) return
    yield* Console.log(`the client read: ${line.value}`)
  }
})

const tellWhatIsOpen = Effect.flatMap(Net.statistics, ({ inFlight, openSockets }) =>
  Console.log(`ended: ${openSockets} sockets open, ${inFlight} operations in flight`)
)

const onThisPlatform = <A, E>(effect: Effect.Effect<A, E, Net.Net | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.ensuring(tellWhatIsOpen), Effect.provide(Net.layer))

export const program = onThisPlatform(serveOneself)

const [port, host = "127.0.0.1"] = process.argv.slice(2)
runIfStarted(import.meta, port === undefined ? program : onThisPlatform(serve(host, Number(port))))
