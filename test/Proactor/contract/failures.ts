import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { format, loopbackAddress, type SocketAddress } from "../../../src/Address/index.js"
import type { SocketError } from "../../../src/Errors/index.js"
import { AcceptOperation, type AnyOperation, ConnectOperation } from "../../../src/Proactor/Operation.js"
import {
  accept,
  attemptFailing,
  bytes,
  closing,
  connect,
  failureOf,
  listen,
  open,
  pair,
  receiveOperation,
  type Subject,
  sendOperation,
  start,
  test
} from "../harness.js"

/** An address where nobody listens: somebody just did. */
const deserted = (proactor: Parameters<typeof listen>[0]) =>
  Effect.scoped(Effect.map(listen(proactor), ({ address }) => address))

export const failures = (subject: Subject): void => {
  const { codes } = subject

  test(subject, "a connect to where nobody listens is refused, and says where", (proactor) =>
    Effect.gen(function* () {
      const address = yield* deserted(proactor)
      const socket = yield* open(proactor)
      const failure = yield* attemptFailing(socket, new ConnectOperation(address))
      assert.strictEqual(failure._tag, "ConnectionError")
      assert.strictEqual(failure.reason, "Refused")
      assert.strictEqual(failure.operation, "connect")
      assert.strictEqual(failure.address, format(address))
      assert.strictEqual(failure.code, codes.refused.code)
      assert.strictEqual(failure.codeName, codes.refused.codeName)
    })
  )

  test(subject, "an address that another socket listens at is in use", (proactor) =>
    Effect.gen(function* () {
      const { address } = yield* listen(proactor)
      const socket = yield* open(proactor)
      const failure = yield* Effect.flip(Effect.zipRight(socket.bind(address), socket.listen(1)))
      assert.strictEqual(failure.reason, "AddressInUse")
      assert.strictEqual(failure.code, codes.addressInUse.code)
      assert.strictEqual(failure.codeName, codes.addressInUse.codeName)
      if (failure.operation === "bind") assert.strictEqual(failure.address, format(address))
    })
  )

  if (subject.restartsAtOnce) {
    test(subject, "a listener's address is free again at once, whatever lingers there", (proactor) =>
      Effect.gen(function* () {
        const address = yield* Effect.scoped(
          Effect.gen(function* () {
            const { client, listener, server } = yield* pair(proactor)
            // The accepting side ends first: the connection lingers at the listener's address.
            yield* closing(server)
            yield* closing(client)
            return listener.address
          })
        )
        yield* listen(proactor, address)
      })
    )
  }

  test(subject, "transfers need a connection", (proactor) =>
    Effect.gen(function* () {
      const socket = yield* open(proactor)
      for (const operation of [receiveOperation(), sendOperation(bytes("x"))]) {
        const failure = yield* attemptFailing(socket, operation)
        assert.include(["NotConnected", "Reset"], failure.reason)
      }
      const failure = yield* Effect.flip(socket.remoteAddress)
      assert.strictEqual(failure.reason, "NotConnected")
      assert.strictEqual(failure.code, codes.notConnected.code)
    })
  )

  test(subject, "an accept needs a listener", (proactor) =>
    Effect.gen(function* () {
      const socket = yield* open(proactor)
      const failure = yield* attemptFailing(socket, new AcceptOperation())
      assert.strictEqual(failure.reason, "InvalidArgument")
      assert.strictEqual(failure.operation, "accept")
    })
  )

  test(subject, "a second connect on one socket fails", (proactor) =>
    Effect.gen(function* () {
      const { client, listener } = yield* pair(proactor)
      const failure = yield* attemptFailing(client, new ConnectOperation(listener.address))
      assert.strictEqual(failure.reason, "AlreadyConnected")
      assert.strictEqual(failure.address, format(listener.address))
    })
  )

  test(subject, "an address that was put together wrongly is refused before the system sees it", (proactor) =>
    Effect.gen(function* () {
      const socket = yield* open(proactor)
      const wrong: ReadonlyArray<SocketAddress> = [
        { _tag: "SocketAddress", family: "IPv4", host: "nonsense", port: 80, scopeId: 0 },
        { _tag: "SocketAddress", family: "IPv4", host: "127.0.0.1", port: 65_536, scopeId: 0 },
        { _tag: "SocketAddress", family: "IPv6", host: "127.0.0.1", port: 80, scopeId: 0 }
      ]
      for (const address of wrong) {
        const failure = yield* attemptFailing(socket, new ConnectOperation(address))
        assert.strictEqual(failure.reason, "InvalidArgument")
        assert.strictEqual((yield* Effect.flip(socket.bind(address))).reason, "InvalidArgument")
      }
    })
  )

  test(subject, "every call on a closed socket fails with Closed; closing twice is no error", (proactor) =>
    Effect.gen(function* () {
      const { client, listener, server } = yield* pair(proactor)
      yield* closing(client)
      yield* closing(client)
      for (const operation of [
        receiveOperation(),
        sendOperation(bytes("x")),
        new AcceptOperation(),
        new ConnectOperation(listener.address)
      ]) {
        const started = start<AnyOperation>(client, operation)
        assert.strictEqual(started.retirements(), 1, "it is over at once")
        assert.strictEqual(failureOf(operation).reason, "Closed")
        assert.strictEqual(failureOf(operation).operation, operation.kind.toLowerCase())
        client.cancel(operation)
      }
      const calls: ReadonlyArray<Effect.Effect<unknown, SocketError>> = [
        client.bind(loopbackAddress("IPv4")),
        client.listen(1),
        client.shutdown("both"),
        client.localAddress,
        client.remoteAddress,
        client.getOption("noDelay"),
        client.setOption("noDelay", true)
      ]
      for (const call of calls) assert.strictEqual((yield* Effect.flip(call)).reason, "Closed")
      assert.deepStrictEqual(yield* server.localAddress, listener.address)
    })
  )

  test(subject, "submitting an operation that is in flight is a defect of the program", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const receiving = start(server, receiveOperation())
      assert.throws(() => server.submit(receiving.operation), /in flight/)
      server.cancel(receiving.operation)
      yield* receiving.retired
      assert.strictEqual(receiving.retirements(), 1)
      yield* closing(client)
    })
  )

  test(subject, "a failure leaves the proactor usable", (proactor) =>
    Effect.gen(function* () {
      yield* attemptFailing(yield* open(proactor), new ConnectOperation(yield* deserted(proactor)))
      const listener = yield* listen(proactor)
      yield* connect(proactor, listener.address)
      yield* accept(listener.socket)
    })
  )
}
