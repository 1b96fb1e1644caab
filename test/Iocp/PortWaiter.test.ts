import { assert, it } from "@effect/vitest"
import { kernel32 } from "../../src/Iocp/Kernel32.js"
import { PortWaiter, parkedCalls } from "../../src/Iocp/PortWaiter.js"
import { resources } from "../support/resources.js"
import { describeOnWindows } from "./windows.js"

const FOREVER_MILLISECONDS = 0x7fff_ffff

const open = (capacity = 16): PortWaiter =>
  new PortWaiter(kernel32().CreateIoCompletionPort(-1, 0, 0, 1), capacity, FOREVER_MILLISECONDS)

const post = (waiter: PortWaiter, key: number | bigint, overlapped: number | bigint = 0, bytes = 0) =>
  assert.notStrictEqual(kernel32().PostQueuedCompletionStatus(waiter.handle, bytes, key, overlapped), 0)

const parked = (waiter: PortWaiter) => new Promise<void>((resolve) => waiter.park(resolve))

const closed = (waiter: PortWaiter) => new Promise<void>((resolve) => waiter.close(resolve))

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Runs the test with a waiter, and fails if the waiter leaves anything behind. */
const withWaiter = (test: (waiter: PortWaiter) => Promise<void>, capacity?: number) => async () => {
  const warm = open()
  const woken = parked(warm)
  warm.wake()
  await woken
  await closed(warm)
  const before = resources()
  const waiter = open(capacity)
  await test(waiter)
  await closed(waiter)
  assert.strictEqual(parkedCalls(), 0)
  const after = resources()
  assert.strictEqual(after.foreignBytes, before.foreignBytes)
  assert.isAtMost(after.handles, before.handles)
}

describeOnWindows("a port's waiter", () => {
  it(
    "reads every field of a packet",
    withWaiter(async (waiter) => {
      post(waiter, 0xfedc_ba98_7654_3210n, 0x8000_0000_0000_0001n, 0xffff_fffe)
      post(waiter, 2 ** 52 + 3, 2 ** 46 + 5, 7)
      assert.strictEqual(waiter.poll(), 2)
      assert.strictEqual(waiter.keyBigInt(0), 0xfedc_ba98_7654_3210n)
      assert.strictEqual(waiter.keyLow(0), 0x7654_3210)
      assert.strictEqual(waiter.keyHigh(0), 0xfedc_ba98)
      assert.strictEqual(waiter.overlappedBigInt(0), 0x8000_0000_0000_0001n)
      assert.strictEqual(waiter.bytes(0), 0xffff_fffe)
      assert.strictEqual(waiter.key(1), 2 ** 52 + 3)
      assert.strictEqual(waiter.overlapped(1), 2 ** 46 + 5)
      assert.strictEqual(waiter.bytes(1), 7)
      assert.strictEqual(waiter.status(1), 0)
      assert.strictEqual(waiter.poll(), 0)
    })
  )

  it(
    "polls no more than it was asked for, nor than fits",
    withWaiter(async (waiter) => {
      for (let key = 0; key < 10; key++) post(waiter, key)
      const batches = [waiter.poll(3), waiter.poll(), waiter.poll(100), waiter.poll()]
      assert.deepStrictEqual(batches, [3, 4, 3, 0])
    }, 4)
  )

  it(
    "tells of a packet that comes while it is parked, and hands it out by the next poll",
    withWaiter(async (waiter) => {
      const woken = parked(waiter)
      assert.isTrue(waiter.isParked)
      assert.strictEqual(waiter.poll(), 0)
      post(waiter, 5)
      await woken
      assert.isFalse(waiter.isParked)
      assert.strictEqual(waiter.poll(), 1)
      assert.strictEqual(waiter.key(0), 5)
    })
  )

  it(
    "can be woken, without a packet to show for it",
    withWaiter(async (waiter) => {
      for (let round = 0; round < 50; round++) {
        const woken = parked(waiter)
        waiter.wake()
        waiter.wake()
        await woken
        assert.strictEqual(waiter.poll(), 0)
      }
    })
  )

  it(
    "keeps packets in order around wakes, and shows no wake among them",
    withWaiter(async (waiter) => {
      const seen: Array<number> = []
      const drain = () => {
        for (let count = waiter.poll(); count > 0; count = waiter.poll()) {
          for (let index = 0; index < count; index++) seen.push(waiter.key(index))
        }
      }
      for (let key = 1; key <= 300; key++) {
        const woken = parked(waiter)
        if (key % 3 === 0) waiter.wake()
        post(waiter, key)
        if (key % 3 === 1) waiter.wake()
        await woken
        drain()
      }
      await turn()
      drain()
      assert.deepStrictEqual(
        seen,
        Array.from({ length: 300 }, (_, index) => index + 1)
      )
    })
  )

  it(
    "does not tell who took the park back, and loses nothing by it",
    withWaiter(async (waiter) => {
      let calls = 0
      for (let key = 0; key < 100; key++) {
        waiter.park(() => {
          calls += 1
        })
        if (key % 2 === 0) post(waiter, key)
        waiter.unpark()
        if (key % 2 === 1) post(waiter, key)
        while (waiter.isParked) await turn()
        let found = waiter.poll()
        while (found === 0) found = waiter.poll()
        assert.strictEqual(waiter.key(0), key)
      }
      assert.strictEqual(calls, 0)
    })
  )

  it(
    "hands what came for a park that was taken back to the next park",
    withWaiter(async (waiter) => {
      waiter.park(() => assert.fail("it was taken back"))
      post(waiter, 8)
      waiter.unpark()
      while (waiter.isParked) await turn()
      await parked(waiter)
      assert.strictEqual(waiter.poll(), 1)
      assert.strictEqual(waiter.key(0), 8)
    })
  )

  it(
    "closes while it is parked, once, and tells everybody who asked",
    withWaiter(async (waiter) => {
      waiter.park(() => assert.fail("closing is no wake"))
      await Promise.all([closed(waiter), closed(waiter)])
      await closed(waiter)
      assert.strictEqual(waiter.poll(), 0)
      waiter.wake()
      waiter.unpark()
    })
  )

  it(
    "tells why a wait failed",
    withWaiter(async (waiter) => {
      const stale = new PortWaiter(0x7fff_fff0, 4)
      assert.strictEqual(stale.poll(), 0)
      assert.strictEqual(stale.failure, 6)
      assert.strictEqual(waiter.failure, 0)
      await closed(stale)
    })
  )

  it(
    "looks at ports by a timer when its share of threads is taken",
    withWaiter(async (waiter) => {
      const others = Array.from({ length: 6 }, () => open())
      const woken = others.map(parked)
      const last = parked(waiter)
      assert.isBelow(parkedCalls(), 7)
      for (const [key, other] of others.entries()) post(other, key)
      post(waiter, 99)
      await Promise.all(woken)
      await last
      while (waiter.poll() === 0) await parked(waiter)
      assert.strictEqual(waiter.key(0), 99)
      await Promise.all(others.map(closed))
    })
  )
})
