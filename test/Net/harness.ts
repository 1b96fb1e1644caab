/**
 * Runs a program on a network service, and then looks whether anything was left behind.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { SocketError, TimeoutError } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import type { UnixSupport } from "../Proactor/harness.js"
import { resources, resourcesAfter } from "../support/resources.js"

export { bytes, concat, pattern, readExactly, readToEnd, text } from "../support/bytes.js"

export interface Subject {
  readonly name: string
  readonly layer: Layer.Layer<Net.Net, unknown>
  /** Whether system calls are slow here, so that a test takes fewer rounds. */
  readonly isSlow: boolean
  /** Both ends of a connection, where it is not over TCP. */
  readonly pair?: Effect.Effect<Ends, SocketError | TimeoutError, Net.Net | Scope.Scope>
  /** Whether one half of a connection can end alone. It can if absent. */
  readonly hasHalves?: boolean
}

/** One of which everything is asked. */
export interface ContractSubject extends Subject {
  /** What the system has of Unix sockets. */
  readonly unix: UnixSupport
  /** Whether the system has named pipes. It has none if absent. */
  readonly hasPipes?: boolean
}

export interface Ends {
  readonly client: Net.AnyConnection
  readonly server: Net.AnyConnection
}

type Program<E> = Effect.Effect<unknown, E, Net.Net | Scope.Scope>

/** Everything submitted was retired, and no socket is open any more. */
const settled = Effect.map(Net.statistics, ({ inFlight, openSockets, retired, submitted }) => {
  assert.strictEqual(inFlight, 0, "operations in flight")
  assert.strictEqual(retired, submitted, "operations retired")
  assert.strictEqual(openSockets, 0, "open sockets")
})

const warm = new Set<string>()

/** The first uses open what stays open: libraries, the threads that look names up, libuv's own descriptors. */
const warmUp = (subject: Subject) =>
  Effect.suspend(() => {
    if (warm.has(subject.name)) return Effect.void
    warm.add(subject.name)
    const lookups = Effect.forEach(Array(8), () => Net.Resolver.resolve("localhost", 1), {
      concurrency: "unbounded"
    })
    return Effect.zipRight(lookups, Effect.scoped(pair)).pipe(
      Effect.provide([subject.layer, Net.Resolver.layerSystem])
    )
  })

/** Runs the program in a scope of its own, and checks what is left within the service, and after it. */
export const runChecked = <E>(subject: Subject, program: Program<E>): Promise<void> => {
  const checked = Effect.zipRight(Effect.scoped(program), settled).pipe(Effect.provide(subject.layer))
  return Effect.runPromise(
    Effect.gen(function* () {
      yield* warmUp(subject)
      const before = resources()
      yield* checked
      const after = yield* resourcesAfter(before)
      assert.isAtMost(after.handles, before.handles, "descriptors or handles left open")
      assert.strictEqual(after.foreignBytes, before.foreignBytes, "foreign memory left allocated")
    })
  )
}

/** A test of a subject. */
export const test = <E>(subject: Subject, name: string, program: () => Program<E>): void => {
  it(name, () => runChecked(subject, program()))
}

/** One that is about TCP: for a subject of another transport it is none. */
export const testTcp = <E>(subject: Subject, name: string, program: () => Program<E>): void => {
  if (subject.pair === undefined) test(subject, name, program)
}

/** One that is about the halves of a connection: for a subject whose connections have none it is none. */
export const testHalves = <E>(subject: Subject, name: string, program: () => Program<E>): void => {
  if (subject.hasHalves !== false) test(subject, name, program)
}

/**
 * Says that nothing more comes: ends the writing half or, where a connection has no halves, closes it. To say it twice is no
 * error.
 */
export const finish = (connection: Net.AnyConnection): Effect.Effect<void, SocketError> =>
  Effect.catchAll(connection.shutdown("write"), (failure) =>
    failure.reason === "Unsupported" || failure.reason === "Closed" ? connection.close : Effect.fail(failure)
  )

/** A connection of the subject's transport. */
export const pairOf = (subject: Subject) => Effect.suspend(() => subject.pair ?? pair)

/** A listener on loopback and one connection to it. */
export const pair = Effect.gen(function* () {
  const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
  const [client, server] = yield* Effect.all(
    [Net.connect({ host: "127.0.0.1", port: listener.address.port }), listener.accept],
    { concurrency: 2 }
  )
  return { listener, client, server }
})
