/**
 * Connecting to a name with several addresses, as RFC 8305 has it, row by row. All times are those of a `TestClock`, or virtual, and exact.
 *
 * | Section | Row | Shown by the test that begins with |
 * |---|---|---|
 * | 3 | both versions are asked for at once; Resolution Delay (8: 50 ms) | none: getaddrinfo answers when it has both |
 * | 4 | versions take turns, First Address Family Count (8: 1) | "4: the versions", "4: and each" |
 * | 5 | attempts are not made at the same time | "takes the first", "5: begins the second" |
 * | 5 | a new attempt does not affect those before | "5: an attempt that is slow", "5: begins a third" |
 * | 5 | once one succeeds, the others are cancelled | "5: and wins over", "5: loses", "5: of two" |
 * | 5 | and addresses that were not tried are ignored | "5: addresses that" |
 * | 5, 8 | Connection Attempt Delay, 250 ms | "5: begins the second", "8: the delay can be" |
 * | 5, 8 | a lower bound of 10 ms | "8: but not below" |
 * | 5, 8 | Minimum (100 ms) and Maximum (2 s) Connection Attempt Delay | none: they bound a computed delay, and this is fixed |
 * | 5 | what an attempt that fails early is worth | "5: at once", "5: a failure brings" |
 * | 7, 8 | addresses synthesized for NAT64, Last Resort Local Synthesis Delay | none: the system's resolver does that |
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import fc from "fast-check"
import { make as makeAddress } from "../../src/Address/index.js"
import * as Net from "../../src/Net/index.js"
import { interleaved } from "../../src/Net/internal/HappyEyeballs.js"
import { elapsed } from "./programs.js"

const port = 80

/** Where each address stands, and what becomes of who connects there. */
type Behaviour = "answers" | "refuses" | "black hole" | { readonly answersAfter: number }

/** A network on which the name "service" has these addresses, each of a host of its own. */
const network = (behaviours: Readonly<Record<string, Behaviour>>) =>
  Effect.gen(function* () {
    const simulated = yield* Net.Simulated
    const client = simulated.host("client", { addresses: ["10.9.0.1", "2001:db8:9::1"] })
    for (const [address, behaviour] of Object.entries(behaviours)) {
      const host = simulated.host(`host ${address}`, { addresses: [address] })
      if (behaviour !== "refuses") {
        const anyHere = address.includes(":") ? "::" : "0.0.0.0"
        const listener = yield* host.run(Net.listen({ host: anyHere, port }))
        yield* Effect.forkScoped(host.run(listener.serve((connection) => connection.read)))
      }
      if (behaviour === "black hole") yield* simulated.blackhole(host.name)
      // The handshake is a round trip.
      if (typeof behaviour === "object") {
        yield* simulated.link("client", host.name, { latency: behaviour.answersAfter / 2 })
      }
    }
    yield* simulated.name("service", Object.keys(behaviours))
    return client
  })

const connect = (options?: Partial<Net.ConnectOptions>) =>
  Effect.map(Net.connect({ host: "service", port, ...options }), ({ remoteAddress }) => remoteAddress.host)

const onNetwork = <A, E>(
  behaviours: Readonly<Record<string, Behaviour>>,
  program: Effect.Effect<A, E, Net.Net | Scope.Scope>
) =>
  Effect.flatMap(network(behaviours), (client) => client.run(program)).pipe(
    Effect.scoped,
    Effect.provide(Net.layerSimulated({}))
  )

const run = <A, E>(
  behaviours: Readonly<Record<string, Behaviour>>,
  program: Effect.Effect<A, E, Net.Net | Scope.Scope>
) => Net.virtualTime(onNetwork(behaviours, program))

const runByTestClock = <A, E>(
  behaviours: Readonly<Record<string, Behaviour>>,
  program: Effect.Effect<A, E, Net.Net | Scope.Scope>
) => Effect.provide(onNetwork(behaviours, program), TestContext.TestContext)

const open = Effect.map(Net.statistics, ({ inFlight, openSockets }) => ({ inFlight, openSockets }))

/** What wins, and when: by a clock that jumps, and by a `TestClock`, before whose last millisecond nothing has won. */
const expectWinner = (
  behaviours: Readonly<Record<string, Behaviour>>,
  winner: string,
  after: number,
  options?: Partial<Net.ConnectOptions>
) => {
  const onlyWinnerIsOpen = Effect.map(open, (counts) =>
    assert.deepStrictEqual(counts, { inFlight: 0, openSockets: 1 }, "the others are closed")
  )
  const byVirtualTime = Effect.gen(function* () {
    const { millis, value } = yield* elapsed(connect(options))
    assert.strictEqual(value, winner)
    assert.strictEqual(millis, after)
    yield* onlyWinnerIsOpen
  })
  const byTestClock = Effect.gen(function* () {
    const connecting = yield* Effect.fork(connect(options))
    if (after > 0) {
      yield* TestClock.adjust(Duration.millis(after - 1))
      assert.isNull(yield* connecting.poll.pipe(Effect.map(Option.getOrNull)), "too early")
      yield* TestClock.adjust(Duration.millis(1))
    }
    assert.strictEqual(yield* Fiber.join(connecting), winner)
    yield* onlyWinnerIsOpen
  })
  return Effect.zipRight(run(behaviours, byVirtualTime), runByTestClock(behaviours, byTestClock))
}

describe("connecting to a name (RFC 8305)", () => {
  it.live("takes the first address if it answers, and asks no other", () =>
    run(
      { "2001:db8::1": "answers", "10.1.0.1": "answers" },
      Effect.gen(function* () {
        const before = yield* Net.statistics
        assert.strictEqual(yield* connect(), "2001:db8::1")
        assert.strictEqual((yield* Net.statistics).submitted - before.submitted, 1)
      })
    )
  )

  it.live("5: begins the second attempt after the delay, 250 ms", () =>
    expectWinner({ "2001:db8::1": "black hole", "10.1.0.1": "answers" }, "10.1.0.1", 250)
  )

  it.live("5: at once, if the first has failed", () =>
    expectWinner({ "2001:db8::1": "refuses", "10.1.0.1": "answers" }, "10.1.0.1", 0)
  )

  it.live("5: begins a third while two are under way", () =>
    expectWinner(
      { "2001:db8::1": "black hole", "10.1.0.1": "black hole", "10.1.0.2": "answers" },
      "10.1.0.2",
      500
    )
  )

  it.live("5: a failure brings only the next one forward", () =>
    expectWinner(
      {
        "2001:db8::1": "black hole",
        "10.1.0.1": "refuses",
        "2001:db8::2": "black hole",
        "10.1.0.2": "answers"
      },
      "10.1.0.2",
      500
    )
  )

  it.live("5: an attempt that is slow goes on, and may win", () =>
    expectWinner({ "2001:db8::1": { answersAfter: 3000 }, "10.1.0.1": "black hole" }, "2001:db8::1", 3000)
  )

  it.live("5: and wins over a later one that is slower still, which is cancelled", () =>
    expectWinner(
      { "2001:db8::1": { answersAfter: 400 }, "10.1.0.1": { answersAfter: 300 } },
      "2001:db8::1",
      400
    )
  )

  it.live("5: loses to a later one that is faster, and is cancelled", () =>
    expectWinner(
      { "2001:db8::1": { answersAfter: 3000 }, "10.1.0.1": { answersAfter: 100 } },
      "10.1.0.1",
      350
    )
  )

  it.live("5: of two that answer in the same moment one is taken, and the other closed", () =>
    run(
      { "2001:db8::1": { answersAfter: 500 }, "10.1.0.1": { answersAfter: 250 } },
      Effect.gen(function* () {
        assert.strictEqual((yield* elapsed(connect())).millis, 500)
        assert.deepStrictEqual(yield* open, { inFlight: 0, openSockets: 1 })
      })
    )
  )

  it.live("5: addresses that were not tried when one has answered are never tried", () =>
    run(
      {
        "2001:db8::1": "black hole",
        "10.1.0.1": { answersAfter: 100 },
        "2001:db8::2": "answers",
        "10.1.0.2": "answers"
      },
      Effect.gen(function* () {
        const before = yield* Net.statistics
        assert.strictEqual(yield* connect(), "10.1.0.1")
        yield* Effect.sleep("10 seconds")
        assert.strictEqual((yield* Net.statistics).submitted - before.submitted, 2)
      })
    )
  )

  it.live("4: the versions of IP take turns, the first one first", () =>
    expectWinner(
      {
        "2001:db8::1": "black hole",
        "2001:db8::2": "black hole",
        "2001:db8::3": "black hole",
        "10.1.0.1": "answers"
      },
      "10.1.0.1",
      250
    )
  )

  it.live("4: and each keeps the order of the resolver", () =>
    expectWinner(
      { "10.1.0.1": "black hole", "10.1.0.2": "answers", "2001:db8::1": "black hole" },
      "10.1.0.2",
      500
    )
  )

  it.live("8: the delay can be chosen", () =>
    expectWinner({ "2001:db8::1": "black hole", "10.1.0.1": "answers" }, "10.1.0.1", 40, { attemptDelay: 40 })
  )

  it.live("8: but not below 10 ms", () =>
    run(
      { "10.1.0.1": "answers" },
      Effect.gen(function* () {
        for (const attemptDelay of [9, 0, -1, Number.NaN, "9 millis"] as const) {
          const failure = yield* Effect.flip(connect({ attemptDelay }))
          assert.deepInclude({ ...failure }, { _tag: "NetworkError", reason: "InvalidArgument" })
        }
        assert.strictEqual(yield* connect({ attemptDelay: 10 }), "10.1.0.1")
      })
    )
  )

  it.live("fails when all have, and tells of all", () =>
    run(
      { "2001:db8::1": "refuses", "10.1.0.1": "refuses" },
      Effect.gen(function* () {
        const failure = yield* Effect.flip(connect())
        assert.deepInclude({ ...failure }, { _tag: "ConnectionError", reason: "Refused" })
        assert.match(
          failure.message,
          /tried \[2001:db8::1\]:80 \(ECONNREFUSED\), 10\.1\.0\.1:80 \(ECONNREFUSED\)/
        )
        assert.deepStrictEqual(yield* open, { inFlight: 0, openSockets: 0 })
      })
    )
  )

  it.live("is over at the timeout, with nothing left", () =>
    run(
      { "2001:db8::1": "black hole", "10.1.0.1": "black hole" },
      Effect.gen(function* () {
        const { millis, value } = yield* elapsed(Effect.flip(connect({ timeout: "1 second" })))
        assert.deepInclude(
          { ...value },
          { _tag: "TimeoutError", operation: "connect", address: "10.1.0.1:80" }
        )
        assert.strictEqual(millis, 1000)
        assert.deepStrictEqual(yield* open, { inFlight: 0, openSockets: 0 })
      })
    )
  )

  for (const moment of [0, 100, 250, 300, 400, 500, 501]) {
    it.live(`interrupted after ${moment} ms it leaves nothing`, () =>
      run(
        { "2001:db8::1": { answersAfter: 500 }, "10.1.0.1": { answersAfter: 250 }, "10.1.0.2": "black hole" },
        Effect.gen(function* () {
          const connecting = yield* Effect.fork(Effect.scoped(connect()))
          yield* Effect.sleep(moment)
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
