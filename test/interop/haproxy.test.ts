/**
 * The PROXY protocol as HAProxy speaks it: HAProxy in front of a server of this library, and a client of this library
 * that tells HAProxy whom it speaks for.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { format, unsafeMake } from "../../src/Address/index.js"
import * as Net from "../../src/Net/index.js"
import * as ProxyProtocol from "../../src/Net/ProxyProtocol.js"
import * as Unix from "../../src/Net/Unix.js"
import { freePath } from "../Net/unixHarness.js"
import { absenceOf } from "../support/absence.js"
import { freePort, host, reachable, running } from "../support/server.js"

/** How HAProxy is to send the header, and which version that is. */
const ways = {
  "version 1": [1, "send-proxy"],
  "version 2": [2, "send-proxy-v2"],
  "version 2, with a checksum": [2, "send-proxy-v2 proxy-v2-options crc32c"]
} as const

/** `server`: where the server is, as HAProxy writes it. */
const configuration = (frontPort: number, acceptPort: number, server: string, way: string) => `
defaults
  mode tcp
  timeout connect 5s
  timeout client 20s
  timeout server 20s
listen front
  bind ${host}:${frontPort}
  server one ${server} ${way}
listen behind-another-proxy
  bind ${host}:${acceptPort} accept-proxy
  server one ${server} ${way}
`

const scopedFile = (text: string) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "haproxy-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    ),
    (folder) => {
      const path = join(folder, "haproxy.cfg")
      writeFileSync(path, text)
      return path
    }
  )

/** Tells each client in a line what the proxy said of it, and sends back what it sends. */
const tell = (connection: Net.AnyConnection, header: Option.Option<ProxyProtocol.ProxyHeader>) =>
  Effect.gen(function* () {
    const { endpoints, extensions, version } = Option.getOrThrow(header)
    const ends = Option.match(endpoints, {
      onNone: () => "nobody",
      onSome: ({ destination, source }) => `${format(source)} to ${format(destination)}`
    })
    const types = extensions.map(({ type }) => type).join(",")
    yield* connection.writeString(`version ${version}: ${ends} [${types}]\n`)
    for (;;) {
      const chunk = yield* connection.read
      if (chunk.length === 0) return
      yield* connection.writeAll(chunk)
    }
  })

/** HAProxy in front of a server at that address. */
const inFrontOf = (server: string, way: string) =>
  Effect.gen(function* () {
    const [frontPort, acceptPort] = [yield* freePort, yield* freePort]
    const path = yield* scopedFile(configuration(frontPort, acceptPort, server, way))
    yield* running("haproxy", ["-db", "-f", path])
    yield* reachable(frontPort)
    return { frontPort, acceptPort }
  })

/** HAProxy in front of such a server. */
const proxied = (way: string) =>
  Effect.gen(function* () {
    const listener = yield* Net.listen({ host, port: 0 })
    yield* Effect.forkScoped(ProxyProtocol.serve(listener, { trusted: [host] }, tell))
    return yield* inFrontOf(`${host}:${listener.address.port}`, way)
  })

const absence = absenceOf("haproxy")

describe.skipIf(absence !== undefined)("HAProxy", () => {
  for (const [name, [version, way]] of Object.entries(ways)) {
    const extensions = name.includes("checksum") ? "3" : ""

    it.live(`in front, ${name}: who its client is, and every byte after that`, () =>
      Effect.gen(function* () {
        const { frontPort } = yield* proxied(way)
        const client = yield* Net.connect({ host, port: frontPort, timeout: "10 seconds" })
        const { port } = yield* client.localAddress
        const line = yield* client.readLineWith({ timeout: "10 seconds" })
        const expected = `version ${version}: ${host}:${port} to ${host}:${frontPort} [${extensions}]`
        assert.deepStrictEqual(line, Option.some(expected))
        yield* client.writeString("PROXY is a word like any other\n")
        assert.deepStrictEqual(yield* client.readLine, Option.some("PROXY is a word like any other"))
      }).pipe(Effect.scoped, Effect.provide(Net.layer))
    )

    it.live(`is told by a proxy of this library with whom its client is, and passes it on by ${name}`, () =>
      Effect.gen(function* () {
        const { acceptPort } = yield* proxied(way)
        const front = yield* Net.listen({ host, port: 0 })
        // Passes on what HAProxy answers.
        yield* Effect.forkScoped(
          front.serve((near) =>
            Effect.scoped(
              Effect.gen(function* () {
                const header = yield* ProxyProtocol.headerOf(near, { version })
                const far = yield* ProxyProtocol.connect({ host, port: acceptPort, header })
                yield* near.writeAll(yield* far.read)
              })
            )
          )
        )
        const client = yield* Net.connect({ host, port: front.address.port, timeout: "10 seconds" })
        const line = yield* client.readLineWith({ timeout: "10 seconds" })
        const ends = `${format(yield* client.localAddress)} to ${format(front.address)}`
        assert.deepStrictEqual(line, Option.some(`version ${version}: ${ends} [${extensions}]`))
      }).pipe(Effect.scoped, Effect.provide(Net.layer))
    )

    it.live(`is told whom a client speaks for, and passes it on by ${name}`, () =>
      Effect.gen(function* () {
        const { acceptPort } = yield* proxied(way)
        for (const written of [1, 2] as const) {
          const source = unsafeMake("192.0.2.7", 4_000 + written)
          const destination = unsafeMake("198.51.100.9", 443)
          const client = yield* ProxyProtocol.connect({
            host,
            port: acceptPort,
            timeout: "10 seconds",
            header: { version: written, endpoints: Option.some({ source, destination }), extensions: [] }
          })
          const line = yield* client.readLineWith({ timeout: "10 seconds" })
          const expected = `version ${version}: ${format(source)} to ${format(destination)} [${extensions}]`
          assert.deepStrictEqual(line, Option.some(expected))
        }
      }).pipe(Effect.scoped, Effect.provide(Net.layer))
    )

    it.live(`in front of a Unix socket, ${name}`, () =>
      Effect.gen(function* () {
        const path = yield* freePath
        const listener = yield* Unix.listen({ path })
        yield* Effect.forkScoped(ProxyProtocol.serve(listener, { trusted: ["unix:"] }, tell))
        const { frontPort } = yield* inFrontOf(`unix@${path}`, way)
        const client = yield* Net.connect({ host, port: frontPort, timeout: "10 seconds" })
        const { port } = yield* client.localAddress
        const line = yield* client.readLineWith({ timeout: "10 seconds" })
        const expected = `version ${version}: ${host}:${port} to ${host}:${frontPort} [${extensions}]`
        assert.deepStrictEqual(line, Option.some(expected))
      }).pipe(Effect.scoped, Effect.provide(Net.layer))
    )
  }
})
