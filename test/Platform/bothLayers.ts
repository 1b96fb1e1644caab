/**
 * The same program over the sockets of this library and over those of `@effect/platform-node`.
 */

import type * as PlatformSocket from "@effect/platform/Socket"
import type * as PlatformSocketServer from "@effect/platform/SocketServer"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Net from "../../src/Net/index.js"
import * as Socket from "../../src/Platform/Socket.js"
import * as SocketServer from "../../src/Platform/SocketServer.js"
import { type Subject, text } from "../Net/harness.js"

export const subject: Subject = {
  name: process.platform === "win32" ? "iocp" : "epoll",
  layer: Net.layer,
  isSlow: process.env["EFFECT_IOCP_LANE"] === "wine"
}

export interface Sockets {
  readonly name: string
  readonly server: (
    port?: number
  ) => Effect.Effect<
    PlatformSocketServer.SocketServer["Type"],
    PlatformSocketServer.SocketServerError,
    Net.Net | Scope.Scope
  >
  readonly client: (
    port: number,
    openTimeout?: number
  ) => Effect.Effect<PlatformSocket.Socket, PlatformSocket.SocketError, Net.Net>
}

const host = "127.0.0.1"

export const ours: Sockets = {
  name: "effect-iocp",
  server: (port = 0) => SocketServer.make({ host, port }),
  client: (port, openTimeout) => Socket.makeNet({ host, port, openTimeout })
}

export const nodes: Sockets = {
  name: "platform-node",
  server: (port = 0) => NodeSocketServer.make({ host, port }),
  client: (port, openTimeout) => NodeSocket.makeNet({ host, port, openTimeout })
}

export const both: ReadonlyArray<Sockets> = [ours, nodes]

export const portOf = ({ address }: PlatformSocketServer.SocketServer["Type"]): number =>
  address._tag === "TcpAddress" ? address.port : 0

/** A server that sends back what comes, in the background; its port. */
export const echoServer = ({ server }: Sockets) =>
  Effect.gen(function* () {
    const made = yield* server()
    yield* Effect.forkScoped(
      made.run((socket) =>
        Effect.scoped(Effect.flatMap(socket.writer, (write) => socket.run((bytes) => write(bytes))))
      )
    )
    return portOf(made)
  })

/** Runs the socket in the background: what has come so far, the wait for more of it, and how the run ends. */
export const running = (socket: PlatformSocket.Socket) =>
  Effect.gen(function* () {
    const chunks = yield* Queue.unbounded<string>()
    const ended = yield* Deferred.make<void, PlatformSocket.SocketError>()
    yield* Effect.forkScoped(
      Effect.intoDeferred(
        socket.run((bytes) => Queue.offer(chunks, text(bytes))),
        ended
      )
    )
    /** Waits until so much text has come. */
    const take = (length: number) =>
      Effect.gen(function* () {
        let received = ""
        while (received.length < length) received += yield* Queue.take(chunks)
        return received
      })
    return { take, ended: Deferred.await(ended) }
  })
