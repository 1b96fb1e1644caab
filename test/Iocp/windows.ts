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
import { resources, resourcesAfter } from "../support/resources.js"

/** The tests inside run against the real system, or are reported as skipped. */
export const describeOnWindows = (name: string, body: () => void): void => {
  describe.runIf(process.platform === "win32")(name, body)
}

export const loopback = (port = 0): Address.SocketAddress => Address.loopbackAddress("IPv4", port)

let isWarm = false

/** Gets what the system hands out once and keeps: the pool's threads, what its socket providers open. */
const warmUp = Effect.suspend(() => {
  if (isWarm) return Effect.void
  isWarm = true
  return Effect.scoped(
    Effect.gen(function* () {
      const port = yield* Iocp.make()
      yield* connectedPair(port)
      const datagrams = yield* Iocp.createUdpSocket()
      yield* Iocp.bind(datagrams, loopback())
      for (let index = 0; index < 4; index++) yield* Iocp.getQueuedCompletionStatus(port, 1)
    })
  )
}).pipe(Effect.withClock(Clock.make()))

/**
 * Runs a test in a scope of its own, and fails if it left a handle, foreign memory or an operation behind.
 */
export const leavingNothing = <A, E>(test: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, unknown> =>
  Effect.gen(function* () {
    yield* warmUp
    const before = resources()
    const result = yield* Effect.scoped(test)
    const after = yield* resourcesAfter(before)
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

/**
 * Two sockets, connected by `acceptEx` and `connectEx`. The client's packets come under the key 1, the
 * server's under 2.
 */
export const connectedPair = (port: Iocp.CompletionPort) =>
  Effect.gen(function* () {
    const [client, server] = [yield* Iocp.createTcpSocket(), yield* Iocp.createTcpSocket()]
    yield* Iocp.associateSocket(port, client, 1)
    yield* Iocp.associateSocket(port, server, 2)
    const addresses = yield* Effect.scoped(
      Effect.gen(function* () {
        const listener = yield* Iocp.createTcpSocket()
        yield* Iocp.associateSocket(port, listener, 3)
        yield* Iocp.bind(listener, loopback())
        yield* Iocp.listen(listener)
        yield* Iocp.bind(client, loopback())
        const [accepting, connecting] = [yield* Iocp.makeOverlapped, yield* Iocp.makeOverlapped]
        yield* Iocp.acceptEx(listener, server, accepting)
        yield* Iocp.connectEx(client, connecting, yield* Iocp.localAddress(listener))
        for (const _ of [accepting, connecting]) yield* succeeded(port)
        yield* Iocp.updateAcceptContext(server, listener)
        yield* Iocp.updateConnectContext(client)
        return yield* Iocp.acceptedAddresses(accepting)
      })
    )
    return { client, server, clientAddress: addresses.remote, serverAddress: addresses.local }
  })
