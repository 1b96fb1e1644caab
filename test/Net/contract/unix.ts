import { existsSync, readdirSync } from "node:fs"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { format, makeUnix, type UnixAddress, unsafeMake } from "../../../src/Address/index.js"
import { ConnectionError, NetworkError } from "../../../src/Errors/index.js"
import * as Framing from "../../../src/Net/Framing.js"
import * as Future from "../../../src/Net/Future.js"
import * as Net from "../../../src/Net/index.js"
import * as ProxyProtocol from "../../../src/Net/ProxyProtocol.js"
import * as Streams from "../../../src/Net/Streams.js"
import * as Unix from "../../../src/Net/Unix.js"
import { temporaryFolder } from "../../support/folder.js"
import { bytes, type ContractSubject, readExactly, readToEnd, test, text } from "../harness.js"
import { freePath, overUnix, unixPair } from "../unixHarness.js"
import { choosing } from "./choosing.js"
import { interruption } from "./interruption.js"
import { lines } from "./lines.js"
import { sendFile } from "./sendFile.js"
import { streams } from "./streams.js"
import { timeouts } from "./timeouts.js"
import { vectored } from "./vectored.js"

const WSAEAFNOSUPPORT = 10047

export const unix = (subject: ContractSubject) => {
  wrongPaths(subject)
  if (subject.unix === "none") {
    missing(subject)
    return
  }
  const subjectOverUnix = overUnix(subject)
  streams(subjectOverUnix)
  vectored(subjectOverUnix)
  sendFile(subjectOverUnix)
  lines(subjectOverUnix)
  timeouts(subjectOverUnix)
  interruption(subjectOverUnix)
  // Of the losers of a select nobody reads, and small writes fill a Unix socket's buffer soon.
  choosing({ ...subjectOverUnix, isSlow: true })
  listening(subject)
  connecting(subject)
  above(subject)
}

const missing = (subject: ContractSubject) => {
  test(subject, "is Unsupported on a system that has none, listening and connecting", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const failures = [yield* Effect.flip(Unix.listen({ path })), yield* Effect.flip(Unix.connect({ path }))]
      for (const failure of failures) {
        assert.instanceOf(failure, NetworkError)
        assert.deepInclude(failure, { reason: "Unsupported", code: WSAEAFNOSUPPORT })
      }
      assert.deepStrictEqual(
        failures.map(({ operation }) => operation),
        ["listen", "connect"]
      )
    })
  )
}

const wrongPaths = (subject: ContractSubject) => {
  const refused = (options: Unix.ListenOptions) =>
    Effect.map(Effect.flip(Unix.listen(options)), (failure) => {
      assert.instanceOf(failure, NetworkError)
      assert.deepInclude(failure, { reason: "InvalidArgument", operation: "listen" })
      return failure.message
    })

  test(subject, "a path that is none is a typed error, before any call", () =>
    Effect.gen(function* () {
      for (const path of ["", "\0", "/run/a\0b", `/${"x".repeat(107)}`, `\0${"x".repeat(108)}`, "\udc00"]) {
        yield* refused({ path })
        const failure = yield* Effect.flip(Unix.connect({ path }))
        assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidArgument", operation: "connect" })
      }
      assert.include(yield* refused({ path: "x".repeat(109) }), "107 bytes at most, not 109")
    })
  )

  test(subject, "so is a mode or a backlog that is none", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      for (const mode of [-1, 0o1000, 1.5, Number.NaN]) yield* refused({ path, mode })
      yield* refused({ path: "\0effect-iocp", mode: 0o600 })
      for (const backlog of [0, -1, 1.5]) yield* refused({ path, backlog })
      assert.isFalse(existsSync(path))
    })
  )

  test(subject, "any text is a path, or a typed error", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.string({ unit: "binary", maxLength: 120 }), (path) =>
          Effect.runPromise(
            Effect.map(
              // A folder that does not exist: whatever the text is, nothing is made.
              Effect.flip(Effect.scoped(Unix.connect({ path: `${path.slice(0, 1)}/nowhere/${path}` }))),
              (failure) => assert.include(["NetworkError", "ConnectionError"], failure._tag)
            ).pipe(Effect.provide(subject.layer))
          )
        ),
        { numRuns: subject.isSlow ? 10 : 100 }
      )
    )
  )
}

const listening = (subject: ContractSubject) => {
  /** Node does not see such a file on Windows. */
  const isSeen = subject.name === "epoll"

  test(subject, "both sides know the path", () =>
    Effect.gen(function* () {
      const { client, listener, path, server } = yield* unixPair
      assert.strictEqual(listener.address.path, path)
      assert.deepStrictEqual(client.remoteAddress, listener.address)
      assert.deepStrictEqual(yield* server.localAddress, listener.address)
      assert.strictEqual(server.remoteAddress.path, "")
      assert.strictEqual(format(yield* client.localAddress), "(unnamed)")
    })
  )

  test(subject, "a scope that closes takes the file away, and so does an early close", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      yield* Effect.scoped(
        Effect.gen(function* () {
          const listener = yield* Unix.listen({ path })
          assert.strictEqual(existsSync(path), isSeen)
          yield* listener.close
          assert.isFalse(existsSync(path))
          yield* Unix.listen({ path })
        })
      )
      assert.isFalse(existsSync(path))
      const failure = yield* Effect.flip(Unix.connect({ path }))
      assert.instanceOf(failure, ConnectionError)
      assert.deepInclude(failure, { reason: "Refused", operation: "connect", address: path })
    })
  )

  test(subject, "a path that somebody listens at is in use, and goes on being served", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const listener = yield* Unix.listen({ path })
      yield* Effect.forkScoped(listener.serve((connection) => connection.writeString("still here")))
      for (const unlinkStale of [undefined, true, false]) {
        const failure = yield* Effect.flip(Unix.listen({ path, unlinkStale }))
        assert.instanceOf(failure, ConnectionError)
        assert.deepInclude(failure, { reason: "AddressInUse", operation: "listen", address: path })
        assert.include(failure.message, "A program listens at it")
      }
      const client = yield* Unix.connect({ path })
      assert.strictEqual(text(yield* readToEnd(client)), "still here")
    })
  )

  // Windows has rules of its own for names.
  const testNames: typeof test = subject.name === "iocp" ? () => {} : test
  testNames(subject, "any file name is one that the system takes and tells again, or a typed error", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const run = Runtime.runPromise(yield* Effect.runtime<Net.Net>())
      const there = (path: string) =>
        Effect.gen(function* () {
          const listener = yield* Unix.listen({ path })
          const client = yield* Unix.connect({ path })
          const server = yield* listener.accept
          assert.strictEqual(client.remoteAddress.path, path)
          assert.strictEqual((yield* server.localAddress).path, path)
        }).pipe(
          Effect.scoped,
          Effect.catchAll((failure) => {
            assert.include(["NetworkError", "ConnectionError"], failure._tag)
            return Effect.void
          })
        )
      const names = fc.oneof(fc.string({ unit: "binary", maxLength: 120 }), fc.string({ maxLength: 40 }))
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(
            names.filter((name) => !name.includes("..")),
            (name) => run(there(`${folder}/${name}`))
          ),
          { numRuns: subject.isSlow ? 20 : 300 }
        )
      )
      assert.deepStrictEqual(readdirSync(folder), [])
    })
  )

  test(subject, "listening that is interrupted leaves no file", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      for (let round = 0; round < 10; round++) {
        const fiber = yield* Effect.fork(Effect.scoped(Effect.zipRight(Unix.listen({ path }), Effect.never)))
        for (let turn = 0; turn < round; turn++) yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
        assert.isFalse(existsSync(path))
      }
      yield* Unix.listen({ path })
    })
  )

  test(subject, "serves many clients at once, each with an echo of its own", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const listener = yield* Unix.listen({ path, backlog: 8 })
      yield* Effect.forkScoped(
        listener.serve((connection) => Effect.flatMap(connection.read, (chunk) => connection.writeAll(chunk)))
      )
      const ask = (index: number) =>
        Effect.scoped(
          Effect.gen(function* () {
            const client = yield* Unix.connect({ path })
            yield* client.writeString(`client ${index}`)
            assert.strictEqual(text(yield* readToEnd(client)), `client ${index}`)
          })
        )
      yield* Effect.forEach(Array(100).keys(), ask, { concurrency: "unbounded", discard: true })
    })
  )
}

const connecting = (subject: ContractSubject) => {
  // On Windows it is refused.
  if (subject.name !== "iocp") {
    test(
      subject,
      "a connect for which there is no room waits, times out, and is interrupted; none leaves a thing",
      () =>
        Effect.gen(function* () {
          const path = yield* freePath
          const listener = yield* Unix.listen({ path, backlog: 1 })
          const { openSockets } = yield* Net.statistics
          const scope = yield* Scope.make()
          const connect = Scope.extend(Unix.connect({ path, timeout: "30 millis" }), scope)
          let connected = 0
          for (;;) {
            const attempt = yield* Effect.either(connect)
            if (attempt._tag === "Left") {
              assert.deepInclude(attempt.left, { _tag: "TimeoutError", operation: "connect", address: path })
              break
            }
            connected += 1
          }
          assert.isAbove(connected, 0)
          const waiting = yield* Effect.fork(Effect.scoped(Unix.connect({ path })))
          yield* Effect.sleep("5 millis")
          yield* Fiber.interrupt(waiting)
          assert.strictEqual((yield* Net.statistics).openSockets, openSockets + connected)
          // Once one is accepted there is room again.
          const late = yield* Effect.fork(Unix.connect({ path, timeout: "10 seconds" }))
          yield* Effect.sleep("5 millis")
          yield* listener.accept
          yield* Fiber.join(late)
          yield* Scope.close(scope, Exit.void)
        })
    )
  }

  if (subject.unix === "paths and abstract names") {
    test(subject, "an abstract name has no file, and is free again with its listener", () =>
      Effect.gen(function* () {
        const path = `\0effect-iocp net test ${process.pid}`
        const listener = yield* Unix.listen({ path })
        assert.deepInclude(yield* Effect.flip(Unix.listen({ path })), { reason: "AddressInUse" })
        const client = yield* Unix.connect({ path })
        assert.strictEqual(format(client.remoteAddress), `@${path.slice(1)}`)
        yield* client.writeString("hello")
        assert.strictEqual(text(yield* readExactly(yield* listener.accept, 5)), "hello")
        yield* listener.close
        assert.deepInclude(yield* Effect.flip(Unix.connect({ path })), {
          reason: "Refused",
          address: format(listener.address)
        })
        yield* Unix.listen({ path })
      })
    )
  }

  test(subject, "who is at the other end is told where the system knows it", () =>
    Effect.gen(function* () {
      const { client, server } = yield* unixPair
      for (const connection of [client, server]) {
        const answer = yield* Effect.either(Unix.peerCredentials(connection))
        if (subject.name === "epoll") {
          assert.deepStrictEqual(
            answer,
            yield* Effect.either(
              Effect.succeed({
                processId: process.pid,
                userId: process.geteuid?.() ?? -1,
                groupId: process.getegid?.() ?? -1
              })
            )
          )
        } else {
          assert.deepInclude(yield* Effect.flip(answer), { _tag: "NetworkError", reason: "Unsupported" })
        }
      }
    })
  )

  test(subject, "abort closes: a Unix socket has no reset to send", () =>
    Effect.gen(function* () {
      const { client, server } = yield* unixPair
      yield* client.writeString("last words")
      yield* client.abort
      assert.strictEqual(text(yield* readToEnd(server)), "last words")
      assert.deepInclude(yield* Effect.flip(client.write(bytes("x"))), { reason: "Closed" })
    })
  )
}

/** What takes a connection takes one of these. */
const above = (subject: ContractSubject) => {
  describe("with what is above", () => {
    test(subject, "streams of accepted connections, of lines, and sinks", () =>
      Effect.gen(function* () {
        const path = yield* freePath
        const listener = yield* Unix.listen({ path })
        const client = yield* Unix.connect({ path })
        yield* Stream.run(Stream.make("one\n", "two\n"), Streams.sink(client, { end: true }))
        const seen = yield* Streams.accepting(listener).pipe(
          Stream.take(1),
          Stream.flatMap((connection) => Streams.lines(connection)),
          Stream.runCollect,
          Effect.scoped
        )
        assert.deepStrictEqual([...seen], ["one", "two"])
      })
    )

    test(subject, "frames", () =>
      Effect.gen(function* () {
        const { client, server } = yield* unixPair
        const framing = yield* Framing.lengthPrefixed({ prefix: "u16be", maxBytes: 100 })
        yield* Framing.write(client, framing, bytes("framed"))
        const frame = yield* Framing.read(server, framing)
        assert.deepStrictEqual(Option.map(frame, text), Option.some("framed"))
      })
    )

    test(subject, "PROXY headers, from whoever connects, if they are trusted by unix:", () =>
      Effect.gen(function* () {
        const path = yield* freePath
        const ends = { source: unsafeMake("192.0.2.1", 1), destination: unsafeMake("192.0.2.2", 2) }
        const header = { version: 2, endpoints: Option.some(ends), extensions: [] } as const
        for (const [trusted, isTold] of [
          [["unix:", "10.0.0.0/8"], true],
          [["0.0.0.0/0", "::/0"], false]
        ] as const) {
          const told = yield* Deferred.make<boolean>()
          const listener = yield* Unix.listen({ path })
          yield* Effect.forkScoped(
            ProxyProtocol.serve(listener, { trusted }, (_, said) =>
              Deferred.succeed(told, Option.isSome(said))
            )
          )
          yield* ProxyProtocol.write(yield* Unix.connect({ path }), header)
          assert.strictEqual(yield* Deferred.await(told), isTold)
          yield* listener.close
        }
      })
    )

    test(subject, "futures of accepts and reads, and select over them", () =>
      Effect.gen(function* () {
        const path = yield* freePath
        const listener = yield* Unix.listen({ path })
        const seen = yield* Deferred.make<UnixAddress>()
        const accepting = yield* Future.asyncAccept(listener, (exit) =>
          Exit.isSuccess(exit) ? Deferred.succeed(seen, exit.value.remoteAddress) : Effect.void
        )
        const client = yield* Unix.connect({ path })
        const server = yield* Future.await(accepting)
        assert.strictEqual((yield* Deferred.await(seen)).path, "")
        yield* client.writeString("x")
        const first = yield* Net.select([server.read, client.read])
        assert.strictEqual(text(first), "x")
      })
    )

    test(
      subject,
      "an idle connection ends with TimedOut, and the address of its listener makes an equal one",
      () =>
        Effect.gen(function* () {
          const path = yield* freePath
          const listener = yield* Unix.listen({ path })
          const failed = yield* Deferred.make<string>()
          yield* Effect.forkScoped(
            listener.serve(
              (connection) =>
                Effect.catchAll(connection.read, ({ reason }) => Deferred.succeed(failed, reason)),
              { idleTimeout: "40 millis" }
            )
          )
          yield* Unix.connect({ path })
          assert.strictEqual(yield* Deferred.await(failed), "TimedOut")
          assert.deepStrictEqual(yield* makeUnix(path), listener.address)
        })
    )
  })
}
