import { isIP } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as fc from "fast-check"
import { family, formatIp, isIp, parseIp } from "../../src/Address/index.js"
import { anyAddressText, anyIPv4, anyIPv6, sparseIPv6 } from "./arbitraries.js"
import { holds } from "./assertions.js"

const reprint = (text: string): string | undefined =>
  Option.getOrUndefined(Option.flatMap(parseIp(text), formatIp))

const bytesOf = (text: string): ReadonlyArray<number> | undefined =>
  Option.getOrUndefined(Option.map(parseIp(text), (bytes) => Array.from(bytes)))

describe("IPv4 text", () => {
  it("reads four decimal parts", () => {
    assert.deepStrictEqual(bytesOf("0.0.0.0"), [0, 0, 0, 0])
    assert.deepStrictEqual(bytesOf("127.0.0.1"), [127, 0, 0, 1])
    assert.deepStrictEqual(bytesOf("255.255.255.255"), [255, 255, 255, 255])
  })

  it.each([
    "",
    ".",
    "...",
    "1",
    "127.1",
    "1.2.3",
    "1.2.3.",
    ".1.2.3",
    "1..2.3",
    "1.2.3.4.",
    "1.2.3.4.5",
    "01.2.3.4",
    "1.2.3.04",
    "00.0.0.0",
    "256.0.0.1",
    "1.2.3.1000",
    "0x7f.0.0.1",
    "2130706433",
    "+1.2.3.4",
    "-1.2.3.4",
    "1.2.3.4 ",
    " 1.2.3.4",
    "1.2.3.4\n",
    "1.2.3.4\0",
    "1.2.3.4/8",
    "1.2.3.4%1",
    "1.2.3.4:80",
    "[1.2.3.4]",
    "1e1.0.0.1",
    "\uff11.2.3.4",
    "\u0661.2.3.4"
  ])("refuses %j", (text) => {
    assert.isTrue(Option.isNone(parseIp(text)))
    assert.isFalse(isIp(text))
    assert.isUndefined(family(text))
  })
})

describe("IPv6 text", () => {
  it.each([
    // RFC 5952: leading zeros, what :: stands for, case.
    ["2001:0db8::0001", "2001:db8::1"],
    ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
    ["2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:DB8::ABCD", "2001:db8::abcd"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["1:0:0:0:0:0:0:0", "1::"],
    ["::", "::"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8"],
    ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    // IPv4 inside: only mapped addresses print it.
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["::FFFF:c000:201", "::ffff:192.0.2.1"],
    ["::ffff:0:0", "::ffff:0.0.0.0"],
    ["0:0:0:0:0:ffff:1.2.3.4", "::ffff:1.2.3.4"],
    ["::1.2.3.4", "::102:304"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
    ["1::5:1.2.3.4", "1::5:102:304"],
    ["1:2:3:4:5::1.2.3.4", "1:2:3:4:5:0:102:304"]
  ])("reads %s, prints %s", (text, printed) => {
    assert.strictEqual(reprint(text), printed)
    assert.strictEqual(family(text), "IPv6")
  })

  it.each([
    ":",
    ":::",
    "1",
    "1:",
    ":1",
    "1:2",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:",
    ":1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:",
    ":1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "1:2:3:4::5:6:7:8",
    "1::2::3",
    "::1::",
    "1:::2",
    "12345::",
    "00000::",
    "g::",
    "::-1",
    "::1 ",
    " ::1",
    "::1\n",
    "::1%1",
    "::1%",
    "[::1]",
    "::1/64",
    "::1.2.3",
    "::1.2.3.4.5",
    "::1.2.3.4:5",
    "::01.2.3.4",
    "::256.2.3.4",
    "::a.2.3.4",
    "1.2.3.4::",
    "1.2.3.4:1:2:3:4:5:6",
    "1:2:3:4:5:6:7:1.2.3.4",
    "1:2:3:4:5:6::1.2.3.4:",
    "1:2:3:4:5:1.2.3.4",
    "::ffff:127.1",
    "\uff11::"
  ])("refuses %j", (text) => {
    assert.isTrue(Option.isNone(parseIp(text)))
    assert.isFalse(isIp(text))
  })
})

describe("IP addresses in general", () => {
  it("printing has nothing to say of other lengths", () => {
    for (const length of [0, 1, 3, 5, 15, 17, 28]) {
      assert.isTrue(Option.isNone(formatIp(new Uint8Array(length))))
    }
  })

  it("every address is read back as it was printed", () => {
    holds(
      fc.property(fc.oneof(anyIPv4, anyIPv6, sparseIPv6), (bytes) => {
        const text = Option.getOrThrow(formatIp(bytes))
        assert.deepStrictEqual(bytesOf(text), Array.from(bytes))
        assert.strictEqual(isIP(text), bytes.length === 4 ? 4 : 6)
      }),
      2000
    )
  })

  it("a printed IPv6 address is canonical", () => {
    holds(
      fc.property(fc.oneof(anyIPv6, sparseIPv6), (bytes) => {
        const text = Option.getOrThrow(formatIp(bytes))
        assert.strictEqual(text, text.toLowerCase())
        assert.notMatch(text, /(^|:)0[0-9a-f]/)
        // Where the URL parser agrees with RFC 5952: it prints IPv4-mapped addresses in hexadecimal.
        if (!text.includes(".")) assert.strictEqual(new URL(`http://[${text}]/`).hostname, `[${text}]`)
      }),
      2000
    )
  })

  it("agrees with Node on what is an address", () => {
    holds(
      fc.property(anyAddressText, (text) => {
        if (text.includes("%")) return
        const expected = { 0: undefined, 4: "IPv4", 6: "IPv6" }[isIP(text)]
        assert.strictEqual(family(text), expected)
        assert.strictEqual(isIp(text), expected !== undefined)
        assert.strictEqual(Option.isSome(parseIp(text)), expected !== undefined)
      }),
      5000
    )
  })
})
