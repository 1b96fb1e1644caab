import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import type { PipeAddress } from "../../../src/Address/index.js"
import { NetworkError } from "../../../src/Errors/index.js"
import * as Framing from "../../../src/Net/Framing.js"
import * as Future from "../../../src/Net/Future.js"
import * as Net from "../../../src/Net/index.js"
import * as NamedPipe from "../../../src/Net/NamedPipe.js"
import * as Streams from "../../../src/Net/Streams.js"
import { freeName } from "../../support/pipes.js"
import { bytes, type ContractSubject, type Subject, test, text } from "../harness.js"
import { overPipes, pipePair } from "../pipeHarness.js"
import { choosing } from "./choosing.js"
import { interruption } from "./interruption.js"
import { lines } from "./lines.js"
import { messages } from "./messages.js"
import { pipeAccepting, pipeInstances } from "./pipeAccepting.js"
import { pipeConnecting, pipeSafety } from "./pipeConnecting.js"
import { pipeEndings } from "./pipeEndings.js"
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
  pipeEndings(subject)
  pipeAccepting(subject)
  pipeConnecting(subject)
  pipeInstances(subject)
  pipeSafety(subject)
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

  test(
    subject,
    "a name that Windows would read as another one is refused, and a listener's on another machine",
    () =>
      Effect.gen(function* () {
        for (const name of [
          "\\\\.\\pipe\\app.",
          "\\\\.\\pipe\\app ",
          "\\\\.\\pipe\\app. .",
          "\\\\.\\pipe\\ "
        ]) {
          for (const [operation, attempt] of attempts({ name })) {
            assert.deepInclude({ ...(yield* Effect.flip(attempt)) }, { ...invalid, operation }, name)
          }
        }
        const name = "\\\\SERVER\\pipe\\app"
        for (const listening of [
          Effect.asVoid(NamedPipe.listen({ name })),
          Effect.asVoid(NamedPipe.listen({ name, mode: "message" }))
        ]) {
          const failure = yield* Effect.flip(listening)
          assert.deepInclude({ ...failure }, { ...invalid, operation: "listen", address: name })
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
