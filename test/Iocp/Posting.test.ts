/**
 * Posting from other threads: real ones, through a token.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll } from "vitest"
import * as Iocp from "../../src/Iocp/index.js"
import { makeProgram, type Program } from "../support/program.js"
import { startThread } from "../support/workers.js"
import { assertFields, describeOnWindows, leavingNothing } from "./windows.js"

const MAX_64 = 2n ** 64n - 1n
const closed = { reason: "InvalidHandle", operation: "post" }
const range = (length: number) => Array.from({ length }, (_, index) => index)

/** The keys of the packets that there are now. */
const keys = (port: Iocp.CompletionPort) =>
  Iocp.waitForCompletions(port, 1000, 0).pipe(
    Effect.map((packets) => packets.map(({ key }) => key)),
    Effect.catchTag("TimeoutError", () => Effect.succeed([]))
  )

describeOnWindows("a shared port", () => {
  let program: Program
  beforeAll(async () => {
    program = await makeProgram(new URL("../support/programs/posting.ts", import.meta.url))
    // What the first thread of a process opens is kept by the system.
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const token = yield* Iocp.share(yield* Iocp.make())
          const thread = yield* startThread(program, { way: "count", token, thread: 0, count: 1 })
          yield* thread.ended
        })
      )
    )
  })
  afterAll(() => program.dispose())

  it.live("is posted to from this thread as well, all 64 bits of it", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const there = yield* Iocp.open(yield* Iocp.share(port))
        yield* Iocp.post(there, { key: MAX_64, bytes: 2 ** 32 - 1, overlapped: MAX_64 - 1n })
        const completion = yield* Iocp.waitForCompletion(port, "20 seconds")
        assert.isTrue(Iocp.isSuccess(completion))
        assertFields(completion, { key: MAX_64, bytes: 2 ** 32 - 1, overlapped: MAX_64 - 1n })
      })
    )
  )

  it.live("refuses what does not fit, the port's own address, and tokens that are none", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const token = yield* Iocp.share(port)
        const there = yield* Iocp.open(token)
        const packets = [
          { key: -1 },
          { key: 2n ** 64n },
          { bytes: 2 ** 32 },
          { overlapped: 0.5 },
          { overlapped: token.marker }
        ]
        for (const packet of packets) {
          const error = yield* Effect.flip(Iocp.post(there, packet))
          assertFields(error, { reason: "InvalidArgument", operation: "post" })
        }
        const tokens: ReadonlyArray<Iocp.PortToken> = [
          JSON.parse(JSON.stringify(token)),
          JSON.parse("null"),
          { ...token, lent: { ...token.lent, handle: -1 } }
        ]
        for (const wrong of tokens) {
          const error = yield* Effect.flip(Iocp.open(wrong))
          assertFields(error, { reason: "InvalidArgument", operation: "open" })
        }
        assert.deepStrictEqual(yield* keys(port), [])
      })
    )
  )

  it.live("keeps what was posted before the share ended, and refuses what comes later", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const scope = yield* Scope.make()
        const token = yield* Scope.extend(Iocp.share(port), scope)
        const there = yield* Iocp.open(token)
        yield* Iocp.post(there, { key: 1 })
        yield* Scope.close(scope, Exit.void)
        assert.isFalse(there.isOpen)
        assertFields(yield* Effect.flip(Iocp.post(there, { key: 2 })), closed)
        assertFields(yield* Effect.flip(Iocp.open(token)), { ...closed, operation: "open" })
        assert.deepStrictEqual(yield* keys(port), [1n])
      })
    )
  )

  it.live("is opened by one thread, once", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const token = yield* Iocp.share(port)
        const there = yield* Iocp.open(token)
        const error = yield* Effect.flip(Iocp.open(structuredClone(token)))
        assertFields(error, { reason: "InvalidHandle", operation: "open" })
        yield* Iocp.post(there, { key: 3 })
        assert.deepStrictEqual(yield* keys(port), [3n])
      })
    )
  )

  it.live("is over with the port, and cannot be shared after that", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const token = yield* Iocp.share(port)
        const there = yield* Iocp.open(token)
        yield* Iocp.post(there)
        yield* Iocp.closeHandle(port)
        assertFields(yield* Effect.flip(Iocp.post(there)), closed)
        assertFields(yield* Effect.flip(Iocp.open(token)), { ...closed, operation: "open" })
        assertFields(yield* Effect.flip(Iocp.share(port)), { reason: "InvalidHandle", operation: "share" })
      })
    )
  )

  it.live("gets everything that several threads post, once, in the order of each", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const [threads, count] = [3, 2000]
        const seen = range(threads).map((): Array<bigint> => [])
        for (const thread of range(threads)) {
          const token = yield* Iocp.share(port)
          yield* startThread(program, { way: "count", token, thread, count })
        }
        for (let left = threads * count; left > 0; ) {
          left -= yield* Iocp.processCompletions(port, ({ bytes, key }) =>
            Effect.sync(() => seen[bytes]?.push(key))
          )
        }
        for (const of of seen) assert.deepStrictEqual(of, range(count).map(BigInt))
      }).pipe(Effect.scoped)
    )
  )

  for (const ending of ["the share", "the port"] as const) {
    it.live(`fails a thread in the middle of posting when ${ending} ends, and touches no stranger`, () =>
      leavingNothing(
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const port = yield* Scope.extend(Iocp.make(), scope)
          const shared = yield* Scope.make()
          const token = yield* Scope.extend(Iocp.share(port), shared)
          const thread = yield* startThread(program, { way: "flood", token, thread: 0, count: 0 })
          assert.strictEqual(yield* thread.says, "started")
          for (const _ of range(20)) yield* keys(port)
          yield* ending === "the share" ? Scope.close(shared, Exit.void) : Iocp.closeHandle(port)
          yield* Scope.close(shared, Exit.void)
          yield* Scope.close(scope, Exit.void)
          // These have the numbers that were given back.
          const strangers = yield* Effect.replicateEffect(Iocp.make(), 8)
          assert.deepStrictEqual(yield* thread.says, closed)
          for (const stranger of strangers) assert.deepStrictEqual(yield* keys(stranger), [])
        }).pipe(Effect.scoped)
      )
    )
  }

  it.live("is none the worse for a thread that is terminated while it posts", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        const other = yield* Iocp.open(yield* Iocp.share(port))
        for (const round of range(8)) {
          const token = yield* Iocp.share(port)
          const thread = yield* startThread(program, { way: "flood", token, thread: 1, count: 0 })
          yield* thread.says
          for (const _ of range(round)) yield* keys(port)
          yield* thread.terminate
          yield* Iocp.post(other, { key: 1 })
          const seen = new Set<bigint>()
          for (let packets = yield* keys(port); packets.length > 0; packets = yield* keys(port)) {
            for (const key of packets) seen.add(key)
          }
          assert.isTrue(seen.delete(1n))
          seen.delete(0n)
          assert.strictEqual(seen.size, 0)
        }
      })
    )
  )

  it.live("loses nothing to a thread that is terminated between two posts", () =>
    leavingNothing(
      Effect.gen(function* () {
        const port = yield* Iocp.make()
        for (const _ of range(3)) {
          const token = yield* Iocp.share(port)
          const thread = yield* startThread(program, { way: "late", token, thread: 0, count: 0 })
          assert.strictEqual(yield* thread.says, "ready")
          yield* thread.terminate
        }
      })
    )
  )
})
