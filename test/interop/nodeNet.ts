/** node:net as the other end, in this very process: it is there in every lane. */
import * as NodeNet from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ForeignEnd, ofStreams } from "./foreignEnd.js"
import type { ForeignPeer } from "./peers.js"

/** Waits for an event, or fails with the error that comes first. */
export const event = (emitter: NodeNet.Socket | NodeNet.Server, name: string): Effect.Effect<void, Error> =>
  Effect.async((resume) => {
    const done = () => {
      emitter.off("error", fail)
      resume(Effect.void)
    }
    const fail = (error: Error) => {
      emitter.off(name, done)
      resume(Effect.fail(error))
    }
    emitter.once(name, done)
    emitter.once("error", fail)
  })

const closed = (socket: NodeNet.Socket): Effect.Effect<void, Error> =>
  Effect.suspend(() => (socket.closed ? Effect.void : event(socket, "close")))

const destroy = (socket: NodeNet.Socket): Effect.Effect<void> =>
  Effect.suspend(() => {
    socket.destroy()
    return Effect.ignore(closed(socket))
  })

const endOf = (socket: NodeNet.Socket): ForeignEnd => ofStreams(socket, socket, closed(socket))

/** A socket that is connected to a port of loopback. */
export const connect = (
  port: number,
  host = "127.0.0.1"
): Effect.Effect<NodeNet.Socket, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => NodeNet.connect({ port, host, allowHalfOpen: true })),
      destroy
    )
    yield* event(socket, "connect")
    // From here on its reader hears of errors.
    socket.on("error", () => {})
    return socket
  })

/** A server on loopback, and its first connection. */
export const listen: Effect.Effect<
  { readonly port: number; readonly first: Effect.Effect<NodeNet.Socket> },
  Error,
  Scope.Scope
> = Effect.gen(function* () {
  const sockets: Array<NodeNet.Socket> = []
  let arrived: () => void = () => {}
  const server = yield* Effect.acquireRelease(
    Effect.sync(() =>
      NodeNet.createServer({ allowHalfOpen: true }, (socket) => {
        socket.on("error", () => {})
        sockets.push(socket)
        arrived()
      })
    ),
    (server) =>
      Effect.zipRight(
        Effect.forEach(sockets, destroy),
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
        })
      )
  )
  server.listen(0, "127.0.0.1")
  yield* event(server, "listening")
  const address = server.address()
  if (address === null || typeof address === "string") return yield* Effect.fail(new Error("no port"))
  const first = Effect.async<NodeNet.Socket>((resume) => {
    arrived = () => {
      const [socket] = sockets
      if (socket !== undefined) resume(Effect.succeed(socket))
    }
    arrived()
  })
  return { port: address.port, first }
})

export const nodeNet: ForeignPeer = {
  name: "node:net",
  absence: undefined,
  hangsUpAsServer: false,
  connect: (port) => Effect.map(connect(port), endOf),
  listen: Effect.map(listen, ({ first, port }) => ({ port, end: Effect.map(first, endOf) }))
}
