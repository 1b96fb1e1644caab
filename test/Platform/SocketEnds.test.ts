/**
 * How sockets open and end, and what a writer hears of it: the same program over this library and over
 * `@effect/platform-node`, point by point. `Socket.test.ts` has the rest.
 */
import * as PlatformSocket from "@effect/platform/Socket"
import * as PlatformSocketServer from "@effect/platform/SocketServer"
import { assert, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Net from "../../src/Net/index.js"
import { concat, pattern, readExactly, readToEnd, test, text } from "../Net/harness.js"
import { both, echoServer, ours, portOf, running, subject } from "./bothLayers.js"

const host = "127.0.0.1"
const LARGE_BYTES = 8 * 1024 * 1024
/** More than the system keeps for a peer that does not read. */
const TOO_MUCH_BYTES = 64 * 1024 * 1024

const listening = Net.listen({ host, port: 0 })

/** Writes within a scope of its own: afterwards the socket has no writer any more. */
const writes = (socket: PlatformSocket.Socket, chunk: string | Uint8Array) =>
  Effect.scoped(Effect.flatMap(socket.writer, (write) => write(chunk)))

for (const sockets of both) {
  describe(`${sockets.name}: opening`, () => {
    test(subject, "what takes too long to open fails with Open", () =>
      Effect.gen(function* () {
        const socket = yield* sockets.neverOpen(50)
        for (let time = 0; time < 2; time++) {
          const failure = yield* Effect.flip(socket.run(() => Effect.void))
          assert.deepInclude(failure, { _tag: "SocketError", reason: "Open" })
        }
      })
    )

    test(subject, "nobody listens: Open, by the layer and by the channel", () =>
      Effect.gen(function* () {
        const { channel, layers } = sockets
        const nowhere = yield* Effect.scoped(Effect.map(listening, ({ address }) => address.port))
        const byLayer = Effect.flatMap(PlatformSocket.Socket, (socket) => socket.run(() => Effect.void))
        const failure = yield* Effect.flip(Effect.provide(byLayer, layers.client(nowhere)))
        assert.deepInclude(failure, { reason: "Open" })
        const through = Stream.pipeThroughChannel(Stream.make("hello"), channel(nowhere))
        assert.deepInclude(yield* Effect.flip(Stream.runDrain(through)), { reason: "Open" })
      })
    )

    test(subject, "as a channel: what goes in is sent, and what comes back comes out, to the end", () =>
      Effect.gen(function* () {
        const port = yield* echoServer(sockets)
        const sent = Stream.make("one, ", new TextEncoder().encode("two, "), "three")
        const chunks = yield* Stream.runCollect(Stream.pipeThroughChannel(sent, sockets.channel(port)))
        assert.strictEqual(text(concat([...chunks])), "one, two, three")
      })
    )

    test(subject, "as layers, on all addresses where none is named", () =>
      Effect.gen(function* () {
        const server = yield* PlatformSocketServer.SocketServer
        yield* Effect.forkScoped(server.run((socket) => Effect.asVoid(socket.run(() => Effect.void))))
        for (const host of ["127.0.0.1", "::1"]) {
          const client = yield* Net.connect({ host, port: portOf(server) })
          yield* client.shutdown("write")
          assert.strictEqual((yield* readToEnd(client)).length, 0)
        }
      }).pipe(Effect.provide(sockets.layers.server({ port: 0 })))
    )
  })

  describe(`${sockets.name}: ending`, () => {
    test(
      subject,
      "the end of the writer's scope ends one half: the peer reads the end, and still answers",
      () =>
        Effect.gen(function* () {
          const listener = yield* listening
          const socket = yield* sockets.client(listener.address.port)
          const { ended, take } = yield* running(socket)
          const peer = yield* listener.accept
          yield* writes(socket, "question")
          assert.strictEqual(text(yield* readToEnd(peer)), "question")
          yield* peer.writeString("the answer")
          assert.strictEqual(yield* take(10), "the answer")
          yield* peer.close
          yield* ended
        })
    )

    test(subject, "a write behind that end: Write", () =>
      Effect.gen(function* () {
        const listener = yield* listening
        const socket = yield* sockets.client(listener.address.port)
        yield* Effect.forkScoped(Effect.ignore(socket.run(() => Effect.void)))
        const peer = yield* listener.accept
        const write = yield* Effect.scoped(
          Effect.tap(socket.writer, (write) => write("all that there is to say"))
        )
        yield* readToEnd(peer)
        assert.deepInclude(yield* Effect.flip(write("and yet")), { _tag: "SocketError", reason: "Write" })
      })
    )

    test(subject, "a write after the run waits for the next one, and goes there", () =>
      Effect.gen(function* () {
        const listener = yield* listening
        const socket = yield* sockets.client(listener.address.port)
        const write = yield* socket.writer
        const first = yield* running(socket)
        yield* Effect.flatMap(listener.accept, (peer) => peer.close)
        yield* first.ended
        const writing = yield* Effect.fork(write("to whom it may concern"))
        yield* Effect.sleep("20 millis")
        assert.isTrue(Option.isNone(yield* Fiber.poll(writing)))
        yield* running(socket)
        const next = yield* listener.accept
        assert.strictEqual(text(yield* readExactly(next, 22)), "to whom it may concern")
        yield* Fiber.join(writing)
      })
    )

    test(subject, "a handler that dies: the run dies with it, and the connection is closed", () =>
      Effect.gen(function* () {
        const listener = yield* listening
        const socket = yield* sockets.client(listener.address.port)
        const run = yield* Effect.fork(socket.run(() => Effect.die("on purpose")))
        const peer = yield* listener.accept
        yield* peer.writeString("x")
        assert.deepStrictEqual(yield* Fiber.await(run), Exit.die("on purpose"))
        yield* Effect.exit(readToEnd(peer))
      })
    )

    test(subject, "a run is interruptible, wherever it is run", () =>
      Effect.gen(function* () {
        const listener = yield* listening
        const socket = yield* sockets.client(listener.address.port)
        const run = yield* Effect.fork(Effect.uninterruptible(socket.run(() => Effect.void)))
        const peer = yield* listener.accept
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(run)))
        assert.strictEqual((yield* readToEnd(peer)).length, 0)
      })
    )

    test(subject, "handlers find what the run was given", () =>
      Effect.gen(function* () {
        class Word extends Context.Tag("test/Word")<Word, string>() {}
        const listener = yield* listening
        const socket = yield* sockets.client(listener.address.port)
        const found = yield* Deferred.make<string>()
        yield* socket
          .run(() => Effect.flatMap(Word, (word) => Deferred.succeed(found, word)))
          .pipe(Effect.provideService(Word, "the word"), Effect.forkScoped)
        yield* Effect.flatMap(listener.accept, (peer) => peer.writeString("x"))
        assert.strictEqual(yield* Deferred.await(found), "the word")
      })
    )
  })

  describe(`${sockets.name}: serving`, () => {
    test(
      subject,
      "a handler that writes a lot and is done: all of it arrives, however slowly it is read",
      () =>
        Effect.gen(function* () {
          const server = yield* sockets.server()
          const sent = pattern(LARGE_BYTES)
          yield* Effect.forkScoped(
            server.run((socket) =>
              Effect.scoped(
                Effect.flatMap(socket.writer, (write) =>
                  socket.run(() => Effect.zipRight(write(sent), write(new PlatformSocket.CloseEvent())))
                )
              ).pipe(Effect.ignore)
            )
          )
          const client = yield* Net.connect({ host, port: portOf(server) })
          yield* client.writeString("x")
          yield* Effect.sleep("50 millis")
          assert.isTrue(Buffer.from(yield* readExactly(client, LARGE_BYTES)).equals(sent))
        })
    )

    test(
      subject,
      "a CloseEvent ends the handler's run with Close and its code, and the client reads the end",
      () =>
        Effect.gen(function* () {
          const server = yield* sockets.server()
          const failed = yield* Deferred.make<PlatformSocket.SocketError>()
          yield* Effect.forkScoped(
            server.run((socket) =>
              Effect.scoped(
                Effect.flatMap(socket.writer, (write) =>
                  Effect.flip(socket.run(() => write(new PlatformSocket.CloseEvent(1000))))
                )
              ).pipe(
                Effect.flatMap((failure) => Deferred.succeed(failed, failure)),
                Effect.orDie
              )
            )
          )
          const client = yield* Net.connect({ host, port: portOf(server) })
          yield* client.writeString("x")
          assert.deepInclude(yield* Deferred.await(failed), { reason: "Close", code: 1000 })
          assert.strictEqual((yield* readToEnd(client)).length, 0)
        })
    )

    test(subject, "a client that ends its half is answered all the same, and then its run is over", () =>
      Effect.gen(function* () {
        const server = yield* sockets.server()
        yield* Effect.forkScoped(
          server.run((socket) =>
            Effect.scoped(Effect.flatMap(socket.writer, (write) => socket.run((bytes) => write(bytes))))
          )
        )
        const client = yield* Net.connect({ host, port: portOf(server) })
        yield* client.writeString("question")
        yield* client.shutdown("write")
        assert.strictEqual(text(yield* readToEnd(client)), "question")
      })
    )

    test(subject, "several at once, each for itself", () =>
      Effect.gen(function* () {
        const port = yield* echoServer(sockets)
        const clients = yield* Effect.forEach(Array(10), () => Net.connect({ host, port }))
        yield* Effect.forEach(clients, (client, index) => client.writeString(`client ${index}`))
        const answers = yield* Effect.forEach([...clients].reverse(), (client) => readExactly(client, 8))
        assert.deepStrictEqual(
          answers.map(text),
          clients.map((_, index) => `client ${clients.length - 1 - index}`)
        )
      })
    )

    test(subject, "a server may be run again, with another handler", () =>
      Effect.gen(function* () {
        const server = yield* sockets.server()
        for (const word of ["first", "second"]) {
          const run = yield* Effect.fork(
            server.run((socket) =>
              Effect.scoped(Effect.flatMap(socket.writer, (write) => socket.run(() => write(word))))
            )
          )
          const client = yield* Net.connect({ host, port: portOf(server) })
          yield* client.writeString("x")
          assert.strictEqual(text(yield* client.read), word)
          yield* Fiber.interrupt(run)
          yield* Effect.exit(readToEnd(client))
        }
      })
    )

    test(subject, "an address that is none of this host's: Open", () =>
      Effect.gen(function* () {
        // TEST-NET-1 of RFC 5737.
        const failure = yield* Effect.flip(sockets.server(0, "192.0.2.1"))
        assert.deepInclude(failure, { _tag: "SocketServerError", reason: "Open" })
      })
    )
  })
}

describe("what this library adds", () => {
  test(subject, "a host that does not answer in time: Open, and no attempt is left", () =>
    Effect.gen(function* () {
      // Nobody accepts, and the backlog is full after a few (see the contract of `Net`): Linux then leaves the next one
      // unanswered, and Windows refuses it, which it tells after seconds.
      const { address } = yield* Net.listen({ host, port: 0, backlog: 1 })
      const opening = Effect.flatMap(ours.client(address.port, 300), (socket) =>
        Effect.gen(function* () {
          const opened = yield* Deferred.make<void>()
          const onOpen = Effect.asVoid(Deferred.succeed(opened, undefined))
          const running = yield* Effect.forkScoped(socket.run(() => Effect.void, { onOpen }))
          return yield* Effect.raceFirst(Fiber.join(running), Deferred.await(opened))
        })
      )
      const outcomes = yield* Effect.forEach(Array(8), () => Effect.either(opening))
      const failures = outcomes.flatMap((outcome) => (outcome._tag === "Left" ? [outcome.left.reason] : []))
      for (const reason of failures) assert.strictEqual(reason, "Open")
      if (subject.name === "epoll") assert.isNotEmpty(failures)
    })
  )

  test(subject, "the peer's reset in the middle of a write: Write", () =>
    Effect.gen(function* () {
      const listener = yield* listening
      const socket = yield* ours.client(listener.address.port)
      yield* Effect.forkScoped(Effect.ignore(socket.run(() => Effect.void)))
      const peer = yield* listener.accept
      const write = yield* socket.writer
      const writing = yield* Effect.fork(Effect.flip(write(pattern(TOO_MUCH_BYTES))))
      yield* readExactly(peer, 1)
      yield* peer.abort
      assert.deepInclude(yield* Fiber.join(writing), { _tag: "SocketError", reason: "Write" })
    })
  )

  test(subject, "a peer that takes nothing does not hold up a run that is over for long", () =>
    Effect.gen(function* () {
      const listener = yield* listening
      const socket = yield* ours.client(listener.address.port)
      const run = yield* Effect.fork(socket.run(() => Effect.void))
      const peer = yield* listener.accept
      yield* Effect.forkScoped(
        Effect.scoped(Effect.flatMap(socket.writer, (write) => write(pattern(TOO_MUCH_BYTES))))
      )
      yield* readExactly(peer, 1)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(run)))
    })
  )

  test(subject, "a port that is none: Open, and below it InvalidArgument", () =>
    Effect.gen(function* () {
      for (const port of [0, 65_536, -1, 1.5]) {
        const socket = yield* ours.client(port)
        const failure = yield* Effect.flip(socket.run(() => Effect.void))
        assert.deepInclude(failure.reason === "Open" ? failure.cause : {}, { reason: "InvalidArgument" })
      }
    })
  )
})
