import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  decodeSockaddr,
  encodeSockaddr,
  format,
  type SocketAddress,
  unsafeMake
} from "../../src/Address/index.js"
import { isSocketError } from "../../src/Errors/index.js"
import { SockaddrCache, sendable } from "../../src/Proactor/SockaddrCache.js"
import { anySocketAddress } from "../Address/arbitraries.js"
import { holds } from "../Address/assertions.js"

/** A `sockaddr` in the middle of others, as a call leaves it. */
const written = (address: SocketAddress, platform: "linux" | "win32") => {
  const words = new Uint32Array(24).fill(0xffff_ffff)
  const bytes = new Uint8Array(words.buffer, 32, 28)
  bytes.set(encodeSockaddr(address, platform))
  return { words, at: 8, bytes }
}

/** Few ports and hosts, so that addresses meet in the tables. */
const crowded: fc.Arbitrary<SocketAddress> = fc
  .tuple(
    fc.constantFrom("10.0.0.1", "10.0.0.2", "10.2.0.1", "::1", "fe80::1%2", "fe80::1%3"),
    fc.nat({ max: 3 })
  )
  .map(([host, port]) => unsafeMake(host, 53 + port * 512))

const encoded = (cache: SockaddrCache, address: SocketAddress): Uint8Array => {
  const bytes = cache.encode(address)
  if (isSocketError(bytes)) throw bytes
  return bytes
}

for (const platform of ["linux", "win32"] as const) {
  describe(`addresses that are kept, ${platform}`, () => {
    it("are read as they would be without", () => {
      holds(
        fc.property(fc.array(fc.oneof(anySocketAddress, crowded), { maxLength: 50 }), (addresses) => {
          const caches = {
            IPv4: new SockaddrCache(platform, "IPv4"),
            IPv6: new SockaddrCache(platform, "IPv6")
          }
          for (const address of [...addresses, ...addresses]) {
            const { at, bytes, words } = written(address, platform)
            assert.deepStrictEqual(caches[address.family].decode(words, at, bytes), address)
          }
        })
      )
    })

    it("are written as they would be without", () => {
      holds(
        fc.property(fc.array(fc.oneof(anySocketAddress, crowded), { maxLength: 50 }), (addresses) => {
          const caches = {
            IPv4: new SockaddrCache(platform, "IPv4"),
            IPv6: new SockaddrCache(platform, "IPv6")
          }
          for (const address of [...addresses, ...addresses]) {
            if (address.port === 0) continue
            const bytes = encoded(caches[address.family], address)
            assert.deepStrictEqual([...bytes], [...encodeSockaddr(address, platform)])
          }
        })
      )
    })

    it("are the same object as long as nobody else took their place", () => {
      const cache = new SockaddrCache(platform, "IPv4")
      const { at, bytes, words } = written(unsafeMake("10.0.0.1", 53), platform)
      const first = cache.decode(words, at, bytes)
      assert.strictEqual(cache.decode(words, at, bytes), first)
      const address = unsafeMake("10.0.0.9", 99)
      assert.strictEqual(encoded(cache, address), encoded(cache, unsafeMake("10.0.0.9", 99)))
    })

    it("of IPv4 are written mapped, for sockets of IPv6", () => {
      const bytes = encoded(new SockaddrCache(platform, "IPv6"), unsafeMake("192.0.2.1", 53))
      const address = decodeSockaddr(bytes, platform)
      assert.strictEqual(address && format(address), "[::ffff:192.0.2.1]:53")
    })

    it("that were put together by hand, and are changed later, are written as they are then", () => {
      const cache = new SockaddrCache(platform, "IPv4")
      const address = { ...unsafeMake("10.0.0.1", 53) }
      encoded(cache, address)
      address.host = "10.0.0.2"
      assert.deepStrictEqual(
        [...encoded(cache, address)],
        [...encodeSockaddr(unsafeMake("10.0.0.2", 53), platform)]
      )
    })
  })
}

describe("an address that nobody can send to", () => {
  for (const [family, address] of [
    ["IPv4", unsafeMake("127.0.0.1", 0)],
    ["IPv6", unsafeMake("127.0.0.1", 0)],
    ["IPv4", unsafeMake("::1", 53)],
    ["IPv4", { ...unsafeMake("127.0.0.1", 53), host: "localhost" }],
    ["IPv6", { ...unsafeMake("127.0.0.1", 53), host: "::1" }]
  ] as const) {
    it(`${format(address)}, of a socket for ${family}, is an invalid argument`, () => {
      const cache = new SockaddrCache("linux", family)
      for (const answer of [cache.encode(address), cache.encode(address)]) {
        assert.deepInclude(answer, { _tag: "NetworkError", reason: "InvalidArgument" })
      }
    })
  }

  it("is told from one that is as it is", () => {
    const address = unsafeMake("10.0.0.1", 1)
    assert.strictEqual(sendable("IPv4", address), address)
  })
})
