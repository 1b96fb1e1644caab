/**
 * The part of this library in the tests across two lanes: a server in node.exe under Wine. The first line of each
 * connection says what is wanted of it:
 *
 *   echo         everything comes back, until the end
 *   count        at the end of the stream the answer is the line "BYTES SHA256"
 *   mebibyte     a mebibyte at once, and that line at the end of the stream
 *   lines        a greeting, then a line for every line
 *   call PORT    connects to that port of loopback and does the same there; the answer here is that line
 *   quit         ends the server
 */
import { createHash } from "node:crypto"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Net from "effect-iocp/Net"

const mebibyte = Uint8Array.from({ length: 1024 * 1024 }, (_, index) => (index * 31 + (index >> 8)) & 0xff)

/** What comes until the end of the stream, as a line. */
const summary = (connection) =>
  Effect.gen(function* () {
    const hash = createHash("sha256")
    let count = 0
    for (;;) {
      const chunk = yield* connection.read
      if (chunk.length === 0) return `${count} ${hash.digest("hex")}\n`
      hash.update(chunk)
      count += chunk.length
    }
  })

const echo = (connection) =>
  Effect.gen(function* () {
    for (;;) {
      const chunk = yield* connection.read
      if (chunk.length === 0) return
      yield* connection.writeAll(chunk)
    }
  })

const count = (connection) => Effect.flatMap(summary(connection), connection.writeString.bind(connection))

const exchange = (connection) =>
  Effect.map(
    Effect.all([summary(connection), connection.writeAll(mebibyte)], { concurrency: 2 }),
    ([line]) => line
  )

const lines = (connection) =>
  Effect.gen(function* () {
    yield* connection.writeString("hello\r\n")
    for (;;) {
      const line = yield* connection.readLine
      if (Option.isNone(line)) return
      yield* connection.writeString(`you said: ${line.value}\n`)
    }
  })

const call = (port) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* Net.connect({ host: "127.0.0.1", port })
      return yield* exchange(connection)
    })
  )

const handle = (quit) => (connection) =>
  Effect.gen(function* () {
    const [wanted, argument] = Option.getOrElse(yield* connection.readLine, () => "").split(" ")
    if (wanted === "echo") return yield* echo(connection)
    if (wanted === "count") return yield* count(connection)
    if (wanted === "mebibyte") return yield* connection.writeString(yield* exchange(connection))
    if (wanted === "lines") return yield* lines(connection)
    if (wanted === "call") return yield* connection.writeString(yield* call(Number(argument)))
    if (wanted === "quit") return yield* Deferred.succeed(quit, undefined)
    return yield* Effect.fail(`unknown: ${wanted}`)
  })

const server = Effect.gen(function* () {
  const quit = yield* Deferred.make()
  const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
  console.log(`port: ${listener.address.port}`)
  yield* Effect.raceFirst(listener.serve(handle(quit)), Deferred.await(quit))
})

await Effect.runPromise(Effect.scoped(server).pipe(Effect.provide(Net.layer)))
console.log(`ended on: ${process.platform}`)
