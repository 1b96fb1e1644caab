import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { AcceptOperation, type AnyOperation, ConnectOperation } from "../../../src/Proactor/Operation.js"
import {
  accept,
  attemptFailing,
  bytes,
  closing,
  connect,
  failureOf,
  listen,
  pair,
  receiveExactly,
  receiveOperation,
  receiveToEnd,
  reset,
  type Started,
  type Subject,
  sendAll,
  sendOperation,
  start,
  test,
  text,
  turns
} from "../harness.js"

export const lifetimes = (subject: Subject): void => {
  test(subject, "a proactor whose scope closes ends what is in flight and closes what is open", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const proactor = yield* Scope.extend(subject.make, scope)
      const owner = yield* Scope.make()
      const { client, listener, server } = yield* Scope.extend(pair(proactor), owner)
      const receiving = start(server, receiveOperation())
      const accepting = [0, 1, 2].map(() => start(listener.socket, new AcceptOperation()))
      yield* Scope.close(scope, Exit.void)
      const all: ReadonlyArray<Started<AnyOperation>> = [receiving, ...accepting]
      for (const started of all) {
        assert.strictEqual(failureOf(yield* started.retired).reason, "Cancelled")
        assert.strictEqual(started.retirements(), 1)
      }
      const { inFlight, openSockets } = yield* proactor.statistics
      assert.deepStrictEqual({ inFlight, openSockets }, { inFlight: 0, openSockets: 0 })
      assert.strictEqual((yield* attemptFailing(client, sendOperation(bytes("x")))).reason, "Closed")
      assert.strictEqual((yield* Effect.flip(proactor.openTcp("IPv4"))).reason, "Closed")
      // Those who own sockets close them, sooner or later: that is no error, and no other socket's.
      yield* Scope.close(owner, Exit.void)
    })
  )

  test(subject, "an operation that is submitted again whenever it retires does not keep a scope open", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const owner = yield* Scope.make()
      const proactor = yield* Scope.extend(subject.make, scope)
      const { server } = yield* Scope.extend(pair(proactor), owner)
      const operation = receiveOperation()
      operation.onRetired = () => {
        server.submit(operation)
      }
      assert.isFalse(server.submit(operation))
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(operation.isInFlight)
      assert.strictEqual(operation.failure?.reason, "Closed")
      yield* Scope.close(owner, Exit.void)
    })
  )

  test(subject, "two proactors live side by side", (one) =>
    Effect.gen(function* () {
      const other = yield* subject.make
      const listener = yield* listen(one)
      const client = yield* connect(other, listener.address)
      const { socket } = yield* accept(listener.socket)
      yield* sendAll(client, bytes("across"))
      assert.strictEqual(text(yield* receiveExactly(socket, 6)), "across")
      const before = yield* other.statistics
      assert.strictEqual(before.openSockets, 1)
      assert.strictEqual(before.inFlight, 0)
    })
  )

  test(subject, "an operation submitted from a retirement is served", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const total = 200
      let seen = 0
      const done = Effect.async<void>((resume) => {
        const operation = receiveOperation(1)
        const next = () => {
          do {
            if (seen === total) return resume(Effect.void)
          } while (server.submit(operation) && ++seen > 0)
        }
        operation.onRetired = () => {
          seen += 1
          next()
        }
        next()
      })
      yield* Effect.all([done, sendAll(client, new Uint8Array(total))], { concurrency: 2 })
      assert.strictEqual(seen, total)
    })
  )

  test(subject, "a socket that is given up is closed to its owner", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      client.abandon()
      client.abandon()
      client.close()
      assert.strictEqual((yield* attemptFailing(client, receiveOperation())).reason, "Closed")
      yield* closing(server)
    })
  )

  const rounds = subject.isSlow ? 60 : 200
  test(subject, `${rounds} sockets in the places of others: late events find nobody`, (proactor) =>
    Effect.gen(function* () {
      const listener = yield* listen(proactor)
      for (let round = 0; round < rounds; round++) {
        const client = yield* connect(proactor, listener.address)
        const { socket: server } = yield* accept(listener.socket)
        const message = bytes(`round ${round}`)
        const receiving = start(server, receiveOperation())
        yield* sendAll(client, message)
        assert.strictEqual(text((yield* receiving.retired).chunk), text(message))
        // Ends with something under way, each time differently; the next round's sockets take these ones' places.
        const last = start(server, receiveOperation())
        if (round % 3 === 0) yield* sendAll(client, bytes("for nobody"))
        if (round % 3 === 1) yield* reset(client)
        server.cancel(last.operation)
        yield* last.retired
        assert.strictEqual(last.retirements(), 1)
        yield* closing(server)
        yield* closing(client)
      }
      assert.strictEqual((yield* proactor.statistics).openSockets, 1)
    })
  )

  test(subject, "every submission retires once, whatever becomes of it", (proactor) =>
    Effect.gen(function* () {
      const { client, listener, server } = yield* pair(proactor)
      const before = yield* proactor.statistics
      const accepting = start(listener.socket, new AcceptOperation())
      const started: ReadonlyArray<Started<AnyOperation>> = [
        accepting,
        start(server, receiveOperation()),
        start(client, sendOperation(bytes("one"))),
        start(client, new ConnectOperation(listener.address))
      ]
      listener.socket.cancel(accepting.operation)
      for (const { retired } of started) yield* retired
      yield* turns
      for (const { retirements } of started) assert.strictEqual(retirements(), 1)
      const after = yield* proactor.statistics
      assert.strictEqual(after.submitted - before.submitted, 4)
      assert.strictEqual(after.retired - before.retired, 4)
      yield* client.shutdown("write")
      yield* receiveToEnd(server)
    })
  )
}
