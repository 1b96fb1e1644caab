// @ts-check
/** The calls that the servers of @effect/rpc answer here, over whatever socket server they are given. */
import { Rpc, RpcGroup, RpcSerialization, RpcServer } from "@effect/rpc"
import { Effect, Layer, Schema } from "effect"

const calls = RpcGroup.make(
  Rpc.make("Double", { payload: { number: Schema.Number }, success: Schema.Number })
)

/** To be given a `SocketServer`. */
export const callServer = RpcServer.layer(calls).pipe(
  Layer.provide(calls.toLayer({ Double: ({ number }) => Effect.succeed(2 * number) })),
  Layer.provide(RpcServer.layerProtocolSocketServer),
  Layer.provide(RpcSerialization.layerNdjson)
)
