/**
 * Sockets and servers of `@effect/platform` at a path: the same programs over both layers.
 */
import { existsSync } from "node:fs"
import { join } from "node:path"
import type * as PlatformSocket from "@effect/platform/Socket"
import * as PlatformSocketTag from "@effect/platform/Socket"
import type * as PlatformSocketServer from "@effect/platform/SocketServer"
import * as PlatformSocketServerTag from "@effect/platform/SocketServer"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { format } from "../../src/Address/index.js"
import { ConnectionError, NetworkError } from "../../src/Errors/index.js"
import type * as Net from "../../src/Net/index.js"
import * as Unix from "../../src/Net/Unix.js"
import * as Socket from "../../src/Platform/Socket.js"
import * as SocketServer from "../../src/Platform/SocketServer.js"
import { pattern, readToEnd, test, text } from "../Net/harness.js"
import { freePath } from "../Net/unixHarness.js"
import { temporaryFolder } from "../support/folder.js"
import { running, subject } from "./bothLayers.js"

type Server = PlatformSocketServer.SocketServer["Type"]

interface PathSockets {
  readonly name: string
  readonly server: (
    path: string
  ) => Effect.Effect<Server, PlatformSocketServer.SocketServerError, Net.Net | Scope.Scope>
  readonly client: (path: string) => Effect.Effect<PlatformSocket.Socket, PlatformSocket.SocketError, Net.Net>
  readonly layers: (
    path: string
  ) => Layer.Layer<
    PlatformSocketServer.SocketServer | PlatformSocket.Socket,
    PlatformSocketServer.SocketServerError | PlatformSocket.SocketError,
    Net.Net
  >
}

const ours: PathSockets = {
  name: "effect-iocp",
  server: (path) => SocketServer.make({ path }),
  client: (path) => Socket.makeNet({ path }),
  layers: (path) => Layer.merge(SocketServer.layer({ path }), Socket.layerNet({ path }))
}

const nodes: PathSockets = {
  name: "platform-node",
  server: (path) => NodeSocketServer.make({ path }),
  client: (path) => NodeSocket.makeNet({ path }),
  layers: (path) => Layer.merge(NodeSocketServer.layer({ path }), NodeSocket.layerNet({ path }))
}

const isLinux = process.platform === "linux"

const echoing = (socket: PlatformSocket.Socket) =>
  Effect.scoped(Effect.flatMap(socket.writer, (write) => socket.run((bytes) => write(bytes))))

/** Says something, and hears it come back. */
const heardBack = (socket: PlatformSocket.Socket, said: string) =>
  Effect.gen(function* () {
    const { take } = yield* running(socket)
    const write = yield* socket.writer
    yield* write(said)
    assert.strictEqual(yield* take(said.length), said)
  })

for (const sockets of [ours, nodes]) {
  describe.runIf(isLinux)(`at a path, over ${sockets.name}`, () => {
    test(subject, "a server tells its path, and its clients come there", () =>
      Effect.gen(function* () {
        const path = yield* freePath
        const server = yield* sockets.server(path)
        assert.deepStrictEqual({ ...server.address }, { _tag: "UnixAddress", path })
        yield* Effect.forkScoped(server.run(echoing))
        for (const client of [ours, nodes])
          yield* heardBack(yield* client.client(path), `from ${client.name}`)
      })
    )

    test(subject, "an abstract name is a path that begins with a NUL", () =>
      Effect.gen(function* () {
        const path = `\0effect-iocp platform test ${process.pid} ${sockets.name}`
        const server = yield* sockets.server(path)
        assert.deepStrictEqual({ ...server.address }, { _tag: "UnixAddress", path })
        yield* Effect.forkScoped(server.run(echoing))
        // Of its own kind: Node 20 fills names with NULs up to their full length.
        yield* heardBack(yield* sockets.client(path), "hello")
      })
    )

    test(subject, "the file is there as long as the server's scope", () =>
      Effect.gen(function* () {
        const path = yield* freePath
        const scope = yield* Scope.make()
        yield* Scope.extend(sockets.server(path), scope)
        assert.isTrue(existsSync(path))
        yield* Scope.close(scope, Exit.void)
        assert.isFalse(existsSync(path))
      })
    )

    test(subject, "a path that somebody listens at, and one in a folder that is missing: Open", () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const path = join(folder, "s")
        yield* sockets.server(path)
        for (const wrong of [path, join(folder, "missing", "s")]) {
          const failure = yield* Effect.flip(sockets.server(wrong))
          assert.deepInclude(failure, { _tag: "SocketServerError", reason: "Open" })
        }
        yield* heardBackFromFirst(sockets, path)
      })
    )

    test(subject, "a client of a path where nobody is: Open, and it can be run again when somebody is", () =>
      Effect.gen(function* () {
        const path = yield* freePath
        const socket = yield* sockets.client(path)
        const failure = yield* Effect.flip(socket.run(() => Effect.void))
        assert.deepInclude(failure, { reason: "Open" })
        const server = yield* sockets.server(path)
        yield* Effect.forkScoped(server.run(echoing))
        yield* heardBack(socket, "now")
      })
    )

    test(subject, "the end of a writer's scope ends the sending half, and the rest is still heard", () =>
      Effect.gen(function* () {
        const path = yield* freePath
        const listener = yield* Unix.listen({ path })
        const socket = yield* sockets.client(path)
        const { ended, take } = yield* running(socket)
        yield* Effect.scoped(Effect.flatMap(socket.writer, (write) => write("question")))
        const peer = yield* listener.accept
        assert.strictEqual(text(yield* readToEnd(peer)), "question")
        yield* peer.writeString("answer")
        yield* peer.shutdown("write")
        assert.strictEqual(yield* take(6), "answer")
        yield* ended
      })
    )

    test(subject, "megabytes there and back", () =>
      Effect.gen(function* () {
        const path = yield* freePath
        const server = yield* sockets.server(path)
        yield* Effect.forkScoped(server.run(echoing))
        const sent = pattern(3_000_000)
        const connection = yield* Unix.connect({ path })
        const sending = yield* Effect.fork(
          Effect.zipRight(connection.writeAll(sent), connection.shutdown("write"))
        )
        assert.isTrue((yield* readToEnd(connection)).equals(sent))
        yield* sending
      })
    )

    test(subject, "as services", () =>
      Effect.gen(function* () {
        const path = yield* freePath
        yield* Effect.gen(function* () {
          const server = yield* PlatformSocketServerTag.SocketServer
          yield* Effect.forkScoped(server.run(echoing))
          yield* heardBack(yield* PlatformSocketTag.Socket, "hello")
        }).pipe(Effect.scoped, Effect.provide(sockets.layers(path)))
      })
    )
  })
}

/** The server that was there first is there still. */
const heardBackFromFirst = (sockets: PathSockets, path: string) =>
  Effect.gen(function* () {
    const socket = yield* sockets.client(path)
    const opened = yield* Deferred.make<void>()
    yield* Effect.forkScoped(
      socket.run(() => Effect.void, { onOpen: Effect.asVoid(Deferred.succeed(opened, undefined)) })
    )
    yield* Deferred.await(opened)
  })

describe.runIf(isLinux)("what this library adds at a path", () => {
  test(subject, "the causes are the typed errors", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const refused = yield* Effect.flip((yield* ours.client(path)).run(() => Effect.void))
      assert.isTrue(refused.reason === "Open" && refused.cause instanceof ConnectionError)
      assert.deepInclude(refused.reason === "Open" ? refused.cause : {}, { reason: "Refused", address: path })
      const tooLong = yield* Effect.flip(ours.server(`/${"x".repeat(107)}`))
      assert.instanceOf(tooLong.cause, NetworkError)
      assert.deepInclude(tooLong.cause, { reason: "InvalidArgument", operation: "listen" })
    })
  )

  test(subject, "mode, backlog, and the limits of serving", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const server = yield* SocketServer.make({ path, mode: 0o600, backlog: 4, maxConnections: 1 })
      yield* Effect.forkScoped(server.run(echoing))
      yield* Effect.scoped(Effect.flatMap(ours.client(path), (socket) => heardBack(socket, "one")))
      yield* heardBack(yield* ours.client(path), "after the other")
    })
  )

  test(subject, "handlers are given the connection, and its peer's credentials are to be had", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const server = yield* ours.server(path)
      const seen = yield* Deferred.make<string>()
      yield* Effect.forkScoped(
        server.run(() =>
          Effect.flatMap(Effect.serviceOption(Socket.NetConnection), (connection) =>
            Deferred.succeed(seen, Option.isSome(connection) ? format(connection.value.remoteAddress) : "")
          )
        )
      )
      yield* Unix.connect({ path })
      assert.strictEqual(yield* Deferred.await(seen), "(unnamed)")
    })
  )
})

describe.runIf(process.env["EFFECT_IOCP_LANE"] === "wine")(
  "at a path, where there are no Unix sockets",
  () => {
    test(subject, "Open, because of Unsupported", () =>
      Effect.gen(function* () {
        const path = yield* freePath
        const failures = [
          (yield* Effect.flip(ours.server(path))).cause,
          yield* Effect.map(Effect.flip((yield* ours.client(path)).run(() => Effect.void)), (failure) =>
            failure.reason === "Open" ? failure.cause : failure
          )
        ]
        for (const failure of failures) {
          assert.instanceOf(failure, NetworkError)
          assert.deepInclude(failure, { reason: "Unsupported" })
        }
      })
    )
  }
)
