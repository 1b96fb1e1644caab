import { assert, describe, it } from "@effect/vitest"
import { Inbox } from "../../src/Iocp/Inbox.js"

/** A place in line that notes when it is told. */
const joined = (inbox: Inbox<number>, told: Array<string>, name: string) => inbox.join(() => told.push(name))

describe("the inbox", () => {
  it("gives packets in the order in which they came", () => {
    const inbox = new Inbox<number>()
    for (let index = 0; index < 5000; index++) inbox.push(index)
    for (let index = 0; index < 5000; index++) assert.strictEqual(inbox.take(), index)
    assert.strictEqual(inbox.take(), undefined)
  })

  it("tells the first in line, once for each packet, and only when it serves", () => {
    const inbox = new Inbox<number>()
    const told: Array<string> = []
    const [a, b] = [joined(inbox, told, "a"), joined(inbox, told, "b")]
    inbox.push(1)
    assert.deepStrictEqual(told, [])
    inbox.serve()
    inbox.serve()
    assert.deepStrictEqual(told, ["a"])
    inbox.push(2)
    inbox.serve()
    assert.deepStrictEqual(told, ["a", "b"])
    assert.strictEqual(inbox.takeFor(a), 1)
    assert.strictEqual(inbox.takeFor(b), 2)
  })

  it("keeps a packet that is set aside from others", () => {
    const inbox = new Inbox<number>()
    const place = joined(inbox, [], "a")
    inbox.push(1)
    inbox.serve()
    assert.strictEqual(inbox.available, 0)
    assert.strictEqual(inbox.take(), undefined)
    inbox.push(2)
    assert.strictEqual(inbox.available, 1)
    assert.strictEqual(inbox.takeFor(place), 1)
    assert.strictEqual(inbox.take(), 2)
  })

  it("gives the packet of one who leaves to the next in line", () => {
    const inbox = new Inbox<number>()
    const told: Array<string> = []
    const [a, b] = [joined(inbox, told, "a"), joined(inbox, told, "b")]
    inbox.push(1)
    inbox.serve()
    inbox.leave(a)
    assert.deepStrictEqual(told, ["a", "b"])
    assert.strictEqual(inbox.takeFor(b), 1)
    assert.strictEqual(inbox.waiting, 0)
  })

  it("keeps the packet of one who leaves when nobody else waits", () => {
    const inbox = new Inbox<number>()
    const place = joined(inbox, [], "a")
    inbox.push(1)
    inbox.serve()
    inbox.leave(place)
    assert.strictEqual(inbox.available, 1)
    assert.strictEqual(inbox.take(), 1)
  })

  it("does not take a packet back from one who was told before its time was up", () => {
    const inbox = new Inbox<number>()
    const place = joined(inbox, [], "a")
    inbox.push(1)
    inbox.serve()
    inbox.expire(place)
    assert.strictEqual(place.state, "Ready")
    assert.strictEqual(inbox.takeFor(place), 1)
  })

  it("tells everybody when all waits end", () => {
    const inbox = new Inbox<number>()
    const told: Array<string> = []
    const places = [joined(inbox, told, "a"), joined(inbox, told, "b")]
    inbox.expireAll()
    assert.deepStrictEqual(told, ["a", "b"])
    assert.deepStrictEqual(
      places.map((place) => inbox.takeFor(place)),
      [undefined, undefined]
    )
  })

  it("may be left twice, and after taking", () => {
    const inbox = new Inbox<number>()
    const place = joined(inbox, [], "a")
    inbox.push(1)
    inbox.push(2)
    inbox.serve()
    assert.strictEqual(inbox.takeFor(place), 1)
    inbox.leave(place)
    inbox.leave(place)
    assert.strictEqual(inbox.takeFor(place), undefined)
    assert.strictEqual(inbox.available, 1)
  })
})
