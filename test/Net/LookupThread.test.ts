/**
 * The system's resolver does not hold up the main thread. It is asked for a name while no thread of libuv's pool is free to
 * look it up: what happens until one is free, happened without it.
 */
import { createHook } from "node:async_hooks"
import { stat } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { format } from "../../src/Address/index.js"
import * as Net from "../../src/Net/index.js"
import { fullPool } from "../support/fullPool.js"
import { readExactly } from "./harness.js"

const ROUNDS = 50

/** How many calls of `getaddrinfo` libuv has been given since. */
const countLookups = Effect.acquireRelease(
  Effect.sync(() => {
    const lookups = { count: 0 }
    const hook = createHook({
      init: (_id, type) => {
        if (type === "GETADDRINFOREQWRAP") lookups.count += 1
      }
    }).enable()
    return { lookups, hook }
  }),
  ({ hook }) => Effect.sync(() => hook.disable())
)

/** Something else that needs a thread of the pool, as a witness that there is none. */
const askPool = () => {
  const asked = { isAnswered: false }
  stat(".", () => {
    asked.isAnswered = true
  })
  return asked
}

/** Both ends talk, with a timer in every round. */
const talk = Effect.gen(function* () {
  const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
  const client = yield* Net.connect({ host: "127.0.0.1", port: listener.address.port })
  const server = yield* listener.accept
  for (let round = 0; round < ROUNDS; round++) {
    yield* client.writeString("ask")
    yield* readExactly(server, 3)
    yield* Effect.sleep(1)
    yield* server.writeString("answer")
    yield* readExactly(client, 6)
  }
})

describe("a name that the system looks up", () => {
  it.scopedLive("waits for a thread of the pool, and connections and timers go on meanwhile", () =>
    Effect.gen(function* () {
      const release = yield* fullPool
      const { lookups } = yield* countLookups
      yield* Effect.gen(function* () {
        const resolving = yield* Effect.fork(Net.Resolver.resolve("localhost", 80, "IPv4"))
        const connecting = yield* Effect.fork(Effect.flip(Net.connect({ host: "localhost", port: 1 })))
        yield* Effect.yieldNow()
        assert.strictEqual(lookups.count, 2, "the calls returned, and the look-ups are under way")
        const witness = askPool()
        yield* talk
        assert.isTrue(Option.isNone(yield* Fiber.poll(resolving)), "no thread has looked it up")
        assert.isTrue(Option.isNone(yield* Fiber.poll(connecting)), "nor for connect")
        assert.isFalse(witness.isAnswered, "the pool is full")
        yield* release
        assert.deepStrictEqual((yield* Fiber.join(resolving)).map(format), ["127.0.0.1:80"])
        assert.strictEqual((yield* Fiber.join(connecting))._tag, "ConnectionError")
      }).pipe(Effect.provide([Net.layer, Net.Resolver.layerSystem]))
    })
  )

  it.scopedLive("and may be given up while it waits, or be late", () =>
    Effect.gen(function* () {
      const release = yield* fullPool
      yield* Effect.gen(function* () {
        const resolving = yield* Effect.fork(Net.Resolver.resolve("localhost", 80))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(resolving)
        const late = yield* Effect.flip(Net.connect({ host: "localhost", port: 1, timeout: 20 }))
        assert.strictEqual(late._tag, "TimeoutError")
        yield* release
      }).pipe(Effect.provide([Net.layer, Net.Resolver.layerSystem]))
    })
  )
})
