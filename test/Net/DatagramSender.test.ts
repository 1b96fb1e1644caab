/**
 * Sends that wait, which no system here lets them do for long: a socket whose sends stay in flight until they are cancelled.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { loopbackAddress } from "../../src/Address/index.js"
import { NetworkError } from "../../src/Errors/index.js"
import { ConnectedSocket } from "../../src/Net/internal/UdpSockets.js"
import type {
  DatagramOperation,
  ProactorDatagramSocket,
  SendToOperation
} from "../../src/Proactor/Datagram.js"
import { Ledger } from "../../src/Proactor/Operation.js"
import { bytes, text } from "../support/bytes.js"
import { interruptedAtEveryStep, type Round, yieldingAtEveryStep } from "./interruptions.js"

const notAsked = Effect.dieMessage("nobody asks for that here")

class FullSocket implements ProactorDatagramSocket {
  readonly ledger = new Ledger()
  readonly sent: Array<string> = []
  readonly family = "IPv4"
  readonly localAddress = notAsked
  readonly remoteAddress = notAsked
  private submitted: SendToOperation | undefined

  submit(operation: DatagramOperation): boolean {
    if (operation.kind === "SendTo") this.submitted = operation
    operation.begin(this.ledger)
    return false
  }

  /** There is room for one datagram. */
  makeRoom(): void {
    const operation = this.submitted
    const datagram = operation?.datagrams[operation.offset]
    if (operation?.isInFlight !== true || datagram === undefined) return
    this.sent.push(text(datagram.bytes))
    operation.sent = 1
    operation.finish()
    operation.onRetired()
  }

  cancel(operation: DatagramOperation): void {
    if (!operation.isInFlight) return
    operation.failure = new NetworkError({ reason: "Cancelled", operation: "send" })
    operation.finish()
    operation.onRetired()
  }

  close(): void {}
  abandon(): void {}
  bind() {
    return notAsked
  }
  connect() {
    return notAsked
  }
  joinGroup() {
    return notAsked
  }
  leaveGroup() {
    return notAsked
  }
  getOption() {
    return notAsked
  }
  setOption() {
    return notAsked
  }
}

const make = () => {
  const socket = new FullSocket()
  const { ledger, sent } = socket
  const sender = new ConnectedSocket(socket, loopbackAddress("IPv4"), loopbackAddress("IPv4"))
  return {
    ledger,
    makeRoom: Effect.sync(() => socket.makeRoom()),
    send: (what: string) => sender.send(bytes(what)),
    sendMany: (datagrams: ReadonlyArray<Uint8Array>) => sender.sendMany(datagrams),
    sent
  }
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

  for (const [name, change] of Object.entries({
    shorter: (list: Array<Uint8Array>) => list.splice(1),
    longer: (list: Array<Uint8Array>) => list.push(bytes("d"))
  })) {
    it(`are those that there were at first, also if the list is ${name} by then`, () =>
      Effect.runPromise(
        Effect.gen(function* () {
          const { ledger, makeRoom, sendMany, sent } = make()
          const list = ["a", "b", "c"].map(bytes)
          const sending = yield* Effect.fork(sendMany(list))
          yield* Effect.yieldNow()
          change(list)
          for (let turn = 0; turn < 3; turn++) yield* makeRoom
          yield* Fiber.join(sending)
          assert.deepStrictEqual(sent, ["a", "b", "c"])
          assert.strictEqual(ledger.inFlight, 0)
        })
      ))
  }
})
