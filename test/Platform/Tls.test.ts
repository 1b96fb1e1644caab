/**
 * TLS with both sides of this library: the connection that it makes, and what it tells of itself.
 */
import { createSecureContext } from "node:tls"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { isConnectionError, isNetworkError, isTlsError } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import * as NodeDuplex from "../../src/Platform/NodeDuplex.js"
import * as Tls from "../../src/Platform/Tls.js"
import { echo } from "../interop/conversations.js"
import { bytes, pair, pattern, readExactly, readToEnd, test, text } from "../Net/harness.js"
import * as certificates from "./certificates.js"
import { allOf, subject, turns, written } from "./streams.js"
import { echoServer, host, serving, tlsPair, trusting } from "./tlsEnds.js"

const { ca, client: clientIdentity, other, server: serverIdentity } = certificates
const MIBI = 1024 * 1024

const connectTo = (port: number, options: Tls.ClientOptions = trusting) =>
  Tls.connect({ host, port, ...options })

/** Says something, and hears it come back. */
const echoed = (connection: Net.Connection, said = "hello") =>
  Effect.gen(function* () {
    yield* connection.writeString(said)
    assert.strictEqual(text(yield* readExactly(connection, bytes(said).length)), said)
  })

describe("a TLS connection", () => {
  test(subject, "is a connection: lines, exact reads, both ways", () =>
    Effect.gen(function* () {
      const { client, server } = yield* tlsPair()
      yield* client.writeString("HELO Grüße\r\nrest")
      assert.deepStrictEqual(yield* server.readLine, Option.some("HELO Grüße"))
      assert.strictEqual(text(yield* readExactly(server, 4)), "rest")
      yield* server.writeAll(bytes("250 ok\n"))
      assert.deepStrictEqual(yield* client.readLine, Option.some("250 ok"))
    })
  )

  test(subject, "takes several chunks as one write", () =>
    Effect.gen(function* () {
      const { client, server } = yield* tlsPair()
      const chunks = [pattern(5), pattern(100_000, 5), pattern(10, 100_005)]
      const writing = yield* Effect.fork(client.writeAllVectored(chunks))
      assert.isTrue((yield* readExactly(server, 100_015)).equals(pattern(100_015)))
      yield* Fiber.join(writing)
    })
  )

  test(subject, "sends nothing in plain text", () =>
    Effect.gen(function* () {
      const between = yield* Net.listen({ host, port: 0 })
      const { port } = yield* echoServer()
      let seen = ""
      yield* Effect.forkScoped(
        between.serve((near) =>
          Effect.scoped(
            Effect.gen(function* () {
              const far = yield* Net.connect({ host, port })
              const pass = (from: Net.Connection, to: Net.Connection) =>
                Effect.gen(function* () {
                  for (;;) {
                    const chunk = yield* from.read
                    if (chunk.length === 0) return yield* to.shutdown("write")
                    seen += Buffer.from(chunk).toString("latin1")
                    yield* to.writeAll(chunk)
                  }
                })
              yield* Effect.all([pass(near, far), pass(far, near)], { concurrency: 2 })
            })
          )
        )
      )
      const client = yield* connectTo(between.address.port)
      yield* echoed(client, "a secret word")
      yield* client.close
      assert.isAbove(seen.length, 500)
      assert.notInclude(seen, "secret")
    })
  )

  test(subject, "tells what was agreed on", () =>
    Effect.gen(function* () {
      const { beneath, client, server } = yield* tlsPair()
      for (const end of [client, server]) {
        assert.strictEqual(end.protocol, "TLSv1.3")
        assert.match(end.cipher.standardName, /^TLS_/)
        assert.deepStrictEqual(end.alpnProtocol, Option.none())
        assert.deepStrictEqual(end.servername, Option.some("localhost"))
        assert.isFalse(end.isSessionReused)
      }
      assert.isTrue(client.authorized)
      assert.isFalse(server.authorized, "nobody asked the client")
      assert.deepStrictEqual(server.peerCertificate, Option.none())
      const certificate = Option.getOrThrow(client.peerCertificate)
      assert.strictEqual(certificate.subject, "CN=localhost")
      assert.include(certificate.subjectAltName, "DNS:localhost")
      assert.deepStrictEqual(client.remoteAddress, beneath.client.remoteAddress)
      assert.deepStrictEqual(yield* client.localAddress, server.remoteAddress)
      assert.deepStrictEqual(yield* server.session, Option.none())
      yield* client.close
      assert.strictEqual(client.protocol, "TLSv1.3", "still known")
    })
  )

  test(subject, "has the options of the connection beneath", () =>
    Effect.gen(function* () {
      const { beneath, client } = yield* tlsPair()
      yield* client.setOption("noDelay", false)
      assert.isFalse(yield* beneath.client.getOption("noDelay"))
      yield* beneath.client.setOption("keepAlive", true)
      assert.isTrue(yield* client.getOption("keepAlive"))
      assert.strictEqual(
        yield* client.getOption("receiveBufferBytes"),
        yield* beneath.client.getOption("receiveBufferBytes")
      )
    })
  )

  test(subject, "4 MiB each way at once, whole and in order", () =>
    Effect.gen(function* () {
      const { client, server } = yield* tlsPair()
      const there = pattern(4 * MIBI)
      const back = pattern(4 * MIBI, 7)
      const [atClient, atServer] = yield* Effect.all(
        [
          readToEnd(client),
          readToEnd(server),
          Effect.zipRight(client.writeAll(there), client.shutdown("write")),
          Effect.zipRight(server.writeAll(back), server.shutdown("write"))
        ],
        { concurrency: 4 }
      )
      assert.isTrue(atServer.equals(there))
      assert.isTrue(atClient.equals(back))
    })
  )

  test(subject, "a writer waits for a reader that is slow", () =>
    Effect.gen(function* () {
      const { client, server } = yield* tlsPair()
      const sent = pattern(16 * MIBI)
      const writing = yield* Effect.fork(client.writeAll(sent))
      yield* turns(100)
      assert.isNull(writing.unsafePoll())
      assert.isTrue((yield* readExactly(server, sent.length)).equals(sent))
      yield* Fiber.join(writing)
    })
  )

  test(subject, "an interrupted read takes nothing, and a late one fails alone", () =>
    Effect.gen(function* () {
      const { client, server } = yield* tlsPair()
      const reading = yield* Effect.fork(server.read)
      yield* turns(2)
      yield* Fiber.interrupt(reading)
      const late = yield* Effect.flip(server.readWith({ timeout: "5 millis" }))
      assert.strictEqual(late._tag, "TimeoutError")
      yield* client.writeString("kept")
      assert.strictEqual(text(yield* readExactly(server, 4)), "kept")
    })
  )

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    test(subject, `ends one half, and still hears the answer (${version})`, () =>
      Effect.gen(function* () {
        const { client, server } = yield* tlsPair({ ...trusting, maxVersion: version })
        assert.strictEqual(client.protocol, version)
        yield* client.writeString("question")
        yield* client.shutdown("write")
        assert.strictEqual(text(yield* readToEnd(server)), "question")
        yield* turns(5)
        yield* server.writeString("a long answer")
        yield* server.close
        assert.strictEqual(text(yield* readToEnd(client)), "a long answer")
        const failure = yield* Effect.flip(client.writeString("more"))
        assert.strictEqual(failure.reason, "Closed")
      })
    )
  }

  test(subject, "closing it closes the connection beneath, once what was written has left", () =>
    Effect.gen(function* () {
      const { beneath, client, server } = yield* tlsPair()
      yield* client.writeString("the last words")
      yield* client.close
      yield* client.close
      assert.strictEqual((yield* Effect.flip(beneath.client.read)).reason, "Closed")
      assert.strictEqual((yield* Effect.flip(client.read)).reason, "Closed")
      assert.strictEqual(text(yield* readToEnd(server)), "the last words")
      yield* server.close
      const { openSockets } = yield* Net.statistics
      assert.strictEqual(openSockets, 1, "the listener")
    })
  )

  test(subject, "abort resets: the peer reads no end", () =>
    Effect.gen(function* () {
      const { client, server } = yield* tlsPair()
      const reading = yield* Effect.fork(Effect.flip(server.read))
      yield* turns(2)
      yield* client.abort
      const failure = yield* Fiber.join(reading)
      assert.isTrue(isConnectionError(failure) && failure.reason === "Reset", String(failure))
    })
  )

  test(subject, "ends with its scope, under way or not", () =>
    Effect.gen(function* () {
      const beneath = yield* pair
      yield* Effect.scoped(
        Effect.gen(function* () {
          const [client] = yield* Effect.all(
            [Tls.clientOver(beneath.client, trusting), Tls.serverOver(beneath.server, serverIdentity)],
            { concurrency: 2 }
          )
          yield* Effect.forkScoped(client.read)
          yield* Effect.forkScoped(client.writeAll(pattern(8 * MIBI)))
          yield* turns(5)
        })
      )
      assert.strictEqual((yield* Net.statistics).openSockets, 1, "the listener")
    })
  )

  test(subject, "carries another one", () =>
    Effect.gen(function* () {
      const outer = yield* tlsPair()
      const [client, server] = yield* Effect.all(
        [Tls.clientOver(outer.client, { ca, servername: "other.test" }), Tls.serverOver(outer.server, other)],
        { concurrency: 2 }
      )
      yield* Effect.fork(echo(server))
      yield* echoed(client, "twice as secret")
      yield* client.close
      assert.strictEqual((yield* Effect.flip(outer.client.read)).reason, "Closed")
    })
  )

  test(subject, "is a Node stream, like any connection", () =>
    Effect.gen(function* () {
      const { client, server } = yield* tlsPair()
      const stream = yield* NodeDuplex.make(client)
      yield* written(stream, "through a stream")
      assert.strictEqual(text(yield* readExactly(server, 16)), "through a stream")
      yield* server.writeString("and back")
      yield* server.close
      assert.strictEqual((yield* allOf(stream)).toString(), "and back")
    })
  )

  test(subject, "is made of connections of Net only", () =>
    Effect.gen(function* () {
      const { client } = yield* pair
      const failure = yield* Effect.flip(
        Tls.clientOver({ ...client, remoteAddress: client.remoteAddress }, trusting)
      )
      assert.isTrue(isNetworkError(failure) && failure.reason === "InvalidArgument")
    })
  )
})

describe("protocols (ALPN)", () => {
  for (const [name, clients, servers, agreed] of [
    ["the server's first of both", ["http/1.1", "h2"], ["h2", "http/1.1"], "h2"],
    ["what both have", ["imap", "smtp"], ["pop3", "smtp"], "smtp"],
    ["nothing, if the server has none", ["h2"], undefined, undefined],
    ["nothing, if the client has none", undefined, ["h2"], undefined]
  ] as const) {
    test(subject, `agree on ${name}`, () =>
      Effect.gen(function* () {
        const { client, server } = yield* tlsPair(
          { ...trusting, ALPNProtocols: clients },
          { ...serverIdentity, ALPNProtocols: servers }
        )
        assert.deepStrictEqual(client.alpnProtocol, Option.fromNullable(agreed))
        assert.deepStrictEqual(server.alpnProtocol, Option.fromNullable(agreed))
      })
    )
  }
})

describe("names (SNI)", () => {
  const subjectOf = (options: Tls.ServerOptions, servername: string) =>
    Effect.gen(function* () {
      const { client, server } = yield* tlsPair({ ca, servername }, options)
      assert.deepStrictEqual(server.servername, Option.some(servername))
      return Option.map(client.peerCertificate, (certificate) => certificate.subject)
    })

  const contexts = { "other.test": other, "*.other.test": other }
  const byName = (name: string) => (/other\.test$/.test(name) ? createSecureContext({ ...other }) : undefined)

  for (const [kind, options] of [
    ["contexts", { ...serverIdentity, contexts }],
    ["SNICallback", { ...serverIdentity, SNICallback: byName }]
  ] as const) {
    test(subject, `choose the certificate, by ${kind}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* subjectOf(options, "localhost"), Option.some("CN=localhost"))
        assert.deepStrictEqual(yield* subjectOf(options, "other.test"), Option.some("CN=other.test"))
        assert.deepStrictEqual(yield* subjectOf(options, "www.other.test"), Option.some("CN=other.test"))
      })
    )
  }

  test(subject, "are enough: there may be no certificate for everybody else", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* subjectOf({ contexts }, "other.test"), Option.some("CN=other.test"))
    })
  )

  test(subject, "an address is none, and is checked in the certificate", () =>
    Effect.gen(function* () {
      const { client, server } = yield* tlsPair({ ca })
      assert.deepStrictEqual(server.servername, Option.none())
      assert.isTrue(client.authorized)
    })
  )
})

describe("client certificates", () => {
  const asking: Tls.ServerOptions = { ...serverIdentity, ca, requestCert: true }

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    test(subject, `are checked (${version})`, () =>
      Effect.gen(function* () {
        const { client, server } = yield* tlsPair(
          { ...trusting, ...clientIdentity, maxVersion: version },
          asking
        )
        assert.isTrue(server.authorized)
        assert.deepStrictEqual(
          Option.map(server.peerCertificate, ({ subject }) => subject),
          Option.some("CN=a client")
        )
        yield* Effect.fork(echo(server))
        yield* echoed(client)
      })
    )
  }

  test(subject, "may be missing, or anybody's, where the program decides itself", () =>
    Effect.gen(function* () {
      const lenient = { ...asking, rejectUnauthorized: false }
      const none = yield* tlsPair(trusting, lenient)
      assert.isFalse(none.server.authorized)
      assert.deepStrictEqual(none.server.peerCertificate, Option.none())
      const unknown = yield* tlsPair({ ...trusting, ...certificates.selfSigned }, lenient)
      assert.isFalse(unknown.server.authorized)
      assert.deepStrictEqual(
        Option.map(unknown.server.authorizationError, ({ reason }) => reason),
        Option.some("CertificateUntrusted")
      )
      assert.isTrue(Option.isSome(unknown.server.peerCertificate))
    })
  )
})

describe("a server that the client does not insist on", () => {
  test(subject, "is not authorized, and says why", () =>
    Effect.gen(function* () {
      const { client } = yield* tlsPair({ ...trusting, rejectUnauthorized: false }, certificates.selfSigned)
      assert.isFalse(client.authorized)
      const error = Option.getOrThrow(client.authorizationError)
      assert.isTrue(isTlsError(error))
      assert.deepInclude(
        { ...error },
        { reason: "CertificateUntrusted", codeName: "DEPTH_ZERO_SELF_SIGNED_CERT" }
      )
    })
  )

  test(subject, "may be checked by the program", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const checkServerIdentity: Tls.ClientOptions["checkServerIdentity"] = (host, { subject }) => {
        asked.push(`${host} ${subject.CN}`)
        return undefined
      }
      yield* tlsPair({ ca, servername: "elsewhere.test", checkServerIdentity })
      assert.deepStrictEqual(asked, ["elsewhere.test localhost"])
    })
  )
})

describe("sessions", () => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    test(subject, `are resumed (${version})`, () =>
      Effect.gen(function* () {
        const { port } = yield* echoServer()
        const options = { ...trusting, maxVersion: version }
        const first = yield* connectTo(port, options)
        yield* echoed(first)
        const session = Option.getOrThrow(yield* first.session)
        yield* first.close
        const second = yield* connectTo(port, { ...options, session })
        yield* echoed(second)
        assert.isTrue(second.isSessionReused)
        assert.isTrue(second.authorized)
        assert.isTrue(Option.isSome(second.peerCertificate))
        const next = Option.getOrThrow(yield* second.session)
        const third = yield* connectTo(port, { ...options, session: next })
        assert.isTrue(third.isSessionReused)
        assert.isFalse((yield* connectTo(port, options)).isSessionReused)
      })
    )

    test(subject, `are resumed with a client's certificate (${version})`, () =>
      Effect.gen(function* () {
        const context = yield* Tls.serverContext({ ...serverIdentity, ca, requestCert: true })
        const options = { ...trusting, ...clientIdentity, maxVersion: version }
        const first = yield* tlsPair(options, context)
        const session = Option.getOrThrow(yield* first.client.session)
        const second = yield* tlsPair({ ...options, session }, context)
        assert.isTrue(second.server.isSessionReused)
        assert.isTrue(second.server.authorized)
        assert.isTrue(Option.isSome(second.server.peerCertificate))
      })
    )
  }

  test(subject, "of another server are of no use, and do no harm", () =>
    Effect.gen(function* () {
      const { port } = yield* echoServer()
      const session = Option.getOrThrow(yield* (yield* connectTo(port)).session)
      const elsewhere = yield* echoServer()
      const client = yield* connectTo(elsewhere.port, { ...trusting, session })
      assert.isFalse(client.isSessionReused)
      yield* echoed(client)
    })
  )

  test(subject, "do not spare the check of the name", () =>
    Effect.gen(function* () {
      const { port } = yield* echoServer()
      const session = Option.getOrThrow(yield* (yield* connectTo(port)).session)
      const failure = yield* Effect.flip(connectTo(port, { ca, session, servername: "other.test" }))
      assert.isTrue(isTlsError(failure) && failure.reason === "HostnameMismatch", String(failure))
    })
  )

  test(subject, "that never come are none, once the connection has ended", () =>
    Effect.gen(function* () {
      const { client, server } = yield* tlsPair({ ...trusting, maxVersion: "TLSv1.3" })
      yield* client.close
      yield* server.close
      const session = yield* client.session
      assert.isTrue(Option.isNone(session) || session.value.length > 0)
      assert.deepStrictEqual(yield* server.session, Option.none())
    })
  )
})

describe("STARTTLS", () => {
  /** A server that speaks a little SMTP, and TLS after STARTTLS. */
  const mailServer = Effect.gen(function* () {
    const listener = yield* Net.listen({ host, port: 0 })
    const outcome = yield* Deferred.make<unknown>()
    const serve = (connection: Net.Connection) =>
      Effect.scoped(
        Effect.gen(function* () {
          yield* connection.writeString("220 ready\r\n")
          assert.deepStrictEqual(yield* connection.readLine, Option.some("STARTTLS"))
          yield* connection.writeString("220 go ahead\r\n")
          const tls = yield* Tls.serverOver(connection, serverIdentity)
          const line = yield* tls.readLine
          yield* tls.writeString(`250 ${Option.getOrElse(line, () => "nothing")}\r\n`)
        })
      )
    yield* Effect.forkScoped(
      listener.serve((connection) =>
        Effect.flatMap(Effect.either(serve(connection)), (either) =>
          Deferred.succeed(outcome, either._tag === "Left" ? either.left : "done")
        )
      )
    )
    return { port: listener.address.port, outcome: Deferred.await(outcome) }
  })

  test(subject, "upgrades in place, after lines of plain text", () =>
    Effect.gen(function* () {
      const { outcome, port } = yield* mailServer
      const plain = yield* Net.connect({ host, port })
      assert.deepStrictEqual(yield* plain.readLine, Option.some("220 ready"))
      yield* plain.writeString("STARTTLS\r\n")
      assert.deepStrictEqual(yield* plain.readLine, Option.some("220 go ahead"))
      const tls = yield* Tls.clientOver(plain, trusting)
      yield* tls.writeString("EHLO me\r\n")
      assert.deepStrictEqual(yield* tls.readLine, Option.some("250 EHLO me"))
      assert.strictEqual(yield* outcome, "done")
    })
  )

  test(subject, "bytes that had arrived before go to TLS", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      yield* client.writeString("STARTTLS\r\n")
      const upgrading = yield* Effect.fork(Tls.clientOver(client, trusting))
      yield* turns(20)
      // The line, and with it the client's first flight: one receive brings both.
      assert.deepStrictEqual(yield* server.readLine, Option.some("STARTTLS"))
      const tls = yield* Tls.serverOver(server, serverIdentity)
      yield* tls.writeString("220 welcome\n")
      const ours = yield* Fiber.join(upgrading)
      assert.deepStrictEqual(yield* ours.readLine, Option.some("220 welcome"))
    })
  )

  test(subject, "plain text that was slipped in behind the command never comes out of TLS", () =>
    Effect.gen(function* () {
      const { outcome, port } = yield* mailServer
      const plain = yield* Net.connect({ host, port })
      assert.deepStrictEqual(yield* plain.readLine, Option.some("220 ready"))
      yield* plain.writeString("STARTTLS\r\nRCPT TO:<eve@example.org>\r\n")
      assert.deepStrictEqual(yield* plain.readLine, Option.some("220 go ahead"))
      yield* Effect.either(Tls.clientOver(plain, trusting))
      const failure = yield* outcome
      assert.isTrue(isTlsError(failure) && failure.reason === "NotTls", String(failure))
    })
  )

  test(subject, "nor does what was slipped in behind the server's answer", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      yield* server.writeString("220 go ahead\r\n250 I have AUTH PLAIN\r\n")
      assert.deepStrictEqual(yield* client.readLine, Option.some("220 go ahead"))
      yield* Effect.fork(Tls.serverOver(server, serverIdentity))
      const failure = yield* Effect.flip(Tls.clientOver(client, trusting))
      assert.isTrue(isTlsError(failure) && failure.reason === "NotTls", String(failure))
    })
  )
})

describe("serve", () => {
  test(subject, "serves many at once, and leaves nothing", () =>
    Effect.gen(function* () {
      const { port } = yield* echoServer()
      const count = subject.isSlow ? 10 : 40
      yield* Effect.forEach(
        Array.from({ length: count }, (_, index) => index),
        (index) =>
          Effect.scoped(Effect.flatMap(connectTo(port), (client) => echoed(client, `number ${index}`))),
        { concurrency: 10 }
      )
    })
  )

  test(subject, "closes in good order when the handler ends, and when it fails", () =>
    Effect.gen(function* () {
      const { failure, port } = yield* serving((connection) =>
        Effect.gen(function* () {
          const line = yield* connection.readLine
          if (Option.contains(line, "fail")) return yield* Effect.fail("on purpose")
          yield* connection.writeString("bye")
        })
      )
      const one = yield* connectTo(port)
      yield* one.writeString("go\n")
      assert.strictEqual(text(yield* readToEnd(one)), "bye")
      const two = yield* connectTo(port)
      yield* two.writeString("fail\n")
      assert.strictEqual((yield* readToEnd(two)).length, 0)
      assert.strictEqual(yield* failure, "on purpose")
    })
  )

  test(subject, "is established by the handshake", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host, port: 0 })
      yield* Effect.forkScoped(Tls.serve(listener, serverIdentity, echo, { handshakeTimeout: "150 millis" }))
      const client = yield* connectTo(listener.address.port)
      yield* Effect.sleep("400 millis")
      yield* echoed(client)
    })
  )

  test(subject, "refuses options that are no good", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host, port: 0 })
      const bad: ReadonlyArray<Tls.ServerOptions> = [
        {},
        { cert: serverIdentity.cert },
        { cert: "no certificate", key: "no key" },
        { cert: serverIdentity.cert, key: other.key },
        { ...serverIdentity, minVersion: "TLSv1.3", maxVersion: "TLSv1.2" },
        { ...serverIdentity, contexts: { "other.test": { cert: "nothing", key: "nothing" } } }
      ]
      for (const options of bad) {
        const failure = yield* Effect.flip(Tls.serve(listener, options, echo))
        assert.isTrue(isNetworkError(failure) && failure.reason === "InvalidArgument", String(failure))
      }
    })
  )

  test(subject, "so do clients", () =>
    Effect.gen(function* () {
      const { port } = yield* echoServer()
      const bad: ReadonlyArray<Tls.ClientOptions> = [
        { ca: "no certificate", cert: "none" },
        { ...clientIdentity, key: other.key },
        { ...trusting, minVersion: "TLSv1.3", maxVersion: "TLSv1.2" },
        { ...trusting, ALPNProtocols: ["x".repeat(300)] }
      ]
      for (const options of bad) {
        const failure = yield* Effect.flip(connectTo(port, options))
        assert.isTrue(isNetworkError(failure) && failure.reason === "InvalidArgument", String(failure))
      }
    })
  )
})
