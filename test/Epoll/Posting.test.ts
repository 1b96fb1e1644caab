/**
 * Posting from other threads: real ones, through a token.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll, beforeAll } from "vitest"
import * as Epoll from "../../src/Epoll/index.js"
import { makeProgram, type Program } from "../support/program.js"
import { startThread } from "../support/workers.js"
import { assertFields, describeOnLinux, here, leavingNothing, put, range } from "./linux.js"

const closed = { reason: "InvalidHandle", operation: "post" }

describeOnLinux("a shared instance", () => {
  let program: Program
  beforeAll(async () => {
    program = await makeProgram(new URL("../support/programs/posting.ts", import.meta.url))
  })
  afterAll(() => program.dispose())

  it.live("is posted to from this thread as well, and tells in order", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const there = yield* Epoll.open(yield* Epoll.share(epoll))
        yield* Epoll.post(there, { data: 2n ** 64n - 1n, bytes: 2 ** 32 - 1 })
        yield* Epoll.post(there, { data: 7 })
        yield* Epoll.post(there)
        const events = yield* Epoll.waitBatch(epoll, 10, "20 seconds")
        assert.deepStrictEqual(events, [
          { _tag: "PostedEvent", data: 2n ** 64n - 1n, bytes: 2 ** 32 - 1 },
          { _tag: "PostedEvent", data: 7n, bytes: 0 },
          { _tag: "PostedEvent", data: 0n, bytes: 0 }
        ])
      })
    )
  )

  it.live("says that there is no room, keeps what came before, and takes more once that is taken", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const there = yield* Epoll.open(yield* Epoll.share(epoll))
        let posted = 0
        const flood = Effect.flip(
          Effect.forever(
            Effect.suspend(() => Effect.tap(Epoll.post(there, { data: posted }), () => ++posted))
          )
        )
        assertFields(yield* flood, { reason: "ResourceExhausted", code: 11, syscall: "write" })
        assert.isAbove(posted, 1000)
        const seen: Array<bigint | string> = []
        while (seen.length < posted) seen.push(...(yield* here(epoll)))
        assert.deepStrictEqual(seen, range(posted).map(BigInt))
        yield* Epoll.post(there, { data: 5 })
        assert.deepStrictEqual(yield* here(epoll), [5n])
      })
    )
  )

  it.live("is not kept from its descriptors by who posts all the time, nor from one by another", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const [one, other] = [
          yield* Epoll.open(yield* Epoll.share(epoll)),
          yield* Epoll.open(yield* Epoll.share(epoll))
        ]
        const { reader, writer } = yield* Epoll.makePipe
        yield* Epoll.register(epoll, reader, { readable: true, oneShot: true }, 9n)
        const fill = Effect.ignore(Effect.forever(Epoll.post(one, { data: 1 })))
        yield* fill
        const seen = new Set<bigint | string>()
        yield* here(epoll)
        yield* Epoll.post(other, { data: 2 })
        yield* put(writer, 1)
        for (const _ of range(3)) {
          yield* fill
          for (const event of yield* here(epoll)) seen.add(event)
        }
        assert.sameMembers([...seen], [1n, 2n, 9n])
      })
    )
  )

  it.live("refuses what does not fit, and tokens that are none", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const token = yield* Epoll.share(epoll)
        const there = yield* Epoll.open(token)
        const options = [{ data: -1 }, { data: 0.5 }, { data: 2n ** 64n }, { bytes: -1 }, { bytes: 2 ** 32 }]
        for (const wrong of options) {
          assertFields(yield* Effect.flip(Epoll.post(there, wrong)), {
            reason: "InvalidArgument",
            operation: "post"
          })
        }
        const tokens: ReadonlyArray<Epoll.EpollToken> = [
          JSON.parse(JSON.stringify(token)),
          JSON.parse("null"),
          { ...token, lent: { ...token.lent, handle: -1 } }
        ]
        for (const wrong of tokens) {
          assertFields(yield* Effect.flip(Epoll.open(wrong)), {
            reason: "InvalidArgument",
            operation: "open"
          })
        }
        assert.deepStrictEqual(yield* here(epoll), [])
      })
    )
  )

  it.live("tells what was posted before the share ended, and refuses what comes later", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const scope = yield* Scope.make()
        const token = yield* Scope.extend(Epoll.share(epoll), scope)
        const there = yield* Epoll.open(token)
        const [before] = [epoll.registered, yield* Epoll.post(there, { data: 1 })]
        yield* Scope.close(scope, Exit.void)
        assert.isFalse(there.isOpen)
        assertFields(yield* Effect.flip(Epoll.post(there, { data: 2 })), closed)
        assertFields(yield* Effect.flip(Epoll.open(token)), { ...closed, operation: "open" })
        assert.deepStrictEqual(yield* here(epoll), [1n])
        assert.strictEqual(epoll.registered, before)
      })
    )
  )

  it.live("is opened by one thread, once", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const token = yield* Epoll.share(epoll)
        const there = yield* Epoll.open(token)
        assertFields(yield* Effect.flip(Epoll.open(structuredClone(token))), {
          reason: "InvalidHandle",
          operation: "open"
        })
        yield* Epoll.post(there, { data: 3 })
        assert.deepStrictEqual(yield* here(epoll), [3n])
      })
    )
  )

  it.live("is over with the instance, and cannot be shared after that", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const token = yield* Epoll.share(epoll)
        const there = yield* Epoll.open(token)
        yield* Epoll.post(there)
        yield* Epoll.close(epoll)
        assertFields(yield* Effect.flip(Epoll.post(there)), closed)
        assertFields(yield* Effect.flip(Epoll.open(token)), { ...closed, operation: "open" })
        assertFields(yield* Effect.flip(Epoll.share(epoll)), { reason: "InvalidHandle", operation: "share" })
      })
    )
  )

  it.live("gets everything that several threads post, once, in the order of each", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const [threads, count] = [4, 10_000]
        const seen = range(threads).map((): Array<bigint> => [])
        for (const thread of range(threads)) {
          const token = yield* Epoll.share(epoll)
          yield* startThread(program, { way: "count", token, thread, count })
        }
        for (let left = threads * count; left > 0; ) {
          left -= yield* Epoll.processEvents(epoll, (event) =>
            Effect.sync(() => {
              if (Epoll.isPosted(event)) seen[event.bytes]?.push(event.data)
            })
          )
        }
        for (const of of seen) assert.deepStrictEqual(of, range(count).map(BigInt))
      }).pipe(Effect.scoped)
    )
  )

  for (const ending of ["the share", "the instance"] as const) {
    it.live(`fails a thread in the middle of posting when ${ending} ends, and touches no stranger`, () =>
      leavingNothing(
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const epoll = yield* Scope.extend(Epoll.make(), scope)
          const shared = yield* Scope.make()
          const token = yield* Scope.extend(Epoll.share(epoll), shared)
          const thread = yield* startThread(program, { way: "flood", token, thread: 0, count: 0 })
          assert.strictEqual(yield* thread.says, "started")
          for (const _ of range(50)) yield* here(epoll)
          yield* ending === "the share" ? Scope.close(shared, Exit.void) : Epoll.close(epoll)
          yield* Scope.close(shared, Exit.void)
          yield* Scope.close(scope, Exit.void)
          // These have the numbers that were given back.
          const strangers = yield* Effect.replicateEffect(Epoll.makePipe, 8)
          assert.deepStrictEqual(yield* thread.says, closed)
          for (const { reader } of strangers) {
            assert.isTrue((yield* Epoll.tryRead(reader, new Uint8Array(1)))._tag === "None")
          }
        }).pipe(Effect.scoped)
      )
    )
  }

  it.live("is none the worse for a thread that is terminated while it posts", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const other = yield* Epoll.open(yield* Epoll.share(epoll))
        for (const round of range(20)) {
          const token = yield* Epoll.share(epoll)
          const thread = yield* startThread(program, { way: "flood", token, thread: 1, count: 0 })
          yield* thread.says
          for (const _ of range(round)) yield* here(epoll)
          yield* thread.terminate
          yield* Epoll.post(other, { data: 1 })
          const seen = new Set<bigint | string>()
          for (let events = yield* here(epoll); events.length > 0; events = yield* here(epoll)) {
            for (const event of events) seen.add(event)
          }
          assert.isTrue(seen.delete(1n))
          seen.delete(0n)
          assert.strictEqual(seen.size, 0, "whole events only")
        }
      })
    )
  )

  it.live("loses nothing to a thread that is terminated between two posts", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        for (const _ of range(5)) {
          const token = yield* Epoll.share(epoll)
          const thread = yield* startThread(program, { way: "late", token, thread: 0, count: 0 })
          assert.strictEqual(yield* thread.says, "ready")
          yield* thread.terminate
        }
      })
    )
  )

  it.live("is opened too late", () =>
    leavingNothing(
      Effect.gen(function* () {
        const epoll = yield* Epoll.make()
        const token = yield* Effect.scoped(Epoll.share(epoll))
        const thread = yield* startThread(program, { way: "late", token, thread: 0, count: 0 })
        assert.deepStrictEqual(yield* thread.says, { ...closed, operation: "open" })
        yield* thread.ended
      }).pipe(Effect.scoped)
    )
  )
})
