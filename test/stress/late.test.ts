/**
 * Completions that come late: after the reader was interrupted, while the socket closes, or for somebody who is gone.
 *
 * On a system of one's own choosing, since a real one cannot be told who is to win a race. Each test says which change
 * to the library it is there to catch.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as TestClock from "effect/TestClock"
import { loopbackAddress } from "../../src/Address/index.js"
import { StreamConnection } from "../../src/Net/internal/StreamConnection.js"
import { bytes, text } from "../Net/harness.js"
import { SluggishSocket } from "./support/SluggishSocket.js"

const connect = () => {
  const socket = new SluggishSocket()
  return { socket, connection: new StreamConnection(socket, loopbackAddress("IPv4")) }
}

/** Lets other fibers come as far as they can. */
const turns = Effect.repeatN(Effect.yieldNow(), 20)

const isOver = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean => fiber.unsafePoll() !== null

/** What an effect comes to without waiting for anything: were it to wait, that fails, and holds nobody up. */
const atOnce = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkDaemon(effect)
    yield* turns
    assert.isTrue(isOver(fiber), "it waits")
    return yield* Fiber.join(fiber)
  })

describe("an interrupted read whose bytes come all the same", () => {
  // Kills the mutant that drops the bytes of an interrupted read: `Intake.retired` settling only while somebody waits.
  it.live("leaves them to the next read", () =>
    Effect.gen(function* () {
      const { connection, socket } = connect()
      const reading = yield* Effect.forkDaemon(connection.read)
      yield* turns
      const interrupting = yield* Effect.forkDaemon(Fiber.interrupt(reading))
      yield* turns
      assert.strictEqual(socket.cancelled.size, 1)
      assert.isFalse(isOver(interrupting), "the interruption waits for the retirement")
      socket.receives(bytes("not lost"))
      yield* atOnce(Fiber.join(interrupting))
      assert.strictEqual(text(yield* atOnce(connection.read)), "not lost")
    })
  )

  // Kills the same mutant for a read that ran out of its time.
  it.effect("gives them to the read itself, if it was its deadline that cancelled it", () =>
    Effect.gen(function* () {
      const { connection, socket } = connect()
      const reading = yield* Effect.forkDaemon(connection.readWith({ timeout: "1 second" }))
      yield* turns
      yield* TestClock.adjust("1 second")
      yield* turns
      assert.strictEqual(socket.cancelled.size, 1)
      socket.receives(bytes("just in time"))
      assert.strictEqual(text(yield* atOnce(Fiber.join(reading))), "just in time")
    })
  )

  // Kills the mutant that takes the end of the stream for nothing when nobody waits for it.
  it.live("so does the end of the stream", () =>
    Effect.gen(function* () {
      const { connection, socket } = connect()
      const reading = yield* Effect.forkDaemon(connection.read)
      yield* turns
      const interrupting = yield* Effect.forkDaemon(Fiber.interrupt(reading))
      yield* turns
      socket.receives(new Uint8Array(0))
      yield* atOnce(Fiber.join(interrupting))
      assert.strictEqual((yield* atOnce(connection.read)).length, 0)
      assert.strictEqual(socket.ledger.submitted, 1, "the end is known without asking again")
    })
  )
})

describe("closing", () => {
  // Kills the mutant that closes without a drain: `Lifetime.closeAs` going on to `finish` with operations in flight.
  it.live("waits until what it cancelled has retired, and only then closes the handle", () =>
    Effect.gen(function* () {
      const { connection, socket } = connect()
      // As daemons: nobody waits for them should an assertion fail.
      const reading = yield* Effect.forkDaemon(Effect.flip(connection.read))
      const writing = yield* Effect.forkDaemon(Effect.flip(connection.writeString("never leaves")))
      yield* turns
      const closers = yield* Effect.forEach(Array(3), () => Effect.forkDaemon(connection.close))
      yield* turns
      assert.strictEqual(socket.cancelled.size, 2)
      assert.isEmpty(socket.closings, "the kernel may still write to what is in flight")
      assert.isFalse(closers.some(isOver), "nobody may take the connection for closed yet")
      socket.endCancelled()
      yield* atOnce(Fiber.joinAll(closers))
      assert.deepStrictEqual(socket.closings, [0], "closed once, with nothing in flight")
      for (const fiber of [reading, writing]) {
        assert.deepInclude(yield* fiber, { _tag: "ConnectionError", reason: "Closed" })
      }
    })
  )

  // Kills the mutant that waits for a drain for ever.
  it.effect("gives the handle up, and says so, when what it cancelled does not retire", () =>
    Effect.gen(function* () {
      const { connection, socket } = connect()
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => void logged.push(String(message)))
      yield* Effect.forkDaemon(Effect.ignore(connection.read))
      yield* turns
      const closing = yield* Effect.forkDaemon(
        Effect.provide(connection.close, Logger.replace(Logger.defaultLogger, logger))
      )
      yield* turns
      yield* TestClock.adjust("1 minute")
      yield* atOnce(Fiber.join(closing))
      assert.strictEqual(socket.abandonings, 1)
      assert.match(logged.join(), /did not drain; its handle and memory are leaked on purpose/)
    })
  )
})
