import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll } from "vitest"
import { SignalOperation } from "../../../src/Proactor/Operation.js"
import type { ProactorService, ProactorSignal } from "../../../src/Proactor/Proactor.js"
import { openRaiser, type SignalToken } from "../../../src/Proactor/Signal.js"
import { makeProgram, type Program } from "../../support/program.js"
import { startThread } from "../../support/workers.js"
import {
  attemptFailing,
  bytes,
  failureOf,
  pair,
  perform,
  receiveExactly,
  type Subject,
  sendAll,
  start,
  test,
  text,
  turns
} from "../harness.js"

/** A signal that is closed with the scope. */
const open = (proactor: ProactorService) =>
  Effect.acquireRelease(proactor.openSignal, (signal) => Effect.sync(() => signal.close()))

/** A share that ends with the scope. */
const share = (signal: ProactorSignal) => Effect.acquireRelease(signal.share, ({ end }) => Effect.sync(end))

/** A raiser as another thread has it: by a copy of a token. */
const raiserOf = (signal: ProactorSignal) =>
  Effect.flatMap(share(signal), ({ token }) => openRaiser("test", structuredClone(token)))

export const signals = (subject: Subject): void => {
  let program: Program
  beforeAll(async () => {
    program = await makeProgram(new URL("../../support/programs/raising.ts", import.meta.url))
  })
  afterAll(() => program.dispose())

  test(subject, "a raise completes the operation in flight, once, and not in the raise itself", (proactor) =>
    Effect.gen(function* () {
      const signal = yield* open(proactor)
      for (let round = 0; round < 20; round++) {
        const waiting = start(signal, new SignalOperation())
        yield* turns
        assert.strictEqual(waiting.retirements(), 0)
        signal.raise()
        assert.strictEqual(waiting.retirements(), 0)
        assert.isUndefined((yield* waiting.retired).failure)
        yield* turns
        assert.strictEqual(waiting.retirements(), 1)
      }
    })
  )

  test(subject, "a raise that nobody waited for is not missed", (proactor) =>
    Effect.gen(function* () {
      const signal = yield* open(proactor)
      signal.raise()
      yield* perform(signal, new SignalOperation())
      signal.raise()
      yield* turns
      yield* perform(signal, new SignalOperation())
    })
  )

  test(subject, "an operation completes no more often than there were raises", (proactor) =>
    Effect.gen(function* () {
      const signal = yield* open(proactor)
      for (let raise = 0; raise < 5; raise++) signal.raise()
      yield* turns
      const operation = new SignalOperation()
      let completions = 0
      for (;;) {
        const waiting = start(signal, operation)
        yield* turns
        if (waiting.retirements() === 0) break
        completions += 1
      }
      assert.isAtLeast(completions, 1)
      assert.isAtMost(completions, 5)
      signal.cancel(operation)
    })
  )

  test(subject, "an operation can be cancelled, and submitted again", (proactor) =>
    Effect.gen(function* () {
      const signal = yield* open(proactor)
      const waiting = start(signal, new SignalOperation())
      yield* turns
      signal.cancel(waiting.operation)
      signal.cancel(waiting.operation)
      const failure = failureOf(yield* waiting.retired)
      assert.deepStrictEqual([failure.reason, failure.operation], ["Cancelled", "signal"])
      yield* turns
      assert.strictEqual(waiting.retirements(), 1)
      const again = start(signal, waiting.operation)
      signal.raise()
      assert.isUndefined((yield* again.retired).failure)
    })
  )

  test(subject, "closing cancels what is in flight, and a closed signal is raised by nobody", (proactor) =>
    Effect.gen(function* () {
      const signal = yield* open(proactor)
      const raiser = yield* raiserOf(signal)
      const waiting = start(signal, new SignalOperation())
      yield* turns
      assert.isFalse(raiser.isOver)
      signal.close()
      signal.close()
      signal.abandon()
      assert.strictEqual(failureOf(yield* waiting.retired).reason, "Cancelled")
      assert.isTrue(raiser.isOver)
      assert.isFalse(raiser.raise())
      assert.strictEqual((yield* Effect.flip(signal.share)).reason, "Closed")
      signal.raise()
      assert.strictEqual((yield* attemptFailing(signal, new SignalOperation())).reason, "Closed")
      yield* turns
      assert.strictEqual(waiting.retirements(), 1)
    })
  )

  test(subject, "a raise that comes late finds nobody, also in the same place", (proactor) =>
    Effect.gen(function* () {
      for (let round = 0; round < 20; round++) {
        const before = yield* proactor.openSignal
        before.raise()
        before.close()
        const signal = yield* open(proactor)
        const waiting = start(signal, new SignalOperation())
        yield* turns
        assert.strictEqual(waiting.retirements(), 0)
        signal.cancel(waiting.operation)
      }
    })
  )

  test(subject, "each signal is told of its own raises, beside sockets", (proactor) =>
    Effect.gen(function* () {
      const all = yield* Effect.replicateEffect(open(proactor), 50)
      const { client, server } = yield* pair(proactor)
      const waiting = all.map((signal) => start(signal, new SignalOperation()))
      yield* turns
      for (const [at, signal] of all.entries()) if (at % 2 === 0) signal.raise()
      yield* sendAll(client, bytes("beside"))
      assert.strictEqual(text(yield* receiveExactly(server, 6)), "beside")
      for (const [at, { retired }] of waiting.entries()) if (at % 2 === 0) yield* retired
      yield* turns
      assert.deepStrictEqual(
        waiting.map(({ retirements }) => retirements()),
        waiting.map((_, at) => (at % 2 === 0 ? 1 : 0))
      )
      for (const [at, signal] of all.entries()) {
        const operation = waiting[at]?.operation
        if (operation !== undefined) signal.cancel(operation)
      }
    })
  )

  test(subject, "another thread raises it, time and again, and learns that it was closed", (proactor) =>
    Effect.gen(function* () {
      const signal = yield* open(proactor)
      const rounds = 20
      const { token } = yield* share(signal)
      const { says, worker } = yield* startThread(program, { token, times: rounds + 1 })
      assert.strictEqual(yield* says, "ready")
      for (let round = 0; round < rounds; round++) {
        const waiting = start(signal, new SignalOperation())
        worker.postMessage("raise")
        yield* waiting.retired
        assert.isTrue(yield* says)
      }
      signal.close()
      worker.postMessage("raise")
      assert.isFalse(yield* says)
    })
  )

  test(subject, "each share is one thread's, once, and ends by itself", (proactor) =>
    Effect.gen(function* () {
      const signal = yield* open(proactor)
      const [one, other] = [yield* share(signal), yield* share(signal)]
      const raisers = [yield* openRaiser("test", one.token), yield* openRaiser("test", other.token)]
      const again = yield* Effect.flip(openRaiser("again", one.token))
      assert.deepStrictEqual([again.reason, again.operation], ["InvalidHandle", "again"])
      one.end()
      one.end()
      assert.deepStrictEqual(
        raisers.map((raiser) => [raiser.isOver, raiser.raise()]),
        [
          [true, false],
          [false, true]
        ]
      )
      yield* perform(signal, new SignalOperation())
      const late = yield* Effect.flip(openRaiser("late", one.token))
      assert.deepStrictEqual([late.reason, late.operation], ["Closed", "late"])
    })
  )

  test(subject, "what is no token is refused", (proactor) =>
    Effect.gen(function* () {
      const { token } = yield* share(yield* open(proactor))
      const wrong: ReadonlyArray<SignalToken> = [
        JSON.parse("null"),
        JSON.parse("{}"),
        JSON.parse(JSON.stringify(token)),
        { ...token, lent: { ...token.lent, handle: -1 } }
      ]
      for (const other of wrong) {
        assert.strictEqual((yield* Effect.flip(openRaiser("test", other))).reason, "InvalidArgument")
      }
    })
  )

  test(subject, "a proactor whose scope closes closes its signals", (_) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const proactor = yield* Scope.extend(subject.make, scope)
      const signal = yield* proactor.openSignal
      const raiser = yield* raiserOf(signal)
      const waiting = start(signal, new SignalOperation())
      yield* turns
      assert.strictEqual((yield* proactor.statistics).openSockets, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(failureOf(yield* waiting.retired).reason, "Cancelled")
      assert.isFalse(raiser.raise())
      assert.strictEqual((yield* attemptFailing(signal, new SignalOperation())).reason, "Closed")
      assert.strictEqual((yield* Effect.flip(proactor.openSignal)).reason, "Closed")
      assert.strictEqual((yield* proactor.statistics).openSockets, 0)
    })
  )
}
