/**
 * Servers that strangers attack: memory stays bounded, a server with limits says what was wrong in a typed error, and
 * the others are served meanwhile.
 *
 * `STRESS_LINE_BYTES=1073741824 npx vitest run test/stress/hostile` makes the endless lines a gibibyte long.
 */
import { assert, describe } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { program as echoServer } from "../../examples/echo-server.js"
import { program as helloServer } from "../../examples/hello.js"
import { isSocketError } from "../../src/Errors/index.js"
import { foreignBytesInUse } from "../../src/Foreign/Memory.js"
import * as Net from "../../src/Net/index.js"
import { readToEnd, test, text } from "../Net/harness.js"
import { peakGrowth } from "./soak/memory.js"
import * as Attack from "./support/attack.js"
import { isSlow, subject } from "./support/subject.js"

const MEBIBYTE = 1024 * 1024
const endlessBytes = Attack.lineBytes(isSlow ? 4 * MEBIBYTE : 64 * MEBIBYTE)
const attackers = isSlow ? 2 : 8

/** Far less than the attackers send, and room for what a heap does. */
const GROWTH_BYTES = 96 * MEBIBYTE

/** Everything at once, and the good client with it. */
const attack = (port: number, good: Effect.Effect<unknown, unknown, Net.Net>) =>
  Effect.gen(function* () {
    const many = Array.from({ length: attackers }, (_, index) => index)
    const evil = [
      Attack.endlessLine(port, endlessBytes),
      Attack.deafEndlessLine(port, 8 * MEBIBYTE),
      ...many.map(() => Attack.slowLoris(port, 30)),
      ...many.map((seed) => Attack.randomBytes(port, seed, 50)),
      ...many.map(() => Attack.vanish(port))
    ]
    const everything = Effect.all([good, ...evil], { concurrency: "unbounded", discard: true })
    assert.isBelow(yield* peakGrowth(everything), GROWTH_BYTES, "resident memory")
    yield* good
    assert.isBelow(foreignBytesInUse(), 16 * MEBIBYTE, "foreign memory")
  })

/** Runs an example with its client held back at what it prints, so that its server stays there to be attacked. */
const heldExample = <E, E2>(
  example: Effect.Effect<void, E>,
  heldAt: string,
  use: (port: number) => Effect.Effect<void, E2, Net.Net>
) =>
  Effect.gen(function* () {
    const listening = yield* Deferred.make<number>()
    const isOver = yield* Deferred.make<void>()
    const log = (...words: ReadonlyArray<unknown>) => {
      const line = words.join(" ")
      const port = /listening on .*:(\d+)$/.exec(line)?.[1]
      if (port !== undefined) return Effect.asVoid(Deferred.succeed(listening, Number(port)))
      return line.startsWith(heldAt) ? Deferred.await(isOver) : Effect.void
    }
    const running = yield* Console.consoleWith((console) =>
      Effect.fork(Effect.withConsole(example, { ...console, log }))
    )
    yield* use(yield* Deferred.await(listening))
    yield* Deferred.succeed(isOver, undefined)
    yield* Fiber.join(running)
  }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))

const readsHello = (port: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* Attack.connectTo(port)
      assert.strictEqual(text(yield* readToEnd(connection)), "Hello from the completion port!\n")
    })
  )

/** A line server with limits: every line is answered; whoever breaks a limit is cut off, and the reason told. */
const limitedServer = Effect.gen(function* () {
  const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
  const told: Array<unknown> = []
  const handler = (connection: Net.Connection) =>
    Effect.gen(function* () {
      for (;;) {
        const line = yield* connection.readLineWith({ maxBytes: 1024 })
        if (line._tag === "None") return
        yield* connection.established
        yield* connection.writeString(`${line.value}!\n`)
      }
    })
  const onFailure = (cause: Cause.Cause<unknown>) =>
    Effect.sync(() => told.push(Cause.isFailType(cause) ? cause.error : cause))
  yield* Effect.forkScoped(
    listener.serve(handler, { handshakeTimeout: "2 seconds", idleTimeout: "1 minute", onFailure })
  )
  return { port: listener.address.port, told }
})

const exclaimed = (line: string) => `${line}!`

/** What the server was told, without what clients do that go away. */
const reasons = (told: ReadonlyArray<unknown>): ReadonlySet<string> =>
  new Set(
    told.map((failure) => (isSocketError(failure) ? `${failure._tag} ${failure.reason}` : `${failure}`))
  )

describe("under attack", () => {
  test(subject, "the echo server of the examples", () =>
    heldExample(echoServer, "the client read", (port) =>
      attack(
        port,
        Attack.converse(port, 20, (line) => line)
      )
    )
  )

  test(subject, "the hello server of the examples", () =>
    heldExample(helloServer, "client: ", (port) => attack(port, readsHello(port)))
  )

  test(subject, "a line server with limits", () =>
    Effect.gen(function* () {
      const { port, told } = yield* limitedServer
      yield* attack(port, Attack.converse(port, 20, exclaimed))
      const allowed = [
        "NetworkError TooLong",
        "NetworkError InvalidData",
        "ConnectionError TimedOut",
        "ConnectionError Reset",
        "ConnectionError Aborted"
      ]
      for (const reason of reasons(told)) assert.include(allowed, reason)
      assert.isTrue(reasons(told).has("NetworkError TooLong"), "the endless line")
    })
  )

  test(subject, "an endless line is TooLong, and its sender is cut off", () =>
    Effect.gen(function* () {
      const { port, told } = yield* limitedServer
      const attack = Effect.map(Attack.endlessLine(port, endlessBytes), (isCut) => assert.isTrue(isCut))
      assert.isBelow(yield* peakGrowth(attack), GROWTH_BYTES, "resident memory")
      assert.deepStrictEqual([...reasons(told)], ["NetworkError TooLong"])
      yield* Attack.converse(port, 3, exclaimed)
    })
  )

  test(subject, "a slow-loris is TimedOut, and cut off; nobody else is", () =>
    Effect.gen(function* () {
      const { port, told } = yield* limitedServer
      const good = yield* Effect.fork(Attack.converse(port, 200, exclaimed))
      const cut = yield* Effect.forEach(Array(attackers), () => Attack.slowLoris(port, 1_000_000), {
        concurrency: "unbounded"
      })
      assert.isTrue(cut.every(Boolean))
      assert.deepStrictEqual([...reasons(told)], ["ConnectionError TimedOut"])
      assert.lengthOf(told, attackers)
      yield* Fiber.join(good)
      yield* Attack.converse(port, 3, exclaimed)
    })
  )

  test(subject, "bytes that are no UTF-8 are InvalidData", () =>
    Effect.gen(function* () {
      const { port, told } = yield* limitedServer
      const connection = yield* Attack.connectTo(port)
      yield* connection.writeAll(Uint8Array.of(0xc3, 0x28, 0x0a))
      assert.strictEqual((yield* connection.read).length, 0)
      assert.deepStrictEqual([...reasons(told)], ["NetworkError InvalidData"])
      yield* Attack.converse(port, 3, exclaimed)
    })
  )
})
