import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { format, type UnixAddress, unsafeMakeUnix } from "../../../src/Address/index.js"
import type { SocketError } from "../../../src/Errors/index.js"
import { AcceptOperation, ConnectOperation } from "../../../src/Proactor/Operation.js"
import type { SocketOptionName, SocketOptions } from "../../../src/Proactor/SocketOption.js"
import {
  accept,
  acceptedBy,
  attempt,
  attemptFailing,
  bytes,
  closing,
  failureOf,
  pattern,
  perform,
  receive,
  receiveExactly,
  receiveOperation,
  receiveToEnd,
  type Subject,
  sendAll,
  sendOperation,
  start,
  test,
  text,
  turns
} from "../harness.js"
import { connectUnix, freePath, listenUnix, openUnix, unixEnds, unixPair } from "../unixHarness.js"
import { gathering } from "./gathering.js"
import { transfers } from "./transfers.js"

const WSAEAFNOSUPPORT = 10047

/** A value of each option, to try it with. */
const someOptions: Pick<SocketOptions, SocketOptionName> = {
  noDelay: true,
  keepAlive: true,
  keepAliveIdleSeconds: 10,
  keepAliveIntervalSeconds: 10,
  keepAliveCount: 3,
  lingerSeconds: 0,
  receiveBufferBytes: 32_768,
  sendBufferBytes: 32_768,
  hopLimit: 9,
  trafficClass: 4,
  userTimeoutMilliseconds: 1000,
  mark: 1,
  reusePort: true,
  v6Only: true
}

const optionNames = Object.keys(someOptions) as ReadonlyArray<SocketOptionName>

export const unix = (subject: Subject): void => {
  if (subject.unix === "none") {
    test(subject, "are Unsupported on a system that has none", (proactor) =>
      Effect.gen(function* () {
        const failure = yield* Effect.flip(proactor.openUnix)
        assert.deepInclude(failure, { _tag: "NetworkError", reason: "Unsupported", code: WSAEAFNOSUPPORT })
      })
    )
    return
  }

  transfers(subject, unixEnds)
  gathering(subject, unixEnds)
  addresses(subject)
  endings(subject)
  waiting(subject)
  failing(subject)
}

const addresses = (subject: Subject): void => {
  test(subject, "the listener has its path, and a client none", (proactor) =>
    Effect.gen(function* () {
      const { address, client, listener, remoteAddress, server } = yield* unixPair(proactor)
      const unnamed: UnixAddress = { _tag: "UnixAddress", path: "" }
      assert.deepStrictEqual(yield* listener.localAddress, address)
      assert.deepStrictEqual(yield* server.localAddress, address)
      assert.deepStrictEqual(yield* client.remoteAddress, address)
      assert.deepInclude(remoteAddress, unnamed)
      assert.deepInclude(yield* server.remoteAddress, unnamed)
      assert.deepInclude(yield* client.localAddress, unnamed)
    })
  )

  test(subject, "a client that was bound first is known by its path", (proactor) =>
    Effect.gen(function* () {
      const [own, address] = [yield* freePath, yield* freePath]
      const listener = yield* listenUnix(proactor, address)
      const client = yield* openUnix(proactor)
      yield* client.bind(own)
      assert.deepStrictEqual(yield* client.localAddress, own)
      yield* perform(client, new ConnectOperation(address))
      const { remoteAddress, socket } = yield* accept(listener)
      assert.deepStrictEqual(remoteAddress, own)
      assert.deepStrictEqual(yield* socket.remoteAddress, own)
    })
  )

  if (subject.unix === "paths and abstract names") {
    test(subject, "an abstract name is an address to its last character, NULs and all", (proactor) =>
      Effect.gen(function* () {
        const name = `\0effect-iocp test ${process.pid} ${performance.now()}`
        const address = unsafeMakeUnix(`${name}\0x\0`)
        const listener = yield* listenUnix(proactor, address)
        assert.deepStrictEqual(yield* listener.localAddress, address)
        for (const other of [name, `${name}\0x`, `${name}\0x\0\0`]) {
          const failure = yield* attemptFailing(
            yield* openUnix(proactor),
            new ConnectOperation(unsafeMakeUnix(other))
          )
          assert.strictEqual(failure.reason, "Refused")
        }
        const client = yield* connectUnix(proactor, address)
        yield* sendAll(client, bytes("through"))
        const { socket } = yield* accept(listener)
        assert.strictEqual(text(yield* receiveExactly(socket, 7)), "through")
        assert.strictEqual(
          (yield* Effect.flip((yield* openUnix(proactor)).bind(address))).reason,
          "AddressInUse"
        )
        // There is no file that could be stale.
        assert.isFalse(yield* listener.removeStale(address))
        yield* closing(listener)
        yield* listenUnix(proactor, address)
      })
    )
  }

  test(subject, "a path is free again when its socket is closed, however that comes", (proactor) =>
    Effect.gen(function* () {
      const address = yield* freePath
      for (let round = 0; round < 3; round++) {
        const listener = yield* listenUnix(proactor, address)
        yield* connectUnix(proactor, address)
        if (round === 1) listener.abandon()
        else yield* closing(listener)
      }
      const bound = yield* openUnix(proactor)
      yield* bound.bind(address)
      yield* closing(bound)
      yield* listenUnix(proactor, address)
    })
  )

  test(subject, "an accepted connection outlives its listener, and does not take the path away", (proactor) =>
    Effect.gen(function* () {
      const { address, client, listener, server } = yield* unixPair(proactor)
      yield* closing(listener)
      const next = yield* listenUnix(proactor, address)
      yield* closing(server)
      assert.strictEqual((yield* receive(client)).length, 0)
      yield* connectUnix(proactor, address)
      yield* accept(next)
    })
  )

  test(subject, "has the options that it heeds, and no other", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* unixPair(proactor)
      yield* client.setOption("sendBufferBytes", 40_000)
      assert.isAtLeast(yield* client.getOption("sendBufferBytes"), 40_000)
      for (const name of optionNames) {
        if (name === "sendBufferBytes") continue
        const calls: ReadonlyArray<Effect.Effect<unknown, SocketError>> = [
          client.getOption(name),
          client.setOption(name, someOptions[name])
        ]
        for (const call of calls) {
          const failure = yield* Effect.flip(call)
          assert.deepInclude(failure, { _tag: "NetworkError", reason: "Unsupported" }, name)
        }
      }
    })
  )
}

const endings = (subject: Subject): void => {
  test(subject, "one half ends, the other goes on", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* unixPair(proactor)
      yield* sendAll(client, bytes("question"))
      yield* client.shutdown("write")
      assert.strictEqual(text(yield* receiveToEnd(server)), "question")
      yield* sendAll(server, bytes("answer"))
      yield* server.shutdown("write")
      assert.strictEqual(text(yield* receiveToEnd(client)), "answer")
      const failure = yield* attemptFailing(client, sendOperation(bytes("too late")))
      assert.include(["Closed", "Reset"], failure.reason)
    })
  )

  test(subject, "what was sent before a close can still be read", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* unixPair(proactor)
      yield* sendAll(client, pattern(50_000))
      yield* closing(client)
      assert.strictEqual(Buffer.compare(yield* receiveToEnd(server), pattern(50_000)), 0)
    })
  )

  test(subject, "a peer that closes without having read everything resets", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* unixPair(proactor)
      yield* sendAll(client, bytes("hardly read"))
      yield* receive(server, 1)
      const receiving = start(client, receiveOperation())
      yield* closing(server)
      assert.strictEqual(failureOf(yield* receiving.retired).reason, "Reset")
    })
  )

  test(subject, "sends fail once the peer is gone", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* unixPair(proactor)
      yield* closing(server)
      for (;;) {
        const { failure } = yield* attempt(client, sendOperation(bytes("anybody there?")))
        if (failure === undefined) continue
        assert.strictEqual(failure.reason, "Reset")
        return
      }
    })
  )

  test(subject, "a proactor whose scope closes takes its paths with it", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const owner = yield* Scope.make()
      const proactor = yield* Scope.extend(subject.make, scope)
      const { address, listener } = yield* Scope.extend(unixPair(proactor), owner)
      const accepting = start(listener, new AcceptOperation<UnixAddress>())
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(failureOf(yield* accepting.retired).reason, "Cancelled")
      assert.strictEqual((yield* Effect.flip(proactor.openUnix)).reason, "Closed")
      const next = yield* subject.make
      yield* listenUnix(next, address)
      yield* Scope.close(owner, Exit.void)
    })
  )
}

const waiting = (subject: Subject): void => {
  test(subject, "several accepts wait at once, and each gets a connection of its own", (proactor) =>
    Effect.gen(function* () {
      const address = yield* freePath
      const listener = yield* listenUnix(proactor, address)
      const accepting = Array.from({ length: 8 }, () => start(listener, new AcceptOperation<UnixAddress>()))
      yield* turns
      for (const { retirements } of accepting) assert.strictEqual(retirements(), 0)
      for (let index = 0; index < 8; index++) {
        yield* sendAll(yield* connectUnix(proactor, address), Uint8Array.of(index))
      }
      const seen = new Set<number | undefined>()
      for (const { retired } of accepting) {
        const { socket } = yield* acceptedBy(yield* retired)
        seen.add((yield* receive(socket))[0])
      }
      assert.strictEqual(seen.size, 8)
    })
  )

  test(subject, "a cancelled accept leaves the connection to the next one", (proactor) =>
    Effect.gen(function* () {
      const address = yield* freePath
      const listener = yield* listenUnix(proactor, address)
      const accepting = start(listener, new AcceptOperation<UnixAddress>())
      listener.cancel(accepting.operation)
      assert.strictEqual(failureOf(yield* accepting.retired).reason, "Cancelled")
      yield* connectUnix(proactor, address)
      yield* accept(listener)
    })
  )

  const rounds = subject.isSlow ? 100 : 400
  test(subject, `${rounds} cancelled receives against arriving bytes lose and repeat none`, (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* unixPair(proactor)
      const sent: Array<Uint8Array> = []
      const received: Array<Uint8Array> = []
      for (let round = 0; round < rounds; round++) {
        const receiving = start(server, receiveOperation())
        const piece = pattern(1 + (round % 700), round)
        sent.push(piece)
        if (round % 2 === 0) server.cancel(receiving.operation)
        yield* sendAll(client, piece)
        for (let turn = 0; turn < round % 3; turn++) yield* Effect.yieldNow()
        server.cancel(receiving.operation)
        const { chunk, failure } = yield* receiving.retired
        if (failure === undefined) received.push(chunk)
        else assert.strictEqual(failure.reason, "Cancelled")
      }
      yield* client.shutdown("write")
      received.push(yield* receiveToEnd(server))
      assert.strictEqual(Buffer.compare(Buffer.concat(received), Buffer.concat(sent)), 0)
    })
  )

  test(subject, "a send to a peer that does not read is cancelled", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* unixPair(proactor)
      const piece = pattern(65_536)
      for (;;) {
        const sending = start(client, sendOperation(piece))
        yield* turns
        if (sending.retirements() === 1) continue
        client.cancel(sending.operation)
        const { failure } = yield* sending.retired
        if (failure?.reason === "Cancelled") return
        assert.isUndefined(failure)
      }
    })
  )

  // There is no such waiting on Windows.
  if (subject.unix === "paths") return

  const most = 40
  test(subject, "a connect for which there is no room waits until there is, or is cancelled", (proactor) =>
    Effect.gen(function* () {
      const address = yield* freePath
      const listener = yield* listenUnix(proactor, address, 1)
      const clients = yield* Effect.all(Array.from({ length: most }, () => openUnix(proactor)))
      const connecting = clients.map((client) => ({
        client,
        started: start(client, new ConnectOperation(address))
      }))
      yield* turns
      const parked = connecting.filter(({ started }) => started.retirements() === 0)
      assert.isAbove(parked.length, 0)
      const [unwanted, ...wanted] = parked
      if (unwanted === undefined) return assert.fail("one waits")
      unwanted.client.cancel(unwanted.started.operation)
      const { failure } = yield* unwanted.started.retired
      // On a slow network it may come through all the same.
      if (failure === undefined) yield* accept(listener)
      else assert.strictEqual(failure.reason, "Cancelled")
      for (let index = 1; index < most; index++) yield* accept(listener)
      for (const { started } of wanted) {
        assert.isUndefined((yield* started.retired).failure)
        assert.strictEqual(started.retirements(), 1)
      }
      // What was cancelled has left nothing behind: it can connect after all.
      if (failure !== undefined) yield* perform(unwanted.client, new ConnectOperation(address))
    })
  )

  test(subject, "a socket is closed while its connect waits for room", (proactor) =>
    Effect.gen(function* () {
      const address = yield* freePath
      yield* listenUnix(proactor, address, 1)
      for (;;) {
        const client = yield* openUnix(proactor)
        const connecting = start(client, new ConnectOperation(address))
        yield* turns
        if (connecting.retirements() === 1) continue
        client.cancel(connecting.operation)
        yield* closing(client)
        const { failure } = yield* connecting.retired
        assert.strictEqual(connecting.retirements(), 1)
        if (failure?.reason === "Cancelled") return
        assert.isUndefined(failure)
      }
    })
  )
}

const failing = (subject: Subject): void => {
  test(subject, "a connect to where nobody listens is refused, and says where", (proactor) =>
    Effect.gen(function* () {
      const address = yield* freePath
      const nowhere = yield* attemptFailing(yield* openUnix(proactor), new ConnectOperation(address))
      assert.deepInclude(nowhere, { reason: "Refused", operation: "connect", address: format(address) })
      const bound = yield* openUnix(proactor)
      yield* bound.bind(address)
      const deaf = yield* attemptFailing(yield* openUnix(proactor), new ConnectOperation(address))
      assert.deepInclude(deaf, { reason: "Refused", operation: "connect", address: format(address) })
      assert.strictEqual(deaf.code, subject.codes.refused.code)
    })
  )

  test(subject, "a path that another socket holds is in use, and stays its own", (proactor) =>
    Effect.gen(function* () {
      const { address, listener } = yield* unixPair(proactor)
      const second = yield* openUnix(proactor)
      const failure = yield* Effect.flip(second.bind(address))
      assert.deepInclude(failure, { reason: "AddressInUse", operation: "bind", address: format(address) })
      assert.strictEqual(failure.code, subject.codes.addressInUse.code)
      assert.isFalse(yield* second.removeStale(address), "somebody listens there")
      yield* closing(second)
      // To see whether anybody listens there, it was connected to.
      yield* connectUnix(proactor, address)
      yield* accept(listener)
    })
  )

  test(subject, "transfers and accepts need what they need", (proactor) =>
    Effect.gen(function* () {
      const socket = yield* openUnix(proactor)
      for (const operation of [receiveOperation(), sendOperation(bytes("x"))]) {
        assert.include(["NotConnected", "InvalidArgument"], (yield* attemptFailing(socket, operation)).reason)
      }
      assert.strictEqual((yield* Effect.flip(socket.remoteAddress)).reason, "NotConnected")
      assert.strictEqual((yield* Effect.flip(socket.listen(1))).reason, "InvalidArgument")
      assert.strictEqual(
        (yield* attemptFailing(socket, new AcceptOperation<UnixAddress>())).reason,
        "InvalidArgument"
      )
    })
  )

  test(subject, "a second connect on one socket fails", (proactor) =>
    Effect.gen(function* () {
      const { address, client } = yield* unixPair(proactor)
      const failure = yield* attemptFailing(client, new ConnectOperation(address))
      assert.strictEqual(failure.reason, "AlreadyConnected")
    })
  )

  test(subject, "an address that was put together wrongly is refused before the system sees it", (proactor) =>
    Effect.gen(function* () {
      const socket = yield* openUnix(proactor)
      for (const path of ["", "\0", "a\0b", "a".repeat(108), "\ud800"]) {
        const address: UnixAddress = { _tag: "UnixAddress", path }
        const failure = yield* attemptFailing(socket, new ConnectOperation(address))
        assert.strictEqual(failure.reason, "InvalidArgument")
        assert.strictEqual((yield* Effect.flip(socket.bind(address))).reason, "InvalidArgument")
      }
    })
  )

  test(subject, "every call on a closed socket fails with Closed; closing twice is no error", (proactor) =>
    Effect.gen(function* () {
      const { address, client } = yield* unixPair(proactor)
      yield* closing(client)
      yield* closing(client)
      const calls: ReadonlyArray<Effect.Effect<unknown, SocketError>> = [
        client.bind(address),
        client.bind(address, 0o600),
        client.listen(1),
        client.shutdown("both"),
        client.localAddress,
        client.remoteAddress,
        client.getOption("sendBufferBytes"),
        client.setOption("sendBufferBytes", 1)
      ]
      for (const call of calls) assert.strictEqual((yield* Effect.flip(call)).reason, "Closed")
      const failure = yield* attemptFailing(client, new ConnectOperation(address))
      assert.strictEqual(failure.reason, "Closed")
    })
  )
}
