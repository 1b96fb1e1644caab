/**
 * What the tests of the Linux layer share.
 */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Address from "../../src/Address/index.js"
import * as Epoll from "../../src/Epoll/index.js"
import { resources, resourcesAfter } from "../support/resources.js"

/** The tests inside run against the real system, or are reported as skipped. */
export const describeOnLinux = (name: string, body: () => void): void => {
  describe.runIf(process.platform === "linux")(name, body)
}

export const loopback = (port = 0): Address.SocketAddress => Address.loopbackAddress("IPv4", port)

/** Lets the loop of events go round, so that what happened and what is watched meet. */
export const turns = (count: number) =>
  Effect.promise(async () => {
    for (let index = 0; index < count; index++) await new Promise((resolve) => setImmediate(resolve))
  })

export const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index)

/** What is opened once and kept: the C library, libuv's own descriptors. */
const warmUp = Effect.scoped(
  Effect.gen(function* () {
    const epoll = yield* Epoll.make()
    const waiting = yield* Effect.fork(Epoll.wait(epoll))
    yield* turns(1)
    yield* Epoll.wake(epoll)
    yield* Fiber.join(waiting)
  })
)

/** Runs a test in a scope of its own, and fails if it left a descriptor or foreign memory behind. */
export const leavingNothing = <A, E>(test: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, unknown> =>
  Effect.gen(function* () {
    yield* warmUp
    const before = resources()
    const result = yield* Effect.scoped(test)
    assert.deepStrictEqual(yield* resourcesAfter(before), before, "descriptors and foreign memory")
    return result
  })

/** Asserts that it is an error, or whatever else, with these fields; one that is absent is `undefined`. */
export const assertFields = (actual: unknown, fields: Record<string, unknown>): void => {
  if (typeof actual !== "object" || actual === null) assert.fail(`not an object: ${actual}`)
  const found = Object.fromEntries(Object.keys(fields).map((key) => [key, Reflect.get(actual, key)]))
  assert.deepStrictEqual(found, fields)
}

/** The data of the events that there are now, without waiting. */
export const here = (epoll: Epoll.Epoll) =>
  Epoll.waitBatch(epoll, 1000, 0).pipe(
    Effect.map((events) => events.map(dataOf)),
    Effect.catchTag("TimeoutError", () => Effect.succeed([]))
  )

export const dataOf = (event: Epoll.EpollEvent): bigint | string =>
  "data" in event ? event.data : event._tag

/** The next event, which has to be one of a descriptor. */
export const ready = (epoll: Epoll.Epoll) =>
  Effect.map(Epoll.wait(epoll, "20 seconds"), (event) => {
    if (!Epoll.isReady(event)) assert.fail(`not ready but ${event._tag}`)
    return event
  })

export const put = (descriptor: Epoll.Descriptor, bytes: number) =>
  Epoll.tryWrite(descriptor, new Uint8Array(bytes))

/** Reads until it would block, or the stream ends, and answers how many bytes there were. */
export const drain = (descriptor: Epoll.Descriptor) =>
  Effect.gen(function* () {
    const buffer = new Uint8Array(4096)
    let total = 0
    for (;;) {
      const count = Option.getOrElse(yield* Epoll.tryRead(descriptor, buffer), () => 0)
      if (count === 0) return total
      total += count
    }
  })
