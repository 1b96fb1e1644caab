// @ts-check
/** Udp of this library, as a program that uses it would be written. */
import { Effect } from "effect"
import { Net, Udp } from "../../dist/index.js"
import { endWithRunner } from "./endWithRunner.mjs"
import { host, readArguments, serverOf, tellListening } from "./protocol.mjs"

const { mode, port } = readArguments()

const echo = Effect.gen(function* () {
  const socket = yield* Udp.bind({ host, port })
  tellListening(socket.address.port)
  for (;;) {
    yield* socket.sendMany(yield* socket.receiveMany())
  }
})

endWithRunner()
await Effect.runPromise(serverOf({ udp: echo }, mode).pipe(Effect.scoped, Effect.provide(Net.layer)))
