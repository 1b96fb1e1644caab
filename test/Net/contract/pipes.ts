import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { type PipeAddress, unsafeMakePipe } from "../../../src/Address/index.js"
import { NetworkError, type SocketError } from "../../../src/Errors/index.js"
import * as Iocp from "../../../src/Iocp/index.js"
import * as Framing from "../../../src/Net/Framing.js"
import * as Future from "../../../src/Net/Future.js"
import * as Net from "../../../src/Net/index.js"
import * as NamedPipe from "../../../src/Net/NamedPipe.js"
import * as Streams from "../../../src/Net/Streams.js"
import { freeName } from "../../support/pipes.js"
import {
  bytes,
  type ContractSubject,
  pattern,
  readExactly,
  readToEnd,
  type Subject,
  test,
  text
} from "../harness.js"
import { someTime } from "../interruptions.js"
import { overPipes, pipePair } from "../pipeHarness.js"
import { choosing } from "./choosing.js"
import { interruption } from "./interruption.js"
import { lines } from "./lines.js"
import { messages } from "./messages.js"
import { sendFile } from "./sendFile.js"
import { streams } from "./streams.js"
import { timeouts } from "./timeouts.js"
import { vectored } from "./vectored.js"

export const pipes = (subject: ContractSubject) => {
  wrongRequests(subject)
  if (subject.hasPipes !== true) {
    missing(subject)
    return
  }
  const subjectOverPipes = overPipes(subject)
  streams(subjectOverPipes)
  vectored(subjectOverPipes)
  sendFile(subjectOverPipes)
  lines(subjectOverPipes)
  timeouts(subjectOverPipes)
  interruption(subjectOverPipes)
  // Of the losers of a select nobody reads, and small writes fill a pipe's buffer soon.
  choosing({ ...subjectOverPipes, isSlow: true })
  endings(subject)
  accepting(subject)
  connecting(subject)
  instances(subject)
  safety(subject)
  above(subject)
  describe("in message mode", () => messages(subject))
}

const missing = (subject: Subject) => {
  test(subject, "is Unsupported on a system that has none, listening and connecting, in both modes", () =>
    Effect.gen(function* () {
      const name = freeName()
      for (const [operation, attempt] of [
        ["listen", Effect.asVoid(NamedPipe.listen({ name }))],
        ["listen", Effect.asVoid(NamedPipe.listen({ name, mode: "message" }))],
        ["connect", Effect.asVoid(NamedPipe.connect({ name }))],
        ["connect", Effect.asVoid(NamedPipe.connect({ name, mode: "message" }))]
      ] as const) {
        const failure = yield* Effect.flip(attempt)
        assert.instanceOf(failure, NetworkError)
        assert.deepInclude(failure, { reason: "Unsupported", operation })
      }
    })
  )
}

/** Both functions, with whatever options. */
const attempts = (options: NamedPipe.ListenOptions & NamedPipe.ConnectOptions) =>
  [
    ["listen", Effect.asVoid(NamedPipe.listen(options))],
    ["connect", Effect.asVoid(NamedPipe.connect(options))]
  ] as const

const wrongRequests = (subject: Subject) => {
  const invalid = { _tag: "NetworkError", reason: "InvalidArgument" } as const

  test(subject, "a name without its prefix, or a wrong one, is a typed error", () =>
    Effect.gen(function* () {
      for (const name of [
        "",
        "app",
        "\\pipe\\app",
        "\\\\.\\pipe\\",
        "\\\\.\\pipe",
        "//./pipe/app",
        "\\\\.\\pipe\\a\\b",
        "\\\\.\\mailslot\\app",
        "\\\\.\\pipe\\a\0b",
        `\\\\.\\pipe\\${"x".repeat(300)}`,
        7 as unknown as string
      ]) {
        for (const [operation, attempt] of attempts({ name })) {
          const failure = yield* Effect.flip(attempt)
          assert.deepInclude({ ...failure }, { ...invalid, operation }, name)
          assert.isString(failure._tag === "NetworkError" ? failure.advice : undefined)
        }
      }
    })
  )

  test(subject, "no name without the prefix gets past", () =>
    Effect.gen(function* () {
      const samples = fc.sample(
        fc.string({ unit: "binary" }).filter((name) => !/^\\\\[^\\/]+\\pipe\\/i.test(name)),
        200
      )
      for (const name of samples) {
        for (const [operation, attempt] of attempts({ name })) {
          assert.deepInclude({ ...(yield* Effect.flip(attempt)) }, { ...invalid, operation }, name)
        }
      }
    })
  )

  test(subject, "options that make no sense are refused", () =>
    Effect.gen(function* () {
      const name = freeName()
      for (const options of [
        { maxInstances: 0 },
        { maxInstances: 1 },
        { maxInstances: 255 },
        { maxInstances: 2.5 },
        { bufferBytes: -1 },
        { bufferBytes: 0.5 },
        { mode: "stream" as "byte" }
      ]) {
        const failure = yield* Effect.flip(NamedPipe.listen({ name, ...options }))
        assert.deepInclude({ ...failure }, { ...invalid, operation: "listen", address: name })
      }
      for (const maxMessageBytes of [0, -1, 1.5, Number.NaN]) {
        const options = { name, mode: "message", maxMessageBytes } as const
        const attempts = [Effect.asVoid(NamedPipe.listen(options)), Effect.asVoid(NamedPipe.connect(options))]
        for (const attempt of attempts) {
          assert.deepInclude({ ...(yield* Effect.flip(attempt)) }, invalid)
        }
      }
    })
  )
}

const endings = (subject: Subject) => {
  test(subject, "no half ends alone: shutdown is Unsupported, and nothing has happened", () =>
    Effect.gen(function* () {
      const { client, name, server } = yield* pipePair
      for (const how of ["read", "write", "both"] as const) {
        const failure = yield* Effect.flip(client.shutdown(how, { timeout: "1 second" }))
        assert.deepInclude({ ...failure }, { _tag: "NetworkError", reason: "Unsupported", address: name })
      }
      yield* client.writeString("still here")
      assert.strictEqual(text(yield* readExactly(server, 10)), "still here")
      yield* server.writeString("so am I")
      assert.strictEqual(text(yield* readExactly(client, 7)), "so am I")
      yield* client.close
      assert.strictEqual((yield* Effect.flip(client.shutdown("write"))).reason, "Closed")
    })
  )

  test(subject, "there are no socket options", () =>
    Effect.gen(function* () {
      const { client } = yield* pipePair
      for (const attempt of [
        client.setOption("noDelay", true),
        Effect.asVoid(client.getOption("keepAlive")),
        client.setOption("lingerSeconds", 0)
      ]) {
        assert.strictEqual((yield* Effect.flip(attempt)).reason, "Unsupported")
      }
    })
  )

  test(subject, "what was written before a close is there to be read, in both directions", () =>
    Effect.gen(function* () {
      const sent = pattern(60_000)
      for (const closer of ["client", "server"] as const) {
        for (const ending of ["close", "abort"] as const) {
          const ends = yield* pipePair
          const other = closer === "client" ? ends.server : ends.client
          yield* ends[closer].writeAll(sent)
          yield* ends[closer][ending]
          assert.isTrue(Buffer.from(yield* readToEnd(other)).equals(sent))
          assert.strictEqual((yield* other.read).length, 0)
          const failure = yield* Effect.flip(other.writeString("too late"))
          assert.deepInclude({ ...failure }, { _tag: "ConnectionError", reason: "Reset", operation: "write" })
        }
      }
    })
  )

  test(subject, "a read that waits ends when the other end is closed", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pipePair
      const reading = yield* Effect.fork(server.read)
      yield* Effect.sleep("20 millis")
      yield* client.close
      assert.strictEqual((yield* Fiber.join(reading)).length, 0)
      assert.deepInclude(
        { ...(yield* Effect.flip(client.read)) },
        { _tag: "ConnectionError", reason: "Closed" }
      )
    })
  )

  test(subject, "a server that disconnects its client is a reset, and not an end", () =>
    Effect.gen(function* () {
      const address = unsafeMakePipe(freeName())
      const server = yield* Iocp.createNamedPipe({ address })
      const client = yield* NamedPipe.connect({ name: address.name })
      const reading = yield* Effect.fork(Effect.flip(client.read))
      yield* Effect.sleep("20 millis")
      yield* Iocp.disconnectNamedPipe(server)
      const reset = { _tag: "ConnectionError", reason: "Reset", code: 233 } as const
      assert.deepInclude({ ...(yield* reading) }, { ...reset, operation: "read", address: address.name })
      assert.deepInclude(
        { ...(yield* Effect.flip(client.writeString("x"))) },
        { ...reset, operation: "write" }
      )
    })
  )

  test(subject, "a peer that writes nothing has not ended", () =>
    Effect.gen(function* () {
      const address = unsafeMakePipe(freeName())
      const listener = yield* NamedPipe.listen({ name: address.name })
      const port = yield* Iocp.make()
      const peer = yield* Iocp.openPipe(address)
      yield* Iocp.associatePipe(port, peer)
      const server = yield* listener.accept
      const overlapped = yield* Iocp.makeOverlapped
      const buffer = yield* Iocp.allocateMemory(3)
      buffer.bytes.set(bytes("abc"))
      const reading = yield* Effect.fork(readExactly(server, 3))
      for (const length of [0, 0, 3, 0]) {
        yield* Iocp.writePipe(peer, overlapped, buffer, { length })
        yield* Iocp.waitForCompletion(port, "20 seconds")
      }
      assert.strictEqual(text(yield* Fiber.join(reading)), "abc")
      const failure = yield* Effect.flip(server.readWith({ timeout: "20 millis" }))
      assert.strictEqual(failure._tag, "TimeoutError")
    })
  )

  test(subject, "writes that time out are on their way, and the caller goes on from there", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pipePair
      const all = pattern(3_000_000)
      let sent = 0
      let late = 0
      const reading = yield* Effect.fork(
        Effect.gen(function* () {
          const chunks: Array<Uint8Array> = []
          for (let got = 0; got < all.length; got += chunks.at(-1)?.length ?? 0) {
            chunks.push(yield* server.read)
            yield* Effect.sleep("2 millis")
          }
          return Buffer.concat(chunks)
        })
      )
      while (sent < all.length) {
        const exit = yield* Effect.either(client.writeAll(all.subarray(sent), { timeout: "10 millis" }))
        if (exit._tag === "Right") break
        assert.strictEqual(exit.left._tag, "TimeoutError")
        late += 1
        sent += (exit.left._tag === "TimeoutError" && exit.left.bytesTransferred) || 0
      }
      assert.isAbove(late, 0, "no write timed out: the test tested nothing")
      assert.isTrue((yield* Fiber.join(reading)).equals(all))
    })
  )
}

const accepting = (subject: Subject) => {
  test(subject, "interrupted accepts lose no connection", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      const total = subject.isSlow ? 60 : 200
      const connecting = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: total }, (_, index) => index),
          (index) =>
            Effect.tap(NamedPipe.connect({ name }), (connection) =>
              Effect.zipRight(connection.writeAll(Uint8Array.of(index)), someTime)
            )
        )
      )
      const seen = new Set<number>()
      let interrupted = 0
      while (seen.size < total) {
        const accepting = yield* Effect.fork(listener.accept)
        yield* someTime
        const exit = yield* Fiber.interrupt(accepting)
        if (Exit.isFailure(exit)) {
          assert.isTrue(Exit.isInterrupted(exit))
          interrupted += 1
        } else {
          const [first = -1] = yield* readExactly(exit.value, 1)
          assert.isFalse(seen.has(first))
          seen.add(first)
        }
      }
      assert.isAbove(interrupted, 0, "no accept was interrupted: the test tested nothing")
      yield* Fiber.join(connecting)
    })
  )

  test(
    subject,
    "an accept that times out leaves the listener usable, and closing it ends one that waits",
    () =>
      Effect.gen(function* () {
        const name = freeName()
        const listener = yield* NamedPipe.listen({ name })
        const failure = yield* Effect.flip(listener.acceptWith({ timeout: "20 millis" }))
        assert.deepInclude({ ...failure }, { _tag: "TimeoutError", operation: "accept", address: name })
        yield* Effect.scoped(
          Effect.zipRight(NamedPipe.connect({ name }), listener.acceptWith({ timeout: "20 seconds" }))
        )
        const waiting = yield* Effect.fork(Effect.flip(listener.accept))
        yield* Effect.sleep("20 millis")
        yield* listener.close
        assert.deepInclude(
          { ...(yield* waiting) },
          { _tag: "ConnectionError", reason: "Closed", address: name }
        )
        const refused = yield* Effect.flip(NamedPipe.connect({ name }))
        assert.deepInclude({ ...refused }, { _tag: "ConnectionError", reason: "Refused" })
      })
  )

  test(subject, "clients that write and are gone before anybody accepts lose nothing", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      const total = subject.isSlow ? 40 : 200
      const clients = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: total }, (_, index) => index),
          (index) =>
            Effect.scoped(
              Effect.flatMap(NamedPipe.connect({ name }), (client) => client.writeString(`client ${index}`))
            ),
          { concurrency: 8 }
        )
      )
      const seen = new Set<string>()
      while (seen.size < total) {
        const server = yield* listener.accept
        seen.add(text(yield* readToEnd(server)))
        yield* server.close
      }
      yield* Fiber.join(clients)
      assert.isTrue(seen.has(`client ${total - 1}`))
    })
  )

  test(subject, "a client that nobody has accepted reads the end when the listener closes", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      const client = yield* NamedPipe.connect({ name })
      yield* listener.close
      assert.strictEqual((yield* client.read).length, 0)
    })
  )

  test(subject, "many clients at once, each of them served", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      const total = subject.isSlow ? 200 : 1000
      const echo = (connection: NamedPipe.Connection) =>
        Effect.gen(function* () {
          for (;;) {
            const chunk = yield* connection.read
            if (chunk.length === 0) return
            yield* connection.writeAll(chunk)
          }
        })
      yield* Effect.forkScoped(listener.serve(echo))
      const clients = yield* Effect.forEach(
        Array.from({ length: total }, (_, index) => index),
        () => NamedPipe.connect({ name }),
        { concurrency: "unbounded" }
      )
      yield* Effect.forEach(
        clients,
        (client, index) =>
          Effect.gen(function* () {
            const message = `message ${index}`
            yield* client.writeString(message)
            assert.strictEqual(text(yield* readExactly(client, message.length)), message)
          }),
        { concurrency: "unbounded", discard: true }
      )
      assert.isAtLeast((yield* Net.statistics).openSockets, 2 * total)
    })
  )

  test(
    subject,
    "serve: a handler that fails ends its own connection, and an idle one ends with TimedOut",
    () =>
      Effect.gen(function* () {
        const name = freeName()
        const listener = yield* NamedPipe.listen({ name })
        const failures: Array<string> = []
        yield* Effect.forkScoped(
          listener.serve(
            (connection) =>
              Effect.flatMap(
                connection.readLine,
                (line): Effect.Effect<void, string | SocketError> =>
                  Option.contains(line, "fail") ? Effect.fail("on purpose") : connection.writeString("served")
              ),
            {
              idleTimeout: "40 millis",
              onFailure: (cause, connection) =>
                Effect.sync(() => failures.push(`${connection.remoteAddress.name === name} ${cause}`))
            }
          )
        )
        for (const [request, answer] of [
          ["fail\n", ""],
          ["well\n", "served"],
          ["half", ""]
        ] as const) {
          const client = yield* NamedPipe.connect({ name })
          yield* client.writeString(request)
          assert.strictEqual(text(yield* readToEnd(client)), answer)
        }
        assert.lengthOf(failures, 2)
        assert.include(failures[0], "on purpose")
        assert.include(failures[1], "no byte moved for too long")
      })
  )
}

const connecting = (subject: Subject) => {
  test(subject, "a pipe that nobody has made refuses", () =>
    Effect.gen(function* () {
      const name = freeName()
      const failure = yield* Effect.flip(NamedPipe.connect({ name }))
      assert.deepInclude(
        { ...failure },
        { _tag: "ConnectionError", reason: "Refused", code: 2, operation: "connect", address: name }
      )
      assert.include(failure.message, "Is the program running that makes it?")
    })
  )

  test(subject, "one of another machine is looked for on a thread, and can be given up", () =>
    Effect.gen(function* () {
      const name = "\\\\no-such-host.invalid\\pipe\\app"
      const failure = yield* Effect.flip(NamedPipe.connect({ name, timeout: "1 minute" }))
      assert.deepInclude({ ...failure }, { _tag: "ConnectionError", operation: "connect", address: name })
      const connecting = yield* Effect.fork(NamedPipe.connect({ name }))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(connecting)
    })
  )

  test(
    subject,
    "a connect waits for an instance without a client, in time or not, and can be interrupted",
    () =>
      Effect.gen(function* () {
        const address = unsafeMakePipe(freeName())
        const { name } = address
        const only = yield* Iocp.createNamedPipe({ address, maxInstances: 1 })
        const first = yield* NamedPipe.connect({ name })
        const late = yield* Effect.flip(NamedPipe.connect({ name, timeout: "30 millis" }))
        assert.deepInclude({ ...late }, { _tag: "TimeoutError", operation: "connect", address: name })
        const interrupted = yield* Effect.fork(NamedPipe.connect({ name }))
        yield* Effect.sleep("10 millis")
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(interrupted)))
        const waiting = yield* Effect.fork(NamedPipe.connect({ name, timeout: "20 seconds" }))
        yield* Effect.sleep("20 millis")
        assert.isNull(waiting.unsafePoll())
        yield* first.close
        yield* Iocp.disconnectNamedPipe(only)
        const port = yield* Iocp.make()
        yield* Iocp.associatePipe(port, only)
        yield* Iocp.connectNamedPipe(only, yield* Iocp.makeOverlapped)
        yield* Fiber.join(waiting)
      })
  )

  test(subject, "interrupting connects closes what they have opened", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      yield* Effect.forkScoped(listener.serve(() => Effect.never))
      for (let round = 0; round < 50; round++) {
        const connecting = yield* Effect.fork(Effect.scoped(NamedPipe.connect({ name })))
        yield* someTime
        yield* Fiber.interrupt(connecting)
      }
    })
  )

  test(subject, "both ends know the name, and the process at the other end", () =>
    Effect.gen(function* () {
      const { client, listener, name, server } = yield* pipePair
      for (const end of [client, server]) {
        assert.strictEqual(end.remoteAddress.name, name)
        assert.deepStrictEqual(yield* end.localAddress, listener.address)
        assert.strictEqual(yield* NamedPipe.peerProcessId(end), process.pid)
      }
      yield* client.close
      assert.strictEqual((yield* Effect.flip(NamedPipe.peerProcessId(client))).reason, "Closed")
    })
  )

  test(subject, "names do not tell upper case from lower", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      yield* NamedPipe.connect({ name: name.toUpperCase() })
      yield* listener.accept
    })
  )
}

const instances = (subject: Subject) => {
  test(subject, "with a limit, an accept too many is a typed failure, and loses no client", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name, maxInstances: 2 })
      const first = yield* NamedPipe.connect({ name })
      const server = yield* listener.accept
      const second = yield* NamedPipe.connect({ name })
      yield* second.writeString("second\n")
      const full = yield* Effect.flip(listener.accept)
      assert.deepInclude(
        { ...full },
        { _tag: "NetworkError", reason: "ResourceExhausted", operation: "accept" }
      )
      assert.include(full.message, "Close a connection, or allow for more.")
      yield* first.close
      yield* server.close
      const next = yield* listener.accept
      assert.deepStrictEqual(yield* next.readLine, Option.some("second"))
    })
  )

  test(subject, "serve keeps within the limit, and says nothing of it", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => void logged.push(message))
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name, maxInstances: 3 })
      let most = 0
      let now = 0
      const handler = (connection: NamedPipe.Connection) =>
        Effect.gen(function* () {
          now += 1
          most = Math.max(most, now)
          // The client closes first: an instance is free when both ends are.
          yield* connection.writeString("served")
          yield* Effect.ensuring(
            connection.read,
            Effect.sync(() => {
              now -= 1
            })
          )
        })
      yield* Effect.forkScoped(listener.serve(handler, { maxConnections: 100 })).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      yield* Effect.forEach(
        Array(20),
        () =>
          Effect.scoped(
            Effect.gen(function* () {
              const client = yield* NamedPipe.connect({ name })
              assert.strictEqual(text(yield* readExactly(client, 6)), "served")
            })
          ),
        { concurrency: 6 }
      )
      assert.strictEqual(most, 2)
      assert.deepStrictEqual(logged, [])
    })
  )

  test(subject, "an early close gives the handles back while the scope lives on", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      const { openSockets } = yield* Net.statistics
      for (let round = 0; round < 20; round++) {
        const client = yield* NamedPipe.connect({ name })
        const server = yield* listener.accept
        yield* client.close
        yield* server.close
      }
      // One instance waits; in the beginning there were two.
      assert.isAtMost((yield* Net.statistics).openSockets, openSockets)
    })
  )
}

const isWine = process.env["EFFECT_IOCP_LANE"] === "wine"

const safety = (subject: Subject) => {
  test(subject, "a name that another program has is AddressInUse, and not shared", () =>
    Effect.gen(function* () {
      const address = unsafeMakePipe(freeName())
      // Wine knows no first instance; but it knows how many there may be.
      yield* Iocp.createNamedPipe({ address, maxInstances: 1 })
      const failure = yield* Effect.flip(NamedPipe.listen({ name: address.name }))
      assert.deepInclude(
        { ...failure },
        { _tag: "ConnectionError", reason: "AddressInUse", operation: "listen", address: address.name }
      )
    })
  )

  test(subject, "a security descriptor that is none is refused", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        NamedPipe.listen({ name: freeName(), securityDescriptor: "everybody" })
      )
      assert.deepInclude(
        { ...failure },
        { _tag: "NetworkError", reason: "InvalidArgument", operation: "listen" }
      )
    })
  )

  test(subject, "one that lets everybody in does, and nothing of it is left behind", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name, securityDescriptor: "D:P(A;;GA;;;WD)" })
      const client = yield* NamedPipe.connect({ name })
      const server = yield* listener.accept
      yield* client.writeString("let in\n")
      assert.deepStrictEqual(yield* server.readLine, Option.some("let in"))
    })
  )

  // Wine keeps security descriptors, but heeds them not; nor does it know a first instance.
  if (isWine) return

  test(subject, "a second listener of the same name is AddressInUse", () =>
    Effect.gen(function* () {
      const name = freeName()
      yield* NamedPipe.listen({ name })
      const failure = yield* Effect.flip(NamedPipe.listen({ name }))
      assert.deepInclude({ ...failure }, { _tag: "ConnectionError", reason: "AddressInUse", code: 5 })
    })
  )

  test(subject, "a security descriptor that lets nobody in refuses clients, and further instances", () =>
    Effect.gen(function* () {
      const address = unsafeMakePipe(freeName())
      const securityDescriptor = "D:P(D;;GA;;;WD)"
      yield* Iocp.createNamedPipe({ address, securityDescriptor })
      const refused = yield* Effect.flip(NamedPipe.connect({ name: address.name }))
      assert.deepInclude({ ...refused }, { _tag: "NetworkError", reason: "PermissionDenied", code: 5 })
      const alone = yield* Effect.flip(NamedPipe.listen({ name: freeName(), securityDescriptor }))
      assert.deepInclude({ ...alone }, { _tag: "NetworkError", reason: "PermissionDenied", code: 5 })
    })
  )
}

const above = (subject: Subject) => {
  test(subject, "streams of accepted connections, of lines, and sinks", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      const client = yield* NamedPipe.connect({ name })
      yield* Stream.run(Stream.make("one\n", "two\n"), Streams.sink(client))
      yield* client.close
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
      const { client, server } = yield* pipePair
      const framing = yield* Framing.lengthPrefixed({ prefix: "u16be", maxBytes: 100 })
      yield* Framing.write(client, framing, bytes("framed"))
      assert.deepStrictEqual(Option.map(yield* Framing.read(server, framing), text), Option.some("framed"))
    })
  )

  test(subject, "futures of accepts and reads, and select over them", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      const seen = yield* Deferred.make<PipeAddress>()
      const accepting = yield* Future.asyncAccept(listener, (exit) =>
        Exit.isSuccess(exit) ? Deferred.succeed(seen, exit.value.remoteAddress) : Effect.void
      )
      const client = yield* NamedPipe.connect({ name })
      const server = yield* Future.await(accepting)
      assert.strictEqual((yield* Deferred.await(seen)).name, name)
      yield* client.writeString("x")
      assert.strictEqual(text(yield* Net.select([server.read, client.read])), "x")
    })
  )
}
