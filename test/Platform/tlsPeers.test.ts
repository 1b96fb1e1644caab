/**
 * TLS with other people's programs at the other end: OpenSSL's own, and socat; and with those that do not keep to it.
 */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { isConnectionError, type TlsErrorReason } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import * as Tls from "../../src/Platform/Tls.js"
import { pattern, readExactly, readToEnd, test, text } from "../Net/harness.js"
import { absenceOf } from "../support/absence.js"
import { announced, ended, type Started, started } from "../support/started.js"
import * as certificates from "./certificates.js"
import { subject } from "./streams.js"
import { echoServer, host, serving, tlsReason, trusting } from "./tlsEnds.js"

const MIBI = 1024 * 1024
const { pathOf } = certificates
const caFile = pathOf("ca.cert.pem")
const serverFiles = { cert: pathOf("server.cert.pem"), key: pathOf("server.key.pem") }

/** The port that the program says it listens on. */
const portOf = (program: Started, announcement: RegExp): Effect.Effect<number> =>
  Effect.map(announced(program, announcement), ([, port]) => Number(port))

const isServed = (port: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* Tls.connect({ host, port, ...trusting })
      yield* connection.writeString("still there?\n")
      assert.strictEqual(text(yield* readExactly(connection, 13)), "still there?\n")
    })
  )

const noOpenssl = absenceOf("openssl")
const noSocat = absenceOf("socat")

describe.skipIf(noOpenssl !== undefined)(`openssl s_client ${noOpenssl ?? ""}`, () => {
  const client = (port: number, ...args: ReadonlyArray<string>) => {
    const always = [
      "-connect",
      `${host}:${port}`,
      "-CAfile",
      caFile,
      "-verify_return_error",
      "-servername",
      "localhost"
    ]
    return started("openssl", "s_client", ...always, ...args)
  }

  test(subject, "1 MiB there and back", () =>
    Effect.gen(function* () {
      const sent = pattern(MIBI)
      const { port } = yield* serving((connection) =>
        Effect.flatMap(readExactly(connection, MIBI), (bytes) => connection.writeAll(bytes))
      )
      const program = yield* client(port, "-quiet")
      program.child.stdin.write(sent)
      yield* ended(program)
      assert.isTrue(program.output().equals(sent))
    })
  )

  test(
    subject,
    "agrees on a protocol (ALPN), and is told the certificate of the name it asks for (SNI)",
    () =>
      Effect.gen(function* () {
        const { port } = yield* echoServer({
          ...certificates.selfSigned,
          ALPNProtocols: ["chat"],
          contexts: { localhost: certificates.server }
        })
        const program = yield* client(port, "-alpn", "other,chat")
        program.child.stdin.end()
        yield* ended(program)
        assert.match(program.said(), /ALPN protocol: chat/)
        assert.match(program.said(), /Verification: OK/)
      })
  )

  test(subject, "resumes its session", () =>
    Effect.gen(function* () {
      const context = yield* Tls.serverContext({ ...certificates.server, maxVersion: "TLSv1.2" })
      const { port } = yield* echoServer(context)
      const program = yield* client(port, "-reconnect")
      program.child.stdin.end()
      yield* ended(program)
      assert.strictEqual(program.said().match(/^Reused, TLSv1\.2/gm)?.length, 5)
    })
  )

  test(subject, "upgrades SMTP in place (STARTTLS)", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host, port: 0 })
      const smtp = (connection: Net.Connection) =>
        Effect.gen(function* () {
          yield* connection.writeString("220 localhost ESMTP\r\n")
          yield* connection.readLine
          yield* connection.writeString("250-localhost\r\n250 STARTTLS\r\n")
          yield* connection.readLine
          yield* connection.writeString("220 go on\r\n")
          const tls = yield* Tls.serverOver(connection, certificates.server)
          const line = yield* tls.readLine
          yield* tls.writeString(`250 ${line._tag === "Some" ? line.value : "nothing"}, in secret\r\n`)
        }).pipe(Effect.scoped)
      yield* Effect.forkScoped(listener.serve(smtp))
      const program = yield* client(listener.address.port, "-starttls", "smtp", "-quiet")
      program.child.stdin.write("NOOP\r\n")
      yield* ended(program)
      assert.match(program.said(), /250 NOOP, in secret/)
    })
  )

  test(subject, "does not trust a certificate of nobody, and says so", () =>
    Effect.gen(function* () {
      const { failure, port } = yield* serving(() => Effect.void, certificates.selfSigned)
      yield* client(port)
      assert.strictEqual(tlsReason(yield* failure), "CertificateUntrusted")
    })
  )
})

describe.skipIf(noOpenssl !== undefined)(`openssl s_server ${noOpenssl ?? ""}`, () => {
  const server = (...args: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const always = ["-accept", `${host}:0`, "-cert", serverFiles.cert, "-key", serverFiles.key]
      const program = yield* started("openssl", "s_server", ...always, ...args)
      return yield* portOf(program, /^ACCEPT .*:(\d+)$/m)
    })

  for (const version of ["-tls1_2", "-tls1_3"]) {
    test(subject, `answers lines (${version})`, () =>
      Effect.gen(function* () {
        const port = yield* server("-rev", version)
        const connection = yield* Tls.connect({ host, port, ...trusting })
        for (let count = 0; count < 50; count++) {
          yield* connection.writeString(`line ${count}\n`)
          const expected = [...`line ${count}`].reverse().join("")
          assert.strictEqual(text(yield* readExactly(connection, expected.length + 1)), `${expected}\n`)
        }
      })
    )
  }

  test(subject, "asks for a certificate, and gets it", () =>
    Effect.gen(function* () {
      const port = yield* server("-rev", "-Verify", "1", "-CAfile", caFile, "-verify_return_error")
      const connection = yield* Tls.connect({ host, port, ...trusting, ...certificates.client })
      yield* connection.writeString("abc\n")
      assert.strictEqual(text(yield* readExactly(connection, 4)), "cba\n")
    })
  )

  test(subject, "has nothing in common with a client of newer versions only", () =>
    Effect.gen(function* () {
      const port = yield* server("-tls1_2")
      const failure = yield* Effect.flip(Tls.connect({ host, port, ...trusting, minVersion: "TLSv1.3" }))
      assert.strictEqual(tlsReason(failure), "NoCommonProtocol")
    })
  )
})

describe.skipIf(noSocat !== undefined)(`socat ${noSocat ?? ""}`, () => {
  test(subject, "as the client: 1 MiB there and back, and its end is told by close_notify", () =>
    Effect.gen(function* () {
      const { failures, port } = yield* echoServer()
      const address = `OPENSSL:${host}:${port},cafile=${caFile},commonname=localhost`
      const program = yield* started("socat", "-t", "20", "-", address)
      const sent = pattern(MIBI)
      program.child.stdin.end(sent)
      yield* ended(program)
      assert.isTrue(program.output().equals(sent))
      assert.strictEqual(yield* failures.size, 0)
    })
  )

  test(subject, "as the server: 1 MiB there and back", () =>
    Effect.gen(function* () {
      const address = `OPENSSL-LISTEN:0,bind=${host},cert=${serverFiles.cert},key=${serverFiles.key},verify=0`
      const program = yield* started("socat", "-d", "-d", address, "PIPE")
      const port = yield* portOf(program, /listening on .*:(\d+)/)
      const connection = yield* Tls.connect({ host, port, ...trusting })
      const sent = pattern(MIBI)
      const writing = yield* Effect.fork(connection.writeAll(sent))
      assert.isTrue((yield* readExactly(connection, MIBI)).equals(sent))
      yield* Fiber.join(writing)
    })
  )
})

describe("a server that is not the one", () => {
  const servers: Record<string, readonly [Tls.ServerOptions, TlsErrorReason]> = {
    "of nobody's authority": [certificates.selfSigned, "CertificateUntrusted"],
    "whose certificate is over": [certificates.expired, "CertificateExpired"],
    "whose certificate is not valid yet": [certificates.future, "CertificateExpired"],
    "of another name": [certificates.other, "HostnameMismatch"]
  }
  for (const [name, [options, reason]] of Object.entries(servers)) {
    test(subject, `${name}: ${reason}`, () =>
      Effect.gen(function* () {
        const { port } = yield* serving(() => Effect.void, options)
        const error = yield* Effect.flip(Tls.connect({ host, port, ...trusting }))
        assert.strictEqual(tlsReason(error), reason)
        assert.match(error.message, /handshake 127\.0\.0\.1/)
      })
    )
  }

  test(
    subject,
    "that never answers: TimeoutError, by the limit of the handshake and by that of connecting",
    () =>
      Effect.gen(function* () {
        const { address } = yield* Net.listen({ host, port: 0 })
        const to = { host, port: address.port, ...trusting }
        const byHandshake = yield* Effect.flip(Tls.connect({ ...to, handshakeTimeout: "100 millis" }))
        assert.deepInclude({ ...byHandshake }, { _tag: "TimeoutError", operation: "handshake" })
        const byAll = yield* Effect.flip(Tls.connect({ ...to, timeout: "100 millis" }))
        assert.deepInclude({ ...byAll }, { _tag: "TimeoutError", operation: "handshake" })
      })
  )

  test(subject, "that never answers is late for a client, too, that cannot be interrupted", () =>
    Effect.gen(function* () {
      const { address } = yield* Net.listen({ host, port: 0 })
      const failure = yield* Tls.connect({
        host,
        port: address.port,
        ...trusting,
        handshakeTimeout: "100 millis"
      }).pipe(Effect.flip, Effect.uninterruptible)
      assert.deepInclude({ ...failure }, { _tag: "TimeoutError", operation: "handshake" })
    })
  )

  test(subject, "requires a certificate: the server says why, and the client hears of it", () =>
    Effect.gen(function* () {
      const { failure, port } = yield* serving(() => Effect.void, {
        ...certificates.server,
        ca: certificates.ca,
        requestCert: true
      })
      const connection = yield* Tls.connect({ host, port, ...trusting, maxVersion: "TLSv1.3" })
      const read = yield* Effect.flip(connection.read)
      assert.strictEqual(tlsReason(yield* failure), "CertificateRequired")
      assert.isTrue(isConnectionError(read) && read.reason === "Reset", read.message)
    })
  )
})

describe("those that do not keep to it", () => {
  /** What a stranger sends, and what becomes of the handshake. */
  const strangers: Record<string, readonly [bytes: Uint8Array, ends: boolean, expected: RegExp]> = {
    "a client without TLS": [Buffer.from("GET / HTTP/1.1\r\n\r\n"), false, /NotTls/],
    "a client that sends anything": [pattern(4096, 3), false, /NotTls/],
    "a client that leaves at once": [new Uint8Array(0), true, /Reset/],
    "a client that leaves in the middle of its first record": [
      Uint8Array.of(22, 3, 1, 2, 0, 1),
      true,
      /Reset/
    ],
    "a client that stops in the middle of it": [Uint8Array.of(22, 3, 1, 2, 0, 1), false, /TimeoutError/]
  }
  for (const [name, [bytes, ends, expected]] of Object.entries(strangers)) {
    test(subject, `${name}: typed, closed, and the next is served`, () =>
      Effect.gen(function* () {
        const { failure, port } = yield* serving(
          (connection) => Effect.flatMap(readExactly(connection, 13), (line) => connection.writeAll(line)),
          { ...certificates.server, handshakeTimeout: "500 millis" }
        )
        const stranger = yield* Net.connect({ host, port })
        yield* stranger.writeAll(bytes)
        if (ends) yield* stranger.shutdown("write")
        const error = yield* failure
        assert.match(JSON.stringify(error), expected)
        // Closed, one way or the other; whoever is refused may be told why, in a record.
        yield* Effect.either(readToEnd(stranger))
        yield* isServed(port)
      })
    )
  }

  test(subject, "a server without TLS is found out by the client, and closed", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host, port: 0 })
      const accepting = yield* Effect.fork(listener.accept)
      const failing = yield* Effect.fork(
        Effect.flip(Tls.connect({ host, port: listener.address.port, ...trusting }))
      )
      const server = yield* Fiber.join(accepting)
      yield* server.writeString("220 welcome, in plain text\r\n")
      assert.strictEqual(tlsReason(yield* Fiber.join(failing)), "NotTls")
      yield* Effect.either(readToEnd(server))
    })
  )
})
