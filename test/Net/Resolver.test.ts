import { isIP } from "node:net"
import { networkInterfaces } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as fc from "fast-check"
import { type AddressFamily, format, isSocketAddress } from "../../src/Address/index.js"
import { NetworkError } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import {
  fromLookup,
  interfaceNumber,
  type Lookup,
  type LookupQuery,
  Resolver,
  tableLookup
} from "../../src/Net/Resolver.js"
import { layerSimulated } from "../../src/Net/Simulated.js"
import * as Proactor from "../../src/Proactor/index.js"
import { anyAddressText } from "../Address/arbitraries.js"
import { holds } from "../Address/assertions.js"

/** A source that answers every question alike, and remembers what it was asked. */
const recording = (answer: ReadonlyArray<string>) => {
  const asked: Array<LookupQuery> = []
  const source: Lookup = (query) =>
    Effect.sync(() => {
      asked.push(query)
      return answer
    })
  return { asked, layer: Resolver.layer(source) }
}

const resolveTexts = (host: string, port: number, family?: AddressFamily) =>
  Effect.map(Resolver.resolve(host, port, family), (addresses) => addresses.map(format))

describe("literals", () => {
  it.effect("are their own answer, and nobody is asked", () => {
    const { asked, layer } = recording(["192.0.2.1"])
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* resolveTexts("127.0.0.1", 80), ["127.0.0.1:80"])
      assert.deepStrictEqual(yield* resolveTexts("0:0::1", 80), ["[::1]:80"])
      assert.deepStrictEqual(yield* resolveTexts("[::1]", 0), ["[::1]:0"])
      assert.deepStrictEqual(yield* resolveTexts("[FE80::1%2]", 65_535), ["[fe80::1%2]:65535"])
      assert.deepStrictEqual(yield* resolveTexts("127.0.0.1", 80, "IPv4"), ["127.0.0.1:80"])
      assert.deepStrictEqual(asked, [])
    }).pipe(Effect.provide(layer))
  })

  it.effect("have no address of the other family", () => {
    const { asked, layer } = recording(["192.0.2.1"])
    return Effect.gen(function* () {
      const four = yield* Effect.flip(Resolver.resolve("127.0.0.1", 80, "IPv6"))
      assert.strictEqual(four.reason, "HostNotFound")
      assert.strictEqual(four.operation, "resolve")
      assert.strictEqual(four.address, "127.0.0.1:80")
      assert.isUndefined(four.syscall)
      const six = yield* Effect.flip(Resolver.resolve("::1", 80, "IPv4"))
      assert.strictEqual(six.reason, "HostNotFound")
      assert.strictEqual(six.address, "[::1]:80")
      assert.deepStrictEqual(asked, [])
    }).pipe(Effect.provide(layer))
  })
})

describe("what is no host", () => {
  const refused = [
    "",
    "\0",
    "localhost\0.invalid",
    "a".repeat(254),
    "::1::",
    "example.org:80",
    "[localhost]",
    "[::1"
  ]
  const shorthand = [
    "127.1",
    "2130706433",
    "0x7f000001",
    "0X7F.1",
    "0x",
    "256.0.0.1",
    "010.0.0.1",
    "127.0.0.1."
  ]
  const foreign = ["\uff11\uff12\uff17.0.0.1", "\ud800", "\u00ad", "caf\u00e9\0"]

  it.effect.each([...refused, ...shorthand, ...foreign])("refuses %j, and nobody is asked", (host) => {
    const { asked, layer } = recording(["192.0.2.1"])
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Resolver.resolve(host, 80))
      assert.instanceOf(error, NetworkError)
      assert.strictEqual(error.reason, "InvalidArgument")
      assert.strictEqual(error.operation, "resolve")
      assert.isAbove((error.advice ?? "").length, 0)
      assert.isUndefined(error.syscall)
      assert.deepStrictEqual(asked, [])
    }).pipe(Effect.provide(layer))
  })

  it.effect.each([-1, 65_536, 0.5, Number.NaN])("refuses port %d, for names and addresses alike", (port) => {
    const { asked, layer } = recording(["192.0.2.1"])
    return Effect.gen(function* () {
      for (const host of ["localhost", "127.0.0.1"]) {
        const error = yield* Effect.flip(Resolver.resolve(host, port))
        assert.strictEqual(error.reason, "InvalidArgument")
        assert.match(error.advice ?? "", /port/i)
      }
      assert.deepStrictEqual(asked, [])
    }).pipe(Effect.provide(layer))
  })

  it.effect("refuses what is no text, as from untyped code", () =>
    Effect.gen(function* () {
      const untyped = Resolver.resolve as (
        ...args: ReadonlyArray<unknown>
      ) => ReturnType<typeof Resolver.resolve>
      for (const host of [undefined, null, 1, {}, Symbol("host")]) {
        const error = yield* Effect.flip(untyped(host, 80))
        assert.strictEqual(error.reason, "InvalidArgument")
      }
    }).pipe(Effect.provide(Resolver.layerSystem))
  )

  it("every text ends in addresses or a typed error", () => {
    const service = fromLookup(() => Effect.succeed(["192.0.2.1", "2001:db8::1"]))
    holds(
      fc.property(anyAddressText, fc.integer({ min: -1, max: 65_536 }), (host, port) => {
        const exit = Effect.runSyncExit(Effect.either(service.resolve(host, port)))
        assert.isTrue(Exit.isSuccess(exit), String(exit))
        if (!Exit.isSuccess(exit)) return
        if (exit.value._tag === "Left") assert.instanceOf(exit.value.left, NetworkError)
        else for (const address of exit.value.right) assert.isTrue(isSocketAddress({ ...address }))
      }),
      2000
    )
  })
})

describe("names", () => {
  it.effect("keep the order of the source, each address once", () => {
    const { asked, layer } = recording([
      "192.0.2.2",
      "2001:DB8::1",
      "192.0.2.1",
      "192.0.2.2",
      "2001:db8:0::1"
    ])
    return Effect.gen(function* () {
      const expected = ["192.0.2.2:80", "[2001:db8::1]:80", "192.0.2.1:80"]
      assert.deepStrictEqual(yield* resolveTexts("example.org", 80), expected)
      assert.deepStrictEqual(asked, [{ host: "example.org", port: 80, family: undefined }])
    }).pipe(Effect.provide(layer))
  })

  it.effect("can be limited to a family, whatever the source says", () => {
    const { asked, layer } = recording(["192.0.2.2", "2001:db8::1"])
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* resolveTexts("example.org", 80, "IPv6"), ["[2001:db8::1]:80"])
      assert.deepStrictEqual(yield* resolveTexts("example.org", 80, "IPv4"), ["192.0.2.2:80"])
      assert.deepStrictEqual(
        asked.map((query) => query.family),
        ["IPv6", "IPv4"]
      )
    }).pipe(Effect.provide(layer))
  })

  it.effect("reach the source in ASCII", () => {
    const { asked, layer } = recording(["192.0.2.2"])
    return Effect.gen(function* () {
      yield* Resolver.resolve("B\u00dcCHER.example", 80)
      yield* Resolver.resolve("a_b-c.example.", 80)
      assert.deepStrictEqual(
        asked.map((query) => query.host),
        ["xn--bcher-kva.example", "a_b-c.example."]
      )
    }).pipe(Effect.provide(layer))
  })

  it.effect("without an address are not found", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Resolver.resolve("example.org", 80))
      assert.strictEqual(error.reason, "HostNotFound")
      assert.strictEqual(error.operation, "resolve")
      assert.strictEqual(error.address, "example.org:80")
    }).pipe(Effect.provide(recording([]).layer))
  )

  it.effect("with an answer that is no address are the resolver's failure", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Resolver.resolve("example.org", 80))
      assert.strictEqual(error.reason, "ResolverFailed")
      assert.match(error.advice ?? "", /elsewhere/)
    }).pipe(Effect.provide(recording(["192.0.2.1", "elsewhere"]).layer))
  )

  it.effect("come from a table in tests, where case does not matter", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* resolveTexts("SERVER.test", 7), ["10.0.0.1:7", "[fd00::1]:7"])
      for (const host of ["client.test", "__proto__", "constructor"]) {
        const error = yield* Effect.flip(Resolver.resolve(host, 7))
        assert.strictEqual(error.reason, "HostNotFound")
      }
    }).pipe(Effect.provide(Resolver.layer(tableLookup({ "Server.test": ["10.0.0.1", "fd00::1"] }))))
  )

  it.live("can be interrupted while the source thinks", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const slow: Lookup = () => Effect.zipRight(Deferred.succeed(asked, undefined), Effect.never)
      const fiber = yield* Effect.fork(fromLookup(slow).resolve("example.org", 80))
      yield* Deferred.await(asked)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
    })
  )

  it.live("are given up at the deadline of a connect, also where that cannot be interrupted", () => {
    const silent = Resolver.layer(() => Effect.never)
    const layer = Net.layerProactor.pipe(Layer.provide([Proactor.layer, silent]))
    return Effect.gen(function* () {
      const failure = yield* Net.connect({ host: "example.org", port: 80, timeout: "30 millis" }).pipe(
        Effect.flip,
        Effect.uninterruptible
      )
      assert.deepInclude(failure, { _tag: "TimeoutError", address: "example.org:80" })
    }).pipe(Effect.scoped, Effect.provide(layer))
  })
})

describe("zones by name", () => {
  const interfaces = {
    lo: [{}, { scopeid: 0 }],
    eth0: [{}, { scopeid: 0 }, { scopeid: 4 }],
    none: undefined
  }

  it("are the scope of the interface's link-local address", () => {
    assert.strictEqual(interfaceNumber("eth0", interfaces), 4)
    for (const name of ["lo", "none", "eth1", "", "toString", "__proto__"]) {
      assert.isUndefined(interfaceNumber(name, interfaces), name)
    }
  })

  it.effect("are asked of the source, without brackets", () => {
    const { asked, layer } = recording(["fe80::1%4"])
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* resolveTexts("[fe80::1%eth0]", 80), ["[fe80::1%4]:80"])
      assert.deepStrictEqual(
        asked.map((query) => query.host),
        ["fe80::1%eth0"]
      )
    }).pipe(Effect.provide(layer))
  })

  it.effect("that this host has are found", () =>
    Effect.gen(function* () {
      for (const [name, entries] of Object.entries(networkInterfaces())) {
        const index = interfaceNumber(name, { [name]: entries })
        if (index === undefined) continue
        assert.deepStrictEqual(yield* resolveTexts(`fe80::1%${name}`, 80), [`[fe80::1%${index}]:80`])
      }
    }).pipe(Effect.provide(Resolver.layerSystem))
  )

  it.live("are found by the proactor, also where no address is link-local", () =>
    Effect.gen(function* () {
      const proactor = yield* Proactor.Proactor
      for (const name of Object.keys(networkInterfaces())) {
        const index = yield* proactor.interfaceIndex(name)
        assert.deepStrictEqual(yield* resolveTexts(`fe80::1%${name}`, 80), [`[fe80::1%${index}]:80`])
        assert.deepStrictEqual(yield* resolveTexts(`[fe80::1%${name}]`, 80), [`[fe80::1%${index}]:80`])
      }
      const error = yield* Effect.flip(Resolver.resolve("fe80::1%no such interface", 80))
      assert.strictEqual(error.reason, "HostNotFound")
      assert.strictEqual(error.address, "[fe80::1%no such interface]:80")
      // Names are looked up as ever.
      assert.deepStrictEqual(yield* resolveTexts("localhost", 80, "IPv4"), ["127.0.0.1:80"])
    }).pipe(Effect.provide(Layer.provideMerge(Resolver.layerProactor, Proactor.layer)))
  )

  it.effect("are found on a simulated network", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* resolveTexts("fe80::1%eth0", 80), ["[fe80::1%2]:80"])
      assert.strictEqual((yield* Effect.flip(Resolver.resolve("fe80::1%eth1", 80))).reason, "HostNotFound")
    }).pipe(Effect.provide(layerSimulated()))
  )

  it.effect("that this host has not are not found", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Resolver.resolve("fe80::1%no such interface", 80))
      assert.strictEqual(error.reason, "HostNotFound")
      assert.strictEqual(error.address, "[fe80::1%no such interface]:80")
      assert.match(error.advice ?? "", /no such interface/)
    }).pipe(Effect.provide(Resolver.layerSystem))
  )
})

describe("the system's resolver", () => {
  it.live("knows localhost", () =>
    Effect.gen(function* () {
      const addresses = yield* Resolver.resolve("localhost", 80)
      for (const { host, port } of addresses) {
        assert.notStrictEqual(isIP(host), 0)
        assert.include(["127.0.0.1", "::1"], host)
        assert.strictEqual(port, 80)
      }
      assert.strictEqual(new Set(addresses.map(format)).size, addresses.length)
      const four = yield* resolveTexts("localhost", 80, "IPv4")
      assert.deepStrictEqual(four, ["127.0.0.1:80"])
    }).pipe(Effect.provide(Resolver.layerSystem))
  )

  it.live("says which call failed on a name that does not exist", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Resolver.resolve("nonexistent.invalid", 80))
      assert.instanceOf(error, NetworkError)
      assert.strictEqual(error.operation, "resolve")
      assert.strictEqual(error.syscall, "getaddrinfo")
      assert.strictEqual(error.address, "nonexistent.invalid:80")
      // A system that can reach no name server does not know that the name does not exist.
      assert.include(["HostNotFound", "ResolverFailed"], error.reason)
      const codeName = error.reason === "HostNotFound" ? "ENOTFOUND" : "EAI_AGAIN"
      assert.strictEqual(error.codeName, codeName)
    }).pipe(Effect.provide(Resolver.layerSystem))
  )

  it.live("gives a typed error for a name that it cannot read", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Resolver.resolve("xn--", 80))
      assert.instanceOf(error, NetworkError)
      assert.strictEqual(error.address, "xn--:80")
    }).pipe(Effect.provide(Resolver.layerSystem))
  )

  it.live("can be interrupted: its answer is dropped", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Resolver.resolve("localhost", 80))
      yield* Effect.yieldNow()
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
      // The answer of the next question is not the dropped one's.
      assert.deepStrictEqual(yield* resolveTexts("localhost", 81, "IPv4"), ["127.0.0.1:81"])
    }).pipe(Effect.provide(Resolver.layerSystem))
  )
})
