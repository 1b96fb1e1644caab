/**
 * A hello server, and a client that reads its line.
 *
 * The listener, and every connection, belong to a scope: when the scope closes, they are closed. `serve` closes a
 * connection when its handler ends, which is how the client learns that no second line comes.
 */
import { Console, Effect, Option } from "effect"
import { Address, Net } from "effect-iocp"
import { runIfStarted } from "./support/runMain.js"

const server = Effect.gen(function* () {
  // Port 0: the system chooses one, and `listener.address` tells which.
  const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
  yield* Console.log(`server: listening on ${Address.format(listener.address)}`)
  yield* Effect.forkScoped(
    listener.serve((connection) => connection.writeString("Hello from the completion port!\n"))
  )
  return listener.address
})

const client = (server: Address.SocketAddress) =>
  Effect.gen(function* () {
    const connection = yield* Net.connect({ host: server.host, port: server.port, timeout: "5 seconds" })
    const first = yield* connection.readLine
    yield* Console.log(`client: read ${Option.isSome(first) ? JSON.stringify(first.value) : "nothing"}`)
    const second = yield* connection.readLine
    yield* Console.log(`client: then ${Option.isSome(second) ? "another line" : "the end of the stream"}`)
  })

export const program = server.pipe(
  Effect.flatMap((address) => Effect.scoped(client(address))),
  Effect.scoped,
  Effect.provide(Net.layer)
)

runIfStarted(import.meta, program)
