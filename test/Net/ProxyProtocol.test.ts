/**
 * The PROXY protocol, on real connections.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import fc from "fast-check"
import { make as makeAddress } from "../../src/Address/index.js"
import * as Net from "../../src/Net/index.js"
import { crc32c } from "../../src/Net/internal/Crc32c.js"
import { decode, encode, measure } from "../../src/Net/internal/ProxyHeader.js"
import * as ProxyProtocol from "../../src/Net/ProxyProtocol.js"
import { pair, readToEnd, type Subject, test, text } from "./harness.js"

const subject: Subject = {
  name: process.platform === "win32" ? "iocp" : "epoll",
  layer: Net.layer,
  isSlow: process.env["EFFECT_IOCP_LANE"] === "wine"
}

const address = (host: string, port: number) => Either.getOrThrow(makeAddress(host, port))
const endpoints = (source: string, destination: string) =>
  Option.some({ source: address(source, 56_324), destination: address(destination, 443) })

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n"
const v2 = (hex: string) =>
  Buffer.concat([Buffer.from(SIGNATURE, "latin1"), Buffer.from(hex.replace(/ /g, ""), "hex")])

const headers: Record<string, readonly [bytes: Buffer, header: ProxyProtocol.ProxyHeader]> = {
  "version 1, IPv4": [
    Buffer.from("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"),
    { version: 1, endpoints: endpoints("192.0.2.1", "198.51.100.1"), extensions: [] }
  ],
  "version 1, IPv6": [
    Buffer.from("PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n"),
    { version: 1, endpoints: endpoints("2001:db8::1", "2001:db8::2"), extensions: [] }
  ],
  "version 1, unknown": [
    Buffer.from("PROXY UNKNOWN\r\n"),
    { version: 1, endpoints: Option.none(), extensions: [] }
  ],
  "version 2, IPv4": [
    v2("21 11 000c c0000201 c6336401 dc04 01bb"),
    { version: 2, endpoints: endpoints("192.0.2.1", "198.51.100.1"), extensions: [] }
  ],
  "version 2, IPv6, with extensions": [
    v2(`21 21 002c 20010db8${"0".repeat(23)}1 20010db8${"0".repeat(23)}2 dc04 01bb 01 0002 6832 04 0000`),
    {
      version: 2,
      endpoints: endpoints("2001:db8::1", "2001:db8::2"),
      extensions: [
        { type: 1, value: Uint8Array.from(Buffer.from("h2")) },
        { type: 4, value: new Uint8Array(0) }
      ]
    }
  ],
  "version 2, the proxy itself": [v2("20 00 0000"), { version: 2, endpoints: Option.none(), extensions: [] }]
}

for (const [name, [bytes, header]] of Object.entries(headers)) {
  test(subject, `${name}: read, and nothing behind it; written the same`, () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      yield* client.writeAll(Buffer.concat([bytes, Buffer.from("and then\n")]))
      assert.deepStrictEqual(yield* ProxyProtocol.read(server), header)
      assert.deepStrictEqual(yield* server.readLine, Option.some("and then"))
      yield* ProxyProtocol.write(server, header)
      yield* server.shutdown("write")
      assert.isTrue((yield* readToEnd(client)).equals(bytes))
    })
  )
}

test(subject, "a header that comes byte by byte is one", () =>
  Effect.gen(function* () {
    const { client, server } = yield* pair
    const [bytes, header] = headers["version 1, IPv4"] ?? assert.fail()
    const reading = yield* Effect.fork(ProxyProtocol.read(server))
    for (const byte of bytes) yield* client.writeAll(Uint8Array.of(byte))
    assert.deepStrictEqual(yield* reading, header)
  })
)

test(subject, "what a newer version or another protocol says is skipped", () =>
  Effect.gen(function* () {
    const { client, server } = yield* pair
    const text = Buffer.from("PROXY UNKNOWN ffff::1 whatever 1 2\r\n")
    // A Unix socket, and UDP.
    yield* client.writeAll(
      Buffer.concat([text, v2(`21 31 00d8 ${"61".repeat(216)}`), v2("21 12 0004 01020304")])
    )
    for (let count = 0; count < 3; count++) {
      assert.isTrue(Option.isNone((yield* ProxyProtocol.read(server)).endpoints))
    }
  })
)

describe("no header", () => {
  const cases: Record<string, Buffer> = {
    "another protocol": Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    "a begin that fits neither": Buffer.from("PROXIES"),
    "a line without end": Buffer.from(`PROXY TCP4 ${"1".repeat(200)}`),
    "addresses of another version": Buffer.from("PROXY TCP4 ::1 ::1 1 2\r\n"),
    "a port out of range": Buffer.from("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n"),
    "a port with a leading zero": Buffer.from("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"),
    "something missing": Buffer.from("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"),
    "something more": Buffer.from("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"),
    "a family of its own": Buffer.from("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n"),
    "an unknown version": v2("31 11 000c c0000201 c6336401 dc04 01bb"),
    "an unknown command": v2("22 11 000c c0000201 c6336401 dc04 01bb"),
    "a length too short for addresses": v2("21 11 0004 c0000201"),
    "an extension longer than the header": v2("21 11 000f c0000201 c6336401 dc04 01bb 01 0005"),
    "a checksum of another header": v2("21 11 0013 c0000201 c6336401 dc04 01bb 03 0004 12345678"),
    "a checksum of two bytes": v2("21 11 0011 c0000201 c6336401 dc04 01bb 03 0002 1234")
  }
  for (const [name, bytes] of Object.entries(cases)) {
    test(subject, `${name}: InvalidData`, () =>
      Effect.gen(function* () {
        const { client, server } = yield* pair
        yield* client.writeAll(bytes)
        const failure = yield* Effect.flip(ProxyProtocol.read(server))
        assert.deepInclude({ ...failure }, { _tag: "NetworkError", reason: "InvalidData" })
      })
    )
  }

  for (const [name, [bytes]] of Object.entries(headers)) {
    test(subject, `${name}, cut off: InvalidData`, () =>
      Effect.gen(function* () {
        for (const length of [0, 1, 6, 13, bytes.length >> 1, bytes.length - 1]) {
          const { client, server } = yield* pair
          yield* client.writeAll(bytes.subarray(0, length))
          yield* client.shutdown("write")
          const failure = yield* Effect.flip(ProxyProtocol.read(server))
          assert.deepInclude(
            { ...failure },
            { _tag: "NetworkError", reason: "InvalidData" },
            `${length} bytes`
          )
        }
      })
    )
  }

  for (const [name, [bytes]] of Object.entries(headers)) {
    it(`${name}, cut off anywhere, is none`, () => {
      const measured = (length: number) =>
        measure({ byteLength: length, peek: (wanted) => bytes.subarray(0, Math.min(wanted, length)) })
      for (let length = 0; length < bytes.length; length++) {
        assert.isUndefined(measured(length), `${length} of ${bytes.length} bytes: more is to come`)
      }
      assert.deepInclude(measured(bytes.length), { total: bytes.length })
    })
  }

  test(subject, "what is no header, as from untyped code, is refused, and nothing is sent", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const ends = Option.getOrThrow(endpoints("1.2.3.4", "4.3.2.1"))
      const none = { version: 2, endpoints: Option.none(), extensions: [] }
      const untyped: (header: unknown) => Effect.Effect<unknown, unknown> = (header) =>
        Reflect.apply(ProxyProtocol.write, undefined, [client, header])
      for (const header of [
        undefined,
        "PROXY UNKNOWN",
        {},
        { ...none, version: 3 },
        { ...none, endpoints: undefined },
        { ...none, endpoints: ends },
        { ...none, extensions: undefined },
        { ...none, extensions: [undefined] },
        { ...none, extensions: [{ type: 1, value: "h2" }] },
        { ...none, extensions: [{ type: 256, value: new Uint8Array(1) }] },
        { ...none, extensions: [{ type: 1, value: new Uint8Array(65_536) }] },
        { ...none, endpoints: Option.some({ source: ends.source }) },
        { ...none, endpoints: Option.some({ ...ends, source: "1.2.3.4:5" }) },
        { ...none, endpoints: Option.some({ ...ends, source: { ...ends.source, host: "a.name" } }) },
        {
          ...none,
          endpoints: Option.some({ ...ends, source: { ...ends.source, host: "1.2.3.4 x" } }),
          version: 1
        },
        { ...none, endpoints: Option.some({ ...ends, destination: { ...ends.destination, port: 65_536 } }) }
      ]) {
        const failure = yield* Effect.flip(untyped(header))
        assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidArgument" })
      }
      yield* client.shutdown("write")
      assert.strictEqual((yield* readToEnd(server)).length, 0)
    })
  )

  test(subject, "one that cannot be written is refused, and nothing is sent", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const mixed = { version: 2, endpoints: endpoints("1.2.3.4", "::1"), extensions: [] } as const
      const extended = {
        version: 1,
        endpoints: Option.none(),
        extensions: [{ type: 1, value: new Uint8Array(1) }]
      } as const
      for (const header of [mixed, extended]) {
        const failure = yield* Effect.flip(ProxyProtocol.write(client, header))
        assert.strictEqual(failure.reason, "InvalidArgument")
      }
      yield* client.shutdown("write")
      assert.strictEqual((yield* readToEnd(server)).length, 0)
    })
  )
})

describe("the checksum of version 2", () => {
  it("is CRC-32C: the examples of RFC 3720, appendix B.4", () => {
    const rising = Uint8Array.from({ length: 32 }, (_, index) => index)
    assert.strictEqual(crc32c(new Uint8Array(32)), 0x8a91_36aa)
    assert.strictEqual(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8_ab43)
    assert.strictEqual(crc32c(rising), 0x46dd_794e)
    assert.strictEqual(crc32c(rising.reverse()), 0x113f_db5c)
  })

  it("covers every byte of the header, behind other extensions too", () => {
    const header = v2("21 11 0017 c0000201 c6336401 dc04 01bb 04 0001 00 03 0004 00000000")
    header.writeUInt32BE(crc32c(header), header.length - 4)
    assert.isObject(decode(header))
    const typeOfChecksum = header.length - 7
    for (let at = 16; at < header.length; at++) {
      // Of another type, it is no checksum.
      if (at === typeOfChecksum) continue
      const wrong = Buffer.from(header)
      wrong[at] = (wrong[at] ?? 0) ^ 1
      assert.isString(decode(wrong), `byte ${at}`)
    }
  })
})

describe("the checksum of what is skipped", () => {
  const cases: Record<string, string> = {
    "a local connection": "20 00 0007",
    "a local connection with a family": "20 11 0013 c0000201 c6336401 dc04 01bb",
    "no family": "21 00 0007",
    "UDP over IPv4": "21 12 0013 c0000201 c6336401 dc04 01bb",
    "UDP over IPv6": `21 22 002b ${"20".repeat(32)} dc04 01bb`,
    "a Unix socket": `21 31 00df ${"61".repeat(216)}`
  }
  for (const [name, begin] of Object.entries(cases)) {
    it(`${name}: has to be right, where there is one`, () => {
      const header = v2(`${begin} 03 0004 00000000`)
      header.writeUInt32BE(crc32c(header), header.length - 4)
      assert.deepStrictEqual(decode(header), { version: 2, endpoints: Option.none(), extensions: [] })
      header[header.length - 1] = (header[header.length - 1] ?? 0) ^ 1
      assert.isString(decode(header))
    })
  }

  it("what are no extensions is skipped all the same", () => {
    for (const header of [v2("20 00 0003 030405"), v2("21 00 0002 0300"), v2("21 12 0004 01020304")]) {
      assert.isObject(decode(header))
    }
  })
})

describe("connect", () => {
  const loopback = Net.listen({ host: "127.0.0.1", port: 0 })

  for (const [name, [bytes, header]] of Object.entries(headers)) {
    test(subject, `${name}: it comes before anything else`, () =>
      Effect.gen(function* () {
        const listener = yield* loopback
        const { port } = listener.address
        const client = yield* ProxyProtocol.connect({
          host: "127.0.0.1",
          port,
          header,
          timeout: "20 seconds"
        })
        yield* client.writeString("and then")
        yield* client.shutdown("write")
        const server = yield* listener.accept
        assert.isTrue((yield* readToEnd(server)).equals(Buffer.concat([bytes, Buffer.from("and then")])))
      })
    )
  }

  test(subject, "a header that is none is refused before anybody is connected to", () =>
    Effect.gen(function* () {
      const { port } = (yield* loopback).address
      const header = { version: 2, endpoints: endpoints("1.2.3.4", "::1"), extensions: [] } as const
      const before = yield* Net.statistics
      const failure = yield* Effect.flip(ProxyProtocol.connect({ host: "127.0.0.1", port, header }))
      assert.deepInclude(
        { ...failure },
        { _tag: "NetworkError", reason: "InvalidArgument", operation: "ProxyProtocol.connect" }
      )
      assert.deepStrictEqual(yield* Net.statistics, before)
    })
  )

  test(subject, "fails like any connect", () =>
    Effect.gen(function* () {
      const { port } = yield* Effect.scoped(Effect.map(loopback, ({ address }) => address))
      const [, header] = headers["version 2, IPv4"] ?? assert.fail()
      const failure = yield* Effect.flip(ProxyProtocol.connect({ host: "127.0.0.1", port, header }))
      assert.deepInclude({ ...failure }, { _tag: "ConnectionError", reason: "Refused", operation: "connect" })
    })
  )

  for (const [from, to, at] of [
    ["127.0.0.1", "127.0.0.1", "127.0.0.1"],
    ["::1", "::1", "::1"],
    ["127.0.0.1", "127.0.0.1", "::"]
  ] as const) {
    for (const version of [1, 2] as const) {
      test(subject, `a proxy at ${at} tells who its client at ${from} is, by version ${version}`, () =>
        Effect.gen(function* () {
          const [proxy, server] = [yield* Net.listen({ host: at, port: 0 }), yield* loopback]
          yield* Effect.forkScoped(
            proxy.serve((near) =>
              Effect.scoped(
                Effect.gen(function* () {
                  const header = yield* ProxyProtocol.headerOf(near, { version })
                  const far = yield* ProxyProtocol.connect({
                    host: "127.0.0.1",
                    port: server.address.port,
                    header
                  })
                  yield* near.writeAll(yield* far.read)
                })
              )
            )
          )
          yield* Effect.forkScoped(
            ProxyProtocol.serve(server, { trusted: ["127.0.0.0/8"] }, (near, header) =>
              near.writeString(`${JSON.stringify(header)}\n`)
            )
          )
          const { port } = proxy.address
          const client = yield* Net.connect({ host: to, port })
          const told: unknown = JSON.parse(Option.getOrThrow(yield* client.readLine))
          const { port: clientPort } = yield* client.localAddress
          const ends = Option.some({ source: address(from, clientPort), destination: address(to, port) })
          const expected = Option.some({ version, endpoints: ends, extensions: [] })
          assert.deepStrictEqual(told, JSON.parse(JSON.stringify(expected)))
        })
      )
    }
  }
})

describe("serve", () => {
  const serving = (trusted: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const failures = yield* Queue.unbounded<string>()
      const answer = (connection: Net.Connection, header: Option.Option<ProxyProtocol.ProxyHeader>) =>
        Effect.gen(function* () {
          const line = Option.getOrElse(yield* connection.readLine, () => "")
          const client = Option.flatMap(header, ({ endpoints }) => endpoints)
          const host = Option.match(client, { onNone: () => "nobody", onSome: ({ source }) => source.host })
          yield* connection.writeString(`${host}: ${line}`)
        })
      yield* Effect.forkScoped(
        ProxyProtocol.serve(listener, { trusted, headerTimeout: "200 millis" }, answer, {
          onFailure: (cause) => Queue.offer(failures, String(cause))
        })
      )
      const ask = (bytes: string) =>
        Effect.scoped(
          Effect.gen(function* () {
            const connection = yield* Net.connect({ host: "127.0.0.1", port: listener.address.port })
            yield* connection.writeString(bytes)
            return text(yield* readToEnd(connection))
          })
        )
      return { ask, failure: Queue.take(failures) }
    })

  const header = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"

  test(subject, "tells who the client of a trusted proxy is", () =>
    Effect.gen(function* () {
      const { ask } = yield* serving(["127.0.0.0/8"])
      assert.strictEqual(yield* ask(`${header}hello\n`), "192.0.2.7: hello")
    })
  )

  test(subject, "takes nothing from others: to them it is data", () =>
    Effect.gen(function* () {
      const { ask } = yield* serving(["10.0.0.0/8"])
      assert.strictEqual(yield* ask(`${header}hello\n`), `nobody: ${header.trimEnd()}`)
    })
  )

  test(subject, "closes a trusted one that sends none, or waits, and serves the next", () =>
    Effect.gen(function* () {
      const { ask, failure } = yield* serving(["127.0.0.1"])
      assert.strictEqual((yield* Effect.either(ask("hello\n"))).pipe(Either.getOrElse(() => "")), "")
      assert.match(yield* failure, /does not begin with a PROXY header/)
      assert.strictEqual((yield* Effect.either(ask("PROXY TC"))).pipe(Either.getOrElse(() => "")), "")
      assert.match(yield* failure, /not done within 200ms/)
      assert.strictEqual(yield* ask(`${header}hello\n`), "192.0.2.7: hello")
    })
  )

  test(subject, "refuses ranges that are none", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const untyped = (trusted: unknown) => trusted as ReadonlyArray<string>
      for (const trusted of [["10/8"], untyped([8]), untyped("10.0.0.0/8"), untyped(undefined)]) {
        const failure = yield* Effect.flip(ProxyProtocol.serve(listener, { trusted }, () => Effect.void))
        assert.strictEqual(failure.reason, "InvalidArgument")
      }
    })
  )
})

describe("any header", () => {
  const end = (version: "IPv4" | "IPv6") =>
    fc
      .tuple(version === "IPv4" ? fc.ipV4() : fc.ipV6(), fc.nat(65_535))
      .map(([host, port]) => address(host, port))
  const ends = (version: "IPv4" | "IPv6") => fc.record({ source: end(version), destination: end(version) })
  /** All but the checksum, which is right or wrong. */
  const type = fc.nat(255).filter((number) => number !== 3)
  const header = fc.record({
    version: fc.constantFrom(1 as const, 2 as const),
    endpoints: fc.option(fc.oneof(ends("IPv4"), ends("IPv6"))).map(Option.fromNullable),
    extensions: fc.array(fc.record({ type, value: fc.uint8Array({ maxLength: 300 }) }), {
      maxLength: 5
    })
  })

  it("that is written is read the same", () =>
    fc.assert(
      fc.property(header, (given) => {
        const fits =
          given.version === 2 && Option.isSome(given.endpoints) ? given : { ...given, extensions: [] }
        const bytes = encode(fits)
        if (typeof bytes === "string") return assert.fail(bytes)
        const measured = measure({ byteLength: bytes.length, peek: (length) => bytes.subarray(0, length) })
        assert.deepInclude(measured, { total: bytes.length })
        assert.deepStrictEqual(decode(bytes), fits)
      })
    ))

  it("or anything else, is read or refused", () =>
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.constantFrom("", "PROXY ", SIGNATURE),
        (rest, begin) => {
          const bytes = Buffer.concat([Buffer.from(begin, "latin1"), rest])
          const measured = measure({ byteLength: bytes.length, peek: (length) => bytes.subarray(0, length) })
          if (measured !== undefined && "total" in measured) decode(bytes.subarray(0, measured.total))
        }
      ),
      { numRuns: 2000 }
    ))
})
