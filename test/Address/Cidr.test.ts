/**
 * Ranges of addresses.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import fc from "fast-check"
import { parseRanges } from "../../src/Address/Cidr.js"

const within = (range: string, host: string): boolean =>
  Either.match(parseRanges([range]), { onLeft: () => false, onRight: (contains) => contains(host) })

describe("ranges of addresses", () => {
  for (const [range, host, expected] of [
    ["10.0.0.0/8", "10.255.0.1", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.3", "10.1.2.4", false],
    ["192.168.4.0/22", "192.168.7.255", true],
    ["192.168.4.0/22", "192.168.8.0", false],
    ["192.168.5.1/22", "192.168.4.9", true],
    ["0.0.0.0/0", "8.8.8.8", true],
    ["0.0.0.0/0", "::1", false],
    ["10.0.0.0/8", "::ffff:10.1.1.1", true],
    ["::/0", "::1", true],
    ["::/0", "10.0.0.1", false],
    ["fd00::/8", "fdff::1", true],
    ["fd00::/8", "fe00::1", false],
    ["2001:db8::/33", "2001:db8:7fff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["10.0.0.0/8", "no address", false]
  ] as const) {
    it(`${host} is ${expected ? "" : "not "}within ${range}`, () =>
      assert.strictEqual(within(range, host), expected))
  }

  for (const range of [
    "",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0/8",
    "example.org",
    "/8",
    "::1/"
  ]) {
    it(`${JSON.stringify(range)} is none`, () => {
      const failure = Either.getOrThrow(Either.flip(parseRanges(["::1", range])))
      assert.strictEqual(failure.reason, "InvalidArgument")
    })
  }

  it("of any text it is one or it is not, and an address is within its own range of any length", () =>
    fc.assert(
      fc.property(fc.string(), fc.ipV4(), fc.ipV6(), fc.nat(32), (text, fourth, sixth, bits) => {
        parseRanges([text])
        assert.isTrue(within(`${fourth}/${bits}`, fourth))
        assert.isTrue(within(`${sixth}/${bits}`, sixth))
      })
    ))
})
