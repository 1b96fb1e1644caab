/**
 * Queues between real threads, on the loop of this platform and on a simulated one.
 */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll } from "vitest"
import * as Net from "../../src/Net/index.js"
import * as ThreadQueue from "../../src/ThreadQueue/index.js"
import { pair, type Subject, test } from "../Net/harness.js"
import { makeProgram, type Program } from "../support/program.js"
import { startThread, type Thread } from "../support/workers.js"
import { sentBytes } from "./programs/sent.js"

const range = (length: number) => Array.from({ length }, (_, at) => at)

/** Takes so many entries, and asserts that those of each sender come whole and in order from its first. */
const takeInOrder = (queue: ThreadQueue.ThreadQueue, count: number, next: Map<number, number>) =>
  Effect.gen(function* () {
    for (let left = count; left > 0; ) {
      const entries = yield* queue.takeUpTo(left)
      left -= entries.length
      for (const entry of entries) check(entry, next)
    }
  })

const check = ({ bytes, key, value }: ThreadQueue.Entry, next: Map<number, number>) => {
  const thread = Number(key)
  assert.strictEqual(value, next.get(thread) ?? 0)
  assert.deepStrictEqual(bytes, sentBytes(thread, value))
  next.set(thread, value + 1)
}

/** Takes what is there, without waiting. */
const takeRest = (queue: ThreadQueue.ThreadQueue, next: Map<number, number>) =>
  Effect.gen(function* () {
    for (;;) {
      const entries = yield* queue
        .takeUpTo(1000, { timeout: 0 })
        .pipe(Effect.catchTag("TimeoutError", () => Effect.succeed([])))
      if (entries.length === 0) return
      for (const entry of entries) check(entry, next)
    }
  })

const suite = (subject: Subject) => {
  const threads = subject.isSlow ? 3 : 4
  const each = subject.isSlow ? 3000 : 10_000
  let program: Program
  beforeAll(async () => {
    program = await makeProgram(new URL("./programs/sending.ts", import.meta.url))
    // What the first threads of a process open is kept by the system.
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const queue = yield* ThreadQueue.make()
          const all = yield* Effect.forEach(range(threads), (thread) => started(queue, "post", thread, 1))
          for (const { ended } of all) yield* ended
        })
      ).pipe(Effect.provide(subject.layer))
    )
  })
  afterAll(() => program.dispose())

  const started = (
    queue: ThreadQueue.ThreadQueue,
    way: "post" | "offer" | "leave" | "flood" | "wait",
    thread: number,
    count = 0,
    pause = 0
  ): Effect.Effect<Thread, unknown, Scope.Scope> =>
    Effect.flatMap(queue.share, (token) => startThread(program, { way, token, thread, count, pause }))

  for (const way of ["post", "offer"] as const) {
    for (const capacityBytes of [1024, 65_536]) {
      const name = `${threads} threads, each ${way}s ${each} entries through ${capacityBytes} bytes: all come, once, in order`
      test(subject, name, () =>
        Effect.gen(function* () {
          const queue = yield* ThreadQueue.make({ capacityBytes })
          const next = new Map<number, number>()
          const all = yield* Effect.forEach(range(threads), (thread) => started(queue, way, thread, each))
          yield* takeInOrder(queue, threads * each, next)
          for (const { says } of all) assert.strictEqual(yield* says, "done")
          yield* takeRest(queue, next)
          assert.deepStrictEqual(
            range(threads).map((thread) => next.get(thread)),
            range(threads).map(() => each)
          )
          for (const { ended } of all) assert.strictEqual(yield* ended, 0)
        })
      )
    }
  }

  test(subject, "a receiver that waits for each is woken for each, beside connections", () =>
    Effect.gen(function* () {
      const queue = yield* ThreadQueue.make()
      const { client, server } = yield* pair
      const next = new Map<number, number>()
      const count = 50
      for (const thread of range(2)) yield* started(queue, "post", thread, count, 2)
      for (const round of range(2 * count)) {
        check(yield* queue.take, next)
        yield* client.writeString(`${round}\n`)
        const line = yield* server.readLine
        assert.strictEqual(line._tag === "Some" && line.value, `${round}`)
      }
      assert.deepStrictEqual([...next.values()], [count, count])
    })
  )

  test(subject, "when the queue closes, threads in the middle of posting get Closed", () =>
    Effect.gen(function* () {
      const queue = yield* ThreadQueue.make({ capacityBytes: 1024 })
      const all = yield* Effect.forEach(range(threads), (thread) => started(queue, "flood", thread))
      for (const { says } of all) assert.strictEqual(yield* says, "started")
      yield* takeInOrder(queue, 200, new Map())
      yield* queue.close
      for (const { ended, says } of all) {
        assert.deepStrictEqual(yield* says, ["post", "Closed"])
        assert.strictEqual(yield* ended, 0)
      }
    })
  )

  test(subject, "when its share ends, a thread that waits for room gets Closed, and the others go on", () =>
    Effect.gen(function* () {
      const queue = yield* ThreadQueue.make({ capacityBytes: 1024 })
      const next = new Map<number, number>()
      const other = yield* started(queue, "post", 1, 1000)
      const scope = yield* Scope.make()
      const token = yield* Scope.extend(queue.share, scope)
      const thread = yield* startThread(program, { way: "flood", token, thread: 0, count: 0 })
      yield* thread.says
      yield* takeInOrder(queue, 100, next)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* thread.says, ["post", "Closed"])
      while (next.get(1) !== 1000) yield* takeInOrder(queue, 1, next)
      assert.strictEqual(yield* other.says, "done")
    })
  )

  const rounds = subject.isSlow ? 8 : 30
  test(
    subject,
    `${rounds} threads are terminated while they post: what they put in is whole, and nobody else suffers`,
    () =>
      Effect.gen(function* () {
        const queue = yield* ThreadQueue.make({ capacityBytes: 4096 })
        const count = 20 * rounds
        const steady = new Map<number, number>()
        yield* started(queue, "post", 0, count)
        for (const round of range(rounds)) {
          const next = new Map<number, number>(steady)
          yield* Effect.scoped(
            Effect.gen(function* () {
              const { says, terminate } = yield* started(queue, "flood", 1)
              yield* says
              yield* takeInOrder(queue, (round * 7) % 50, next)
              yield* terminate
              // What it put in is there, up to some entry, and none of it is damaged.
              yield* takeRest(queue, next)
            })
          )
          steady.set(0, next.get(0) ?? 0)
        }
        yield* takeInOrder(queue, count - (steady.get(0) ?? 0), steady)
        assert.strictEqual(steady.get(0), count)
      })
  )

  test(
    subject,
    "threads that are terminated while they wait, for room or for nothing, leave nothing behind",
    () =>
      Effect.gen(function* () {
        const queue = yield* ThreadQueue.make({ capacityBytes: 1024 })
        for (const way of ["flood", "wait", "flood"] as const) {
          const { says, terminate } = yield* started(queue, way, 1)
          yield* says
          // Nobody takes: it waits for room by now, or soon.
          yield* Effect.sleep("20 millis")
          yield* terminate
        }
        yield* started(queue, "post", 2, 10)
        const next = new Map<number, number>()
        while (next.get(2) !== 10) {
          const entry = yield* queue.take
          if (entry.key === 2n) check(entry, next)
        }
      })
  )

  test(subject, "what a thread put in that ended without closing anything is taken", () =>
    Effect.gen(function* () {
      const queue = yield* ThreadQueue.make()
      const { ended } = yield* started(queue, "leave", 3, 100)
      assert.strictEqual(yield* ended, 0)
      yield* takeInOrder(queue, 100, new Map())
    })
  )

  test(subject, "of two threads with one token, one has the sender", () =>
    Effect.gen(function* () {
      const queue = yield* ThreadQueue.make()
      const token = yield* queue.share
      const both = yield* Effect.forEach(range(2), () =>
        startThread(program, { way: "post", token, thread: 0, count: 1 })
      )
      const said = [yield* both[0]?.says ?? Effect.void, yield* both[1]?.says ?? Effect.void]
      assert.sameDeepMembers(said, ["done", ["open", "InvalidHandle"]])
      yield* takeInOrder(queue, 1, new Map())
    })
  )
}

const isSlow = process.env["EFFECT_IOCP_LANE"] === "wine"

describe("threads, and the loop of this platform", () => {
  suite({ name: "platform", layer: Net.layer, isSlow })
})

describe("threads, and the loop of a simulated network", () => {
  suite({ name: "simulated", layer: Net.layerSimulated(), isSlow })
})
