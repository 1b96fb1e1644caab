import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Iocp from "../../src/Iocp/index.js"

const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })

describe("the layout of OVERLAPPED", () => {
  it("has every field where x64 has it", () => {
    const bytes = Iocp.packOverlapped({
      internal: 0x0807_0605_0403_0201n,
      internalHigh: 0x1817_1615_1413_1211n,
      offset: 0x2423_2221,
      offsetHigh: 0x3433_3231,
      hEvent: 0x4847_4645_4443_4241n
    })
    const expected = [
      [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08],
      [0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18],
      [0x21, 0x22, 0x23, 0x24, 0x31, 0x32, 0x33, 0x34],
      [0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48]
    ].flat()
    assert.strictEqual(Iocp.OVERLAPPED_BYTES, 32)
    assert.deepStrictEqual([...bytes], expected)
  })

  it("is all zeros by default", () => {
    assert.deepStrictEqual([...Iocp.packOverlapped()], new Array(32).fill(0))
  })

  const fields = fc.record({
    internal: word,
    internalHigh: word,
    offset: fc.nat(0xffff_ffff),
    offsetHigh: fc.nat(0xffff_ffff),
    hEvent: word
  })

  it.prop("unpacks what was packed", [fields], ([value]) => {
    const unpacked = Either.getOrThrow(Iocp.unpackOverlapped(Iocp.packOverlapped(value)))
    assert.deepStrictEqual(unpacked, { ...value })
  })

  it("unpacks from the middle of a larger buffer", () => {
    const buffer = new Uint8Array(100).fill(0xee)
    buffer.set(Iocp.packOverlapped({ offset: 7, hEvent: 9n }), 13)
    const unpacked = Either.getOrThrow(Iocp.unpackOverlapped(buffer.subarray(13)))
    assert.deepStrictEqual(unpacked, { internal: 0n, internalHigh: 0n, offset: 7, offsetHigh: 0, hEvent: 9n })
  })

  it("stores the lowest bits of what is too large", () => {
    const unpacked = Either.getOrThrow(
      Iocp.unpackOverlapped(Iocp.packOverlapped({ internal: 2n ** 64n + 5n, offset: 2 ** 32 + 6 }))
    )
    assert.strictEqual(unpacked.internal, 5n)
    assert.strictEqual(unpacked.offset, 6)
  })

  it("refuses fewer than 32 bytes", () => {
    const error = Either.getOrThrow(Either.flip(Iocp.unpackOverlapped(new Uint8Array(31))))
    assert.strictEqual(error._tag, "NetworkError")
    assert.strictEqual(error.reason, "InvalidArgument")
    assert.strictEqual(error.operation, "unpackOverlapped")
  })
})
