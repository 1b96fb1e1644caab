/**
 * Connecting to a name with several addresses, as RFC 8305 has it, row by row. All times are those of the test's clock, and
 * exact: when each attempt begins is read in the trace of the network.
 *
 * | Section | Row | Shown by the tests that begin with |
 * |---|---|---|
 * | 3 | both versions are asked for at once; what came first waits for the other (8: Resolution Delay, 50 ms) | none: getaddrinfo answers when it has both |
 * | 4 | sorting by RFC 6724; history | none: getaddrinfo sorts, and its order is kept ("4: each version keeps") |
 * | 4, 8 | the versions take turns; First Address Family Count, 1 | "4: the versions", "8: First Address" |
 * | 5 | attempts are not made at the same time, but one after the other, in the order of the list | "5: attempts", "5: the first" |
 * | 5 | a new attempt does not affect those before | "5: a slow attempt" |
 * | 5 | once one succeeds, the others are cancelled | "5: the first success" |
 * | 5 | and addresses that were not tried are ignored | "5: addresses not tried" |
 * | 5 | and questions to the domain name system may be cancelled, or their answers kept | none: there are none any more |
 * | 5, 8 | Connection Attempt Delay: fixed, 250 ms | "8: Connection Attempt Delay" |
 * | 5 | a delay by the round trips of earlier connections | none: the delay is fixed |
 * | 5 | no attempt within 10 ms of the one before, whatever became of that | "5: no attempt", "5 (not to the letter)" |
 * | 5, 8 | Minimum Connection Attempt Delay: 100 ms, never below 10 ms | "8: Minimum"; the 100 ms are for a computed delay |
 * | 5, 8 | Maximum Connection Attempt Delay: 2 s | "8 (not to the letter)": the default is below, a chosen one need not be |
 * | 6 | addresses that come, or go, while attempts are under way | none: getaddrinfo answers once |
 * | 7, 8 | addresses synthesized for NAT64, Last Resort Local Synthesis Delay | none: the system's resolver does that |
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import fc from "fast-check"
import { make as makeAddress } from "../../src/Address/index.js"
import * as Net from "../../src/Net/index.js"
import { interleaved } from "../../src/Net/internal/HappyEyeballs.js"
import { elapsed } from "./programs.js"

const port = 80

/** Where each address stands, and what becomes of who connects there, after so many milliseconds. */
type Behaviour =
  | "answers"
  | "refuses"
  | "black hole"
  | { readonly answersAfter: number }
  | { readonly refusesAfter: number }

type Network = Readonly<Record<string, Behaviour>>

/** One round trip: that is how long a handshake takes, and a refusal. */
const roundTrip = (behaviour: Behaviour): number => {
  if (typeof behaviour === "string") return 0
  return "answersAfter" in behaviour ? behaviour.answersAfter : behaviour.refusesAfter
}

const listens = (behaviour: Behaviour): boolean =>
  behaviour !== "refuses" && (typeof behaviour === "string" || "answersAfter" in behaviour)

/** A network on which the name "service" has these addresses, each of a host of its own, but the client's loopback. */
const network = (behaviours: Network) =>
  Effect.gen(function* () {
    const simulated = yield* Net.Simulated
    const client = simulated.host("client", { addresses: ["10.9.0.1", "2001:db8:9::1"] })
    for (const [address, behaviour] of Object.entries(behaviours)) {
      const isLoopback = address === "::1" || address.startsWith("127.")
      const host = isLoopback ? client : simulated.host(address, { addresses: [address] })
      if (listens(behaviour)) {
        const listener = yield* host.run(Net.listen({ host: address, port }))
        yield* Effect.forkScoped(host.run(listener.serve((connection) => connection.read)))
      }
      if (behaviour === "black hole") yield* simulated.blackhole(host.name)
      if (!isLoopback) yield* simulated.link("client", host.name, { latency: roundTrip(behaviour) / 2 })
    }
    yield* simulated.name("service", Object.keys(behaviours))
    return client
  })

const connect = (options?: Partial<Net.ConnectOptions>) =>
  Effect.map(Net.connect({ host: "service", port, ...options }), ({ remoteAddress }) => remoteAddress.host)

/** What a program comes to while a minute of the test's clock passes, from 0 on. */
const inAMinute = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const running = yield* Effect.fork(program)
    yield* TestClock.adjust("1 minute")
    assert.isTrue(Option.isSome(yield* Fiber.poll(running)), "it ends within the minute")
    return yield* Fiber.join(running)
  })

const run = <A, E>(
  behaviours: Network,
  program: Effect.Effect<A, E, Net.Net | Net.Simulated | Scope.Scope>
) =>
  Effect.flatMap(network(behaviours), (client) => client.run(program)).pipe(
    Effect.scoped,
    Effect.provide(Net.layerSimulated({ trace: true }))
  )

const open = Effect.map(Net.statistics, ({ inFlight, openSockets }) => ({ inFlight, openSockets }))

const CONNECTS = "client connects to "

/** When which attempt began, by address. */
const attempts = Effect.gen(function* () {
  const { trace } = yield* Net.Simulated
  const entries = (yield* trace).filter(({ what }) => what.startsWith(CONNECTS))
  return entries.map(({ time, what }) => [time, what.slice(CONNECTS.length, what.lastIndexOf(":"))] as const)
})

interface Outcome {
  readonly winner: string
  /** How long it takes, in milliseconds. */
  readonly after: number
  /** When which attempt begins. */
  readonly begun?: ReadonlyArray<readonly [millis: number, address: string]>
  /** How many sockets the client has then; the connection's alone if absent. */
  readonly openSockets?: number
}

const expectOutcome = (behaviours: Network, outcome: Outcome, options?: Partial<Net.ConnectOptions>) =>
  run(
    behaviours,
    Effect.gen(function* () {
      const { books, millis, winner } = yield* inAMinute(
        Effect.gen(function* () {
          const { millis, value: winner } = yield* elapsed(connect(options))
          return { millis, winner, books: yield* open }
        })
      )
      assert.deepStrictEqual({ winner, after: millis }, { winner: outcome.winner, after: outcome.after })
      const { openSockets = 1 } = outcome
      assert.deepStrictEqual(books, { inFlight: 0, openSockets }, "the others are closed")
      if (outcome.begun !== undefined) assert.deepStrictEqual(yield* attempts, [...outcome.begun])
    })
  )

const [six, four] = ["2001:db8::1", "10.1.0.1"]
const [six2, four2] = ["2001:db8::2", "10.1.0.2"]
const six3 = "2001:db8::3"

describe("connecting to a name (RFC 8305)", () => {
  it.effect("RFC 8305 4: the versions of IP take turns, beginning with that of the first address", () =>
    expectOutcome(
      { [six]: "black hole", [six2]: "black hole", [six3]: "black hole", [four]: "answers" },
      {
        winner: four,
        after: 250,
        begun: [
          [0, six],
          [250, four]
        ]
      }
    )
  )

  it.effect("RFC 8305 4: each version keeps the order of the resolver", () =>
    expectOutcome(
      { [four]: "black hole", [four2]: "answers", [six]: "black hole" },
      {
        winner: four2,
        after: 500,
        begun: [
          [0, four],
          [250, six],
          [500, four2]
        ]
      }
    )
  )

  it.effect("RFC 8305 5: attempts begin one after the other, in the order of the list", () =>
    expectOutcome(
      { [six]: "black hole", [six2]: "black hole", [four]: "black hole", [four2]: "answers" },
      {
        winner: four2,
        after: 750,
        begun: [
          [0, six],
          [250, four],
          [500, six2],
          [750, four2]
        ]
      }
    )
  )

  it.effect("RFC 8305 5: the first attempt is alone if it is answered in time", () =>
    expectOutcome(
      { [six]: { answersAfter: 248 }, [four]: "answers" },
      { winner: six, after: 248, begun: [[0, six]] }
    )
  )

  it.effect("RFC 8305 5: a slow attempt is not affected by later ones, and may win", () =>
    expectOutcome(
      { [six]: { answersAfter: 3000 }, [four]: "black hole" },
      {
        winner: six,
        after: 3000,
        begun: [
          [0, six],
          [250, four]
        ]
      }
    )
  )

  it.effect("RFC 8305 5: the first success cancels a later attempt that is slower", () =>
    expectOutcome(
      { [six]: { answersAfter: 400 }, [four]: { answersAfter: 300 } },
      { winner: six, after: 400 }
    )
  )

  it.effect("RFC 8305 5: the first success cancels an earlier attempt that is slower", () =>
    expectOutcome(
      { [six]: { answersAfter: 3000 }, [four]: { answersAfter: 100 } },
      { winner: four, after: 350 }
    )
  )

  it.effect("RFC 8305 5: the first success of two in the same moment is one, and the other is closed", () =>
    run(
      { [six]: { answersAfter: 500 }, [four]: { answersAfter: 250 } },
      Effect.gen(function* () {
        const { books, millis } = yield* inAMinute(
          Effect.flatMap(elapsed(connect()), ({ millis }) => Effect.map(open, (books) => ({ millis, books })))
        )
        assert.deepStrictEqual({ millis, books }, { millis: 500, books: { inFlight: 0, openSockets: 1 } })
      })
    )
  )

  it.effect("RFC 8305 5: addresses not tried before the first success are never tried", () =>
    // The minute goes on after that.
    expectOutcome(
      { [six]: "black hole", [four]: { answersAfter: 100 }, [six2]: "answers", [four2]: "answers" },
      {
        winner: four,
        after: 350,
        begun: [
          [0, six],
          [250, four]
        ]
      }
    )
  )

  for (const { begins, refusesAfter } of [
    { refusesAfter: 0, begins: 10 },
    { refusesAfter: 4, begins: 10 },
    { refusesAfter: 10, begins: 10 },
    { refusesAfter: 30, begins: 30 }
  ]) {
    it.effect(
      `RFC 8305 5: no attempt begins within 10 ms of the one before: refused after ${refusesAfter}`,
      () =>
        expectOutcome(
          { [six]: { refusesAfter }, [four]: "answers" },
          {
            winner: four,
            after: begins,
            begun: [
              [0, six],
              [begins, four]
            ]
          }
        )
    )
  }

  it.effect("RFC 8305 5: no attempt begins within 10 ms of the one before, when an earlier one fails", () =>
    expectOutcome(
      { [six]: { refusesAfter: 254 }, [four]: "black hole", [six2]: "answers" },
      {
        winner: six2,
        after: 260,
        begun: [
          [0, six],
          [250, four],
          [260, six2]
        ]
      }
    )
  )

  it.effect("RFC 8305 5: no attempt but the next is brought forward by a failure", () =>
    expectOutcome(
      { [six]: "black hole", [four]: "refuses", [six2]: "black hole", [four2]: "answers" },
      {
        winner: four2,
        after: 510,
        begun: [
          [0, six],
          [250, four],
          [260, six2],
          [510, four2]
        ]
      }
    )
  )

  it.effect("RFC 8305 5 (not to the letter): after a refusal by loopback the next begins at once", () =>
    expectOutcome(
      { "::1": "refuses", "127.0.0.1": "answers" },
      {
        winner: "127.0.0.1",
        after: 0,
        // The listener, and both ends of the connection.
        openSockets: 3,
        begun: [
          [0, "client"],
          [0, "client"]
        ]
      }
    )
  )

  it.effect(
    "RFC 8305 5: no attempt begins within 10 ms of the last one on a network, loopback in between",
    () =>
      expectOutcome(
        { [six]: "refuses", "127.0.0.1": "refuses", [six2]: "answers" },
        {
          winner: six2,
          after: 10,
          begun: [
            [0, six],
            [10, "client"],
            [10, six2]
          ]
        }
      )
  )

  it.effect("RFC 8305 8: First Address Family Count is 1", () =>
    expectOutcome(
      { [four]: "black hole", [four2]: "black hole", [six]: "answers" },
      {
        winner: six,
        after: 250,
        begun: [
          [0, four],
          [250, six]
        ]
      }
    )
  )

  it.effect("RFC 8305 8: Connection Attempt Delay is 250 ms, to the millisecond", () =>
    run(
      { [six]: "black hole", [four]: "answers" },
      Effect.gen(function* () {
        const connecting = yield* Effect.fork(connect())
        yield* TestClock.adjust("249 millis")
        assert.deepStrictEqual(yield* attempts, [[0, six]])
        assert.isTrue(Option.isNone(yield* Fiber.poll(connecting)))
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* Fiber.join(connecting), four)
      })
    )
  )

  it.effect("RFC 8305 8: Connection Attempt Delay can be chosen", () =>
    expectOutcome(
      { [six]: "black hole", [four]: "black hole", [six2]: "answers" },
      {
        winner: six2,
        after: 80,
        begun: [
          [0, six],
          [40, four],
          [80, six2]
        ]
      },
      { attemptDelay: 40 }
    )
  )

  it.effect("RFC 8305 8: Minimum Connection Attempt Delay: less than 10 ms cannot be chosen", () =>
    run(
      { [six]: "black hole", [four]: "answers" },
      Effect.gen(function* () {
        const untyped = "soon" as "1 second"
        for (const attemptDelay of [9, 0, -1, Number.NaN, "9 millis", untyped] as const) {
          const failure = yield* Effect.flip(connect({ attemptDelay }))
          assert.deepInclude({ ...failure }, { _tag: "NetworkError", reason: "InvalidArgument" })
        }
        assert.deepStrictEqual(yield* attempts, [])
        yield* inAMinute(connect({ attemptDelay: 10 }))
        assert.deepStrictEqual(yield* attempts, [
          [0, six],
          [10, four]
        ])
      })
    )
  )

  it.effect(
    "RFC 8305 8 (not to the letter): Maximum Connection Attempt Delay: more than 2 s can be chosen",
    () =>
      expectOutcome(
        { [six]: "black hole", [four]: "answers" },
        {
          winner: four,
          after: 5000,
          begun: [
            [0, six],
            [5000, four]
          ]
        },
        { attemptDelay: "5 seconds" }
      )
  )

  it.effect("with a delay without end the next attempt waits for a failure", () =>
    expectOutcome(
      { [six]: { refusesAfter: 20_000 }, [four]: "answers" },
      { winner: four, after: 20_000 },
      { attemptDelay: Duration.infinity }
    )
  )

  it.effect("fails when all have, and tells of all", () =>
    run(
      { [six]: "refuses", [four]: "refuses" },
      Effect.gen(function* () {
        const failure = yield* inAMinute(Effect.flip(connect()))
        assert.deepInclude({ ...failure }, { _tag: "ConnectionError", reason: "Refused" })
        assert.match(
          failure.message,
          /tried \[2001:db8::1\]:80 \(ECONNREFUSED\), 10\.1\.0\.1:80 \(ECONNREFUSED\)/
        )
        assert.deepStrictEqual(yield* open, { inFlight: 0, openSockets: 0 })
      })
    )
  )

  for (const behaviour of ["black hole", "refuses"] as const) {
    it.effect(`is over at the timeout, with nothing left: the first address ${behaviour}`, () =>
      run(
        { [six]: behaviour, [four]: "black hole" },
        Effect.gen(function* () {
          const { millis, value } = yield* inAMinute(elapsed(Effect.flip(connect({ timeout: "1 second" }))))
          assert.deepInclude(
            { ...value },
            { _tag: "TimeoutError", operation: "connect", address: "10.1.0.1:80" }
          )
          assert.strictEqual(millis, 1000)
          assert.deepStrictEqual(yield* open, { inFlight: 0, openSockets: 0 })
        })
      )
    )
  }

  it.effect("is over at the timeout between two attempts", () =>
    run(
      { [six]: "refuses", [four]: "answers" },
      Effect.gen(function* () {
        const { millis, value } = yield* inAMinute(elapsed(Effect.flip(connect({ timeout: "5 millis" }))))
        assert.deepStrictEqual({ tag: value._tag, millis }, { tag: "TimeoutError", millis: 5 })
        assert.deepStrictEqual(yield* attempts, [[0, six]])
      })
    )
  )

  for (const moment of [0, 100, 250, 300, 400, 500, 501]) {
    it.effect(`interrupted after ${moment} ms it leaves nothing`, () =>
      run(
        { [six]: { answersAfter: 500 }, [four]: { answersAfter: 250 }, [four2]: "black hole" },
        Effect.gen(function* () {
          const connecting = yield* Effect.fork(Effect.scoped(connect()))
          yield* TestClock.adjust(moment)
          yield* Fiber.interrupt(connecting)
          assert.deepStrictEqual(yield* open, { inFlight: 0, openSockets: 0 })
        })
      )
    )
  }

  it("the order has every address once, and the versions by turns as long as there are both", () => {
    const text = fc.oneof(
      fc.ipV4().map((host) => makeAddress(host, port)),
      fc.ipV6().map((host) => makeAddress(host, port))
    )
    const addresses = fc.array(text.filter((made) => made._tag === "Right").map((made) => made.right))
    return fc.assert(
      fc.property(addresses, (given) => {
        const order = interleaved(given)
        assert.sameMembers([...order], [...given])
        assert.strictEqual(order[0], given[0])
        const fewer = Math.min(
          ...["IPv4", "IPv6"].map((v) => given.filter(({ family }) => family === v).length)
        )
        for (let index = 1; index < 2 * fewer; index++) {
          assert.notStrictEqual(order[index]?.family, order[index - 1]?.family)
        }
      })
    )
  })
})
