import { assert, describe, it } from "@effect/vitest"
import { type EpollEvent, readyEvent, wakeEvent } from "../../src/Epoll/Event.js"
import { Inbox } from "../../src/Epoll/Inbox.js"
import { range } from "./linux.js"

const posted = (index: number): EpollEvent => ({ _tag: "PostedEvent", data: BigInt(index), bytes: 0 })

const takeAll = (inbox: Inbox) => {
  const taken: Array<EpollEvent> = []
  for (let event = inbox.shift(); event !== undefined; event = inbox.shift()) taken.push(event)
  return taken
}

describe("the inbox", () => {
  it("gives back in the order of coming, across the cuts", () => {
    const inbox = new Inbox()
    const taken: Array<EpollEvent | undefined> = []
    for (const index of range(5000)) {
      inbox.push(posted(index))
      if (index % 3 === 0) taken.push(inbox.shift())
    }
    assert.strictEqual(inbox.size, 5000 - taken.length)
    assert.deepStrictEqual([...taken, ...takeAll(inbox)], range(5000).map(posted))
    assert.strictEqual(inbox.size, 0)
    assert.isUndefined(inbox.shift())
  })

  it("knows whether it holds what came from the system", () => {
    const inbox = new Inbox()
    inbox.push(posted(1))
    assert.isFalse(inbox.hasReady)
    inbox.push(readyEvent(3, 0n, 1))
    assert.isTrue(inbox.hasReady)
    takeAll(inbox)
    assert.isFalse(inbox.hasReady)
  })

  it("holds one wake at most", () => {
    const inbox = new Inbox()
    inbox.push(wakeEvent)
    inbox.push(wakeEvent)
    assert.strictEqual(inbox.size, 1)
    takeAll(inbox)
    inbox.push(wakeEvent)
    assert.deepStrictEqual(takeAll(inbox), [wakeEvent])
  })

  it("forgets what is about one descriptor, and nothing else", () => {
    const inbox = new Inbox()
    const others = [posted(1), readyEvent(4, 0n, 1), wakeEvent, readyEvent(5, 0n, 4)]
    inbox.push(posted(0))
    for (const event of others) {
      inbox.push(readyEvent(3, 0n, 1))
      inbox.push(event)
    }
    inbox.shift()
    inbox.forget(3)
    inbox.forget(77)
    assert.isTrue(inbox.hasReady)
    assert.deepStrictEqual(takeAll(inbox), others)
    assert.isFalse(inbox.hasReady)
  })

  it("is empty once it was cleared", () => {
    const inbox = new Inbox()
    for (const event of [posted(0), readyEvent(3, 0n, 1), wakeEvent]) inbox.push(event)
    inbox.clear()
    assert.strictEqual(inbox.size, 0)
    assert.isFalse(inbox.hasReady)
    inbox.push(wakeEvent)
    assert.strictEqual(inbox.size, 1)
  })
})
