/**
 * Sends that wait, which no system here lets them do for long: a socket whose sends stay in flight until they are cancelled.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { NetworkError } from "../../src/Errors/index.js"
import { DatagramSender } from "../../src/Net/internal/DatagramSender.js"
import { starting } from "../../src/Net/internal/Starting.js"
import type { SendToOperation } from "../../src/Proactor/Datagram.js"
import { Ledger } from "../../src/Proactor/Operation.js"
import { bytes, text } from "../support/bytes.js"
import { interruptedAtEveryStep, type Round, yieldingAtEveryStep } from "./interruptions.js"

class FullSocket {
  readonly ledger = new Ledger()
  readonly sent: Array<string> = []

  submit(operation: SendToOperation): boolean {
    operation.begin(this.ledger)
    return false
  }

  /** It has room for one datagram. */
  send(operation: SendToOperation): void {
    const datagram = operation.datagrams[operation.offset]
    if (datagram !== undefined) this.sent.push(text(datagram.bytes))
    operation.sent = 1
    operation.finish()
    operation.onRetired()
  }

  cancel(operation: SendToOperation): void {
    if (!operation.isInFlight) return
    operation.failure = new NetworkError({ reason: "Cancelled", operation: "send" })
    operation.finish()
    operation.onRetired()
  }

  close(): void {}
  abandon(): void {}
}

const make = () => {
  let submitted: SendToOperation | undefined
  const socket = new FullSocket()
  const submit = (operation: SendToOperation) => {
    submitted = operation
    return socket.submit(operation)
  }
  const cancel = (operation: SendToOperation) => socket.cancel(operation)
  const { abandon, close } = socket
  const sender = new DatagramSender({ submit, cancel, close, abandon }, { peer: "nobody" })
  const send = (what: string) =>
    starting((waitFor) => sender.begin([{ bytes: bytes(what), address: undefined }], waitFor))
  const makeRoom = Effect.sync(() => {
    if (submitted?.isInFlight === true) socket.send(submitted)
  })
  return { ledger: socket.ledger, makeRoom, send, sent: socket.sent }
}

/** The send has its turn, and is called back. */
const current: Effect.Effect<Round<never, never>> = Effect.sync(() => {
  const { ledger, send } = make()
  return {
    operation: send("interrupted"),
    after: Effect.sync(() => assert.strictEqual(ledger.inFlight, 0))
  }
})

/** The send waits behind another, and leaves the line. */
const queued: Effect.Effect<Round<never, never>> = Effect.gen(function* () {
  const { makeRoom, send, sent } = make()
  const first = yield* Effect.fork(Effect.orDie(send("first")))
  yield* Effect.yieldNow()
  return {
    operation: send("interrupted"),
    after: Effect.gen(function* () {
      yield* makeRoom
      yield* makeRoom
      yield* Fiber.join(first)
      assert.deepStrictEqual(sent, ["first"])
    })
  }
})

describe("sends that wait", () => {
  for (const [name, round] of Object.entries({ current, queued })) {
    it(`are not sent when they are interrupted, at whichever step: ${name}`, async () => {
      assert.isAbove(await Effect.runPromise(interruptedAtEveryStep(round)), 3)
    })

    it(`are not sent when they are interrupted where their fiber yields by itself: ${name}`, () =>
      Effect.runPromise(yieldingAtEveryStep(round, 20)))
  }

  it("are sent when there is room, in their order", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const { makeRoom, send, sent } = make()
        const sends = yield* Effect.forEach(["a", "b", "c"], (what) => Effect.fork(send(what)))
        for (let turn = 0; turn < 3; turn++) {
          yield* Effect.yieldNow()
          yield* makeRoom
        }
        for (const fiber of sends) yield* Fiber.join(fiber)
        assert.deepStrictEqual(sent, ["a", "b", "c"])
      })
    ))
})
