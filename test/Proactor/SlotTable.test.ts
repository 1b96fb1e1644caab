import { assert, describe, it } from "@effect/vitest"
import { SlotTable } from "../../src/Proactor/SlotTable.js"

describe("a slot table", () => {
  it("finds a tenant by its slot and generation, and nobody by an older one", () => {
    const table = new SlotTable<string>()
    const slot = table.acquire("first")
    const generation = table.generation(slot)
    assert.strictEqual(table.find(slot, generation), "first")
    table.release(slot)
    assert.isUndefined(table.find(slot, generation))
    assert.strictEqual(table.acquire("second"), slot, "the place is taken again")
    assert.isUndefined(table.find(slot, generation), "a late event finds nobody")
    assert.strictEqual(table.find(slot, table.generation(slot)), "second")
    table.release(slot)
    table.release(slot)
    assert.strictEqual(table.size, 0)
    assert.notStrictEqual(table.acquire("third"), table.acquire("fourth"), "a slot is given to one at a time")
  })

  it("tells all its tenants", () => {
    const table = new SlotTable<string>()
    const [, middle] = ["a", "b", "c"].map((name) => table.acquire(name))
    table.release(middle ?? -1)
    assert.deepStrictEqual(table.tenants(), ["a", "c"])
    assert.isUndefined(table.find(99, 0))
    assert.isUndefined(table.find(-1, 0))
  })
})
