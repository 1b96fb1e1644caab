/**
 * Many descriptors, and few: thousands of connections held while some talk, and a server that runs out.
 *
 * Both run in processes of their own, with a limit of their own. Linux only: a limit on handles is no thing of Windows.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "../../src/Net/index.js"
import { test } from "../Net/harness.js"
import { resultOf, startLimited } from "./support/limited.js"
import { isLinux, sized, subject } from "./support/subject.js"

const nothingLeft = { inFlight: 0, openSockets: 0, descriptors: 0 }

describe.runIf(isLinux)("many connections", () => {
  const held = sized("STRESS_HELD", 5000)
  const talkers = 50
  const rounds = 100

  it.scopedLive(`${held} are held on epoll while ${talkers} of them talk`, () =>
    Effect.gen(function* () {
      const child = yield* startLimited(
        2 * held + 1000,
        "held.mjs",
        String(held),
        String(talkers),
        String(rounds)
      )
      const result = yield* resultOf(child)
      if (process.env["STRESS_HELD"] !== undefined) console.log(result)
      assert.deepInclude(result, { held, talked: talkers * rounds, alive: held, ...nothingLeft })
      // Both ends of each, and the listener.
      assert.deepInclude(result, { open: 2 * held + 1 })
    })
  )
})

/** A client that was greeted, or waits for it. */
const client = (port: number) =>
  Effect.gen(function* () {
    const connection = yield* Net.connect({ host: "127.0.0.1", port })
    const state = { isServed: false }
    const greeted = Effect.map(connection.readLine, (line) => {
      assert.strictEqual(line._tag === "Some" && line.value, "welcome")
      state.isServed = true
    })
    yield* Effect.forkScoped(Effect.ignore(greeted))
    return { connection, state }
  })

type Client = Effect.Effect.Success<ReturnType<typeof client>>

const isServed = ({ state }: Client): boolean => state.isServed

const ask = ({ connection }: Client, question: string) =>
  Effect.gen(function* () {
    yield* connection.writeString(`${question}\n`)
    const line = yield* connection.readLine
    return line._tag === "Some" ? line.value : ""
  })

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.delay(until(condition), "5 millis")))

describe.runIf(isLinux)("with 64 descriptors", () => {
  test(subject, "a server goes on serving what it has, says what is short, and accepts again later", () =>
    Effect.gen(function* () {
      const child = yield* startLimited(64, "shortage.mjs")
      const port = Number(yield* child.line("port: "))
      const clients = yield* Effect.forEach(Array(100), () => client(port))
      const warning = yield* child.line("WARN: ")
      assert.match(warning, /accepting pauses: .*EMFILE/)
      yield* until(() => clients.filter(isServed).length > 10)
      const served = clients.filter(isServed)
      assert.isBelow(served.length, 64)
      // It serves those that it has, again and again, and what it starts itself fails in a typed way.
      for (let round = 0; round < 3; round++) {
        for (const one of served) assert.strictEqual(yield* ask(one, `round ${round}`), `round ${round}`)
      }
      const [first, ...others] = served
      if (first === undefined) return assert.fail("nobody is served")
      assert.strictEqual(yield* ask(first, "connect"), "NetworkError ResourceExhausted EMFILE")
      // Each one that leaves makes a place for one that waits.
      const leaving = others.slice(0, 10)
      for (const { connection } of leaving) yield* connection.close
      yield* until(() => clients.filter(isServed).length >= served.length + leaving.length)
      for (const one of clients.filter((one) => isServed(one) && !leaving.includes(one))) {
        assert.strictEqual(yield* ask(one, "still there?"), "still there?")
      }
      // In the end everybody was served, in turn.
      const gone = new Set<Client>(leaving)
      while (gone.size < clients.length - 1) {
        const next = clients.find((one) => isServed(one) && one !== first && !gone.has(one))
        if (next === undefined) yield* Effect.sleep("5 millis")
        else yield* Effect.as(next.connection.close, gone.add(next))
      }
      assert.isTrue(clients.every(isServed))
      yield* first.connection.writeString("stop\n")
      assert.deepInclude(yield* resultOf(child), { served: clients.length, ...nothingLeft })
    })
  )
})
