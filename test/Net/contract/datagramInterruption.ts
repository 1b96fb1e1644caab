import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { SocketError, TimeoutError } from "../../../src/Errors/index.js"
import type * as Udp from "../../../src/Net/Udp.js"
import { type Subject, test } from "../harness.js"
import { someTime, yieldingAnywhere } from "../interruptions.js"
import { counting, inOrder, numbered, numberOf, two, upTo } from "../udp.js"

/** How far a sender may be ahead of its receiver. The system drops what the receiver's buffer has no room for. */
const MOST_AHEAD = 50

export const datagramInterruption = (subject: Subject) => {
  /** What counts is what the code right after the receive was given: `Effect.map` would come one step later. */
  const noting =
    (note: (datagram: Udp.Datagram) => void) => (got: Udp.Datagram | ReadonlyArray<Udp.Datagram>) => {
      for (const datagram of "bytes" in got ? [got] : got) note(datagram)
      return Effect.void
    }

  const storm = (
    name: string,
    receive: (
      socket: Udp.UdpSocket,
      note: ReturnType<typeof noting>
    ) => Effect.Effect<void, SocketError | TimeoutError>,
    tune: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = (effect) => effect
  ) =>
    test(subject, `hundreds of interrupted receives lose and double none: ${name}`, () =>
      Effect.gen(function* () {
        const [one, other] = yield* two
        const total = subject.isSlow ? 200 : 500
        const seen: Array<number> = []
        const untilNotFar = (sent: number) =>
          Effect.repeat(someTime, { until: () => sent - seen.length < MOST_AHEAD })
        const sender = yield* Effect.fork(counting(one, other.address, total, untilNotFar))
        const note = noting((datagram) => seen.push(numberOf(datagram)))
        let interrupted = 0
        let completed = 0
        while (sender.unsafePoll() === null) {
          const receiver = yield* Effect.fork(tune(receive(other, note)))
          yield* someTime
          const exit = yield* Fiber.interrupt(receiver)
          if (Exit.isSuccess(exit)) completed += 1
          else if (Exit.isInterrupted(exit)) interrupted += 1
          else return assert.fail(`a receive failed: ${exit.cause}`)
        }
        yield* Fiber.join(sender)
        while (seen.length < total) {
          seen.push(numberOf(yield* other.receiveWith({ timeout: "20 seconds" })))
        }
        assert.isAbove(interrupted, 0, "no receive was interrupted: the test tested nothing")
        assert.isAbove(completed, 0, "no receive completed: the test tested nothing")
        assert.deepStrictEqual(inOrder(seen), upTo(total))
      })
    )

  storm("plain", (socket, note) => Effect.flatMap(socket.receive, note))
  storm("with a timeout", (socket, note) =>
    Effect.flatMap(socket.receiveWith({ timeout: "10 seconds" }), note)
  )
  storm("several", (socket, note) => Effect.flatMap(socket.receiveMany(3), note))
  storm("yielding at any step", (socket, note) => Effect.flatMap(socket.receive, note), yieldingAnywhere)
  storm(
    "several, yielding at any step",
    (socket, note) => Effect.flatMap(socket.receiveMany(), note),
    yieldingAnywhere
  )

  test(subject, "in a finalizer a timeout passes all the same", () =>
    Effect.gen(function* () {
      const [one, other] = yield* two
      const timeout = "20 millis"
      const failures = yield* Effect.uninterruptible(
        Effect.all([
          Effect.flip(Effect.asVoid(one.receiveWith({ timeout }))),
          Effect.flip(Effect.asVoid(one.receiveMany(2, { timeout })))
        ])
      )
      for (const failure of failures) assert.strictEqual(failure._tag, "TimeoutError")
      yield* other.send(numbered(7), one.address)
      assert.strictEqual(numberOf(yield* one.receive), 7)
    })
  )

  test(subject, "receives that time out lose none", () =>
    Effect.gen(function* () {
      const [one, other] = yield* two
      const total = 100
      yield* Effect.fork(counting(one, other.address, total, () => Effect.sleep("2 millis")))
      const seen: Array<number> = []
      let late = 0
      while (seen.length < total) {
        const got = yield* Effect.option(other.receiveWith({ timeout: "1 millis" }))
        if (got._tag === "None") late += 1
        else seen.push(numberOf(got.value))
      }
      assert.isAbove(late, 0, "none timed out: the test tested nothing")
      assert.deepStrictEqual(inOrder(seen), upTo(total))
    })
  )

  test(subject, "interrupting a send sends all of a datagram or nothing, and harms no other", () =>
    Effect.gen(function* () {
      const [one, other] = yield* two
      const total = 50
      for (const number of upTo(total)) {
        const sending = yield* Effect.fork(one.send(numbered(number), other.address))
        yield* someTime
        yield* Fiber.interrupt(sending)
      }
      yield* one.send(numbered(total), other.address)
      const seen: Array<number> = []
      for (;;) {
        const got = yield* Effect.option(other.receiveWith({ timeout: "100 millis" }))
        if (got._tag === "None") break
        assert.strictEqual(got.value.bytes.length, 2)
        seen.push(numberOf(got.value))
      }
      assert.include(seen, total)
      assert.strictEqual(new Set(seen).size, seen.length)
    })
  )
}
