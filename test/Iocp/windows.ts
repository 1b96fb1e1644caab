/**
 * What the tests of the Windows layer share.
 */
import { assert, describe } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Address from "../../src/Address/index.js"
import * as Iocp from "../../src/Iocp/index.js"
import { parkedCalls } from "../../src/Iocp/PortWaiter.js"
import { resources } from "../support/resources.js"

/** The tests inside run against the real system, or are reported as skipped. */
export const describeOnWindows = (name: string, body: () => void): void => {
  describe.runIf(process.platform === "win32")(name, body)
}

export const loopback = (port = 0): Address.SocketAddress => Address.loopbackAddress("IPv4", port)

/** What the system hands out once and keeps: threads of the pool, the first sockets' providers. */
const warmUp = Effect.scoped(
  Effect.gen(function* () {
    const port = yield* Iocp.make()
    const socket = yield* Iocp.createTcpSocket()
    yield* Iocp.associateSocket(port, socket)
    for (let index = 0; index < 4; index++) yield* Iocp.getQueuedCompletionStatus(port, 1)
  })
).pipe(Effect.withClock(Clock.make()))

/** Runs a test in a scope of its own, and fails if it left a handle, foreign memory or an operation behind. */
export const leavingNothing = <A, E>(test: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, unknown> =>
  Effect.gen(function* () {
    yield* warmUp
    const before = resources()
    const result = yield* Effect.scoped(test)
    const after = resources()
    assert.strictEqual(Iocp.operationsInFlight(), 0, "operations in flight")
    assert.strictEqual(parkedCalls(), 0, "parked calls")
    assert.strictEqual(after.foreignBytes, before.foreignBytes, "foreign memory")
    assert.isAtMost(after.handles, before.handles, "handles")
    return result
  })

/** Asserts that it is an error, or whatever else, with these fields. */
export const assertFields = (actual: unknown, fields: Record<string, unknown>): void => {
  if (typeof actual !== "object" || actual === null) assert.fail(`not an object: ${actual}`)
  assert.deepInclude(actual, fields)
}

/** The error inside a packet that tells of one. */
export const errorOf = (result: Iocp.CompletionResult): unknown =>
  Iocp.isError(result) ? result.error : undefined

/** Waits for one packet and fails unless it tells of success. */
export const succeeded = (port: Iocp.CompletionPort) =>
  Effect.flatMap(Iocp.waitForCompletion(port, "20 seconds"), (completion) =>
    Iocp.isError(completion) ? Effect.fail(completion.error) : Effect.succeed(completion)
  )
