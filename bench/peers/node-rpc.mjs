// @ts-check
/** @effect/rpc over the NodeSocketServer of @effect/platform-node. */
import { SocketServer } from "@effect/platform"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { Effect, Layer } from "effect"
import { callServer } from "./calls.mjs"
import { endWithRunner } from "./endWithRunner.mjs"
import { host, readArguments, tellListening } from "./protocol.mjs"

const { port } = readArguments()

const server = Effect.gen(function* () {
  const { address } = yield* SocketServer.SocketServer
  if (address._tag === "TcpAddress") tellListening(address.port)
  return yield* Layer.launch(callServer)
}).pipe(Effect.provide(NodeSocketServer.layer({ host, port, noDelay: true })))

endWithRunner()
await Effect.runPromise(server)
