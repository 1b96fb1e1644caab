/**
 * The ring of one sender, and the alarm of all of them: what is in shared memory. Pure: runs everywhere.
 */
import { assert, describe, it } from "@effect/vitest"
import fc from "fast-check"
import { Alarm, alarmMemory, isAlarmMemory } from "../../src/ThreadQueue/Alarm.js"
import type { Entry } from "../../src/ThreadQueue/Entry.js"
import { HEADER_BYTES, isRingMemory, Ring, ringMemory, spaceOf } from "../../src/ThreadQueue/Ring.js"
import { Rings } from "../../src/ThreadQueue/Rings.js"
import { everyInterleaving, type Thread } from "../support/interleavings.js"

/** Both ends of a ring, each as its own thread has it; the counters begin at `start`. */
const ends = (capacity: number, start = 0) => {
  const memory = ringMemory(capacity)
  const counters = new Int32Array(memory)
  counters[0] = start
  counters[16] = start
  return { writer: new Ring(memory), reader: new Ring(memory) }
}

const entry = (key: number, length = 0): Entry => ({
  key: BigInt(key),
  value: key,
  bytes: Uint8Array.from({ length }, (_, at) => key + at)
})

describe("a ring", () => {
  it("has a capacity that is a power of two", () => {
    for (const [asked, given] of [
      [1024, 1024],
      [1025, 2048],
      [65_536, 65_536]
    ] as const) {
      assert.strictEqual(new Ring(ringMemory(asked)).capacity, given)
    }
  })

  it("takes what fits, to the last byte, and says when it does not", () => {
    const { reader, writer } = ends(1024)
    assert.isFalse(writer.write(entry(1, 1024 - HEADER_BYTES + 1)))
    assert.isTrue(writer.write(entry(2, 1024 - HEADER_BYTES)))
    assert.isFalse(writer.write(entry(3)))
    assert.deepStrictEqual(reader.read(), entry(2, 1024 - HEADER_BYTES))
    assert.isUndefined(reader.read())
    for (let key = 0; key < 1024 / HEADER_BYTES; key++) assert.isTrue(writer.write(entry(key)))
    assert.isFalse(writer.write(entry(99)))
  })

  it("gives what it was given, once and in order, whatever the sizes and wherever its end comes", () => {
    const commands = fc.array(
      fc.oneof(
        fc.record({
          key: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
          value: fc.nat(0xffff_ffff),
          bytes: fc.uint8Array({ maxLength: 300 })
        }),
        fc.constant("read" as const)
      ),
      { maxLength: 200 }
    )
    // Counters near the ends of what they count, too.
    const start = fc.oneof(fc.constantFrom(0, -8, -512, 0x7fff_fff8, -0x8000_0000), fc.integer())
    const property = fc.property(commands, start, (all, from) => {
      const { reader, writer } = ends(1024, from & ~7)
      const model: Array<Entry> = []
      let used = 0
      for (const command of all) {
        if (command === "read") {
          const expected = model.shift()
          assert.deepStrictEqual(reader.read(), expected)
          used -= expected === undefined ? 0 : spaceOf(expected.bytes.length)
        } else {
          const space = spaceOf(command.bytes.length)
          assert.strictEqual(writer.write(command), space <= 1024 - used)
          if (space > 1024 - used) continue
          model.push(command)
          used += space
        }
        assert.strictEqual(reader.used, used)
      }
      for (const expected of model) assert.deepStrictEqual(reader.read(), expected)
      assert.isTrue(writer.isEmpty)
    })
    return fc.assert(property, { numRuns: 300 })
  })

  it("shows nothing of an entry before it is whole", () => {
    const { reader, writer } = ends(1024)
    writer.write(entry(1))
    const before = new Uint8Array(reader.memory.slice(0))
    writer.write(entry(2, 100))
    // A thread that was terminated just before its last step leaves all but the tail.
    const tail = 16 * Int32Array.BYTES_PER_ELEMENT
    new Uint8Array(reader.memory).set(before.subarray(tail, tail + 4), tail)
    assert.deepStrictEqual(reader.read(), entry(1))
    assert.isUndefined(reader.read())
  })

  it("is one sender's, once", () => {
    const { reader, writer } = ends(1024)
    assert.isTrue(writer.claim())
    assert.isFalse(reader.claim())
    writer.finish()
    assert.isFalse(writer.claim())
    assert.isFalse(reader.isClosed)
    reader.close()
    assert.isTrue(writer.isClosed)
    writer.finish()
    assert.isTrue(reader.isClosed)
    assert.isFalse(writer.claim())
    const { reader: other } = ends(1024)
    other.close()
    assert.isFalse(other.claim())
  })

  it("is told from what is none", () => {
    assert.isTrue(isRingMemory(ringMemory(1024)))
    assert.isTrue(isAlarmMemory(alarmMemory()))
    const others = [
      undefined,
      {},
      new ArrayBuffer(1216),
      new SharedArrayBuffer(0),
      new SharedArrayBuffer(1217)
    ]
    for (const other of others) {
      assert.isFalse(isRingMemory(other))
      assert.isFalse(isAlarmMemory(other))
    }
  })
})

describe("rings", () => {
  it("take turns, and one that is closed stays until it is empty", () => {
    const rings = new Rings()
    const [one, two, three] = [ends(1024), ends(1024), ends(1024)]
    for (const { reader } of [one, two, three]) rings.add(reader)
    for (const key of [1, 2, 3]) one.writer.write(entry(key))
    for (const key of [11, 12]) three.writer.write(entry(key))
    const keys = () => Number(rings.take()?.key)
    assert.deepStrictEqual([keys(), keys(), keys()], [1, 11, 2])
    rings.close(three.reader)
    rings.close(two.reader)
    assert.strictEqual(rings.size, 2)
    assert.deepStrictEqual([keys(), keys()], [12, 3])
    assert.strictEqual(rings.size, 1)
    assert.isUndefined(rings.take())
    assert.isFalse(rings.hasEntry)
    rings.closeAll()
    assert.isTrue(one.writer.isClosed)
  })

  it("are fair however many come and go", () => {
    const commands = fc.array(fc.tuple(fc.constantFrom("add", "close", "take"), fc.nat(10)), {
      maxLength: 100
    })
    return fc.assert(
      fc.property(commands, (all) => {
        const rings = new Rings()
        const open: Array<ReturnType<typeof ends>> = []
        let [given, taken] = [0, 0]
        for (const [command, number] of all) {
          if (command === "add") {
            const both = ends(1024)
            open.push(both)
            rings.add(both.reader)
            for (let key = 0; key < number; key++) if (both.writer.write(entry(key))) given += 1
          } else if (command === "close") {
            const [both] = open.splice(number % Math.max(1, open.length), 1)
            if (both !== undefined) rings.close(both.reader)
          } else if (rings.take() !== undefined) taken += 1
        }
        while (rings.take() !== undefined) taken += 1
        assert.strictEqual(taken, given)
        assert.strictEqual(rings.size, open.length)
      })
    )
  })
})

/** A receiver and senders of so many entries each, step by step: each use of what others see is a step. */
const talk = (senders: number, each: number, capacity: number) => {
  const alarm = new Alarm(alarmMemory())
  const all = Array.from({ length: senders }, () => ends(capacity))
  const seen: Array<Array<number>> = all.map(() => [])
  let raised = 0
  let raises = 0
  const raise = () => {
    raised += 1
    raises += 1
  }
  const receiver = function* (): Thread {
    for (let taken = 0; taken < senders * each; ) {
      for (const [at, { reader }] of all.entries()) {
        const got = reader.read()
        yield
        if (got === undefined) continue
        taken += 1
        seen[at]?.push(got.value)
        reader.tellOfRoom()
        yield
      }
      if (taken === senders * each) return
      alarm.arm()
      yield
      if (all.some(({ reader }) => !reader.isEmpty)) raise()
      yield () => raised > 0
      raised = 0
      alarm.disarm()
      yield
    }
  }
  const sender = function* (ring: Ring): Thread {
    for (let key = 0; key < each; key++) {
      while (!ring.write(entry(key))) {
        const since = ring.expectRoom(spaceOf(0))
        yield
        if (ring.write(entry(key))) break
        yield () => ring.hasRoomSince(since)
      }
      yield
      const arming = alarm.armed
      yield
      if (arming === undefined) continue
      raise()
      yield
      alarm.answered(arming)
      yield
    }
  }
  return {
    threads: [receiver(), ...all.map(({ writer }) => sender(writer))],
    check: () => {
      const expected = Array.from({ length: each }, (_, key) => key)
      assert.deepStrictEqual(
        seen,
        all.map(() => expected)
      )
      // While the receiver is awake nobody wakes it: at most one of each sender for each time that it waited.
      assert.isAtMost(raises, senders * each * 2)
    }
  }
}

describe("a receiver and its senders", () => {
  it("lose no wake-up in any order: one sender, and room for one entry", () => {
    assert.isAbove(
      everyInterleaving(() => talk(1, 3, HEADER_BYTES), 4),
      1000
    )
  })

  it("lose no wake-up in any order: two senders", () => {
    assert.isAbove(
      everyInterleaving(() => talk(2, 2, 4 * HEADER_BYTES), 3),
      1000
    )
  })

  it("lose no wake-up in any order: three senders, and room for one entry each", () => {
    assert.isAbove(
      everyInterleaving(() => talk(3, 1, HEADER_BYTES), 2),
      1000
    )
  })

  it("are woken again by the next sender if one is terminated before it says that it has woken them", () => {
    const alarm = new Alarm(alarmMemory())
    alarm.arm()
    const arming = alarm.armed
    assert.isDefined(arming)
    // Terminated here. The next one sees the same.
    assert.strictEqual(new Alarm(alarm.memory).armed, arming)
    alarm.answered(arming ?? 0)
    assert.isUndefined(alarm.armed)
    alarm.arm()
    // One that was slow answers the arming of before, and not this one.
    alarm.answered(arming ?? 0)
    assert.isDefined(alarm.armed)
  })
})
