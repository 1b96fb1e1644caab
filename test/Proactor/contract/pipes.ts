import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { ReceiveMessageOperation } from "../../../src/Proactor/NamedPipe.js"
import {
  attempt,
  attemptFailing,
  bytes,
  closing,
  failureOf,
  pattern,
  receive,
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
import {
  acceptedPipe,
  acceptOperation,
  acceptPipe,
  connectPipe,
  freeAddress,
  listenPipe,
  messagePair,
  optionsFor,
  pipePair,
  receivePart,
  sendMessage
} from "../pipeHarness.js"

export const pipes = (subject: Subject): void => {
  if (subject.hasPipes !== true) {
    test(subject, "there are none: a typed failure, not a crash", (proactor) =>
      Effect.gen(function* () {
        const failure = yield* Effect.flip(proactor.pipes)
        assert.deepInclude({ ...failure }, { _tag: "NetworkError", reason: "Unsupported" })
      })
    )
    return
  }
  transfers(subject)
  accepting(subject)
  closings(subject)
  messages(subject)
}

const transfers = (subject: Subject): void => {
  test(subject, "bytes go both ways, and both ends have the pipe's name", (proactor) =>
    Effect.gen(function* () {
      const { address, client, server } = yield* pipePair(proactor)
      for (const [from, to] of [[client, server] as const, [server, client] as const]) {
        yield* sendAll(from, bytes("well"))
        assert.strictEqual(text(yield* receive(to)), "well")
        assert.deepStrictEqual(yield* from.localAddress, address)
        assert.deepStrictEqual(yield* from.remoteAddress, address)
        assert.strictEqual(yield* from.peerProcessId, process.pid)
      }
    })
  )

  const rounds = subject.isSlow ? 100 : 400
  test(subject, `${rounds} cancelled receives against arriving bytes lose and repeat none`, (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pipePair(proactor)
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
      client.close()
      received.push(yield* receiveToEnd(server))
      assert.strictEqual(Buffer.compare(Buffer.concat(received), Buffer.concat(sent)), 0)
    })
  )

  test(subject, "more than the pipe holds is sent when it is read, or is cancelled", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pipePair(proactor, { bufferBytes: 4096 })
      const sent = pattern(1_000_000)
      const sending = yield* Effect.fork(Effect.zipRight(sendAll(client, sent), closing(client)))
      assert.strictEqual(Buffer.compare(yield* receiveToEnd(server), sent), 0)
      yield* sending
      const waiting = start(server, receiveOperation())
      assert.strictEqual((yield* waiting.retired).chunk.length, 0)

      const other = yield* pipePair(proactor, { bufferBytes: 4096 })
      for (;;) {
        const stuck = start(other.client, sendOperation(sent))
        yield* turns
        if (stuck.retirements() === 1) continue
        other.client.cancel(stuck.operation)
        assert.strictEqual(failureOf(yield* stuck.retired).reason, "Cancelled")
        return
      }
    })
  )

  test(
    subject,
    "a peer that is gone is the end of what can be read, and a reset for who writes",
    (proactor) =>
      Effect.gen(function* () {
        for (const closer of ["client", "server"] as const) {
          const ends = yield* pipePair(proactor)
          const other = closer === "client" ? ends.server : ends.client
          yield* sendAll(ends[closer], bytes("farewell"))
          const first = start(other, receiveOperation(4))
          ends[closer].close()
          assert.strictEqual(text((yield* first.retired).chunk), "fare")
          assert.strictEqual(text(yield* receiveToEnd(other)), "well")
          assert.strictEqual((yield* receive(other)).length, 0)
          const failure = yield* attemptFailing(other, sendOperation(bytes("too late")))
          assert.deepInclude({ ...failure }, { _tag: "ConnectionError", reason: "Reset" })
        }
      })
  )

  test(subject, "what a pipe has not is Unsupported, and changes nothing", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pipePair(proactor)
      for (const attempt of [
        client.shutdown("write"),
        Effect.asVoid(client.getOption("keepAlive")),
        client.setOption("noDelay", true)
      ]) {
        assert.strictEqual((yield* Effect.flip(attempt)).reason, "Unsupported")
      }
      yield* sendAll(client, bytes("still here"))
      assert.strictEqual(text(yield* receive(server)), "still here")
    })
  )
}

const accepting = (subject: Subject): void => {
  test(subject, "several accepts wait at once, and each gets a connection of its own", (proactor) =>
    Effect.gen(function* () {
      const address = freeAddress()
      const listener = yield* listenPipe(proactor, optionsFor(address))
      const waiting = Array.from({ length: 8 }, () => start(listener, acceptOperation()))
      yield* turns
      for (const { retirements } of waiting) assert.strictEqual(retirements(), 0)
      const seen = new Set<number | undefined>()
      for (let index = 0; index < 8; index++) {
        const client = yield* Effect.retry(connectPipe(proactor, address), { times: 1000 })
        yield* sendAll(client, Uint8Array.of(index))
        const accepted = yield* Effect.flatMap(waiting[index]?.retired ?? Effect.die("none"), acceptedPipe)
        seen.add((yield* receive(accepted))[0])
      }
      assert.strictEqual(seen.size, 8)
      for (const { retirements } of waiting) assert.strictEqual(retirements(), 1)
    })
  )

  test(subject, "of several accepts, some cancelled, the others get the clients that come", (proactor) =>
    Effect.gen(function* () {
      const address = freeAddress()
      const listener = yield* listenPipe(proactor, optionsFor(address))
      for (let round = 0; round < 10; round++) {
        const waiting = Array.from({ length: 4 }, () => start(listener, acceptOperation()))
        if (round % 2 === 0) yield* turns
        const [first, second, third, fourth] = waiting
        for (const cancelled of [first, third]) {
          if (cancelled !== undefined) listener.cancel(cancelled.operation)
          if (cancelled !== undefined) listener.cancel(cancelled.operation)
        }
        for (const kept of [second, fourth]) {
          const client = yield* Effect.retry(connectPipe(proactor, address), { times: 1000 })
          yield* sendAll(client, Uint8Array.of(round))
          const accepted = yield* Effect.flatMap(kept?.retired ?? Effect.die("none"), acceptedPipe)
          assert.deepStrictEqual([...(yield* receive(accepted))], [round])
        }
        for (const cancelled of [first, third]) {
          const operation = yield* cancelled?.retired ?? Effect.die("none")
          assert.strictEqual(failureOf(operation).reason, "Cancelled")
        }
        for (const { retirements } of waiting) assert.strictEqual(retirements(), 1)
      }
    })
  )

  test(subject, "a cancelled accept leaves the client to the next one", (proactor) =>
    Effect.gen(function* () {
      const address = freeAddress()
      const listener = yield* listenPipe(proactor, optionsFor(address))
      for (let round = 0; round < 20; round++) {
        const waiting = start(listener, acceptOperation())
        if (round % 2 === 0) yield* turns
        // Now and then the client is there before the request.
        if (round % 4 === 1) yield* connectPipe(proactor, address)
        listener.cancel(waiting.operation)
        const operation = yield* waiting.retired
        if (operation.failure === undefined) {
          yield* acceptedPipe(operation)
        } else {
          assert.strictEqual(operation.failure.reason, "Cancelled")
          if (round % 4 !== 1) yield* connectPipe(proactor, address)
          yield* acceptPipe(listener)
        }
        assert.strictEqual(waiting.retirements(), 1)
      }
    })
  )

  test(subject, "a client that has come and gone is accepted, and what it wrote is read", (proactor) =>
    Effect.gen(function* () {
      const address = freeAddress()
      const listener = yield* listenPipe(proactor, optionsFor(address))
      for (let round = 0; round < 10; round++) {
        const client = yield* connectPipe(proactor, address)
        yield* sendAll(client, Uint8Array.of(round))
        client.close()
        const server = yield* acceptPipe(listener)
        assert.deepStrictEqual([...(yield* receiveToEnd(server))], [round])
        server.close()
      }
    })
  )

  test(subject, "accepts that end at once give way to others", (proactor) =>
    Effect.gen(function* () {
      const address = freeAddress()
      const listener = yield* listenPipe(proactor, optionsFor(address))
      let toldLater = 0
      for (let round = 0; round < 40; round++) {
        const client = yield* Effect.retry(connectPipe(proactor, address), { times: 1000 })
        const operation = acceptOperation()
        let isRetired = false
        operation.onRetired = () => {
          isRetired = true
        }
        if (!listener.submit(operation)) {
          toldLater += 1
          while (!isRetired) yield* Effect.sleep("1 millis")
        }
        yield* acceptedPipe(operation)
        client.close()
      }
      assert.isAbove(toldLater, 0)
      assert.isBelow(toldLater, 10)
    })
  )

  test(
    subject,
    "a limit of instances is kept: an accept fails, and its client is there for the next",
    (proactor) =>
      Effect.gen(function* () {
        const address = freeAddress()
        const listener = yield* listenPipe(proactor, optionsFor(address, { maxInstances: 2 }))
        const first = yield* connectPipe(proactor, address)
        const one = yield* acceptPipe(listener)
        const second = yield* connectPipe(proactor, address)
        yield* sendAll(second, bytes("second"))
        for (let time = 0; time < 2; time++) {
          const full = failureOf(yield* attempt(listener, acceptOperation()))
          assert.deepInclude(
            { ...full },
            { reason: "ResourceExhausted", code: 231, syscall: "CreateNamedPipeW" }
          )
        }
        const busy = yield* Effect.flip(connectPipe(proactor, address))
        assert.deepInclude({ ...busy }, { reason: "ResourceExhausted", code: 231, syscall: "CreateFileW" })
        first.close()
        one.close()
        const two = yield* acceptPipe(listener)
        assert.strictEqual(text(yield* receive(two)), "second")
      })
  )
}

const closings = (subject: Subject): void => {
  test(subject, "a listener that is closed too early lets its accepts go, and its name", (proactor) =>
    Effect.gen(function* () {
      const address = freeAddress()
      const listener = yield* listenPipe(proactor, optionsFor(address))
      const waiting = [0, 1].map(() => start(listener, acceptOperation()))
      yield* turns
      yield* closing(listener)
      for (const { retired, retirements } of waiting) {
        assert.strictEqual(failureOf(yield* retired).reason, "Cancelled")
        assert.strictEqual(retirements(), 1)
      }
      assert.strictEqual((yield* attemptFailing(listener, acceptOperation())).reason, "Closed")
      assert.strictEqual((yield* Effect.flip(connectPipe(proactor, address))).reason, "Refused")
      yield* listenPipe(proactor, optionsFor(address))
    })
  )

  test(subject, "a listener that is given up lets its accepts go as well", (proactor) =>
    Effect.gen(function* () {
      const address = freeAddress()
      const listener = yield* listenPipe(proactor, optionsFor(address))
      const waiting = start(listener, acceptOperation())
      yield* turns
      listener.abandon()
      listener.abandon()
      assert.strictEqual(failureOf(yield* waiting.retired).reason, "Cancelled")
      // Nobody waits for its instances any more. Other work brings their packets along.
      const { client, server } = yield* pipePair(proactor)
      const receiving = start(server, receiveOperation())
      yield* turns
      yield* sendAll(client, bytes("work"))
      yield* receiving.retired
      assert.strictEqual((yield* Effect.flip(connectPipe(proactor, address))).reason, "Refused")
    })
  )

  test(subject, "a proactor whose scope closes takes its pipes with it", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const owner = yield* Scope.make()
      const proactor = yield* Scope.extend(subject.make, scope)
      const securityDescriptor = "D:P(A;;GA;;;WD)"
      const { address, client, listener } = yield* Scope.extend(
        pipePair(proactor, { securityDescriptor }),
        owner
      )
      const waiting = start(listener, acceptOperation())
      const receiving = start(client, receiveOperation())
      yield* turns
      yield* Scope.close(scope, Exit.void)
      assert.include(["Cancelled", "Closed"], failureOf(yield* waiting.retired).reason)
      assert.strictEqual(failureOf(yield* receiving.retired).reason, "Cancelled")
      assert.strictEqual((yield* Effect.flip(connectPipe(proactor, address))).reason, "Closed")
      const next = yield* subject.make
      assert.strictEqual((yield* Effect.flip(connectPipe(next, address))).reason, "Refused")
      yield* listenPipe(next, optionsFor(address))
      yield* Scope.close(owner, Exit.void)
    })
  )
}

const messages = (subject: Subject): void => {
  test(subject, "messages come one by one, in parts if they are long, and may be empty", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* messagePair(proactor)
      const long = pattern(200_000)
      const sending = yield* Effect.fork(
        Effect.forEach([bytes("one"), bytes(""), long, bytes("last")], (message) =>
          sendMessage(client, message)
        )
      )
      for (const expected of ["one", ""]) {
        const operation = yield* receivePart(server)
        assert.deepStrictEqual([operation.isLast, operation.hasEnded], [true, false])
        assert.strictEqual(text(operation.takePart()), expected)
      }
      const parts: Array<Uint8Array> = []
      for (let isLast = false; !isLast; ) {
        const operation = yield* receivePart(server)
        isLast = operation.isLast
        parts.push(operation.takePart())
      }
      assert.isAbove(parts.length, 1)
      assert.strictEqual(Buffer.compare(Buffer.concat(parts), long), 0)
      assert.strictEqual(text((yield* receivePart(server)).part), "last")
      yield* sending
      const waiting = start(server, new ReceiveMessageOperation())
      yield* turns
      client.close()
      for (const operation of [yield* waiting.retired, yield* receivePart(server)]) {
        assert.deepStrictEqual(
          [operation.hasEnded, operation.isLast, operation.part.length],
          [true, false, 0]
        )
      }
    })
  )

  test(subject, "a receive that is cancelled takes nothing of a message", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* messagePair(proactor)
      let cancelled = 0
      for (let round = 0; round < (subject.isSlow ? 50 : 200); round++) {
        const receiving = start(server, new ReceiveMessageOperation())
        if (round % 2 === 0) server.cancel(receiving.operation)
        yield* sendMessage(client, Uint8Array.of(round))
        if (round % 2 === 1) server.cancel(receiving.operation)
        const operation = yield* receiving.retired
        if (operation.failure !== undefined) cancelled += 1
        const { part } = operation.failure === undefined ? operation : yield* receivePart(server)
        assert.deepStrictEqual([...part], [round])
      }
      assert.isAbove(cancelled, 0)
    })
  )
}
