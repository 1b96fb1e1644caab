import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as fc from "fast-check"
import {
  type Endpoint,
  format,
  isAbstract,
  makePipe,
  makeUnix,
  UNIX_PATH_MAX_BYTES,
  unsafeMake,
  unsafeMakePipe,
  unsafeMakeUnix
} from "../../src/Address/index.js"
import { NetworkError } from "../../src/Errors/index.js"
import { assertInvalid, holds } from "./assertions.js"

describe("Unix addresses", () => {
  it("are paths, or names in the abstract namespace", () => {
    assert.strictEqual(unsafeMakeUnix("/run/app.sock").path, "/run/app.sock")
    assert.isFalse(isAbstract(unsafeMakeUnix("relative.sock")))
    assert.isTrue(isAbstract(unsafeMakeUnix("\0app")))
  })

  it("print as the tools of Linux write them", () => {
    assert.strictEqual(format(unsafeMakeUnix("/run/app.sock")), "/run/app.sock")
    assert.strictEqual(format(unsafeMakeUnix("\0app")), "@app")
    assert.strictEqual(String(unsafeMakeUnix("\0app")), "@app")
    // The same file, and not the abstract name.
    assert.strictEqual(format(unsafeMakeUnix("@app")), "./@app")
  })

  it("are refused when sun_path has no room for them, counted in bytes", () => {
    const most = UNIX_PATH_MAX_BYTES - 1
    assert.isTrue(Either.isRight(makeUnix("a".repeat(most))))
    assertInvalid(makeUnix("a".repeat(most + 1)), /107 bytes at most, not 108/)
    assert.isTrue(Either.isRight(makeUnix(`\0${"a".repeat(most)}`)))
    assertInvalid(makeUnix(`\0${"a".repeat(most + 1)}`), /107 bytes at most, not 108/)
    assertInvalid(makeUnix("ä".repeat(54)), /not 108/)
  })

  it("are refused with half a character, for which no bytes stand", () => {
    assertInvalid(makeUnix("/run/\ud83d"), /surrogate/)
    assert.isTrue(Either.isRight(makeUnix("/run/\ud83d\ude00")))
  })

  it("are refused empty, or with a NUL where none can be", () => {
    assertInvalid(makeUnix(""))
    assertInvalid(makeUnix("\0"))
    assertInvalid(makeUnix("/run/a\0b"))
    assertInvalid(makeUnix(7 as unknown as string))
  })

  it("compare by content", () => {
    assert.isTrue(Equal.equals(unsafeMakeUnix("/a"), unsafeMakeUnix("/a")))
    assert.isFalse(Equal.equals(unsafeMakeUnix("/a"), unsafeMakeUnix("\0a")))
    assert.strictEqual(Hash.hash(unsafeMakeUnix("/a")), Hash.hash(unsafeMakeUnix("/a")))
  })
})

describe("pipe addresses", () => {
  it("are whole names", () => {
    assert.strictEqual(format(unsafeMakePipe("\\\\.\\pipe\\app")), "\\\\.\\pipe\\app")
    assert.strictEqual(unsafeMakePipe("\\\\server\\pipe\\app").name, "\\\\server\\pipe\\app")
  })

  it.each([
    "app",
    "\\\\.\\pipe\\",
    "\\\\.\\pipe\\a\\b",
    "\\\\.\\pipe\\a/b",
    "\\\\.\\pipe\\.",
    "\\\\.\\pipe\\..",
    "\\\\.\\pipe\\../x",
    "\\\\.\\app",
    "/pipe/app",
    "",
    "\\\\.\\pipe\\a\0"
  ])("refuses %j", (name) => {
    assertInvalid(makePipe(name))
  })

  it("has a longest name", () => {
    assert.isTrue(Either.isRight(makePipe(`\\\\.\\pipe\\${"a".repeat(247)}`)))
    assertInvalid(makePipe(`\\\\.\\pipe\\${"a".repeat(248)}`))
  })

  it("do not tell upper case from lower, as Windows does not", () => {
    assert.isTrue(Equal.equals(unsafeMakePipe("\\\\.\\pipe\\App"), unsafeMakePipe("\\\\.\\PIPE\\app")))
    assert.strictEqual(
      Hash.hash(unsafeMakePipe("\\\\.\\pipe\\App")),
      Hash.hash(unsafeMakePipe("\\\\.\\pipe\\app"))
    )
  })
})

describe("any text", () => {
  it("is an address or a typed error, and never throws", () => {
    holds(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" })), (text) => {
        const made: ReadonlyArray<Either.Either<Endpoint, NetworkError>> = [makeUnix(text), makePipe(text)]
        for (const address of made) {
          if (Either.isLeft(address)) assert.instanceOf(address.left, NetworkError)
          else assert.isTrue(format(address.right).length > 0)
        }
      })
    )
  })

  it("of another kind is no equal", () => {
    assert.isFalse(Equal.equals<unknown, unknown>(unsafeMake("::1", 1), unsafeMakeUnix("::1")))
  })
})
