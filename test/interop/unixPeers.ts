/**
 * Programs that speak over Unix sockets and are not of this library, each as a client and as a server of one connection.
 *
 * A path that begins with `@` stands for an abstract name, as the tools of Linux write it.
 */
import * as NodeNet from "node:net"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { absenceOf } from "../support/absence.js"
import { type ForeignEnd, ofStreams } from "./foreignEnd.js"
import { event } from "./nodeNet.js"
import { absenceOfNc, announced, endOf, launch, pythonProgram, SOCAT_PATIENCE } from "./peers.js"

export interface UnixPeer {
  readonly name: string
  /** Why it cannot take part here; undefined: it can. */
  readonly absence: string | undefined
  /** As a server it hangs up when our half ends, without saying what it still has to say. */
  readonly hangsUpAsServer: boolean
  /** Whether it knows abstract names, and means by them what the system does. */
  readonly isAbstract: boolean
  readonly connect: (path: string) => Effect.Effect<ForeignEnd, unknown, Scope.Scope>
  /** Listens at the path when this is over; its end of the first connection, once there is one. */
  readonly listen: (path: string) => Effect.Effect<Effect.Effect<ForeignEnd, unknown>, unknown, Scope.Scope>
}

interface Program {
  readonly name: string
  readonly command: string
  readonly absence: string | undefined
  readonly hangsUpAsServer: boolean
  readonly isAbstract: boolean
  readonly connectArgs: (path: string) => ReadonlyArray<string>
  readonly listenArgs: (path: string) => ReadonlyArray<string>
  readonly announcement: RegExp
}

const programPeer = ({ announcement, command, connectArgs, listenArgs, ...rest }: Program): UnixPeer => ({
  ...rest,
  connect: (path) =>
    Effect.map(launch(command, connectArgs(path)), (child) => {
      child.stderr.resume()
      return endOf(child)
    }),
  listen: (path) =>
    Effect.flatMap(launch(command, listenArgs(path)), (child) =>
      Effect.as(
        announced(child, announcement),
        Effect.sync(() => endOf(child))
      )
    )
})

/** `UNIX-CONNECT:/path`, `ABSTRACT-CONNECT:name`, and the same to listen. */
const socatAddress = (path: string, verb: "CONNECT" | "LISTEN") =>
  path.startsWith("@") ? `ABSTRACT-${verb}:${path.slice(1)}` : `UNIX-${verb}:${path}`

const socat = programPeer({
  name: "socat",
  command: "socat",
  absence: absenceOf("socat"),
  hangsUpAsServer: false,
  isAbstract: true,
  connectArgs: (path) => [...SOCAT_PATIENCE, "-", socatAddress(path, "CONNECT")],
  listenArgs: (path) => ["-d", "-d", ...SOCAT_PATIENCE, socatAddress(path, "LISTEN"), "-"],
  announcement: /listening on /
})

const python = programPeer({
  name: "Python's socket",
  command: "python3",
  absence: absenceOf("python3"),
  hangsUpAsServer: false,
  isAbstract: true,
  connectArgs: (path) => [pythonProgram, "connect-unix", path],
  listenArgs: (path) => [pythonProgram, "listen-unix", path],
  announcement: /listening on the path/
})

const nc = programPeer({
  name: "nc -U",
  command: "nc",
  absence: absenceOfNc(),
  hangsUpAsServer: true,
  isAbstract: false,
  connectArgs: (path) => ["-N", "-U", path],
  listenArgs: (path) => ["-N", "-v", "-l", "-U", path],
  announcement: /Listening on /
})

const closed = (socket: NodeNet.Socket): Effect.Effect<void, Error> =>
  Effect.suspend(() => (socket.closed ? Effect.void : event(socket, "close")))

const ofSocket = (socket: NodeNet.Socket): ForeignEnd => {
  socket.on("error", () => {})
  return ofStreams(socket, socket, closed(socket))
}

const destroyed = (socket: NodeNet.Socket) => Effect.sync(() => socket.destroy())

/** node:net in this very process. Node 20 fills abstract names with NULs, so that only its own kind finds them. */
const nodeNet: UnixPeer = {
  name: "node:net",
  absence: process.platform === "linux" ? undefined : "a path is a named pipe to it here",
  hangsUpAsServer: false,
  isAbstract: false,
  connect: (path) =>
    Effect.gen(function* () {
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() => NodeNet.connect({ path, allowHalfOpen: true })),
        destroyed
      )
      yield* event(socket, "connect")
      return ofSocket(socket)
    }),
  listen: (path) =>
    Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(
        Effect.sync(() => NodeNet.createServer({ allowHalfOpen: true })),
        (server) => Effect.sync(() => server.close())
      )
      const first = new Promise<NodeNet.Socket>((resolve) => server.once("connection", resolve))
      server.listen(path)
      yield* event(server, "listening")
      const scope = yield* Effect.scope
      const accepted = Effect.acquireRelease(
        Effect.promise(() => first),
        destroyed
      )
      return Effect.map(Scope.extend(accepted, scope), ofSocket)
    })
}

export const unixPeers: ReadonlyArray<UnixPeer> = [nodeNet, socat, nc, python]
