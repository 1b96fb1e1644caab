// @ts-check
/** This library, by its public API, as a program that uses it would be written. */
import { Effect } from "effect"
import { Net } from "../../dist/index.js"
import { endWithRunner } from "./endWithRunner.mjs"
import { host, nextPiece, readArguments, serverOf, tellListening } from "./protocol.mjs"

const { mode, port, totalBytes } = readArguments()

/** @param {Net.Connection} connection */
const echo = (connection) =>
  Effect.gen(function* () {
    for (;;) {
      const bytes = yield* connection.read
      if (bytes.length === 0) return
      yield* connection.writeAll(bytes)
    }
  })

/** @param {Net.Connection} connection */
const receive = (connection) =>
  Effect.gen(function* () {
    let count = 0
    for (;;) {
      const bytes = yield* connection.read
      if (bytes.length === 0) return
      count += bytes.length
      if (count === totalBytes) yield* connection.writeString(`${count}\n`)
    }
  })

/** @param {Net.Connection} connection */
const send = (connection) =>
  Effect.gen(function* () {
    for (let rest = totalBytes; rest > 0; ) {
      const bytes = nextPiece(rest)
      yield* connection.writeAll(bytes)
      rest -= bytes.length
    }
  })

const handler = serverOf({ echo, receive, send }, mode)

const server = Effect.gen(function* () {
  const listener = yield* Net.listen({ host, port })
  tellListening(listener.address.port)
  return yield* listener.serve(handler)
})

endWithRunner()
await Effect.runPromise(server.pipe(Effect.scoped, Effect.provide(Net.layer)))
