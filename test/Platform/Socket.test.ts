/**
 * `Socket` and `SocketServer`: the same program over this library and over `@effect/platform-node`, point by point.
 */
import * as PlatformSocket from "@effect/platform/Socket"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Address from "../../src/Address/index.js"
import { ConnectionError, NetworkError } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import * as Socket from "../../src/Platform/Socket.js"
import * as SocketServer from "../../src/Platform/SocketServer.js"
import { pattern, readToEnd, test, text } from "../Net/harness.js"
import { both, echoServer, ours, portOf, running, subject } from "./bothLayers.js"

type SocketError = PlatformSocket.SocketError
type Write = Effect.Effect.Success<PlatformSocket.Socket["writer"]>

/** A port on which nobody listens. */
const freePort = Effect.scoped(
  Effect.map(Net.listen({ host: "127.0.0.1", port: 0 }), ({ address }) => address.port)
)

for (const sockets of both) {
  describe(sockets.name, () => {
    test(subject, "what is written comes back, and the end of the writer's scope ends the conversation", () =>
      Effect.gen(function* () {
        const socket = yield* sockets.client(yield* echoServer(sockets))
        const { ended, take } = yield* running(socket)
        yield* Effect.scoped(
          Effect.gen(function* () {
            const write = yield* socket.writer
            yield* write("text, ")
            yield* write(new TextEncoder().encode("bytes"))
            assert.strictEqual(yield* take(11), "text, bytes")
          })
        )
        yield* ended
      })
    )

    test(subject, "a socket may be run again, and connects anew", () =>
      Effect.gen(function* () {
        const socket = yield* sockets.client(yield* echoServer(sockets))
        for (const word of ["first", "second", "third"]) {
          const { ended, take } = yield* running(socket)
          yield* Effect.scoped(
            Effect.gen(function* () {
              const write = yield* socket.writer
              yield* write(word)
              assert.strictEqual(yield* take(word.length), word)
            })
          )
          yield* ended
        }
      })
    )

    test(subject, "nothing is opened before the socket is run", () =>
      Effect.gen(function* () {
        const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
        yield* sockets.client(listener.address.port)
        const failure = yield* Effect.flip(listener.acceptWith({ timeout: "100 millis" }))
        assert.strictEqual(failure._tag, "TimeoutError")
      })
    )

    test(subject, "a write before the socket is open waits for it", () =>
      Effect.gen(function* () {
        const socket = yield* sockets.client(yield* echoServer(sockets))
        const write = yield* socket.writer
        const writing = yield* Effect.fork(write("early"))
        yield* Effect.sleep("20 millis")
        assert.isTrue(Option.isNone(yield* Fiber.poll(writing)))
        const { take } = yield* running(socket)
        assert.strictEqual(yield* take(5), "early")
        yield* Fiber.join(writing)
      })
    )

    test(subject, "onOpen is run once it is open, and can write", () =>
      Effect.gen(function* () {
        const socket = yield* sockets.client(yield* echoServer(sockets))
        const write = yield* socket.writer
        const answer = yield* Deferred.make<string>()
        yield* Effect.forkScoped(
          socket.run((bytes) => Deferred.succeed(answer, text(bytes)), {
            onOpen: Effect.orDie(write("opened"))
          })
        )
        assert.strictEqual(yield* Deferred.await(answer), "opened")
      })
    )

    test(subject, "a handler may be a plain function, and runRaw hands over the same", () =>
      Effect.gen(function* () {
        const socket = yield* sockets.client(yield* echoServer(sockets))
        const write = yield* socket.writer
        const answer = yield* Deferred.make<string>()
        yield* Effect.forkScoped(
          socket.runRaw((data) => {
            if (typeof data !== "string") Deferred.unsafeDone(answer, Effect.succeed(text(data)))
          })
        )
        yield* write("plain")
        assert.strictEqual(yield* Deferred.await(answer), "plain")
      })
    )

    test(subject, "nobody listens: the run fails with Open", () =>
      Effect.gen(function* () {
        const socket = yield* sockets.client(yield* freePort)
        const failure = yield* Effect.flip(socket.run(() => Effect.void))
        assert.deepInclude(failure, { _tag: "SocketError", reason: "Open" })
      })
    )

    test(subject, "a CloseEvent of 1000 ends the run with Close and its code", () =>
      Effect.gen(function* () {
        const socket = yield* sockets.client(yield* echoServer(sockets))
        const { ended } = yield* running(socket)
        const write = yield* socket.writer
        yield* write(new PlatformSocket.CloseEvent(1000))
        assert.deepInclude(yield* Effect.flip(ended), { reason: "Close", code: 1000 })
      })
    )

    test(subject, "a CloseEvent over 1000 ends the run with Read", () =>
      Effect.gen(function* () {
        const socket = yield* sockets.client(yield* echoServer(sockets))
        const { ended } = yield* running(socket)
        const write = yield* socket.writer
        yield* write(new PlatformSocket.CloseEvent(4001, "enough"))
        assert.deepInclude(yield* Effect.flip(ended), { reason: "Read" })
      })
    )

    // Under Wine node:net reports the end of the stream instead.
    const seesResets = sockets === ours || !subject.isSlow
    const whereSeen: typeof test = seesResets ? test : () => {}
    whereSeen(subject, "the peer's reset ends the run with Read", () =>
      Effect.gen(function* () {
        const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
        const socket = yield* sockets.client(listener.address.port)
        const { ended, take } = yield* running(socket)
        const peer = yield* listener.accept
        yield* peer.writeString("x")
        yield* take(1)
        yield* peer.abort
        assert.deepInclude(yield* Effect.flip(ended), { reason: "Read" })
      })
    )

    test(subject, "the peer's end ends the run well, after all that came before", () =>
      Effect.gen(function* () {
        const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
        const socket = yield* sockets.client(listener.address.port)
        const { ended, take } = yield* running(socket)
        const peer = yield* listener.accept
        yield* peer.writeAll(pattern(300_000))
        yield* peer.shutdown("write")
        yield* take(1)
        yield* ended
        yield* readToEnd(peer)
      })
    )

    test(subject, "a handler's failure is the run's", () =>
      Effect.gen(function* () {
        const socket = yield* sockets.client(yield* echoServer(sockets))
        const write = yield* socket.writer
        const running = yield* Effect.fork(Effect.flip(socket.run(() => Effect.fail("no, thanks"))))
        yield* write("offer")
        assert.strictEqual(yield* Fiber.join(running), "no, thanks")
      })
    )

    test(subject, "interrupting the run closes the connection", () =>
      Effect.gen(function* () {
        const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
        const socket = yield* sockets.client(listener.address.port)
        const opened = yield* Deferred.make<void>()
        const running = yield* Effect.fork(
          socket.run(() => Effect.void, { onOpen: Effect.asVoid(Deferred.succeed(opened, undefined)) })
        )
        const peer = yield* listener.accept
        yield* Deferred.await(opened)
        yield* Fiber.interrupt(running)
        assert.strictEqual((yield* readToEnd(peer)).length, 0)
      })
    )

    test(subject, "a server's address tells the port", () =>
      Effect.gen(function* () {
        const { address } = yield* sockets.server()
        assert.deepInclude(address, { _tag: "TcpAddress", hostname: "127.0.0.1" })
        assert.isAbove(portOf({ address, run: () => Effect.never }), 0)
      })
    )

    test(subject, "a port that is taken: Open", () =>
      Effect.gen(function* () {
        const taken = portOf(yield* sockets.server())
        const failure = yield* Effect.flip(sockets.server(taken))
        assert.deepInclude(failure, { _tag: "SocketServerError", reason: "Open" })
      })
    )

    test(subject, "who connects before the server runs is served when it does", () =>
      Effect.gen(function* () {
        const server = yield* sockets.server()
        const connection = yield* Net.connect({ host: "127.0.0.1", port: portOf(server) })
        yield* connection.writeString("waiting")
        yield* Effect.sleep("20 millis")
        yield* Effect.forkScoped(
          server.run((socket) =>
            Effect.scoped(Effect.flatMap(socket.writer, (write) => socket.run((bytes) => write(bytes))))
          )
        )
        assert.strictEqual(text(yield* connection.read), "waiting")
      })
    )

    test(subject, "a handler that fails or dies is logged as unhandled, and the next client is served", () =>
      Effect.gen(function* () {
        const logged: Array<string> = []
        const logger = Logger.make(
          ({ logLevel, message }) => void logged.push(`${logLevel.label} ${String(message)}`)
        )
        const server = yield* sockets.server()
        let count = 0
        const answer =
          (bytes: Uint8Array) =>
          (write: Write): Effect.Effect<void, string | SocketError> => {
            count += 1
            if (count === 1) return Effect.fail("first")
            return count === 2 ? Effect.die("second") : write(bytes)
          }
        yield* server
          .run((socket) =>
            Effect.scoped(
              Effect.flatMap(socket.writer, (write) => socket.run((bytes) => answer(bytes)(write)))
            )
          )
          .pipe(
            Effect.locally(FiberRef.unhandledErrorLogLevel, Option.some(LogLevel.Error)),
            Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
            Effect.forkScoped
          )
        const answers: Array<string> = []
        for (let client = 0; client < 3; client++) {
          const connection = yield* Net.connect({ host: "127.0.0.1", port: portOf(server) })
          yield* connection.writeString("ask")
          yield* connection.shutdown("write")
          answers.push(Buffer.concat([yield* readToEnd(connection)]).toString())
        }
        assert.deepStrictEqual(answers, ["", "", "ask"])
        const reports = logged.filter((line) => line.includes("SocketServer"))
        assert.deepStrictEqual(reports, Array(2).fill("ERROR Unhandled error in SocketServer"))
      })
    )

    test(subject, "interrupting the server's run closes its connections", () =>
      Effect.gen(function* () {
        const server = yield* sockets.server()
        const running = yield* Effect.fork(server.run((socket) => socket.run(() => Effect.void)))
        const connection = yield* Net.connect({ host: "127.0.0.1", port: portOf(server) })
        yield* connection.writeString("x")
        yield* Effect.sleep("50 millis")
        yield* Fiber.interrupt(running)
        yield* Effect.exit(readToEnd(connection))
      })
    )
  })
}

describe("what this library adds", () => {
  test(
    subject,
    "the next receive waits for the handler: in order, one at a time, and the peer is held up",
    () =>
      Effect.gen(function* () {
        const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
        const socket = yield* ours.client(listener.address.port)
        const sent = pattern(8 * 1024 * 1024)
        let atOnce = 0
        let received = 0
        const gate = yield* Deferred.make<void>()
        const first = yield* Deferred.make<void>()
        const running = yield* Effect.fork(
          socket.run((bytes) =>
            Effect.gen(function* () {
              atOnce += 1
              assert.strictEqual(atOnce, 1)
              for (let at = 0; at < bytes.length; at += 997)
                assert.strictEqual(bytes[at], sent[(received + at) % sent.length])
              received += bytes.length
              yield* Deferred.succeed(first, undefined)
              yield* Deferred.await(gate)
              atOnce -= 1
            })
          )
        )
        const peer = yield* listener.accept
        const writing = yield* Effect.fork(Effect.zipRight(peer.writeAll(sent), peer.shutdown("write")))
        yield* Deferred.await(first)
        yield* Effect.sleep("100 millis")
        assert.isTrue(Option.isNone(yield* Fiber.poll(writing)), "8 MiB left while nobody took them")
        assert.isAtMost(received, 64 * 1024)
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(writing)
        yield* Fiber.join(running)
        assert.strictEqual(received, sent.length)
      })
  )

  test(subject, "the cause of a failed open is the typed error", () =>
    Effect.gen(function* () {
      const socket = yield* ours.client(yield* freePort)
      const failure = yield* Effect.flip(socket.run(() => Effect.void))
      assert.isTrue(failure.reason === "Open" && failure.cause instanceof ConnectionError)
      assert.deepInclude(failure.reason === "Open" ? failure.cause : {}, { reason: "Refused" })
    })
  )

  test(subject, "handlers are given the connection", () =>
    Effect.gen(function* () {
      const server = yield* ours.server()
      const seen = yield* Deferred.make<string>()
      yield* Effect.forkScoped(
        server.run(() =>
          Effect.flatMap(Effect.serviceOption(Socket.NetConnection), (connection) =>
            Deferred.succeed(
              seen,
              Option.isSome(connection) ? Address.format(connection.value.remoteAddress) : "nothing"
            )
          )
        )
      )
      const client = yield* Net.connect({ host: "127.0.0.1", port: portOf(server) })
      assert.strictEqual(yield* Deferred.await(seen), Address.format(yield* client.localAddress))
    })
  )

  test(subject, "a served socket that ended cannot be run again: Close", () =>
    Effect.gen(function* () {
      const server = yield* ours.server()
      const failed = yield* Deferred.make<PlatformSocket.SocketError>()
      yield* Effect.forkScoped(
        server.run((socket) =>
          Effect.zipRight(
            socket.run(() => Effect.void),
            Effect.flatMap(Effect.flip(socket.run(() => Effect.void)), (failure) =>
              Deferred.succeed(failed, failure)
            )
          )
        )
      )
      const client = yield* Net.connect({ host: "127.0.0.1", port: portOf(server) })
      yield* client.close
      assert.deepInclude(yield* Deferred.await(failed), { reason: "Close", code: 1000 })
    })
  )

  test(subject, "a connection is closed when its handler fails, even if its socket was never run", () =>
    Effect.gen(function* () {
      const server = yield* ours.server()
      yield* Effect.forkScoped(server.run(() => Effect.fail("at once")))
      const client = yield* Net.connect({ host: "127.0.0.1", port: portOf(server) })
      assert.strictEqual((yield* readToEnd(client)).length, 0)
    })
  )

  test(
    subject,
    "a path and a port at once, as from code that no compiler looked at: Open, InvalidArgument",
    () =>
      Effect.gen(function* () {
        const options = { path: "/nowhere", port: 1 } as unknown as { readonly path: string }
        const socket = yield* Socket.makeNet(options)
        const failures = [
          yield* Effect.flip(socket.run(() => Effect.void)),
          yield* Effect.flip(SocketServer.make(options))
        ]
        for (const failure of failures) {
          assert.deepInclude(failure, { reason: "Open" })
          assert.isTrue("cause" in failure && failure.cause instanceof NetworkError)
          assert.deepInclude("cause" in failure ? failure.cause : {}, { reason: "InvalidArgument" })
        }
      })
  )
})
