/**
 * Leases: the handle is closed once, and not while a call is out, and no call begins after the end. Pure: runs everywhere.
 */
import { assert, describe, it } from "@effect/vitest"
import { afterEach, beforeEach, vi } from "vitest"
import { Borrowed, isLent, Lease, Leases, type ThreadSystem } from "../../src/Foreign/Lease.js"
import { everyInterleaving, type Thread } from "../support/interleavings.js"

const BORROWER = 42

/** A handle whose owner keeps a record, and a thread that is there until it is said to be gone. */
const lend = () => {
  const closed: Array<number> = []
  const thread = { isThere: true }
  const system: ThreadSystem = {
    close: (handle) => {
      closed.push(handle)
    },
    currentThread: () => BORROWER,
    isThere: (other) => {
      assert.strictEqual(other, BORROWER)
      return thread.isThere
    }
  }
  const lease = new Lease(7, system)
  const claim = () => Borrowed.claim(structuredClone(lease.lent), system)
  return { claim, closed, lease, system, thread }
}

const claimed = (claim: () => Borrowed | string): Borrowed => {
  const borrowed = claim()
  return borrowed instanceof Borrowed ? borrowed : assert.fail(borrowed)
}

describe("a lease", () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it("gives the handle to the one who claimed it, until it ends", () => {
    const { claim, closed, lease } = lend()
    const borrowed = claimed(claim)
    assert.strictEqual(
      borrowed.use((handle) => handle),
      7
    )
    assert.isFalse(borrowed.hasEnded)
    assert.strictEqual(claim(), "Claimed")
    lease.end()
    assert.deepStrictEqual(closed, [7])
    assert.isTrue(borrowed.hasEnded)
    assert.isUndefined(borrowed.use(() => assert.fail("a call after the end")))
    assert.strictEqual(claim(), "Ended")
    lease.end()
    assert.deepStrictEqual(closed, [7])
    vi.runAllTimers()
    assert.deepStrictEqual(closed, [7])
  })

  it("that nobody claimed ends as well", () => {
    const { claim, closed, lease } = lend()
    lease.end()
    assert.deepStrictEqual(closed, [7])
    assert.strictEqual(claim(), "Ended")
  })

  it("lets the call that is out end, and closes the handle after it", () => {
    const { claim, closed, lease } = lend()
    claimed(claim).use(() => {
      lease.end()
      vi.advanceTimersByTime(10_000)
      assert.deepStrictEqual(closed, [])
    })
    vi.runAllTimers()
    assert.deepStrictEqual(closed, [7])
  })

  it("does not wait for a thread that is gone in the middle of a call, also if it goes later", () => {
    const early = lend()
    assert.isTrue(claimed(early.claim).enter())
    early.thread.isThere = false
    early.lease.end()
    assert.deepStrictEqual(early.closed, [7])

    const late = lend()
    assert.isTrue(claimed(late.claim).enter())
    late.lease.end()
    vi.advanceTimersByTime(100)
    assert.deepStrictEqual(late.closed, [])
    late.thread.isThere = false
    vi.runAllTimers()
    assert.deepStrictEqual(late.closed, [7])
  })

  it("has no call out after one that threw", () => {
    const { claim, closed, lease } = lend()
    const fails = () =>
      claimed(claim).use(() => {
        throw new Error("of the call's own")
      })
    assert.throws(fails, /of the call's own/)
    lease.end()
    assert.deepStrictEqual(closed, [7])
  })

  it("closes the handle once, and never under a call, in whichever order things happen", () => {
    const orders = everyInterleaving(() => {
      const { claim, closed, lease } = lend()
      let isCalling = false
      let borrowers = 0
      const user = function* (): Thread {
        const borrowed = claim()
        if (!(borrowed instanceof Borrowed)) return
        borrowers += 1
        yield
        for (const _ of [1, 2, 3]) {
          if (!borrowed.enter()) return
          isCalling = true
          assert.deepStrictEqual(closed, [])
          yield
          assert.deepStrictEqual(closed, [])
          isCalling = false
          borrowed.leave()
          yield
        }
      }
      const owner = function* (): Thread {
        yield
        lease.end()
        assert.deepStrictEqual(closed, isCalling ? [] : [7])
        yield
        lease.end()
        vi.advanceTimersByTime(5)
        assert.deepStrictEqual(closed, isCalling ? [] : [7])
      }
      return {
        threads: [user(), user(), owner()],
        check: () => {
          vi.runAllTimers()
          assert.deepStrictEqual(closed, [7])
          assert.isAtMost(borrowers, 1)
        }
      }
    })
    assert.isAbove(orders, 100)
  })

  it("ends with the others of its owner, or earlier", () => {
    const { closed, system } = lend()
    const leases = new Leases()
    const [one] = [1, 2, 3].map((handle) => leases.grant(handle, system))
    one?.end()
    assert.deepStrictEqual(closed, [1])
    leases.endAll()
    leases.endAll()
    one?.end()
    assert.deepStrictEqual(closed, [1, 2, 3])
  })

  it("is told from what is none", () => {
    const { lease } = lend()
    assert.isTrue(isLent(lease.lent))
    const { handle, words } = lease.lent
    const others = [
      undefined,
      null,
      7,
      {},
      { handle },
      { handle: "7", words },
      { handle: -1, words },
      { handle: 0.5, words },
      { handle, words: new ArrayBuffer(8) },
      { handle, words: new SharedArrayBuffer(4) },
      JSON.parse(JSON.stringify(lease.lent))
    ]
    for (const other of others) assert.isFalse(isLent(other))
  })
})
