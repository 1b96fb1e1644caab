/** What is no text is refused by a typed error, or is no address; and what is made of it by hand can be printed. */
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import { parseRanges } from "../../src/Address/Cidr.js"
import {
  encodeSockaddr,
  encodeUnixSockaddr,
  family,
  format,
  formatHostPort,
  isAbstract,
  isIp,
  isSocketAddress,
  make,
  makePipe,
  makeUnix,
  parse,
  parseHostPort,
  parseIp
} from "../../src/Address/index.js"
import { NetworkError } from "../../src/Errors/index.js"
import { strangers } from "../support/strangers.js"
import { assertInvalid } from "./assertions.js"

describe.each(strangers)("in the place of a text, %s", (_, stranger) => {
  const told = `a value of type ${typeof stranger}`
  const socketAddress = {
    _tag: "SocketAddress",
    family: "IPv4",
    host: stranger,
    port: 80,
    scopeId: 0
  } as const
  const unixAddress = { _tag: "UnixAddress", path: stranger } as const
  const pipeAddress = { _tag: "PipeAddress", name: stranger } as const

  it("is a typed failure where one can fail, which says what it is", () => {
    for (const refused of [
      make(stranger, 80),
      parse(stranger),
      parseHostPort(stranger),
      makeUnix(stranger),
      makePipe(stranger),
      parseRanges([stranger])
    ]) {
      assert.include(assertInvalid(refused).message, told)
    }
  })

  it("is no list of ranges, and within none", () => {
    if (!Array.isArray(stranger)) assert.include(assertInvalid(parseRanges(stranger)).message, told)
    assert.isFalse(Either.getOrThrow(parseRanges(["0.0.0.0/0", "::/0"]))(stranger))
  })

  it("is no address", () => {
    assert.isUndefined(family(stranger))
    assert.isFalse(isIp(stranger))
    assert.strictEqual(parseIp(stranger)._tag, "None")
    assert.isFalse(isSocketAddress(socketAddress))
    assert.isFalse(isAbstract(unixAddress))
  })

  it("is described where an address has it", () => {
    for (const address of [socketAddress, { ...socketAddress, family: "IPv6" } as const]) {
      assert.include(format(address), told)
    }
    assert.strictEqual(format(unixAddress), `(${told})`)
    assert.strictEqual(format(pipeAddress), `(${told})`)
    assert.strictEqual(formatHostPort(stranger, 80), `(${told}):80`)
  })

  it("is refused by a typed error where it would be encoded", () => {
    const inThatFamily = { ...socketAddress, family: stranger, host: "127.0.0.1" }
    assert.throws(() => encodeSockaddr(socketAddress, "linux"), NetworkError)
    assert.throws(() => encodeSockaddr(inThatFamily, "linux"), NetworkError)
    assert.throws(() => encodeUnixSockaddr(unixAddress), NetworkError)
  })
})
