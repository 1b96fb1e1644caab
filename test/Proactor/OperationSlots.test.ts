import { assert, describe, it } from "@effect/vitest"
import { foreignBytesInUse } from "../../src/Foreign/Memory.js"
import { BufferPool, LARGE_BUFFER_BYTES, SMALL_BUFFER_BYTES } from "../../src/Proactor/Iocp/BufferPool.js"
import {
  MOST_WSABUFS,
  type OperationSlot,
  OperationSlots,
  RECORD_BYTES,
  type SlotOwner
} from "../../src/Proactor/Iocp/OperationSlots.js"
import { ReceiveOperation } from "../../src/Proactor/Operation.js"

const owner: SlotOwner = { complete: () => {}, cancel: () => {} }

const acquire = (slots: OperationSlots): OperationSlot => slots.acquire(new ReceiveOperation(), owner, 7)

/** A slot's record, as the system sees it. */
const recordOf = ({ address, addresses, addressesAddress }: OperationSlot): DataView =>
  new DataView(addresses.buffer, addresses.byteOffset - (addressesAddress - address), RECORD_BYTES)

describe("operation slots", () => {
  it("an OVERLAPPED's address leads to its slot, however many there are", () => {
    const before = foreignBytesInUse()
    const slots = new OperationSlots()
    const taken = Array.from({ length: 5000 }, () => acquire(slots))
    assert.strictEqual(slots.size, 5000)
    assert.strictEqual(new Set(taken.map(({ address }) => address)).size, 5000)
    for (const slot of taken) {
      assert.strictEqual(slots.find(slot.address), slot)
      assert.strictEqual(slots.at(slot.index), slot)
      assert.strictEqual(slot.address % 16, 0, "aligned")
    }
    for (const slot of taken) slots.release(slot)
    assert.strictEqual(slots.size, 0)
    slots.end()
    assert.strictEqual(foreignBytesInUse(), before)
  })

  it("an address that is nobody's leads to nobody", () => {
    const slots = new OperationSlots()
    const slot = acquire(slots)
    assert.isUndefined(slots.find(0))
    assert.isUndefined(slots.find(slot.address + 32), "the inside of a record")
    assert.isUndefined(slots.find(slot.address + RECORD_BYTES), "a free record")
    assert.isUndefined(slots.find(Number.MAX_SAFE_INTEGER))
    assert.isUndefined(slots.at(-1))
    slots.release(slot)
    assert.isUndefined(slots.find(slot.address), "its packet comes late")
    assert.throws(() => slots.release(slot), /twice/)
    slots.end()
  })

  it("a slot that was given back is used again, for another operation", () => {
    const slots = new OperationSlots()
    const first = acquire(slots)
    first.premade = 5
    first.isCancelRequested = true
    slots.release(first)
    const again = acquire(slots)
    assert.strictEqual(again, first)
    assert.strictEqual(again.premade, -1)
    assert.isFalse(again.isCancelRequested)
    assert.isUndefined(again.buffer)
    slots.release(again)
    slots.end()
  })

  it("an OVERLAPPED can say where in a file a call begins, beyond 4 GiB too", () => {
    const slots = new OperationSlots()
    const slot = acquire(slots)
    const record = recordOf(slot)
    for (const offset of [0, 1, 2 ** 32 - 1, 2 ** 32, 5 * 2 ** 32 + 7, Number.MAX_SAFE_INTEGER]) {
      for (let at = 0; at < RECORD_BYTES; at++) record.setUint8(at, 0xff)
      slot.prepareAt(offset)
      assert.strictEqual(record.getBigUint64(16, true), BigInt(offset))
      for (const zero of [0, 8, 24, 32]) assert.strictEqual(record.getBigUint64(zero, true), 0n)
    }
    slot.prepare()
    assert.strictEqual(record.getBigUint64(16, true), 0n)
    slots.release(slot)
    slots.end()
  })

  it("a record names up to 16 buffers, and has room for the longest address behind them", () => {
    const [slots, pool] = [new OperationSlots(), new BufferPool()]
    const slot = acquire(slots)
    const record = recordOf(slot)
    const held = Array.from({ length: MOST_WSABUFS }, () => pool.acquire(1))
    slot.makeRoomForAddress()
    slot.addresses.fill(0xee)
    for (const [index, buffer] of held.entries()) {
      if (index === 0) slot.hold(buffer, 1)
      else slot.holdFurther(buffer, index + 1)
      assert.strictEqual(slot.wsabufCount, index + 1)
    }
    const extra = pool.acquire(1)
    assert.throws(() => slot.holdFurther(extra, 1), /16/)
    slot.prepare()
    const first = slot.wsabufAddress - slot.address
    for (const [index, { addressHigh, addressLow }] of held.entries()) {
      const at = first + 16 * index
      assert.strictEqual(record.getUint32(at, true), index + 1)
      assert.strictEqual(record.getUint32(at + 8, true), addressLow)
      assert.strictEqual(record.getUint32(at + 12, true), addressHigh)
    }
    assert.deepStrictEqual([slot.buffer, ...slot.furtherBuffers], held)
    assert.isTrue(slot.addresses.every((byte) => byte === 0xee))
    assert.isAtLeast(slot.addresses.length, 2 * (110 + 16), "two of AF_UNIX's, as AcceptEx wants them")
    assert.strictEqual(slot.addressLength, 128)
    assert.strictEqual(record.getInt32(slot.addressLengthAddress - slot.address, true), 128)
    slots.release(slot)
    assert.deepStrictEqual([slot.buffer, slot.wsabufCount, ...slot.furtherBuffers], [undefined, 0])
    for (const buffer of [...held, extra]) pool.release(buffer)
    pool.end()
    slots.end()
  })

  it("memory that the kernel may still write to is not freed", () => {
    const slots = new OperationSlots()
    const before = foreignBytesInUse()
    const taken = Array.from({ length: 200 }, () => acquire(slots))
    const allocated = foreignBytesInUse() - before
    const [stuck, ...others] = taken
    for (const slot of others) slots.release(slot)
    slots.end()
    const leaked = foreignBytesInUse() - before
    assert.isAbove(leaked, 0)
    assert.isBelow(leaked, allocated)
    assert.strictEqual(stuck?.status, 0, "its record can be read")
  })
})

describe("the buffer pool", () => {
  it("gives out two sizes, and the same buffers again", () => {
    const before = foreignBytesInUse()
    const pool = new BufferPool()
    const [small, large] = [pool.acquire(1), pool.acquire(SMALL_BUFFER_BYTES + 1)]
    assert.strictEqual(small.bytes.length, SMALL_BUFFER_BYTES)
    assert.strictEqual(large.bytes.length, LARGE_BUFFER_BYTES)
    pool.release(small)
    pool.release(large)
    assert.strictEqual(pool.acquire(SMALL_BUFFER_BYTES), small)
    assert.strictEqual(pool.acquire(LARGE_BUFFER_BYTES), large)
    pool.release(large)
    pool.end()
    assert.strictEqual(foreignBytesInUse() - before, SMALL_BUFFER_BYTES, "one is out")
    pool.release(small)
    assert.strictEqual(foreignBytesInUse(), before)
  })

  it("keeps so many of a burst's buffers, and gives the rest back", () => {
    const before = foreignBytesInUse()
    const pool = new BufferPool()
    for (let round = 0; round < 5; round++) {
      const burst = Array.from({ length: 200 }, () => pool.acquire(LARGE_BUFFER_BYTES))
      for (const [index, { bytes }] of burst.entries()) bytes.fill(index)
      for (const [index, { bytes }] of burst.entries())
        assert.strictEqual(bytes[LARGE_BUFFER_BYTES - 1], index)
      for (const buffer of burst) pool.release(buffer)
      assert.isAtMost(foreignBytesInUse() - before, 4 * 1024 * 1024)
    }
    pool.end()
    assert.strictEqual(foreignBytesInUse(), before)
  })
})
