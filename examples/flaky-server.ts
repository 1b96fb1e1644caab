/**
 * A client that tries again, tested against a server that fails in every way, in milliseconds and without a network.
 *
 *     node build/examples/flaky-server.js
 *
 * The network is simulated (`Net.layerSimulated`), and so is time: the pauses between the tries, and the time limits,
 * pass by a `TestClock`. With the same seed the same things happen, on every machine.
 */
import { Console, Effect, Fiber, Option, Schedule, TestClock, TestContext } from "effect"
import { Net } from "effect-iocp"
import { runIfStarted } from "./support/runMain.js"

/** The program to be tested. It knows nothing of simulations: with `Net.layer` it runs on the real network. */
const greetingOf = (host: string) =>
  Effect.gen(function* () {
    const connection = yield* Net.connect({ host, port: 4000, timeout: "1 second" })
    yield* connection.writeString("hello\n")
    const line = yield* connection.readLineWith({ timeout: "1 second" })
    return yield* Option.match(line, {
      onNone: () => Effect.fail(new Error("the server said nothing")),
      onSome: Effect.succeed
    })
  }).pipe(Effect.scoped)

const tryAgain = Schedule.intersect(Schedule.exponential("100 millis"), Schedule.recurs(5))

const patientGreetingOf = (host: string) =>
  greetingOf(host).pipe(
    Effect.tapError((error) => Console.log(`  ${error.message}`)),
    Effect.retry(tryAgain)
  )

/** What it talks to: a server on a host of its own. */
const server = Effect.gen(function* () {
  const listener = yield* Net.listen({ host: "0.0.0.0", port: 4000 })
  // A client that was cut off is no news here.
  const greet = (connection: Net.Connection) =>
    Effect.ignore(Effect.zipRight(connection.readLine, connection.writeString("welcome\n")))
  yield* Effect.forkScoped(listener.serve(greet))
}).pipe(Net.Simulated.on("server"))

/** The network breaks, each time differently; the client comes through all the same. */
const breakOnPurpose = Effect.gen(function* () {
  const network = yield* Net.Simulated
  yield* server
  yield* network.failNext("connect", "Refused")
  yield* network.failNext("receive", "Reset", "localhost")
  yield* Effect.sleep("100 millis").pipe(
    Effect.zipRight(network.blackhole("server")),
    Effect.zipRight(Effect.sleep("2 seconds")),
    Effect.zipRight(network.restore("server")),
    Effect.fork
  )
  yield* Console.log("refused, then a black hole for two seconds, then a reset:")
  const asking = yield* Effect.fork(patientGreetingOf("server"))
  // No real time passes.
  yield* TestClock.adjust("1 minute")
  yield* Console.log(`the server said: ${yield* Fiber.join(asking)}`)
}).pipe(
  Effect.scoped,
  Effect.provide(Net.layerSimulated({ latency: "20 millis" })),
  Effect.provide(TestContext.TestContext)
)

/** The same by chance: one run for each seed. One that fails would tell its seed. */
const breakByChance = Net.Simulated.replayable(
  (seed) =>
    Effect.zipRight(server, Effect.retry(greetingOf("server"), tryAgain)).pipe(
      Effect.scoped,
      Effect.provide(
        Net.layerSimulated({
          seed,
          latency: { min: "5 millis", max: "300 millis" },
          partialReads: 0.5,
          reset: { probability: 0.1, afterBytes: { min: 0, max: 10 } },
          faults: { connect: { Refused: 0.1, Unreachable: 0.1 } }
        })
      ),
      Net.virtualTime
    ),
  { runs: 100 }
)

export const program = Effect.gen(function* () {
  yield* breakOnPurpose
  yield* breakByChance
  yield* Console.log("100 seeds: the client came through every time")
})

runIfStarted(import.meta, program)
