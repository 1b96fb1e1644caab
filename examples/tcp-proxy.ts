/**
 * A TCP proxy: forwards each connection to a target, both ways.
 *
 *     node build/examples/tcp-proxy.js 8080 127.0.0.1 80
 *
 * Without arguments it stands between a client and a server of its own, and ends.
 */
import { Console, Effect, Option, type Scope } from "effect"
import { Address, type Errors, Net } from "effect-iocp"
import { runIfStarted } from "./support/runMain.js"

interface Target {
  readonly host: string
  readonly port: number
}

/** One direction. What the other side cannot take yet is not read yet; and the end of the one half is that of the other. */
const forward = (from: Net.Connection, to: Net.Connection): Effect.Effect<void, Errors.SocketError> =>
  Effect.flatMap(from.read, (bytes) =>
    bytes.length === 0 ? to.shutdown("write") : Effect.flatMap(to.writeAll(bytes), () => forward(from, to))
  )

/** Both directions, until both have ended. What cuts one side off, cuts off the other: half an answer is not to look whole. */
export const proxyTo = (target: Target) => (client: Net.Connection) =>
  Effect.gen(function* () {
    const server = yield* Net.connect({ ...target, timeout: "5 seconds" })
    yield* Effect.all([forward(client, server), forward(server, client)], {
      concurrency: 2,
      discard: true
    }).pipe(Effect.onError(() => Effect.zipRight(client.abort, server.abort)))
  }).pipe(
    Effect.scoped,
    Effect.catchAll((failure) => Console.log(`! ${failure.message}`))
  )

const listen = (host: string, port: number) =>
  Effect.tap(Net.listen({ host, port }), ({ address }) =>
    Console.log(`listening on ${Address.format(address)}`)
  )

const serve = (port: number, target: Target) =>
  Effect.flatMap(listen("127.0.0.1", port), (listener) =>
    listener.serve(proxyTo(target), { idleTimeout: "5 minutes" })
  )

/** A server that answers with the number of bytes that came, once the client has ended: half-closes go through, too. */
const counting = (connection: Net.Connection) =>
  Effect.gen(function* () {
    let count = 0
    for (;;) {
      const bytes = yield* connection.read
      if (bytes.length === 0) return yield* connection.writeString(`${count} bytes came\n`)
      count += bytes.length
    }
  })

/** What one client has to say through a proxy to this port. */
const ask = (port: number) =>
  Effect.gen(function* () {
    const client = yield* Net.connect({ host: "127.0.0.1", port })
    yield* client.writeAll(new Uint8Array(1_000_000))
    yield* client.shutdown("write")
    return Option.getOrElse(yield* client.readLine, () => "nothing")
  }).pipe(
    Effect.scoped,
    Effect.catchAll((failure) => Effect.succeed(failure.message))
  )

const demonstrate = Effect.gen(function* () {
  const server = yield* listen("127.0.0.1", 0)
  yield* Effect.forkScoped(server.serve(counting))
  const proxy = yield* listen("127.0.0.1", 0)
  yield* Effect.forkScoped(proxy.serve(proxyTo(server.address)))
  yield* Console.log(`through the proxy: ${yield* ask(proxy.address.port)}`)
  yield* server.close
  yield* Effect.asVoid(ask(proxy.address.port))
})

const onThisPlatform = <A, E>(effect: Effect.Effect<A, E, Net.Net | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(Net.layer))

export const program = onThisPlatform(demonstrate)

const [port, host, targetPort] = process.argv.slice(2)
runIfStarted(
  import.meta,
  port === undefined || host === undefined
    ? program
    : onThisPlatform(serve(Number(port), { host, port: Number(targetPort) }))
)
