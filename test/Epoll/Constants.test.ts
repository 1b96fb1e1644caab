import { constants } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as C from "../../src/Epoll/Constants.js"
import { readyEvent } from "../../src/Epoll/Event.js"
import { interestBits } from "../../src/Epoll/Interest.js"
import { describeOnLinux } from "./linux.js"

describeOnLinux("the numbers of errors", () => {
  it("are those that Node was compiled with", () => {
    const ours: Record<string, number> = { ...C }
    let compared = 0
    for (const [name, value] of Object.entries(constants.errno)) {
      if (ours[name] === undefined) continue
      assert.strictEqual(ours[name], value, name)
      compared += 1
    }
    assert.isAbove(compared, 30)
  })
})

describe("an interest", () => {
  it("becomes bits, unsigned", () => {
    assert.strictEqual(interestBits({}), 0)
    assert.strictEqual(interestBits({ readable: true }), 0x1)
    assert.strictEqual(interestBits({ readable: false, writable: true }), 0x4)
    assert.strictEqual(interestBits({ peerClosed: true, priority: true }), 0x2002)
    assert.strictEqual(interestBits({ readable: true, edgeTriggered: true }), 0x80000001)
    assert.strictEqual(interestBits({ writable: true, oneShot: true }), 0x40000004)
  })
})

describe("an event", () => {
  it("says in words what the bits say", () => {
    const quiet = {
      readable: false,
      writable: false,
      peerClosed: false,
      priority: false,
      hungUp: false,
      failed: false
    }
    const words = (bits: number) => {
      const { _tag, bits: kept, data, fd, ...rest } = readyEvent(9, 5n, bits)
      assert.deepStrictEqual([_tag, kept, data, fd], ["ReadyEvent", bits, 5n, 9])
      return rest
    }
    assert.deepStrictEqual(words(0), quiet)
    assert.deepStrictEqual(words(C.EPOLLIN), { ...quiet, readable: true })
    assert.deepStrictEqual(words(C.EPOLLOUT), { ...quiet, writable: true })
    assert.deepStrictEqual(words(C.EPOLLRDHUP), { ...quiet, peerClosed: true })
    assert.deepStrictEqual(words(C.EPOLLPRI), { ...quiet, priority: true })
    assert.deepStrictEqual(words(C.EPOLLHUP | C.EPOLLERR), { ...quiet, hungUp: true, failed: true })
  })
})
