/**
 * A server that runs out of descriptors: says where it listens, what it warns of, and, once it is told to stop by a
 * line "stop", what it left behind. Its clients are elsewhere. Each is greeted, and then has its lines echoed.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Net from "effect-iocp/Net"
import { runAndTell } from "./counters.mjs"

const toConsole = Logger.make(({ logLevel, message }) => console.log(`${logLevel.label}: ${message}`))

const program = Effect.gen(function* () {
  const stopped = yield* Deferred.make()
  let served = 0
  const serveOne = (connection) =>
    Effect.gen(function* () {
      served += 1
      yield* connection.writeString("welcome\n")
      for (;;) {
        const line = yield* connection.readLine
        if (line._tag === "None") return
        if (line.value === "stop") yield* Deferred.succeed(stopped, undefined)
        else if (line.value === "connect") yield* connection.writeString(`${yield* tryToConnect}\n`)
        else yield* connection.writeString(`${line.value}\n`)
      }
    })
  const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
  const serving = yield* Effect.fork(listener.serve(serveOne))
  const tryToConnect = Effect.match(Effect.scoped(Net.connect(listener.address)), {
    onSuccess: () => "connected",
    onFailure: (failure) => `${failure._tag} ${failure.reason} ${failure.codeName}`
  })
  console.log(`port: ${listener.address.port}`)
  yield* Deferred.await(stopped)
  yield* Fiber.interrupt(serving)
  return { served }
})

await runAndTell(program.pipe(Effect.provide(Logger.replace(Logger.defaultLogger, toConsole))))
