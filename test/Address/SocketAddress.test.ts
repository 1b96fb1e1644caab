import { isIPv4, isIPv6 } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as HashSet from "effect/HashSet"
import * as fc from "fast-check"
import {
  anyAddress,
  Equivalence,
  format,
  isSocketAddress,
  loopbackAddress,
  make,
  parse,
  unsafeMake
} from "../../src/Address/index.js"
import { NetworkError } from "../../src/Errors/index.js"
import { anyAddressText, anySocketAddress } from "./arbitraries.js"
import { assertInvalid, holds } from "./assertions.js"

const plain = (value: object): object => ({ ...value })

describe("make", () => {
  it("makes addresses of both families", () => {
    assert.deepStrictEqual(plain(unsafeMake("127.0.0.1", 80)), {
      _tag: "SocketAddress",
      family: "IPv4",
      host: "127.0.0.1",
      port: 80,
      scopeId: 0
    })
    assert.deepStrictEqual(plain(unsafeMake("FE80:0::1%2", 65_535)), {
      _tag: "SocketAddress",
      family: "IPv6",
      host: "fe80::1",
      port: 65_535,
      scopeId: 2
    })
  })

  it("takes brackets around IPv6 and nothing else", () => {
    assert.strictEqual(format(unsafeMake("[::1]", 1)), "[::1]:1")
    assert.strictEqual(format(unsafeMake("[fe80::1%7]", 1)), "[fe80::1%7]:1")
    for (const host of ["[127.0.0.1]", "[::1", "::1]", "[[::1]]", "[]", "[:]"]) assertInvalid(make(host, 1))
  })

  it.each([-1, 65_536, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "refuses port %d",
    (port) => {
      assertInvalid(make("127.0.0.1", port), /port/i)
    }
  )

  it("takes no negative zero for a port", () => {
    assert.isTrue(Object.is(unsafeMake("127.0.0.1", -0).port, 0))
  })

  it("refuses what is not of the right type, as from untyped code", () => {
    const untyped = make as (...args: ReadonlyArray<unknown>) => ReturnType<typeof make>
    for (const port of ["80", undefined, null, 80n, {}, Symbol("80")]) {
      assertInvalid(untyped("127.0.0.1", port), /port/i)
    }
    for (const host of [undefined, null, 1, {}, Symbol("host")]) assertInvalid(untyped(host, 80), /host/i)
  })

  it("refuses names, saying who resolves them", () => {
    const error = assertInvalid(make("localhost", 80), /resolver/)
    assert.strictEqual(error.operation, "address")
    assert.strictEqual(error.address, "localhost:80")
    assert.isUndefined(error.syscall)
    assert.isUndefined(error.code)
  })

  it("refuses zones that are no number of 32 bits", () => {
    assert.strictEqual(unsafeMake("fe80::1%0", 1).scopeId, 0)
    assert.strictEqual(unsafeMake("fe80::1%4294967295", 1).scopeId, 4_294_967_295)
    for (const zone of ["eth0", "4294967296", "99999999999", "01", "-1", "1.5", " 1", "%1", "1%"]) {
      assertInvalid(make(`fe80::1%${zone}`, 1), /zone/)
    }
    assertInvalid(make("fe80::1%", 1))
    assertInvalid(make("127.0.0.1%1", 1))
  })

  it("throws the typed error from unsafeMake", () => {
    assert.throws(() => unsafeMake("nobody", 80), NetworkError)
  })

  it("keeps long and odd hosts out of the message", () => {
    const error = assertInvalid(make("x".repeat(100_000), 80))
    assert.isBelow(error.message.length, 400)
    assertInvalid(make("127.0.0.1\0.example", 80), /NUL/)
    assertInvalid(make("", 80), /missing/)
  })

  it("never throws, and takes what Node takes", () => {
    holds(
      fc.property(anyAddressText, fc.oneof(fc.integer(), fc.double()), (host, port) => {
        const made = make(host, port)
        if (host.includes("%") || host.startsWith("[")) return
        const isPort = Number.isInteger(port) && port >= 0 && port <= 65_535
        assert.strictEqual(Either.isRight(made), isPort && (isIPv4(host) || isIPv6(host)))
      }),
      2000
    )
  })
})

describe("format and parse", () => {
  it("prints as people write", () => {
    assert.strictEqual(format(unsafeMake("127.0.0.1", 80)), "127.0.0.1:80")
    assert.strictEqual(format(unsafeMake("::1", 80)), "[::1]:80")
    assert.strictEqual(format(unsafeMake("fe80::1%2", 80)), "[fe80::1%2]:80")
    assert.strictEqual(format(unsafeMake("fe80::1%0", 80)), "[fe80::1]:80")
    assert.strictEqual(String(unsafeMake("::ffff:1.2.3.4", 0)), "[::ffff:1.2.3.4]:0")
  })

  it("prints addresses put together by hand", () => {
    const byHand = { _tag: "SocketAddress", family: "IPv6", host: "::1", port: 8, scopeId: 3 } as const
    assert.strictEqual(format(byHand), "[::1%3]:8")
  })

  it("reads back every address that it prints", () => {
    holds(
      fc.property(anySocketAddress, (address) => {
        const read = Either.getOrThrow(parse(format(address)))
        assert.deepStrictEqual(plain(read), plain(address))
        assert.isTrue(Equal.equals(read, address))
        assert.strictEqual(Hash.hash(read), Hash.hash(address))
      }),
      2000
    )
  })

  it("never throws on other text", () => {
    holds(
      fc.property(anyAddressText, fc.string(), (host, port) => {
        for (const text of [host, `${host}:${port}`, `[${host}]:${port}`, `${host}:1`, `[${host}]:1`]) {
          Either.match(parse(text), {
            onLeft: (error) => assert.instanceOf(error, NetworkError),
            onRight: (address) => assert.isTrue(isSocketAddress(address))
          })
        }
      }),
      2000
    )
  })
})

describe("any and loopback", () => {
  it("are what their names say", () => {
    assert.strictEqual(format(anyAddress("IPv4")), "0.0.0.0:0")
    assert.strictEqual(format(anyAddress("IPv6", 80)), "[::]:80")
    assert.strictEqual(format(loopbackAddress("IPv4", 80)), "127.0.0.1:80")
    assert.strictEqual(format(loopbackAddress("IPv6")), "[::1]:0")
  })

  it("throw the typed error on a port out of range", () => {
    assert.throws(() => anyAddress("IPv4", 65_536), NetworkError)
    assert.throws(() => loopbackAddress("IPv6", -1), NetworkError)
  })
})

describe("equality", () => {
  it("compares by content", () => {
    const same = [unsafeMake("::1", 80), unsafeMake("[0:0::1]", 80), loopbackAddress("IPv6", 80)]
    assert.strictEqual(HashSet.size(HashSet.fromIterable(same)), 1)
    const others = ["[::1]:81", "[::2]:80", "[::1%1]:80", "127.0.0.1:80", "[::ffff:127.0.0.1]:80"]
    for (const text of others) {
      const other = Either.getOrThrow(parse(text))
      assert.isFalse(Equal.equals(same[0], other), text)
    }
  })

  it("has an equivalence for addresses put together by hand", () => {
    const address = unsafeMake("fe80::1%2", 80)
    assert.isTrue(Equivalence(address, { ...address }))
    assert.isFalse(Equivalence(address, { ...address, scopeId: 3 }))
    assert.isFalse(Equal.equals(address, { ...address }))
  })
})

describe("isSocketAddress", () => {
  it("knows addresses, however they were made", () => {
    holds(
      fc.property(anySocketAddress, (address) => {
        assert.isTrue(isSocketAddress(address))
        assert.isTrue(isSocketAddress({ ...address }))
        assert.isTrue(isSocketAddress(JSON.parse(JSON.stringify(address))))
      })
    )
  })

  it("looks at every part", () => {
    const right = { ...unsafeMake("127.0.0.1", 80) }
    const right6 = { ...unsafeMake("fe80::1%2", 80) }
    const wrong: ReadonlyArray<unknown> = [
      undefined,
      null,
      1,
      "127.0.0.1:80",
      [],
      {},
      { ...right, _tag: "Other" },
      { ...right, family: "IPv6" },
      { ...right, family: "ipv4" },
      { ...right, host: "localhost" },
      { ...right, host: 1 },
      { ...right, port: 65_536 },
      { ...right, port: "80" },
      { ...right, scopeId: 1 },
      { ...right6, family: "IPv4" },
      { ...right6, host: "FE80::1" },
      { ...right6, host: "[fe80::1]" },
      { ...right6, host: "fe80::1%2" },
      { ...right6, scopeId: -1 },
      { ...right6, scopeId: 4_294_967_296 },
      { ...right6, scopeId: undefined }
    ]
    for (const value of wrong) assert.isFalse(isSocketAddress(value), JSON.stringify(value))
  })
})
