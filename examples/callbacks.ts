/**
 * Accept, connect, read and write that are started, and call back when they are done.
 *
 * Every `async...` function answers at once with a future. The callback gets the operation's exit: its value, or its
 * typed error. It may be an effect, as here, or a plain function.
 */
import { Console, Effect, Exit } from "effect"
import { Address, Future, Net } from "effect-iocp"
import { runIfStarted } from "./support/runMain.js"

/** A callback that prints how the operation ended. */
const report =
  <A>(operation: string, describe: (value: A) => string) =>
  <E extends { readonly message: string }>(exit: Exit.Exit<A, E>) =>
    Exit.matchEffect(exit, {
      onSuccess: (value) => Console.log(`${operation}: ${describe(value)}`),
      onFailure: (cause) =>
        cause._tag === "Fail" ? Console.log(`${operation}: ${cause.error.message}`) : Effect.void
    })

const peerOf = (connection: Net.Connection) => `connected with ${Address.format(connection.remoteAddress)}`
const textOf = (bytes: Uint8Array) => JSON.stringify(new TextDecoder().decode(bytes))

/** Both ends of a connection. */
const connectTo = (listener: Net.Listener) =>
  Effect.gen(function* () {
    const accepting = yield* Future.asyncAccept(listener, report("accept", peerOf))
    const connecting = yield* Future.asyncConnect(listener.address, report("connect", peerOf))
    yield* Console.log("accept and connect are under way")
    return { server: yield* Future.await(accepting), client: yield* Future.await(connecting) }
  })

const talk = Effect.gen(function* () {
  const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
  const { client, server } = yield* connectTo(listener)

  const reading = yield* Future.asyncRead(client, report("read", textOf))
  yield* Console.log("read is under way")
  const greeting = new TextEncoder().encode("Hello, whoever you are")
  const writing = yield* Future.asyncWrite(
    server,
    greeting,
    report("write", () => "all bytes are on their way")
  )
  yield* Future.await(writing)
  yield* Future.await(reading)

  // A failure goes the same way.
  yield* listener.close
  const refused = yield* Future.asyncConnect(listener.address, report("connect", peerOf))
  yield* refused.exit
})

export const program = talk.pipe(Effect.scoped, Effect.provide(Net.layer))

runIfStarted(import.meta, program)
