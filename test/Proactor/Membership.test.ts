import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { formatIp } from "../../src/Address/index.js"
import { isSocketError } from "../../src/Errors/index.js"
import { isGroup, parseMembership } from "../../src/Proactor/Membership.js"
import { anyIPv4, anyIPv6 } from "../Address/arbitraries.js"
import { holds } from "../Address/assertions.js"

const textOf = (bytes: Uint8Array): string => {
  const text = formatIp(bytes)
  return text._tag === "Some" ? text.value : ""
}

describe("a group", () => {
  it("is what begins with 1110, of IPv4", () => {
    holds(
      fc.property(anyIPv4, (bytes) => {
        const [first = 0] = bytes
        assert.strictEqual(isGroup(textOf(bytes)), first >> 4 === 0b1110)
      })
    )
  })

  it("is what begins with ff, of IPv6", () => {
    holds(
      fc.property(
        anyIPv6,
        fc.constantFrom(0xff, 0xfe, 0),
        fc.constantFrom(0xff, 0, 2),
        (bytes, first, second) => {
          bytes[0] = first
          bytes[1] = second
          assert.strictEqual(isGroup(textOf(bytes)), first === 0xff)
        }
      )
    )
  })
})

describe("a membership", () => {
  it("is taken apart, its addresses in canonical form", () => {
    const parsed = parseMembership("joinGroup", "IPv6", { group: "FF02:0::1", source: "2001:DB8::1" })
    if (isSocketError(parsed)) throw parsed
    assert.deepStrictEqual(
      [parsed.group.host, parsed.source?.host, parsed.interface],
      ["ff02::1", "2001:db8::1", undefined]
    )
  })

  it("is on the interface of its zone, if it names none itself", () => {
    assert.deepInclude(parseMembership("joinGroup", "IPv6", { group: "ff02::1%4" }), { interface: 4 })
    const both = { group: "ff02::1%4", interface: "lo" }
    assert.deepInclude(parseMembership("joinGroup", "IPv6", both), { interface: "lo" })
  })

  it("that is none is refused, as from untyped code", () => {
    for (const membership of [undefined, "239.1.2.3", { group: 7 }, { group: "239.1.2.3", source: 7 }]) {
      const parsed = Reflect.apply(parseMembership, undefined, ["joinGroup", "IPv4", membership])
      assert.deepInclude(parsed, { reason: "InvalidArgument", operation: "joinGroup" })
    }
  })

  it("of whatever it is put together is taken apart, or refused with a typed error", () => {
    const text = fc.oneof(fc.string(), fc.ipV4(), fc.ipV6())
    holds(
      fc.property(
        fc.constantFrom("IPv4" as const, "IPv6" as const),
        text,
        fc.option(text),
        (family, group, source) => {
          const parsed = parseMembership("leaveGroup", family, { group, source: source ?? undefined })
          if (isSocketError(parsed)) {
            assert.deepInclude(parsed, { reason: "InvalidArgument", operation: "leaveGroup" })
          } else {
            assert.isTrue(isGroup(parsed.group.host))
          }
        }
      )
    )
  })
})
