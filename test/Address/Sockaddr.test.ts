import { assert, describe, it } from "@effect/vitest"
import * as Equal from "effect/Equal"
import * as fc from "fast-check"
import {
  decodeSockaddr,
  encodeSockaddr,
  encodeSockaddrInto,
  familyNumber,
  format,
  isSocketAddress,
  SOCKADDR_MAX_BYTES,
  type SocketAddress,
  unsafeMake
} from "../../src/Address/index.js"
import { NetworkError } from "../../src/Errors/index.js"
import { anySocketAddress, bytesOf } from "./arbitraries.js"
import { holds } from "./assertions.js"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"))

const platform = fc.constantFrom("linux" as const, "win32" as const)

describe("encodeSockaddr", () => {
  it("writes sockaddr_in", () => {
    const expected = hex(fromHex("0200 1f90 7f000001 0000000000000000"))
    const address = unsafeMake("127.0.0.1", 8080)
    assert.strictEqual(hex(encodeSockaddr(address, "linux")), expected)
    assert.strictEqual(hex(encodeSockaddr(address, "win32")), expected)
  })

  it("writes sockaddr_in6, whose family differs", () => {
    const rest = "1f90 00000000 fe800000000000000000000000000001 04030201"
    const address = unsafeMake(`fe80::1%${0x01020304}`, 8080)
    assert.strictEqual(hex(encodeSockaddr(address, "linux")), hex(fromHex(`0a00 ${rest}`)))
    assert.strictEqual(hex(encodeSockaddr(address, "win32")), hex(fromHex(`1700 ${rest}`)))
    assert.strictEqual(familyNumber("IPv6", "linux"), 10)
    assert.strictEqual(familyNumber("IPv6", "win32"), 23)
    assert.strictEqual(familyNumber("IPv4", "win32"), 2)
  })

  it("writes into the middle of memory that was used before, and only there", () => {
    for (const text of ["1.2.3.4", "::5%6"]) {
      const address = unsafeMake(text, 7)
      const memory = new Uint8Array(64).fill(0xee)
      const length = encodeSockaddrInto(address, "linux", memory, 8)
      const expected = new Uint8Array(64).fill(0xee)
      expected.set(encodeSockaddr(address, "linux"), 8)
      assert.strictEqual(hex(memory), hex(expected))
      assert.strictEqual(length, encodeSockaddr(address, "linux").length)
    }
  })

  it("refuses addresses put together wrongly, with the typed error", () => {
    const right = unsafeMake("fe80::1%2", 80)
    const wrong: ReadonlyArray<Partial<Record<keyof SocketAddress, unknown>>> = [
      { host: "localhost" },
      { host: "127.0.0.1" },
      { host: "fe80::1%2" },
      { host: "" },
      { host: undefined },
      { family: "IPv4" },
      { port: 65_536 },
      { port: -1 },
      { port: 1.5 },
      { port: Number.NaN },
      { scopeId: -1 },
      { scopeId: 4_294_967_296 },
      { scopeId: 0.5 }
    ]
    for (const parts of wrong) {
      const address = { ...right, ...parts } as SocketAddress
      const thrown = assertThrows(() => encodeSockaddr(address, "linux"))
      assert.instanceOf(thrown, NetworkError, JSON.stringify(parts))
      assert.strictEqual(thrown.reason, "InvalidArgument")
    }
  })
})

const assertThrows = (run: () => unknown): NetworkError => {
  try {
    run()
  } catch (thrown) {
    if (thrown instanceof NetworkError) return thrown
    assert.fail(`threw something else: ${String(thrown)}`)
  }
  assert.fail("did not throw")
}

describe("decodeSockaddr", () => {
  it("reads what encodeSockaddr wrote", () => {
    holds(
      fc.property(anySocketAddress, platform, fc.nat({ max: 100 }), (address, system, extra) => {
        const encoded = encodeSockaddr(address, system)
        assert.strictEqual(encoded.length, address.family === "IPv4" ? 16 : 28)
        assert.isAtMost(encoded.length, SOCKADDR_MAX_BYTES)
        assert.include(hex(encoded), hex(bytesOf(address.host)))
        const storage = new Uint8Array(encoded.length + extra).fill(0xee)
        storage.set(encoded)
        const decoded = decodeSockaddr(storage, system)
        assert.isTrue(Equal.equals(decoded, address), format(address))
        assert.deepStrictEqual(decoded, address)
      }),
      2000
    )
  })

  it("reads from the middle of memory", () => {
    const memory = new Uint8Array(64)
    memory.set(encodeSockaddr(unsafeMake("::1", 80), "linux"), 5)
    const decoded = decodeSockaddr(memory.subarray(5), "linux")
    assert.strictEqual(decoded === undefined ? undefined : format(decoded), "[::1]:80")
  })

  it("has nothing to say of other families", () => {
    const storage = new Uint8Array(128)
    assert.isUndefined(decodeSockaddr(storage, "linux"))
    for (const [system, family] of [
      ["linux", 1],
      ["linux", 23],
      ["win32", 10],
      ["win32", 1],
      ["linux", 0x0102]
    ] as const) {
      storage[0] = family & 0xff
      storage[1] = family >> 8
      assert.isUndefined(decodeSockaddr(storage, system), `${system} ${family}`)
    }
  })

  it("has nothing to say of too few bytes", () => {
    const ipv4 = encodeSockaddr(unsafeMake("1.2.3.4", 5), "linux")
    const ipv6 = encodeSockaddr(unsafeMake("::5", 6), "linux")
    for (let length = 0; length < 16; length++) {
      assert.isUndefined(decodeSockaddr(ipv4.subarray(0, length), "linux"))
    }
    for (let length = 0; length < 28; length++) {
      assert.isUndefined(decodeSockaddr(ipv6.subarray(0, length), "linux"))
    }
  })

  it("makes an address of any bytes or nothing, and never throws", () => {
    const anyBytes = fc.uint8Array({ maxLength: 40 })
    const families = fc.constantFrom(0, 1, 2, 10, 23, 255)
    holds(
      fc.property(anyBytes, families, platform, (bytes, family, system) => {
        if (bytes.length > 1) bytes.set([family, 0])
        const decoded = decodeSockaddr(bytes, system)
        if (decoded !== undefined) assert.isTrue(isSocketAddress({ ...decoded }))
      }),
      1000
    )
  })
})
