import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Iocp from "../../src/Iocp/index.js"

const record = (operation: string): Iocp.CompletionKey => ({ socket: 4, operation, data: { operation } })

describe("completion keys", () => {
  it("find what they stand for", () => {
    const keys = Iocp.makeCompletionKeys()
    const [receive, send] = [record("receive"), record("send")]
    const [a, b] = [keys.register(receive), keys.register(send)]
    assert.notStrictEqual(a, b)
    assert.strictEqual(Option.getOrThrow(keys.find(a)), receive)
    assert.strictEqual(Option.getOrThrow(keys.find(b)), send)
    assert.strictEqual(keys.size, 2)
  })

  it("find nothing once released, also when the slot has a new tenant", () => {
    const keys = Iocp.makeCompletionKeys()
    const stale = keys.register(record("accept"))
    assert.isTrue(keys.release(stale))
    assert.isFalse(keys.release(stale))
    const fresh = keys.register(record("connect"))
    assert.strictEqual(stale & 0xffff_ffffn, fresh & 0xffff_ffffn, "the slot is used again")
    assert.isTrue(Option.isNone(keys.find(stale)))
    assert.isFalse(keys.release(stale), "a stale key does not release the new tenant")
    assert.strictEqual(Option.getOrThrow(keys.find(fresh)).operation, "connect")
    assert.strictEqual(keys.size, 1)
  })

  it("are never small numbers, and find nothing where nothing was registered", () => {
    const keys = Iocp.makeCompletionKeys()
    assert.isTrue(keys.register(record("receive")) > 0xffff_ffffn)
    for (const key of [0n, 1n, 2n ** 32n + 1n, 2n ** 64n - 1n])
      assert.isTrue(Option.isNone(keys.find(key)), `${key}`)
  })

  it("fit into 64 bits after many generations", () => {
    const keys = Iocp.makeCompletionKeys<string>()
    const seen = new Set<bigint>()
    for (let index = 0; index < 1000; index++) {
      const key = keys.register("again")
      assert.strictEqual(BigInt.asUintN(64, key), key)
      assert.isFalse(seen.has(key))
      seen.add(key)
      keys.release(key)
    }
    assert.strictEqual(keys.size, 0)
  })
})
