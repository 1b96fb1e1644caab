// @ts-check
/** SocketServer of @effect/platform over this library: the same program as in node-socket-server.mjs. */
import { Effect } from "effect"
import { Net } from "../../dist/index.js"
import * as SocketServer from "../../dist/Platform/SocketServer.js"
import { endWithRunner } from "./endWithRunner.mjs"
import { host, readArguments, tellListening } from "./protocol.mjs"

const { port } = readArguments()

/** @param {import("@effect/platform/Socket").Socket} socket */
const echo = (socket) =>
  Effect.gen(function* () {
    const write = yield* socket.writer
    yield* socket.run((bytes) => write(bytes))
  })

const server = Effect.gen(function* () {
  const socketServer = yield* SocketServer.make({ host, port })
  if (socketServer.address._tag === "TcpAddress") tellListening(socketServer.address.port)
  return yield* socketServer.run((socket) => Effect.ignore(Effect.scoped(echo(socket))))
})

endWithRunner()
await Effect.runPromise(server.pipe(Effect.scoped, Effect.provide(Net.layer)))
