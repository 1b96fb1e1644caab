/**
 * The same program over the sockets of this library and over those of `@effect/platform-node`.
 */

import type * as PlatformSocket from "@effect/platform/Socket"
import type * as PlatformSocketServer from "@effect/platform/SocketServer"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import type * as Channel from "effect/Channel"
import type * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
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
    port?: number,
    host?: string
  ) => Effect.Effect<
    PlatformSocketServer.SocketServer["Type"],
    PlatformSocketServer.SocketServerError,
    Net.Net | Scope.Scope
  >
  readonly client: (
    port: number,
    openTimeout?: number
  ) => Effect.Effect<PlatformSocket.Socket, PlatformSocket.SocketError, Net.Net>
  /** A client of something else than a port, which never opens. */
  readonly neverOpen: (openTimeout: number) => Effect.Effect<PlatformSocket.Socket>
  /** A client as a channel. */
  readonly channel: (
    port: number
  ) => Channel.Channel<
    Chunk.Chunk<Uint8Array>,
    Chunk.Chunk<Uint8Array | string | PlatformSocket.CloseEvent>,
    PlatformSocket.SocketError,
    never,
    void,
    unknown,
    Net.Net
  >
  /** The services: a server, and a client of a port. */
  readonly layers: {
    readonly server: (options: {
      readonly port: number
    }) => Layer.Layer<PlatformSocketServer.SocketServer, PlatformSocketServer.SocketServerError, Net.Net>
    readonly client: (port: number) => Layer.Layer<PlatformSocket.Socket, PlatformSocket.SocketError, Net.Net>
  }
}

const loopback = "127.0.0.1"
const host = loopback

export const ours: Sockets = {
  name: "effect-iocp",
  server: (port = 0, host = loopback) => SocketServer.make({ host, port }),
  client: (port, openTimeout) => Socket.makeNet({ host, port, openTimeout }),
  neverOpen: (openTimeout) => Socket.fromConnection(Effect.never, { openTimeout }),
  channel: (port) => Socket.makeNetChannel({ host, port }),
  layers: { server: SocketServer.layer, client: (port) => Socket.layerNet({ host, port }) }
}

export const nodes: Sockets = {
  name: "platform-node",
  server: (port = 0, host = loopback) => NodeSocketServer.make({ host, port }),
  client: (port, openTimeout) => NodeSocket.makeNet({ host, port, openTimeout }),
  neverOpen: (openTimeout) => NodeSocket.fromDuplex(Effect.never, { openTimeout }),
  channel: (port) => NodeSocket.makeNetChannel({ host, port }),
  layers: { server: NodeSocketServer.layer, client: (port) => NodeSocket.layerNet({ host, port }) }
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
