/**
 * What a queue must do, whatever loop it is in: one suite, with senders in this very thread.
 */
import { assert } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { SocketError } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import * as ThreadQueue from "../../src/ThreadQueue/index.js"
import { bytes, pair, pattern, type Subject, test, text } from "../Net/harness.js"
import { interruptedAtEveryStep, leaveNoClock, yieldingAnywhere } from "../Net/interruptions.js"

/** A queue, and a sender as another thread has it: by a copy of the token. */
const connected = (options?: ThreadQueue.QueueOptions) =>
  Effect.gen(function* () {
    const queue = yield* ThreadQueue.make(options)
    const sender = yield* sending(queue)
    return { queue, sender }
  })

const sending = (queue: ThreadQueue.ThreadQueue) =>
  Effect.flatMap(queue.share, (token) => ThreadQueue.open(structuredClone(token)))

const failing = (effect: Effect.Effect<unknown, unknown>) =>
  Effect.map(Effect.flip(effect), (error) => {
    const { operation, reason } = error as SocketError
    return [operation, reason]
  })

const range = (length: number, from = 0) => Array.from({ length }, (_, at) => from + at)

/** Lets this fiber's loop go round. */
const turns = (count: number) =>
  Effect.promise(async () => {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
  })

/** Lets a fiber come a random way. */
const someTime = Effect.suspend(() => {
  const count = Math.floor(Math.random() * 6)
  return count === 5 ? turns(2) : Effect.forEach(Array(count), () => Effect.yieldNow())
})

/** Two entries of this many bytes fill the smallest queue. */
const HALF = 1024 / 2 - 16

export const queueContract = (subject: Subject): void => {
  test(subject, "an entry comes as it was put in, with what was left out", () =>
    Effect.gen(function* () {
      const { queue, sender } = yield* connected()
      const sent = pattern(1000)
      yield* sender.post({ key: 2n ** 64n - 1n, value: 2 ** 32 - 1, bytes: sent })
      // They were copied.
      sent.fill(0)
      yield* sender.post({ key: Number.MAX_SAFE_INTEGER })
      assert.isTrue(yield* sender.offer({}))
      assert.deepStrictEqual(yield* queue.take, {
        key: 2n ** 64n - 1n,
        value: 2 ** 32 - 1,
        bytes: pattern(1000)
      })
      const none = new Uint8Array(0)
      const rest = yield* queue.takeUpTo(10)
      assert.deepStrictEqual(rest, [
        { key: BigInt(Number.MAX_SAFE_INTEGER), value: 0, bytes: none },
        { key: 0n, value: 0, bytes: none }
      ])
    })
  )

  test(subject, "a take waits, beside connections, until something comes", () =>
    Effect.gen(function* () {
      const { queue, sender } = yield* connected()
      const { client, server } = yield* pair
      for (const round of range(30)) {
        const taking = yield* Effect.fork(queue.take)
        yield* turns(round % 3)
        yield* client.writeString(`${round}\n`)
        yield* sender.post({ value: round })
        assert.strictEqual((yield* Fiber.join(taking)).value, round)
        const line = yield* server.readLine
        assert.strictEqual(line._tag === "Some" && line.value, `${round}`)
      }
    })
  )

  test(subject, "a full queue says so, and a post waits until there is room", () =>
    Effect.gen(function* () {
      const { queue, sender } = yield* connected({ capacityBytes: 1024 })
      assert.strictEqual(sender.maxBytes, 1024 - 16)
      const half = (value: number) => ({ value, bytes: pattern(HALF) })
      assert.isTrue(yield* sender.offer(half(0)))
      assert.isTrue(yield* sender.offer(half(1)))
      assert.isFalse(yield* sender.offer({}))
      const posting = yield* Effect.fork(sender.post({ value: 2, bytes: pattern(1024 - 16) }))
      yield* turns(3)
      const behind = yield* Effect.fork(sender.post({ value: 3 }))
      yield* turns(3)
      assert.strictEqual((yield* queue.take).value, 0)
      yield* turns(3)
      // There is room for it, but somebody waits: the order is kept.
      assert.isFalse(yield* sender.offer({ value: 4 }))
      assert.strictEqual((yield* Fiber.poll(posting))._tag, "None")
      assert.strictEqual((yield* queue.take).value, 1)
      yield* Fiber.join(posting)
      assert.strictEqual((yield* queue.take).value, 2)
      yield* Fiber.join(behind)
      assert.strictEqual((yield* queue.take).value, 3)
    })
  )

  test(subject, "a post that is interrupted, or late, puts nothing in, and lets those behind it pass", () =>
    Effect.gen(function* () {
      const { queue, sender } = yield* connected({ capacityBytes: 1024 })
      yield* sender.post({ value: 0, bytes: pattern(HALF) })
      const large = { value: 1, bytes: pattern(1024 - 16) }
      const interrupted = yield* Effect.fork(sender.post(large))
      const small = yield* Effect.fork(sender.post({ value: 2 }))
      yield* turns(2)
      yield* Fiber.interrupt(interrupted)
      yield* Fiber.join(small)
      const late = yield* Effect.flip(sender.post(large, { timeout: "10 millis" }))
      assert.deepStrictEqual([late._tag, late.operation], ["TimeoutError", "post"])
      assert.strictEqual((yield* Effect.flip(sender.post(large, { timeout: 0 })))._tag, "TimeoutError")
      yield* sender.post({ value: 3 }, { timeout: "1 minute" })
      const all = yield* queue.takeUpTo(10)
      assert.deepStrictEqual(
        all.map(({ value }) => value),
        [0, 2, 3]
      )
      yield* sender.post(large, { timeout: "1 minute" })
      assert.strictEqual((yield* queue.take).value, 1)
    })
  )

  test(subject, "takes that are out of time take nothing", () =>
    Effect.gen(function* () {
      const { queue, sender } = yield* connected()
      for (const timeout of ["10 millis", 0] as const) {
        const late = yield* Effect.flip(queue.takeWith({ timeout }))
        assert.deepStrictEqual([late._tag, late.operation], ["TimeoutError", "take"])
        const several = yield* Effect.flip(queue.takeUpTo(3, { timeout }))
        assert.deepStrictEqual([several._tag, several.operation], ["TimeoutError", "takeUpTo"])
      }
      // More than are taken in a row: what is there is found at once, every time.
      for (const value of range(1000)) {
        yield* sender.post({ value })
        assert.strictEqual((yield* queue.takeWith({ timeout: 0 })).value, value)
      }
      yield* Effect.fork(Effect.zipRight(turns(3), sender.post({ value: 7 })))
      assert.strictEqual((yield* queue.takeWith({ timeout: "1 minute" })).value, 7)
    })
  )

  test(subject, "a thousand interrupted takes lose and repeat no entry", () =>
    Effect.gen(function* () {
      const { queue, sender } = yield* connected({ capacityBytes: 1024 })
      const total = 1000
      const posting = yield* Effect.fork(
        Effect.forEach(range(total), (value) => Effect.zipRight(someTime, sender.post({ value })), {
          discard: true
        })
      )
      const seen: Array<number> = []
      while (seen.length < total) {
        const taking = Effect.flatMap(queue.take, ({ value }) => {
          seen.push(value)
          return Effect.void
        })
        const taker = yield* Effect.fork(yieldingAnywhere(taking))
        yield* someTime
        yield* Fiber.interrupt(taker)
      }
      yield* Fiber.join(posting)
      assert.deepStrictEqual(seen, range(total))
    })
  )

  test(subject, "a post that is interrupted while it waits, at whichever step, puts nothing in", () =>
    Effect.gen(function* () {
      const { queue, sender } = yield* connected({ capacityBytes: 1024 })
      const large = { bytes: pattern(HALF) }
      yield* sender.post(large)
      yield* sender.post(large)
      const posts = [sender.post({ value: 1 }), sender.post({ value: 2 }, { timeout: "1 hour" })]
      for (const operation of posts) {
        yield* interruptedAtEveryStep(Effect.succeed({ operation, after: Effect.void }))
      }
      yield* queue.takeUpTo(10)
      yield* sender.post({ value: 3 })
      assert.strictEqual((yield* queue.take).value, 3)
    })
  )

  test(subject, "takes and posts that are interrupted at whichever step leave no clock running", () =>
    Effect.gen(function* () {
      const timeout = "1 hour"
      const { queue, sender } = yield* connected({ capacityBytes: 1024 })
      yield* leaveNoClock([queue.takeWith({ timeout }), queue.takeUpTo(3, { timeout })])
      for (let entry = 0; entry < 2; entry++) yield* sender.post({ bytes: pattern(HALF) })
      yield* leaveNoClock([sender.post({}, { timeout })])
    })
  )

  test(subject, "several who take share what comes, and several senders take turns", () =>
    Effect.gen(function* () {
      const queue = yield* ThreadQueue.make({ capacityBytes: 4096 })
      const senders = yield* Effect.forEach(range(5), () => sending(queue))
      const each = 300
      const seen = senders.map((): Array<number> => [])
      const take = Effect.flatMap(queue.take, ({ key, value }) => {
        seen[Number(key)]?.push(value)
        return Effect.void
      })
      const taking = yield* Effect.fork(
        Effect.forEach(range(senders.length * each), () => take, { concurrency: 7, discard: true })
      )
      yield* Effect.forEach(
        senders,
        (sender, key) =>
          Effect.forEach(range(each), (value) => sender.post({ key, value }), { discard: true }),
        { concurrency: "unbounded", discard: true }
      )
      yield* Fiber.join(taking)
      for (const of of seen) assert.deepStrictEqual(of, range(each))
    })
  )

  test(subject, "a stream takes what is asked for, and leaves the rest", () =>
    Effect.gen(function* () {
      const { queue, sender } = yield* connected()
      for (const value of range(10)) yield* sender.post({ value })
      const first = yield* Stream.runCollect(Stream.take(queue.stream, 4))
      assert.deepStrictEqual(
        Chunk.toReadonlyArray(first).map(({ value }) => value),
        range(4)
      )
      assert.strictEqual((yield* queue.take).value, 4)
      const rest = yield* Effect.fork(Effect.either(Stream.runCount(queue.stream)))
      yield* turns(3)
      yield* queue.close
      const ended = yield* Fiber.join(rest)
      assert.strictEqual(ended._tag === "Left" && ended.left.reason, "Closed")
    })
  )

  test(subject, "a sender that is fast does not keep timers and other work from their turn", () =>
    Effect.gen(function* () {
      const { queue, sender } = yield* connected()
      let isOver = false
      const busy = Effect.gen(function* () {
        for (let taken = 0; !isOver; taken++) {
          assert.isBelow(taken, 1_000_000, "nobody else had a turn")
          yield* sender.offer({})
          yield* queue.take
        }
      })
      const working = yield* Effect.fork(busy)
      yield* Effect.async<void>((resume) => {
        setTimeout(() => resume(Effect.void), 1)
      })
      isOver = true
      yield* Fiber.join(working)
    })
  )

  test(subject, "bad input is typed, and puts nothing in", () =>
    Effect.gen(function* () {
      const { queue, sender } = yield* connected({ capacityBytes: 1024 })
      const wrong: ReadonlyArray<ThreadQueue.NewEntry> = [
        { key: -1 },
        { key: 2n ** 64n },
        { key: 0.5 },
        { value: -1 },
        { value: 2 ** 32 },
        { value: Number.NaN },
        { bytes: JSON.parse("[1]") }
      ]
      for (const entry of wrong) {
        assert.deepStrictEqual(yield* failing(sender.offer(entry)), ["offer", "InvalidArgument"])
        assert.deepStrictEqual(yield* failing(sender.post(entry)), ["post", "InvalidArgument"])
      }
      const large = { bytes: pattern(1024 - 15) }
      assert.deepStrictEqual(yield* failing(sender.offer(large)), ["offer", "TooLong"])
      assert.deepStrictEqual(yield* failing(sender.post(large)), ["post", "TooLong"])
      for (const max of [0, -1, 0.5, Number.NaN]) {
        assert.deepStrictEqual(yield* failing(queue.takeUpTo(max)), ["takeUpTo", "InvalidArgument"])
      }
      for (const capacityBytes of [0, 1023, 2 ** 28 + 1, 1024.5, Number.NaN]) {
        const making = Effect.flip(ThreadQueue.make({ capacityBytes }))
        assert.strictEqual((yield* making).reason, "InvalidArgument")
      }
      assert.strictEqual((yield* Effect.flip(queue.takeWith({ timeout: 0 })))._tag, "TimeoutError")
    })
  )

  test(subject, "a token is opened once, and what is none is refused", () =>
    Effect.gen(function* () {
      const queue = yield* ThreadQueue.make()
      const token = yield* queue.share
      const opening = Effect.scoped(ThreadQueue.open(token))
      const wrong: ReadonlyArray<ThreadQueue.QueueToken> = [
        JSON.parse(JSON.stringify(token)),
        JSON.parse("null"),
        { ...token, ring: token.alarm },
        { ...token, alarm: token.ring },
        { ...token, signal: JSON.parse("{}") },
        { ...token, signal: JSON.parse(JSON.stringify(token.signal)) }
      ]
      for (const other of wrong) {
        const result = yield* failing(Effect.scoped(ThreadQueue.open(other)))
        assert.deepStrictEqual(result, ["open", "InvalidArgument"])
      }
      yield* opening
      assert.deepStrictEqual(yield* failing(opening), ["open", "InvalidHandle"])
    })
  )

  test(subject, "when the queue closes, those who take and those who post get Closed", () =>
    Effect.gen(function* () {
      const { queue, sender } = yield* connected({ capacityBytes: 1024 })
      const token = yield* queue.share
      while (yield* sender.offer({ bytes: pattern(HALF) }));
      const posting = yield* Effect.forEach(range(3), () =>
        Effect.fork(failing(sender.post({ bytes: pattern(HALF) })))
      )
      yield* turns(3)
      assert.isTrue(queue.isOpen && sender.isOpen)
      yield* queue.close
      yield* queue.close
      assert.isFalse(queue.isOpen || sender.isOpen)
      for (const fiber of posting) assert.deepStrictEqual(yield* Fiber.join(fiber), ["post", "Closed"])
      assert.deepStrictEqual(yield* failing(sender.offer({})), ["offer", "Closed"])
      assert.deepStrictEqual(yield* failing(sender.post({})), ["post", "Closed"])
      assert.deepStrictEqual(yield* failing(queue.take), ["take", "Closed"])
      assert.deepStrictEqual(yield* failing(queue.takeUpTo(2)), ["take", "Closed"])
      assert.deepStrictEqual(yield* failing(Effect.scoped(queue.share)), ["share", "Closed"])
      assert.deepStrictEqual(yield* failing(Effect.scoped(ThreadQueue.open(token))), ["open", "Closed"])
    })
  )

  test(subject, "those who wait for an entry when the queue closes get Closed", () =>
    Effect.gen(function* () {
      const { queue } = yield* connected()
      const taking = yield* Effect.forEach(range(3), () => Effect.fork(failing(queue.take)))
      const within = yield* Effect.fork(failing(queue.takeWith({ timeout: "1 hour" })))
      yield* turns(3)
      yield* queue.close
      for (const fiber of [...taking, within])
        assert.deepStrictEqual(yield* Fiber.join(fiber), ["take", "Closed"])
    })
  )

  test(subject, "when a share ends, what was put in is taken, and nothing more is", () =>
    Effect.gen(function* () {
      const { queue, sender: other } = yield* connected({ capacityBytes: 1024 })
      const scope = yield* Scope.make()
      const token = yield* Scope.extend(queue.share, scope)
      const sender = yield* ThreadQueue.open(token)
      yield* sender.post({ value: 1, bytes: pattern(HALF) })
      yield* sender.post({ value: 2, bytes: pattern(HALF) })
      const waiting = yield* Effect.fork(failing(sender.post({ value: 3 })))
      yield* turns(3)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* Fiber.join(waiting), ["post", "Closed"])
      assert.deepStrictEqual(yield* failing(sender.post({})), ["post", "Closed"])
      yield* other.post({ value: 9 })
      const values = [yield* queue.take, yield* queue.take, yield* queue.take].map(({ value }) => value)
      assert.sameMembers(values, [1, 2, 9])
    })
  )

  test(subject, "what a terminated sender put in, and told nobody of, is taken when its share ends", () =>
    Effect.gen(function* () {
      const queue = yield* ThreadQueue.make()
      const scope = yield* Scope.make()
      const token = yield* Scope.extend(queue.share, scope)
      const taking = yield* Effect.fork(queue.take)
      yield* turns(3)
      // As if it were put in by a thread that sees nobody waiting, and so wakes nobody.
      const deaf = { ...token, alarm: new SharedArrayBuffer(4) }
      yield* (yield* ThreadQueue.open(deaf)).post({ value: 5 })
      yield* turns(3)
      assert.strictEqual((yield* Fiber.poll(taking))._tag, "None")
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(taking)).value, 5)
    })
  )

  test(subject, "a sender that closes lets go of those in line, and what it put in is taken", () =>
    Effect.gen(function* () {
      const queue = yield* ThreadQueue.make({ capacityBytes: 1024 })
      const token = yield* queue.share
      const scope = yield* Scope.make()
      const sender = yield* Scope.extend(ThreadQueue.open(token), scope)
      yield* sender.post({ value: 1, bytes: bytes("kept") })
      const waiting = yield* Effect.fork(failing(sender.post({ bytes: pattern(1024 - 16) })))
      yield* turns(3)
      yield* Scope.close(scope, Exit.void)
      yield* sender.close
      assert.isFalse(sender.isOpen)
      assert.deepStrictEqual(yield* Fiber.join(waiting), ["post", "Closed"])
      assert.deepStrictEqual(yield* failing(sender.offer({})), ["offer", "Closed"])
      assert.deepStrictEqual(yield* failing(Effect.scoped(ThreadQueue.open(token))), [
        "open",
        "InvalidHandle"
      ])
      assert.strictEqual(text((yield* queue.take).bytes), "kept")
    })
  )

  test(subject, "while nobody takes nothing is in flight, and the loop is not woken", () =>
    Effect.gen(function* () {
      const { queue, sender } = yield* connected()
      const before = yield* Net.statistics
      for (const value of range(100)) yield* sender.post({ value })
      for (const value of range(100)) assert.strictEqual((yield* queue.take).value, value)
      const { submitted } = yield* Net.statistics
      assert.strictEqual(submitted, before.submitted)
      const taking = yield* Effect.fork(queue.take)
      yield* turns(3)
      assert.strictEqual((yield* Net.statistics).inFlight, 1)
      yield* Fiber.interrupt(taking)
      assert.strictEqual((yield* Net.statistics).inFlight, 0)
    })
  )
}
