import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { loopbackAddress } from "../../../src/Address/index.js"
import { AcceptOperation, ConnectOperation, type Operation } from "../../../src/Proactor/Operation.js"
import type { ProactorHandle } from "../../../src/Proactor/Proactor.js"
import {
  accept,
  acceptedBy,
  bytes,
  connect,
  failureOf,
  listen,
  open,
  pair,
  pattern,
  receive,
  receiveExactly,
  receiveOperation,
  receiveToEnd,
  type Started,
  type Subject,
  sendAll,
  sendOperation,
  start,
  test,
  text,
  turns
} from "../harness.js"
import { foreignBytes, foreignSender, isForeign } from "./foreignSender.js"

/** Cancels, and waits for the one retirement. */
const cancelled = <A extends Operation>(socket: ProactorHandle<A>, started: Started<A>) =>
  Effect.gen(function* () {
    socket.cancel(started.operation)
    const operation = yield* started.retired
    // A second request changes nothing, and a second retirement would show.
    socket.cancel(operation)
    yield* turns
    assert.strictEqual(started.retirements(), 1)
    return operation
  })

export const cancellation = (subject: Subject): void => {
  const rounds = subject.isSlow ? 100 : 400

  test(subject, "a cancelled receive takes nothing, and the next one gets the bytes", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const operation = yield* cancelled(server, start(server, receiveOperation()))
      const failure = failureOf(operation)
      assert.strictEqual(failure.reason, "Cancelled")
      assert.strictEqual(failure.operation, "receive")
      assert.strictEqual(operation.chunk.length, 0)
      yield* sendAll(client, bytes("after"))
      assert.strictEqual(text(yield* receive(server)), "after")
    })
  )

  test(subject, "a receive is cancelled while a send on the same socket goes on", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const receiving = start(client, receiveOperation())
      yield* sendAll(client, bytes("through"))
      assert.strictEqual((yield* cancelled(client, receiving)).failure?.reason, "Cancelled")
      assert.strictEqual(text(yield* receiveExactly(server, 7)), "through")
    })
  )

  test(subject, "a cancelled accept leaves the connection to the next one", (proactor) =>
    Effect.gen(function* () {
      const listener = yield* listen(proactor)
      const [first, second] = [0, 1].map(() => start(listener.socket, new AcceptOperation()))
      if (first === undefined || second === undefined) return assert.fail("two were started")
      const { accepted, failure } = yield* cancelled(listener.socket, first)
      assert.strictEqual(failure?.reason, "Cancelled")
      assert.isUndefined(accepted)
      yield* connect(proactor, listener.address)
      yield* acceptedBy(yield* second.retired)
    })
  )

  test(subject, "a cancelled connect retires once, whether it came through or not", (proactor) =>
    Effect.gen(function* () {
      // So short a backlog is full after one or two: connects after that hang, where the system lets them.
      const listener = yield* listen(proactor, loopbackAddress("IPv4"), 1)
      const sockets = yield* Effect.all(Array.from({ length: 8 }, () => open(proactor)))
      const connecting = sockets.map((socket) => ({
        socket,
        started: start(socket, new ConnectOperation(listener.address))
      }))
      yield* turns
      for (const { socket, started } of connecting) {
        const { failure } = yield* cancelled(socket, started)
        if (failure === undefined) continue
        assert.include(["Cancelled", "Refused"], failure.reason)
        assert.strictEqual(failure.operation, "connect")
      }
    })
  )

  test(subject, "a send to a peer that does not read is cancelled", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* pair(proactor)
      const piece = pattern(65_536)
      for (;;) {
        const sending = start(client, sendOperation(piece))
        yield* turns
        if (sending.retirements() === 1) continue
        const { failure } = yield* cancelled(client, sending)
        if (failure?.reason === "Cancelled") return
        assert.isUndefined(failure)
      }
    })
  )

  test(subject, "cancelling what has retired, or was never submitted, does nothing", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const fresh = receiveOperation()
      server.cancel(fresh)
      assert.isUndefined(fresh.failure)
      const receiving = start(server, receiveOperation())
      yield* sendAll(client, bytes("x"))
      yield* receiving.retired
      server.cancel(receiving.operation)
      yield* turns
      assert.isUndefined(receiving.operation.failure)
      assert.strictEqual(receiving.retirements(), 1)
    })
  )

  test(subject, `${rounds} cancelled receives against arriving bytes lose and repeat none`, (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const sent: Array<Uint8Array> = []
      const received: Array<Uint8Array> = []
      for (let round = 0; round < rounds; round++) {
        const receiving = start(server, receiveOperation())
        const piece = pattern(1 + (round % 700), round)
        sent.push(piece)
        // Sooner than the bytes, every other time.
        if (round % 2 === 0) server.cancel(receiving.operation)
        const sending = start(client, sendOperation(piece))
        // Sooner or later than the retirement, in turn.
        for (let turn = 0; turn < round % 3; turn++) yield* Effect.yieldNow()
        server.cancel(receiving.operation)
        const { chunk, failure } = yield* receiving.retired
        if (failure === undefined) received.push(chunk)
        else assert.strictEqual(failure.reason, "Cancelled")
        assert.strictEqual((yield* sending.retired).sent, piece.length)
        assert.strictEqual(receiving.retirements(), 1)
      }
      yield* client.shutdown("write")
      received.push(yield* receiveToEnd(server))
      assert.strictEqual(Buffer.compare(Buffer.concat(received), Buffer.concat(sent)), 0)
    })
  )

  if (subject.isIsolated !== true) {
    const pieces = subject.isSlow ? 500 : 2000
    test(subject, `cancelled receives against ${pieces} pieces from another thread lose none`, (proactor) =>
      Effect.gen(function* () {
        const listener = yield* listen(proactor)
        yield* foreignSender(listener.address.port, pieces)
        const { socket } = yield* accept(listener.socket)
        const received: Array<Uint8Array> = []
        for (let round = 0; ; round++) {
          // So few at a time that every piece takes several rounds.
          const receiving = start(socket, receiveOperation(20))
          for (let turn = 0; turn < round % 5; turn++) yield* Effect.yieldNow()
          socket.cancel(receiving.operation)
          const { chunk, failure } = yield* receiving.retired
          assert.strictEqual(receiving.retirements(), 1)
          if (failure !== undefined) assert.strictEqual(failure.reason, "Cancelled")
          else if (chunk.length === 0) break
          else received.push(chunk)
          // The other thread shares the processor with this one, perhaps.
          if (round % 16 === 0) yield* turns
        }
        const all = Buffer.concat(received)
        assert.strictEqual(all.length, foreignBytes(pieces))
        assert.isTrue(isForeign(all))
      })
    )
  }

  const connections = subject.isSlow ? 30 : 100
  test(subject, `${connections} cancelled accepts against arriving connections lose none`, (proactor) =>
    Effect.gen(function* () {
      const listener = yield* listen(proactor)
      const ports = new Set<number>()
      const takeOff = (operation: AcceptOperation) =>
        Effect.map(acceptedBy(operation), ({ remoteAddress }) => {
          assert.isTrue(ports.delete(remoteAddress?.port ?? -1), "a connection comes once")
        })
      for (let round = 0; round < connections; round++) {
        const accepting = start(listener.socket, new AcceptOperation())
        const client = yield* open(proactor)
        const connecting = start(client, new ConnectOperation(listener.address))
        for (let turn = 0; turn < round % 4; turn++) yield* Effect.yieldNow()
        listener.socket.cancel(accepting.operation)
        assert.isUndefined((yield* connecting.retired).failure)
        ports.add((yield* client.localAddress).port)
        const operation = yield* accepting.retired
        if (operation.failure === undefined) yield* takeOff(operation)
        else assert.strictEqual(operation.failure.reason, "Cancelled")
      }
      while (ports.size > 0) yield* takeOff(yield* start(listener.socket, new AcceptOperation()).retired)
    })
  )
}
