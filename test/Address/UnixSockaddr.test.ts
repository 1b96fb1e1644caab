import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as fc from "fast-check"
import {
  decodeUnixSockaddr,
  encodeUnixSockaddr,
  makeUnix,
  SOCKADDR_UN_MAX_BYTES,
  type UnixAddress,
  unsafeMakeUnix
} from "../../src/Address/index.js"
import { NetworkError } from "../../src/Errors/index.js"
import { holds } from "./assertions.js"

const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"))

const encodedPath = (path: string): Uint8Array => encodeUnixSockaddr(unsafeMakeUnix(path))

const pathOf = (bytes: Uint8Array, length?: number): string | undefined =>
  decodeUnixSockaddr(bytes, length)?.path

/** Addresses of every length, with characters of several bytes. */
const anyUnixAddress: fc.Arbitrary<UnixAddress> = fc
  .tuple(fc.boolean(), fc.string({ unit: "binary", minLength: 1, maxLength: 108 }))
  .map(([isAbstract, name]) => makeUnix(isAbstract ? `\0${name}` : name))
  .filter(Either.isRight)
  .map(({ right }) => right)

describe("encodeUnixSockaddr", () => {
  it("writes a path with its NUL", () => {
    assert.deepStrictEqual(encodedPath("/a"), latin1("\x01\x00/a\0"))
  })

  it("writes an abstract name to its very end, and no further", () => {
    assert.deepStrictEqual(encodedPath("\0ab"), latin1("\x01\x00\0ab"))
    assert.deepStrictEqual(encodedPath("\0a\0b\0"), latin1("\x01\x00\0a\0b\0"))
  })

  it("writes UTF-8", () => {
    assert.deepStrictEqual(encodedPath("/ä"), latin1("\x01\x00/\xc3\xa4\0"))
  })

  it("fills what there is room for", () => {
    assert.strictEqual(encodedPath("a".repeat(107)).length, SOCKADDR_UN_MAX_BYTES)
    assert.strictEqual(encodedPath(`\0${"a".repeat(107)}`).length, SOCKADDR_UN_MAX_BYTES)
  })

  it.each(["", "\0", "a\0b", "a".repeat(108), "\ud800", 7, undefined])(
    "refuses %j put together by hand, with the typed error",
    (path) => {
      try {
        encodeUnixSockaddr({ _tag: "UnixAddress", path: path as string })
      } catch (thrown) {
        assert.instanceOf(thrown, NetworkError)
        assert.strictEqual(thrown.reason, "InvalidArgument")
        return
      }
      assert.fail("did not throw")
    }
  )
})

describe("decodeUnixSockaddr", () => {
  it("reads what encodeUnixSockaddr wrote, whatever follows it", () => {
    holds(
      fc.property(anyUnixAddress, fc.nat({ max: 30 }), (address, extra) => {
        const encoded = encodeUnixSockaddr(address)
        assert.isAtMost(encoded.length, SOCKADDR_UN_MAX_BYTES)
        const storage = new Uint8Array(encoded.length + extra).fill(0xee)
        storage.set(encoded)
        assert.isTrue(Equal.equals(decodeUnixSockaddr(storage, encoded.length), address))
      }),
      2000
    )
  })

  it("reads an unnamed socket's, which has nothing but its family", () => {
    assert.strictEqual(pathOf(latin1("\x01\x00"), 2), "")
    assert.strictEqual(pathOf(new Uint8Array(128).fill(1, 0, 1), 2), "")
  })

  it("reads a path that fills all the room, and lacks its NUL", () => {
    const full = latin1(`\x01\x00${"a".repeat(108)}`)
    assert.strictEqual(pathOf(full), "a".repeat(108))
    const storage = new Uint8Array(128)
    storage.set(full)
    // Linux says one more than there are.
    assert.strictEqual(pathOf(storage, 111), "a".repeat(108))
  })

  it("keeps the NULs of an abstract name, and those after a path off", () => {
    assert.strictEqual(pathOf(latin1("\x01\x00\0a\0b\0")), "\0a\0b\0")
    assert.strictEqual(pathOf(latin1("\x01\x00/a\0\0\0garbage")), "/a")
  })

  it("has nothing to say of other families, or of too few bytes", () => {
    assert.isUndefined(decodeUnixSockaddr(latin1("\x02\x00/a\0")))
    assert.isUndefined(decodeUnixSockaddr(latin1("\x01\x01/a\0")))
    assert.isUndefined(decodeUnixSockaddr(latin1("\x01")))
    assert.isUndefined(decodeUnixSockaddr(latin1("\x01\x00/a\0"), 1))
  })

  it("makes an address of any bytes or nothing, and never throws", () => {
    holds(
      fc.property(fc.uint8Array({ maxLength: 128 }), fc.nat({ max: 140 }), (bytes, length) => {
        if (bytes.length > 1) bytes.set([1, 0])
        const decoded = decodeUnixSockaddr(bytes, length)
        if (decoded !== undefined) assert.isString(decoded.path)
      })
    )
  })
})
