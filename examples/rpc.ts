/**
 * Effect RPC over completion ports: typed calls, typed failures, and a stream.
 *
 * Nothing here knows of what is below but the two layers at the end, which take the place of those of
 * `@effect/platform-node`; `conversation` runs over either.
 */
import { type Socket as PlatformSocket, SocketServer as PlatformSocketServer } from "@effect/platform"
import { Rpc, RpcClient, RpcGroup, RpcSerialization, RpcServer } from "@effect/rpc"
import { Chunk, Console, Effect, Layer, Schema, Stream } from "effect"
import { Net } from "effect-iocp"
import { Socket, SocketServer } from "effect-iocp/Platform"
import { runIfStarted } from "./support/runMain.js"

/** What the server can be asked for. */
class Requests extends RpcGroup.make(
  Rpc.make("Greet", { payload: { name: Schema.String }, success: Schema.String }),
  Rpc.make("Divide", {
    payload: { dividend: Schema.Number, divisor: Schema.Number },
    success: Schema.Number,
    error: Schema.String
  }),
  Rpc.make("Count", { payload: { to: Schema.Number }, success: Schema.Number, stream: true })
) {}

const handlers = Requests.toLayer({
  Greet: ({ name }) => Effect.succeed(`Hello, ${name}!`),
  Divide: ({ dividend, divisor }) =>
    divisor === 0 ? Effect.fail("nobody can divide by 0") : Effect.succeed(dividend / divisor),
  Count: ({ to }) => Stream.range(1, to)
})

const server = RpcServer.layer(Requests).pipe(
  Layer.provide(handlers),
  Layer.provide(RpcServer.layerProtocolSocketServer)
)

const ask = Effect.gen(function* () {
  const client = yield* RpcClient.make(Requests)
  yield* Console.log(yield* client.Greet({ name: "whoever you are" }))
  yield* Console.log(`7 / 2 = ${yield* client.Divide({ dividend: 7, divisor: 2 })}`)
  const failure = yield* Effect.flip(client.Divide({ dividend: 7, divisor: 0 }))
  yield* Console.log(`7 / 0: ${failure}`)
  const numbers = yield* Stream.runCollect(client.Count({ to: 5 }))
  yield* Console.log(`counted: ${Chunk.toReadonlyArray(numbers).join(", ")}`)
})

/** The sockets to converse over. */
export interface Sockets<R> {
  readonly server: Layer.Layer<PlatformSocketServer.SocketServer, PlatformSocketServer.SocketServerError, R>
  readonly client: (port: number) => Layer.Layer<PlatformSocket.Socket, PlatformSocket.SocketError, R>
}

/** Starts the server, asks it all there is to ask, and stops it. */
export const conversation = <R>(sockets: Sockets<R>) =>
  Effect.gen(function* () {
    const { address } = yield* PlatformSocketServer.SocketServer
    const port = address._tag === "TcpAddress" ? address.port : 0
    const protocol = Layer.provide(RpcClient.layerProtocolSocket(), sockets.client(port))
    yield* Effect.provide(Effect.scoped(ask), protocol)
  }).pipe(
    Effect.provide(server),
    Effect.provide(sockets.server),
    Effect.provide(RpcSerialization.layerNdjson)
  )

const host = "127.0.0.1"

export const program = conversation({
  server: SocketServer.layer({ host, port: 0 }),
  client: (port) => Socket.layerNet({ host, port })
}).pipe(Effect.provide(Net.layer))

runIfStarted(import.meta, program)
