import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { formatHostPort, parseHostPort } from "../../src/Address/index.js"
import { anyAddressText, anyPort } from "./arbitraries.js"
import { assertInvalid, holds } from "./assertions.js"

describe("parseHostPort", () => {
  it.each([
    ["example.org:80", "example.org", 80],
    ["localhost:0", "localhost", 0],
    ["127.0.0.1:65535", "127.0.0.1", 65_535],
    ["[::1]:80", "::1", 80],
    ["[::]:1", "::", 1],
    ["[fe80::1%2]:80", "fe80::1%2", 80],
    ["[fe80::1%eth0]:80", "fe80::1%eth0", 80],
    ["[::ffff:1.2.3.4]:80", "::ffff:1.2.3.4", 80],
    ["b\u00fccher.example:443", "b\u00fccher.example", 443]
  ])("reads %s", (text, host, port) => {
    assert.deepStrictEqual(Either.getOrThrow(parseHostPort(text)), { host, port })
  })

  it.each([
    "",
    ":",
    ":80",
    "host",
    "host:",
    "host: 80",
    "host:80 ",
    "host:+80",
    "host:-1",
    "host:8e1",
    "host:0x50",
    "host:080",
    "host:65536",
    "host:100000",
    "host:99999999999999999999",
    "host:http",
    "::1:80",
    "::1",
    "a:b:80",
    "[::1]",
    "[::1]:",
    "[::1]80",
    "[::1]:65536",
    "[::1",
    "::1]:80",
    "[]:80",
    "[host]:80",
    "[127.0.0.1]:80",
    "[[::1]]:80",
    "[::1%]:80",
    "x[::1]:80",
    "ho\0st:80",
    `${"a".repeat(254)}:80`
  ])("refuses %j", (text) => {
    const error = assertInvalid(parseHostPort(text))
    assert.strictEqual(error.operation, "parse")
  })

  it("refuses what is no text, as from untyped code", () => {
    const untyped = parseHostPort as (text: unknown) => ReturnType<typeof parseHostPort>
    for (const value of [undefined, null, 80, {}, Symbol("host:80")]) assertInvalid(untyped(value))
  })

  it("reads back what formatHostPort prints", () => {
    const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6())
    holds(
      fc.property(host, anyPort, (name, port) => {
        assert.deepStrictEqual(Either.getOrThrow(parseHostPort(formatHostPort(name, port))), {
          host: name,
          port
        })
      })
    )
  })

  it("never throws on other text", () => {
    holds(
      fc.property(anyAddressText, fc.string(), (host, port) => {
        for (const text of [host, `${host}:${port}`, `[${host}]:${port}`, `${host}:80`]) {
          const result = parseHostPort(text)
          if (Either.isLeft(result)) assertInvalid(result)
        }
      }),
      1000
    )
  })
})
