/**
 * Datagrams in numbers: none is lost by this library, whoever is interrupted; a flood starves nobody; sockets and memory are
 * given back.
 *
 * `STRESS_DATAGRAMS=1000000 npx vitest run --testTimeout=600000 test/stress/datagrams` is a long run.
 */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Net from "../../src/Net/index.js"
import type * as Udp from "../../src/Net/Udp.js"
import { test } from "../Net/harness.js"
import { someTime } from "../Net/interruptions.js"
import { bound, dead, two, upTo } from "../Net/udp.js"
import { growth, heldBytes, mebibytes } from "./soak/memory.js"
import { isSlow, sized, subject } from "./support/subject.js"

const total = sized("STRESS_DATAGRAMS", isSlow ? 2_000 : 20_000)

/** So many are under way at a time: few enough for the receiver's buffer, so that the system loses none. */
const WINDOW = 48

const MEBIBYTE = 1024 * 1024

const numbered = (number: number): Uint8Array => {
  const bytes = new Uint8Array(64)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}

const numberOf = ({ bytes }: Udp.Datagram): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)

/** What has been received, and how many times. */
class Tally {
  count = 0
  private readonly seen = new Uint8Array(total)

  note(datagram: Udp.Datagram): void {
    const number = numberOf(datagram)
    this.seen[number] = (this.seen[number] ?? 0) + 1
    this.count += 1
  }

  assertEachOnce(): void {
    assert.strictEqual(
      this.seen.findIndex((times) => times !== 1),
      -1,
      "one was lost or doubled"
    )
  }
}

/** Sends all numbers, alone or several at a time, and waits where too many are under way. */
const sendAll = (from: Udp.UdpSocket, to: Udp.UdpSocket, tally: Tally) =>
  Effect.gen(function* () {
    for (let sent = 0; sent < total; ) {
      if (sent - tally.count >= WINDOW / 2) {
        yield* Effect.sleep("1 millis")
        continue
      }
      const some = upTo(Math.min(sent % 3 === 0 ? 1 : 7, total - sent)).map((index) => ({
        bytes: numbered(sent + index),
        address: to.address
      }))
      yield* some.length === 1 ? from.send(numbered(sent), to.address) : from.sendMany(some)
      sent += some.length
    }
  })

describe("datagrams in numbers", () => {
  test(subject, `${total}, under receives of all kinds that are interrupted`, () =>
    Effect.gen(function* () {
      const [one, other] = yield* two
      const tally = new Tally()
      const sender = yield* Effect.fork(sendAll(one, other, tally))
      const noteOne = (datagram: Udp.Datagram) => Effect.sync(() => tally.note(datagram))
      const noteAll = (some: ReadonlyArray<Udp.Datagram>) => {
        for (const datagram of some) tally.note(datagram)
        return Effect.void
      }
      const kinds = [
        Effect.flatMap(other.receive, (datagram) => {
          tally.note(datagram)
          return Effect.void
        }),
        Effect.flatMap(other.receiveMany(5), noteAll),
        Effect.forever(Effect.flatMap(other.receiveMany(), noteAll))
      ]
      let interrupted = 0
      for (let round = 0; tally.count < total && sender.unsafePoll() === null; round++) {
        const receiver = yield* Effect.fork(kinds[round % kinds.length] ?? Effect.never)
        yield* someTime
        if (Exit.isInterrupted(yield* Fiber.interrupt(receiver))) interrupted += 1
      }
      yield* Fiber.join(sender)
      while (tally.count < total) {
        yield* Effect.flatMap(other.receiveWith({ timeout: "20 seconds" }), noteOne)
      }
      assert.isAbove(interrupted, 0)
      tally.assertEachOnce()
    })
  )

  test(subject, "memory stays flat, whatever comes from whomever", () =>
    Effect.gen(function* () {
      const server = yield* bound
      yield* Effect.forkScoped(
        Effect.forever(Effect.flatMap(server.receiveMany(), (some) => server.sendMany(some)))
      )
      const held: Array<number> = []
      const rounds = 60
      for (let round = 0; round < rounds; round++) {
        // Each time from sockets of their own, so that addresses are new.
        yield* Effect.scoped(
          Effect.gen(function* () {
            const clients = yield* Effect.replicateEffect(bound, 4)
            for (const client of clients) {
              for (let count = 0; count < total / 8 / rounds; count++) {
                yield* client.send(new Uint8Array((count * 97) % 1_400), server.address)
                yield* client.receiveWith({ timeout: "20 seconds" })
              }
            }
          })
        )
        held.push(heldBytes())
      }
      const found = growth(held)
      if (found === undefined) return assert.fail("too few samples")
      const words = `${mebibytes(found.before)} in the second quarter, ${mebibytes(found.after)} in the last`
      assert.isBelow(found.after - found.before, 4 * MEBIBYTE, words)
    })
  )

  test(subject, "a flood that nobody can keep up with starves no other socket, and no timer", () =>
    Effect.gen(function* () {
      const [flooder, flooded] = yield* two
      const [one, other] = yield* two
      const bytes = new Uint8Array(32)
      let heard = 0
      yield* Effect.forkScoped(Effect.forever(flooder.send(bytes, flooded.address)))
      yield* Effect.forkScoped(
        Effect.forever(Effect.flatMap(flooded.receive, () => Effect.sync(() => (heard += 1))))
      )
      yield* Effect.forkScoped(
        Effect.forever(Effect.flatMap(other.receive, ({ address, bytes: got }) => other.send(got, address)))
      )
      for (const number of upTo(isSlow ? 20 : 100)) {
        yield* one.send(numbered(number), other.address)
        assert.strictEqual(numberOf(yield* one.receiveWith({ timeout: "30 seconds" })), number)
        if (number % 10 === 0) yield* Effect.sleep("1 millis")
      }
      assert.isAbove(heard, 0)
    })
  )

  test(subject, "a server hears its clients, however many of those it answers are gone", () =>
    Effect.gen(function* () {
      const server = yield* bound
      yield* Effect.forkScoped(
        Effect.forever(Effect.flatMap(server.receiveMany(), (some) => server.sendMany(some)))
      )
      const gone = yield* dead
      const friend = yield* bound
      for (const number of upTo(isSlow ? 50 : 300)) {
        // One that asks and is gone before the answer comes.
        yield* Effect.scoped(Effect.flatMap(bound, (stranger) => stranger.send(numbered(0), server.address)))
        yield* server.send(numbered(1), gone)
        yield* friend.send(numbered(number), server.address)
        assert.strictEqual(numberOf(yield* friend.receiveWith({ timeout: "20 seconds" })), number)
      }
    })
  )

  test(subject, "hundreds of sockets at once, each with a receive that waits, are all given back", () =>
    Effect.gen(function* () {
      const sockets = yield* Effect.replicateEffect(bound, isSlow ? 100 : 500)
      const first = sockets[0]
      if (first === undefined) return
      const waiting = yield* Effect.fork(
        Effect.forEach(sockets, (socket) => socket.receive, { concurrency: "unbounded" })
      )
      yield* Effect.sleep("5 millis")
      assert.strictEqual((yield* Net.statistics).openSockets, sockets.length)
      yield* first.sendMany(sockets.map(({ address }, index) => ({ bytes: numbered(index), address })))
      assert.deepStrictEqual((yield* Fiber.join(waiting)).map(numberOf), upTo(sockets.length))
    })
  )
})
