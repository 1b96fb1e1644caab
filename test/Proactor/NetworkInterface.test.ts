import { networkInterfaces } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { findInterface, type KnownInterfaces } from "../../src/Proactor/NetworkInterface.js"
import { holds } from "../Address/assertions.js"

const known: KnownInterfaces = {
  lo: [
    { address: "127.0.0.1", family: "IPv4" },
    { address: "::1", family: "IPv6", scopeid: 0 }
  ],
  eth0: [
    { address: "192.0.2.7", family: "IPv4" },
    { address: "192.0.2.8", family: "IPv4" },
    { address: "fe80::8", family: "IPv6", scopeid: 3 }
  ]
}

describe("an interface", () => {
  it("is found by its name", () => {
    assert.deepStrictEqual(findInterface("lo", known), {
      name: "lo",
      index: undefined,
      ipv4: "127.0.0.1"
    })
  })

  it("is found by each of its addresses, however they are written", () => {
    const eth0 = { name: "eth0", index: 3 }
    assert.deepStrictEqual(findInterface("192.0.2.8", known), { ...eth0, ipv4: "192.0.2.8" })
    assert.deepStrictEqual(findInterface("FE80:0::8", known), { ...eth0, ipv4: "192.0.2.7" })
  })

  it("is found by its index, and by that of a zone", () => {
    for (const wanted of [7, "fe80::1%7"]) {
      assert.deepInclude(findInterface(wanted, known), { name: undefined, index: 7 })
    }
    assert.deepInclude(findInterface("fe80::1%eth9", known), { name: "eth9", index: undefined })
  })

  it("that nobody knows has the name that was asked for: the system may know it", () => {
    assert.deepInclude(findInterface("wg0", known), { name: "wg0", index: undefined, ipv4: undefined })
    assert.deepInclude(findInterface("constructor", known), { name: "constructor", ipv4: undefined })
  })

  it("is not found by an address that is nobody's here", () => {
    assert.isUndefined(findInterface("198.51.100.1", known))
    assert.isUndefined(findInterface("::2", known))
  })

  for (const wanted of [0, -1, 1.5, Number.NaN, 2 ** 32, "", "e\0th0"]) {
    it(`${JSON.stringify(wanted)} is none, and it is said why`, () => {
      assert.isString(findInterface(wanted, known))
    })
  }

  it("of this host is found by every address that Node tells", () => {
    for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
      for (const { address } of addresses) {
        const found = findInterface(address)
        // Several may have the same link-local address.
        if (!address.startsWith("fe80")) assert.deepInclude(found, { name })
      }
    }
  })

  it("is looked for in any text without harm", () => {
    holds(fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (text) => void findInterface(text, known)))
  })
})
