// @ts-check
/** NodeSocketServer of @effect/platform-node: sockets of node:net for Effect, as its documentation shows. */
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { Effect } from "effect"
import { endWithRunner } from "./endWithRunner.mjs"
import { host, nextPiece, readArguments, serverOf, tellListening } from "./protocol.mjs"

/** @typedef {import("@effect/platform/Socket").Socket} Socket */

const { mode, port, totalBytes } = readArguments()

/** @param {Socket} socket */
const echo = (socket) =>
  Effect.gen(function* () {
    const write = yield* socket.writer
    yield* socket.run((bytes) => write(bytes))
  })

/** @param {Socket} socket */
const receive = (socket) =>
  Effect.gen(function* () {
    const write = yield* socket.writer
    let count = 0
    yield* socket.run((bytes) => {
      count += bytes.length
      return count === totalBytes ? write(`${count}\n`) : Effect.void
    })
  })

/** A socket can be written to only while it runs; what comes is nothing here. @param {Socket} socket */
const send = (socket) =>
  Effect.gen(function* () {
    const write = yield* socket.writer
    yield* Effect.fork(socket.run(() => Effect.void))
    for (let rest = totalBytes; rest > 0; ) {
      const bytes = nextPiece(rest)
      yield* write(bytes)
      rest -= bytes.length
    }
  })

/** @type {(socket: Socket) => Effect.Effect<void, import("@effect/platform/Socket").SocketError, import("effect/Scope").Scope>} */
const handler = serverOf({ echo, receive, send, "socket-server": echo }, mode)

const server = Effect.gen(function* () {
  const socketServer = yield* NodeSocketServer.make({ host, port, noDelay: true })
  if (socketServer.address._tag === "TcpAddress") tellListening(socketServer.address.port)
  // The load ends its connections by a reset. No peer logs that.
  return yield* socketServer.run((socket) => Effect.ignore(Effect.scoped(handler(socket))))
})

endWithRunner()
await Effect.runPromise(Effect.scoped(server))
