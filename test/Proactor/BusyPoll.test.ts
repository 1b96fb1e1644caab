import { assert, describe, it } from "@effect/vitest"
import { BusyPoll } from "../../src/Proactor/BusyPoll.js"

const oneTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await oneTurn()
}

/** A busy poll with a clock that its test sets, and the system that it polls. */
const subject = () => {
  const state = { nowMillis: 0, held: 0, polls: 0, found: [] as Array<number> }
  const busyPoll = new BusyPoll(() => state.nowMillis)
  const poll = () => {
    state.polls += 1
    return state.held
  }
  const onFound = (held: number) => {
    state.found.push(held)
  }
  return { state, busyPoll, begin: () => busyPoll.begin(poll, onFound) }
}

type Subject = ReturnType<typeof subject>

/** A batch of few comes, and the loop is about to sleep. Whether it looks then. */
const chance = ({ begin, busyPoll }: Subject): boolean => {
  busyPoll.noted(1)
  begin()
  return busyPoll.isLooking
}

const lookInVain = async ({ busyPoll, state }: Subject) => {
  state.nowMillis += 1
  await oneTurn()
  assert.isFalse(busyPoll.isLooking)
}

const lookWithSuccess = async ({ busyPoll, state }: Subject) => {
  await turns(2)
  state.held = 1
  await oneTurn()
  state.held = 0
  assert.isFalse(busyPoll.isLooking)
}

describe("BusyPoll", () => {
  it("looks once in every turn of the event loop, so that everybody else has theirs", async () => {
    const given = subject()
    assert.isTrue(chance(given))
    assert.strictEqual(given.state.polls, 0)
    await turns(10)
    assert.approximately(given.state.polls, 10, 1)
    assert.isTrue(given.busyPoll.isLooking)
    given.busyPoll.stop()
  })

  it("tells what it finds, and is over", async () => {
    const given = subject()
    chance(given)
    await lookWithSuccess(given)
    assert.deepStrictEqual(given.state.found, [1])
    const { polls } = given.state
    await turns(3)
    assert.strictEqual(given.state.polls, polls)
  })

  it("may begin again while it tells", async () => {
    const given = subject()
    let begunWithin = false
    given.busyPoll.noted(1)
    given.busyPoll.begin(
      () => 1,
      () => {
        begunWithin = chance(given)
      }
    )
    await oneTurn()
    assert.isTrue(begunWithin)
    assert.isTrue(given.busyPoll.isLooking)
    given.busyPoll.stop()
  })

  it("ends when the time is over", async () => {
    const given = subject()
    chance(given)
    await turns(2)
    await lookInVain(given)
    assert.deepStrictEqual(given.state.found, [])
  })

  it("ends when others find something, or nobody wants to know", async () => {
    for (const end of ["found", "stop"] as const) {
      const given = subject()
      chance(given)
      await turns(2)
      given.busyPoll[end]()
      assert.isFalse(given.busyPoll.isLooking)
      const { polls } = given.state
      await turns(3)
      assert.strictEqual(given.state.polls, polls)
    }
  })

  it("begins once after a batch of few, and not after one of many or none", () => {
    const given = subject()
    given.begin()
    assert.isFalse(given.busyPoll.isLooking)
    given.busyPoll.noted(3)
    given.begin()
    assert.isFalse(given.busyPoll.isLooking)
    given.busyPoll.noted(2)
    given.busyPoll.noted(0)
    given.begin()
    assert.isTrue(given.busyPoll.isLooking)
    given.busyPoll.stop()
    given.begin()
    assert.isFalse(given.busyPoll.isLooking)
  })

  it("passes chances over, more and more of them, where it is in vain", async () => {
    const given = subject()
    const passed: Array<number> = []
    for (let series = 0; series < 13; series++) {
      for (let trial = 0; trial < 4; trial++) {
        if (trial > 0) assert.isTrue(chance(given))
        else {
          let chances = 0
          while (!chance(given)) chances += 1
          passed.push(chances)
        }
        await lookInVain(given)
      }
    }
    assert.deepStrictEqual(passed, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024])
  })

  it("passes chances over where there is something at the first look: the thread would not have slept", async () => {
    const given = subject()
    given.state.held = 1
    for (let trial = 0; trial < 4; trial++) {
      assert.isTrue(chance(given))
      await oneTurn()
    }
    assert.isFalse(chance(given))
  })

  it("goes on where it pays, also if it does not now and then", async () => {
    const given = subject()
    for (let round = 0; round < 50; round++) {
      assert.isTrue(chance(given))
      if (round % 5 === 4) await lookInVain(given)
      else await lookWithSuccess(given)
    }
  })

  it("one success among the trials, and it looks as before", async () => {
    const given = subject()
    for (let trial = 0; trial < 12; trial++) {
      while (!chance(given));
      await lookInVain(given)
    }
    while (!chance(given));
    await lookWithSuccess(given)
    for (let trial = 0; trial < 5; trial++) {
      assert.isTrue(chance(given))
      await lookInVain(given)
    }
    assert.isFalse(chance(given))
    assert.isTrue(chance(given))
    given.busyPoll.stop()
  })
})
