import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import type { ConnectionError, NetworkError, TimeoutError } from "../../../src/Errors/index.js"
import * as NamedPipe from "../../../src/Net/NamedPipe.js"
import { freeName } from "../../support/pipes.js"
import { bytes, pattern, readExactly, type Subject, test, text } from "../harness.js"
import {
  interruptedAtEveryStep,
  leaveNoClock,
  someTime,
  yieldingAnywhere,
  yieldingAtEveryStep
} from "../interruptions.js"
import { messagePair } from "../pipeHarness.js"

type Failure = ConnectionError | NetworkError | TimeoutError

/** Reads until the end. */
const readAll = (pipe: NamedPipe.MessagePipe) =>
  Effect.gen(function* () {
    const all: Array<Uint8Array> = []
    for (;;) {
      const message = yield* pipe.readMessage
      if (Option.isNone(message)) return all
      all.push(message.value)
    }
  })

const some = (message: Option.Option<Uint8Array>) => text(Option.getOrThrow(message))

export const messages = (subject: Subject) => {
  borders(subject)
  limits(subject)
  interruption(subject)
  writing(subject)
  endings(subject)
}

const borders = (subject: Subject) => {
  test(subject, "each write is one read, both ways, also an empty one; and the end is none of them", () =>
    Effect.gen(function* () {
      const { client, server } = yield* messagePair
      for (const [from, to] of [[client, server] as const, [server, client] as const]) {
        for (const message of ["one", "", "two", "", ""]) yield* from.writeMessage(bytes(message))
        for (const message of ["one", "", "two", "", ""]) {
          assert.strictEqual(some(yield* to.readMessage), message)
        }
        assert.strictEqual(yield* NamedPipe.peerProcessId(from), process.pid)
      }
      yield* client.writeMessage(bytes("last"))
      yield* client.close
      assert.strictEqual(some(yield* server.readMessage), "last")
      for (let time = 0; time < 3; time++) assert.isTrue(Option.isNone(yield* server.readMessage))
    })
  )

  test(subject, "whatever the messages are, they arrive as they are", () =>
    Effect.gen(function* () {
      const arbitrary = fc.array(fc.uint8Array({ maxLength: 40_000, size: "max" }), { maxLength: 20 })
      for (const sent of fc.sample(arbitrary, subject.isSlow ? 10 : 50)) {
        const { client, server } = yield* messagePair
        const writing = Effect.zipRight(
          Effect.forEach(sent, (message) => client.writeMessage(message)),
          client.close
        )
        const [received] = yield* Effect.all([readAll(server), writing], { concurrency: 2 })
        assert.deepStrictEqual(
          received.map((message) => Buffer.from(message).toString("base64")),
          sent.map((message) => Buffer.from(message).toString("base64"))
        )
      }
    })
  )

  test(subject, "a message of a mebibyte arrives whole, past a buffer of 64 KiB", () =>
    Effect.gen(function* () {
      const { client, server } = yield* messagePair
      const sent = pattern(1024 * 1024)
      const writing = yield* Effect.fork(client.writeMessage(sent))
      const received = Option.getOrThrow(yield* server.readMessage)
      assert.isTrue(Buffer.from(received).equals(sent))
      yield* Fiber.join(writing)
    })
  )

  test(subject, "a client in byte mode reads them as a stream, and its writes are messages", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name, mode: "message" })
      const client = yield* NamedPipe.connect({ name })
      const server = yield* listener.accept
      for (const message of ["one", "", "two"]) yield* server.writeMessage(bytes(message))
      assert.strictEqual(text(yield* readExactly(client, 6)), "onetwo")
      yield* client.writeString("written")
      yield* client.writeString("twice")
      assert.strictEqual(some(yield* server.readMessage), "written")
      assert.strictEqual(some(yield* server.readMessage), "twice")
    })
  )

  test(subject, "a pipe for bytes has no messages: a typed error", () =>
    Effect.gen(function* () {
      const name = freeName()
      yield* NamedPipe.listen({ name })
      const failure = yield* Effect.flip(NamedPipe.connect({ name, mode: "message" }))
      assert.deepInclude(
        { ...failure },
        { _tag: "NetworkError", reason: "InvalidArgument", operation: "connect", address: name }
      )
    })
  )
}

const limits = (subject: Subject) => {
  test(subject, "one that is too long to be written is a typed error, and nothing of it is", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name, mode: "message" })
      const client = yield* NamedPipe.connect({ name, mode: "message", maxMessageBytes: 1000 })
      const server = yield* listener.accept
      const failure = yield* Effect.flip(client.writeMessage(pattern(1001)))
      assert.deepInclude(
        { ...failure },
        { _tag: "NetworkError", reason: "TooLong", operation: "writeMessage", address: name }
      )
      yield* client.writeMessage(pattern(1000))
      assert.strictEqual(Option.getOrThrow(yield* server.readMessage).length, 1000)
    })
  )

  test(subject, "one that is too long is a typed error, and the next one is there", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name, mode: "message", maxMessageBytes: 100_000 })
      const client = yield* NamedPipe.connect({ name, mode: "message" })
      const server = yield* listener.accept
      const sizes = [100_000, 100_001, 16_384, 400_000, 0, 100_001, 1]
      const writing = yield* Effect.fork(
        Effect.zipRight(
          Effect.forEach(sizes, (size) => client.writeMessage(pattern(size))),
          client.close
        )
      )
      for (const size of sizes) {
        const read = yield* Effect.either(server.readMessage)
        if (size <= 100_000) {
          assert.strictEqual(read._tag === "Right" && Option.getOrThrow(read.right).length, size)
        } else if (read._tag === "Left") {
          assert.deepInclude(
            { ...read.left },
            { _tag: "NetworkError", reason: "TooLong", operation: "readMessage", address: name }
          )
        } else assert.fail("it is too long")
      }
      assert.isTrue(Option.isNone(yield* server.readMessage))
      yield* Fiber.join(writing)
    })
  )

  test(subject, "serve: an idle connection ends with TimedOut, an empty message keeps one alive", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name, mode: "message", maxInstances: 4 })
      const failures: Array<string> = []
      const handler = (pipe: NamedPipe.MessagePipe): Effect.Effect<void, Failure> =>
        Effect.flatMap(pipe.readMessage, (message) =>
          Option.isNone(message)
            ? Effect.void
            : Effect.zipRight(pipe.writeMessage(message.value), handler(pipe))
        )
      yield* Effect.forkScoped(
        listener.serve(handler, {
          idleTimeout: "200 millis",
          onFailure: (cause) => Effect.sync(() => failures.push(String(cause)))
        })
      )
      const client = yield* NamedPipe.connect({ name, mode: "message" })
      for (let time = 0; time < 8; time++) {
        yield* client.writeMessage(bytes(""))
        assert.strictEqual(some(yield* client.readMessage), "")
        yield* Effect.sleep("50 millis")
      }
      assert.deepStrictEqual(failures, [])
      assert.isTrue(Option.isNone(yield* client.readMessage))
      assert.lengthOf(failures, 1)
      assert.include(failures[0], "no byte moved for too long")
    })
  )
}

const interruption = (subject: Subject) => {
  const storm = (
    name: string,
    read: (pipe: NamedPipe.MessagePipe) => Effect.Effect<Option.Option<Uint8Array>, Failure>,
    tune: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = (effect) => effect
  ) =>
    test(subject, `a thousand interrupted reads lose and repeat no message: ${name}`, () =>
      Effect.gen(function* () {
        const { client, server } = yield* messagePair
        // Some come in parts.
        const sizes = Array.from({ length: 500 }, (_, index) =>
          index % 25 === 0 ? 40_000 + index : index % 7
        )
        const writer = yield* Effect.fork(
          Effect.zipRight(
            Effect.forEach(sizes, (size) => Effect.zipRight(client.writeMessage(pattern(size)), someTime)),
            client.close
          )
        )
        const received: Array<number> = []
        let interrupted = 0
        let hasEnded = false
        while (!hasEnded) {
          const reading = Effect.flatMap(read(server), (message) => {
            if (Option.isSome(message)) received.push(message.value.length)
            else hasEnded = true
            return Effect.void
          })
          const reader = yield* Effect.fork(tune(reading))
          yield* someTime
          const exit = yield* Fiber.interrupt(reader)
          if (Exit.isInterrupted(exit)) interrupted += 1
          else if (Exit.isFailure(exit)) return assert.fail(`a read failed: ${exit.cause}`)
        }
        yield* Fiber.join(writer)
        assert.deepStrictEqual(received, sizes)
        assert.isAbove(interrupted, 100, "few reads were interrupted: the test tested little")
      })
    )

  storm("plain", (pipe) => pipe.readMessage)
  storm("yielding at any step", (pipe) => pipe.readMessage, yieldingAnywhere)
  storm(
    "with a timeout, yielding at any step",
    (pipe) => pipe.readMessageWith({ timeout: "10 seconds" }),
    yieldingAnywhere
  )

  test(subject, "reads and connects that are interrupted at whichever step leave no clock running", () =>
    Effect.gen(function* () {
      const timeout = "1 hour"
      const { name, server } = yield* messagePair
      yield* leaveNoClock([server.readMessageWith({ timeout })])
      yield* leaveNoClock([Effect.scoped(NamedPipe.connect({ name, mode: "message", timeout }))])
    })
  )

  test(subject, "reads that time out take nothing, also in the middle of a message", () =>
    Effect.gen(function* () {
      const { client, name, server } = yield* messagePair
      const failure = yield* Effect.flip(server.readMessageWith({ timeout: "20 millis" }))
      assert.deepInclude({ ...failure }, { _tag: "TimeoutError", operation: "readMessage", address: name })
      const writing = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 20 }, (_, index) => index),
          (index) => Effect.zipRight(client.writeMessage(pattern(60_000 + index)), Effect.sleep("2 millis"))
        )
      )
      const received: Array<number> = []
      while (received.length < 20) {
        const read = yield* Effect.option(server.readMessageWith({ timeout: "1 millis" }))
        if (Option.isSome(read)) received.push(Option.getOrThrow(read.value).length)
      }
      yield* Fiber.join(writing)
      assert.deepStrictEqual(
        received,
        Array.from({ length: 20 }, (_, index) => 60_000 + index)
      )
    })
  )
}

const writing = (subject: Subject) => {
  test(subject, "writes of many fibers are messages each, in the order in which they were begun", () =>
    Effect.gen(function* () {
      const { client, server } = yield* messagePair
      const writers = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 50 }, (_, index) => index),
          (index) => client.writeMessage(pattern(5_000 + index)),
          { concurrency: "unbounded" }
        )
      )
      for (let index = 0; index < 50; index++) {
        assert.strictEqual(Option.getOrThrow(yield* server.readMessage).length, 5_000 + index)
      }
      yield* Fiber.join(writers)
    })
  )

  test(subject, "one that is interrupted, or out of time, was written whole or not at all", () =>
    Effect.gen(function* () {
      const { client, name, server } = yield* messagePair
      // More than the pipe holds: it waits until it is read.
      const stuck = yield* Effect.fork(client.writeMessage(pattern(300_000)))
      yield* Effect.sleep("20 millis")
      const late = yield* Effect.flip(client.writeMessage(bytes("late"), { timeout: "20 millis" }))
      assert.deepInclude({ ...late }, { _tag: "TimeoutError", operation: "writeMessage", address: name })
      const queued = yield* Effect.fork(client.writeMessage(bytes("interrupted")))
      yield* Effect.sleep("5 millis")
      yield* Fiber.interrupt(queued)
      yield* Fiber.interrupt(stuck)
      // The system has it, and nobody waits for it any more.
      const next = yield* Effect.fork(client.writeMessage(bytes("next")))
      assert.strictEqual(Option.getOrThrow(yield* server.readMessage).length, 300_000)
      assert.strictEqual(some(yield* server.readMessage), "next")
      yield* Fiber.join(next)
      const again = yield* Effect.fork(client.writeMessage(pattern(300_000), { timeout: "20 millis" }))
      yield* Fiber.join(again)
      assert.strictEqual(Option.getOrThrow(yield* server.readMessage).length, 300_000)
    })
  )

  test(subject, "one that is interrupted before its turn, at whichever step, is not written", () =>
    Effect.gen(function* () {
      const { client, server } = yield* messagePair
      // More than the pipe holds: it waits until it is read.
      const stuck = yield* Effect.fork(client.writeMessage(pattern(300_000)))
      yield* Effect.sleep("20 millis")
      const message = bytes("interrupted")
      const writes = [client.writeMessage(message), client.writeMessage(message, { timeout: "1 hour" })]
      for (const operation of writes) {
        const round = Effect.succeed({ operation, after: Effect.void })
        yield* interruptedAtEveryStep(round)
        yield* yieldingAtEveryStep(round, 20)
      }
      assert.strictEqual(Option.getOrThrow(yield* server.readMessage).length, 300_000)
      yield* Fiber.join(stuck)
      yield* client.writeMessage(bytes("next"))
      assert.strictEqual(some(yield* server.readMessage), "next")
    })
  )

  test(subject, "what is no message is a typed error, and so is one whose buffer was taken away", () =>
    Effect.gen(function* () {
      const { client, server } = yield* messagePair
      const wrong = client.writeMessage("text" as unknown as Uint8Array)
      assert.deepInclude(
        { ...(yield* Effect.flip(wrong)) },
        { _tag: "NetworkError", reason: "InvalidArgument", operation: "writeMessage" }
      )
      const first = yield* Effect.fork(client.writeMessage(pattern(300_000)))
      yield* Effect.sleep("10 millis")
      const taken = new Uint8Array(10)
      const second = yield* Effect.fork(Effect.flip(client.writeMessage(taken)))
      yield* Effect.sleep("10 millis")
      structuredClone(taken, { transfer: [taken.buffer] })
      assert.strictEqual(Option.getOrThrow(yield* server.readMessage).length, 300_000)
      yield* Fiber.join(first)
      assert.deepInclude({ ...(yield* Fiber.join(second)) }, { reason: "InvalidArgument" })
      yield* client.writeMessage(bytes("well"))
      assert.strictEqual(some(yield* server.readMessage), "well")
    })
  )
}

const endings = (subject: Subject) => {
  test(subject, "closing ends what waits with Closed, and a peer that writes with Reset", () =>
    Effect.gen(function* () {
      const { client, server } = yield* messagePair
      const reading = yield* Effect.fork(Effect.flip(Effect.asVoid(client.readMessage)))
      const stuck = yield* Effect.fork(Effect.flip(client.writeMessage(pattern(300_000))))
      const queued = yield* Effect.fork(Effect.flip(client.writeMessage(bytes("queued"))))
      yield* Effect.sleep("20 millis")
      yield* client.close
      for (const [fiber, operation] of [
        [reading, "readMessage"],
        [stuck, "writeMessage"],
        [queued, "writeMessage"]
      ] as const) {
        assert.deepInclude({ ...(yield* Fiber.join(fiber)) }, { reason: "Closed", operation })
      }
      assert.strictEqual((yield* Effect.flip(client.readMessage)).reason, "Closed")
      assert.strictEqual((yield* Effect.flip(client.writeMessage(bytes("x")))).reason, "Closed")
      const failure = yield* Effect.flip(server.writeMessage(bytes("x")))
      assert.deepInclude(
        { ...failure },
        { _tag: "ConnectionError", reason: "Reset", operation: "writeMessage" }
      )
      assert.strictEqual((yield* Effect.flip(server.writeMessage(bytes("y")))).reason, "Reset")
    })
  )

  test(
    subject,
    "a message that ran out of its time counts as written: it leaves before the pipe closes",
    () =>
      Effect.gen(function* () {
        const { client, server } = yield* messagePair
        yield* client.writeMessage(pattern(300_000), { timeout: "20 millis" })
        const closing = yield* Effect.fork(client.close)
        yield* Effect.sleep("20 millis")
        const failure = yield* Effect.flip(client.writeMessage(bytes("late")))
        assert.deepInclude({ ...failure }, { reason: "Closed", operation: "writeMessage" })
        assert.deepStrictEqual(
          (yield* readAll(server)).map(({ length }) => length),
          [300_000]
        )
        yield* Fiber.join(closing)
      })
  )

  test(
    subject,
    "closing does not wait for ever for one that nobody reads, nor at all for one that was interrupted",
    () =>
      Effect.gen(function* () {
        const [late, interrupted] = [yield* messagePair, yield* messagePair]
        yield* late.client.writeMessage(pattern(300_000), { timeout: "20 millis" })
        const writing = yield* Effect.fork(interrupted.client.writeMessage(pattern(300_000)))
        yield* Effect.sleep("20 millis")
        yield* Fiber.interrupt(writing)
        const order: Array<string> = []
        const close = (name: string, { client }: typeof late) =>
          Effect.map(client.close, () => order.push(name))
        yield* Effect.all([close("late", late), close("interrupted", interrupted)], { concurrency: 2 })
        assert.deepStrictEqual(order, ["interrupted", "late"])
        for (const { server } of [late, interrupted]) assert.isTrue(Option.isNone(yield* server.readMessage))
      })
  )

  test(subject, "messages that were written before a close are there to be read", () =>
    Effect.gen(function* () {
      const { client, server } = yield* messagePair
      for (let index = 0; index < 10; index++) yield* client.writeMessage(pattern(1000 * index))
      yield* client.close
      const sizes = (yield* readAll(server)).map(({ length }) => length)
      assert.deepStrictEqual(sizes, [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000])
    })
  )
}
