// @ts-check
/** @effect/rpc over this library. */
import { SocketServer as PlatformSocketServer } from "@effect/platform"
import { Effect, Layer } from "effect"
import { Net } from "../../dist/index.js"
import * as SocketServer from "../../dist/Platform/SocketServer.js"
import { callServer } from "./calls.mjs"
import { endWithRunner } from "./endWithRunner.mjs"
import { host, readArguments, tellListening } from "./protocol.mjs"

const { port } = readArguments()

const server = Effect.gen(function* () {
  const { address } = yield* PlatformSocketServer.SocketServer
  if (address._tag === "TcpAddress") tellListening(address.port)
  return yield* Layer.launch(callServer)
}).pipe(Effect.provide(SocketServer.layer({ host, port })), Effect.provide(Net.layer))

endWithRunner()
await Effect.runPromise(server)
