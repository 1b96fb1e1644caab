import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { SocketError } from "../../../src/Errors/index.js"
import type { SendOperation } from "../../../src/Proactor/Operation.js"
import { Pieces } from "../../../src/Proactor/Pieces.js"
import type { ProactorHandle } from "../../../src/Proactor/Proactor.js"
import {
  gatherOperation,
  type MakePair,
  pair,
  pattern,
  perform,
  receiveExactly,
  receiveToEnd,
  type Subject,
  start,
  test,
  turns
} from "../harness.js"

/** The pattern, cut into pieces of these lengths. */
const cut = (lengths: ReadonlyArray<number>): ReadonlyArray<Uint8Array> => {
  let from = 0
  return lengths.map((length) => {
    const piece = pattern(length, from)
    from += length
    return piece
  })
}

const sum = (lengths: ReadonlyArray<number>): number => lengths.reduce((total, length) => total + length, 0)

/** Sends all that is left, in as many calls as it takes, and answers how many that were. */
const sendPieces = (
  socket: ProactorHandle<SendOperation>,
  pieces: Pieces
): Effect.Effect<number, SocketError> =>
  Effect.gen(function* () {
    for (let calls = 1; ; calls++) {
      const { sent } = yield* perform(socket, gatherOperation(pieces))
      assert.isAbove(sent, 0, "a send makes progress")
      pieces.advance(sent)
      if (pieces.bytesLeft === 0) return calls
    }
  })

/** Around every border that matters to one of the proactors, and the heap's. */
const lengths = [
  0, 1, 2, 3, 63, 64, 65, 1000, 8191, 8192, 8193, 16_384, 40_000, 65_535, 65_536, 65_537, 150_000
]

export const gathering = (subject: Subject, makePair: MakePair = pair): void => {
  const rounds = subject.isSlow ? 15 : 100

  test(subject, "small pieces leave together, in order", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      const { sent } = yield* perform(client, gatherOperation(new Pieces(cut([1, 20, 300, 4000]))))
      assert.strictEqual(sent, 4321)
      assert.strictEqual(Buffer.compare(yield* receiveExactly(server, 4321), pattern(4321)), 0)
    })
  )

  test(subject, "pieces that are empty are nothing, wherever they are", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      const pieces = new Pieces(cut([0, 0, 3, 0, 9000, 0, 0, 2, 0]))
      yield* sendPieces(client, pieces)
      assert.strictEqual(Buffer.compare(yield* receiveExactly(server, 9005), pattern(9005)), 0)
    })
  )

  test(subject, "a send begins where the pieces stand", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      for (const [skipped, ...each] of [
        [2, 5, 5, 5],
        [5, 5, 5],
        [100, 20_000, 3],
        [20_099, 100, 20_000, 3]
      ]) {
        const pieces = new Pieces(cut(each))
        const rest = pattern(sum(each)).subarray(skipped)
        pieces.advance(skipped ?? 0)
        yield* sendPieces(client, pieces)
        assert.strictEqual(Buffer.compare(yield* receiveExactly(server, rest.length), rest), 0)
      }
    })
  )

  test(subject, "5000 pieces take few calls", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      const each = Array.from({ length: 5000 }, (_, index) => 1 + (index % 5))
      const pieces = new Pieces(cut(each))
      const [received, calls] = yield* Effect.all(
        [receiveExactly(server, sum(each)), sendPieces(client, pieces)],
        { concurrency: 2 }
      )
      assert.strictEqual(Buffer.compare(received, pattern(sum(each))), 0)
      if (subject.isIsolated !== true) assert.isAtMost(calls, 20)
    })
  )

  test(subject, "a thousand pieces that are each large", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      const each = Array.from({ length: 2000 }, (_, index) => (index % 2 === 0 ? 8192 : 1))
      const [received] = yield* Effect.all(
        [receiveExactly(server, sum(each)), sendPieces(client, new Pieces(cut(each)))],
        { concurrency: 2 }
      )
      assert.strictEqual(Buffer.compare(received, pattern(sum(each))), 0)
    })
  )

  test(subject, `${rounds} times pieces of any lengths, past a reader that stops now and then`, (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      for (let round = 0; round < rounds; round++) {
        const each = Array.from(
          { length: 1 + (round % 13) },
          (_, index) => lengths[(7 * round + 5 * index * (1 + (round % 3))) % lengths.length] ?? 0
        )
        // Out of pieces that begin somewhere in their buffer, too.
        const pieces = cut(each).map((piece, index) =>
          index % 2 === 0 ? piece : Buffer.concat([Buffer.alloc(index), piece]).subarray(index)
        )
        const reading = Effect.zipRight(
          round % 5 === 0 ? Effect.sleep("2 millis") : turns,
          receiveExactly(server, sum(each))
        )
        const writing = sum(each) === 0 ? Effect.void : sendPieces(client, new Pieces(pieces))
        const [received] = yield* Effect.all([reading, writing], { concurrency: 2 })
        assert.strictEqual(Buffer.compare(received, pattern(sum(each))), 0, `lengths ${each}`)
      }
    })
  )

  test(subject, "two connections that gather by turns do not get into each other's way", (proactor) =>
    Effect.gen(function* () {
      const [one, other] = [yield* makePair(proactor), yield* makePair(proactor)]
      const each = Array.from({ length: 3000 }, (_, index) => lengths[index % 10] ?? 0)
      const total = sum(each)
      const received = yield* Effect.all(
        [
          receiveExactly(one.server, total),
          receiveExactly(other.server, total),
          Effect.as(sendPieces(one.client, new Pieces(cut(each))), Buffer.alloc(0)),
          Effect.as(sendPieces(other.client, new Pieces(cut(each))), Buffer.alloc(0))
        ],
        { concurrency: "unbounded" }
      )
      for (const all of received.slice(0, 2)) assert.strictEqual(Buffer.compare(all, pattern(total)), 0)
    })
  )

  test(subject, "one to a peer that does not read is cancelled, and what it took arrives", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      let taken = 0
      for (;;) {
        const sending = start(
          client,
          gatherOperation(new Pieces([pattern(100, taken), pattern(60_000, taken + 100)]))
        )
        yield* turns
        const isWaiting = sending.retirements() === 0
        client.cancel(sending.operation)
        const { failure, sent } = yield* sending.retired
        assert.strictEqual(sending.retirements(), 1)
        if (failure === undefined) taken += sent
        else assert.strictEqual(failure.reason, "Cancelled")
        // Cut short in the middle of it: where the next one is to begin is what `sent` has told.
        if (isWaiting || (failure === undefined && sent < 60_100)) break
      }
      yield* client.shutdown("write")
      const received = yield* receiveToEnd(server)
      assert.strictEqual(Buffer.compare(received.subarray(0, taken), pattern(taken)), 0)
    })
  )

  test(subject, "one to a peer that is gone fails like any other", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* makePair(proactor)
      server.close()
      yield* turns
      for (;;) {
        const { operation } = start(client, gatherOperation(new Pieces(cut([10, 10]))))
        yield* turns
        if (operation.failure === undefined) continue
        assert.include(["Reset", "Aborted"], operation.failure.reason)
        return
      }
    })
  )
}
