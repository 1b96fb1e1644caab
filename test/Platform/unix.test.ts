/**
 * The bridges over Unix sockets: HTTP, TLS, Node's streams, messages.
 */
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import * as NodeHttp from "node:http"
import * as NodeNet from "node:net"
import { promisify } from "node:util"
import * as PlatformHttpClient from "@effect/platform/HttpClient"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { WebSocket } from "ws"
import { type UnixAddress, unsafeMakeUnix } from "../../src/Address/index.js"
import { NetworkError } from "../../src/Errors/index.js"
import * as Unix from "../../src/Net/Unix.js"
import * as HttpClient from "../../src/Platform/HttpClient.js"
import * as OurHttpServer from "../../src/Platform/HttpServer.js"
import * as Messages from "../../src/Platform/Messages.js"
import * as NodeConnection from "../../src/Platform/NodeConnection.js"
import * as NodeDuplex from "../../src/Platform/NodeDuplex.js"
import * as Tls from "../../src/Platform/Tls.js"
import { pattern, readExactly, readToEnd, test, text } from "../Net/harness.js"
import { freePath, unixPair } from "../Net/unixHarness.js"
import { absenceOf } from "../support/absence.js"
import { ended, started } from "../support/started.js"
import * as certificates from "./certificates.js"
import { allOf, event, subject, written } from "./streams.js"
import { tlsReason, trusting } from "./tlsEnds.js"

const MIBI = 1024 * 1024
const isLinux = process.platform === "linux"
const run = promisify(execFile)

/** Node's own sockets at a path: what ours are to be like. */
const nodeListening = (path: string, onConnection: (socket: NodeNet.Socket) => void) =>
  Effect.acquireRelease(
    Effect.async<NodeNet.Server>((resume) => {
      const server = NodeNet.createServer(onConnection)
      server.listen(path, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )

const nodeConnecting = (path: string) =>
  Effect.acquireRelease(
    Effect.async<NodeNet.Socket>((resume) => {
      const socket = NodeNet.connect({ path, allowHalfOpen: true }, () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

describe.runIf(isLinux)("Node's streams over Unix sockets", () => {
  test(subject, "have the addresses that a net.Socket at a path has", () =>
    Effect.gen(function* () {
      const { client, server } = yield* unixPair
      const path = yield* freePath
      yield* nodeListening(path, (socket) => socket.resume())
      const theirs = yield* nodeConnecting(path)
      for (const connection of [client, server]) {
        const ours = yield* NodeDuplex.make(connection)
        for (const end of ["remote", "local"] as const) {
          for (const part of ["Address", "Port", "Family"] as const) {
            assert.strictEqual(ours[`${end}${part}`], theirs[`${end}${part}`])
          }
        }
        assert.deepStrictEqual(ours.address(), theirs.address())
        assert.strictEqual(ours.setNoDelay(true).setKeepAlive(true, 1000).setTimeout(0), ours)
      }
    })
  )

  test(subject, "carry megabytes, and end by halves", () =>
    Effect.gen(function* () {
      const { client, server } = yield* unixPair
      const stream = yield* NodeDuplex.make(client, { allowHalfOpen: true })
      const sent = pattern(2 * MIBI)
      const sending = yield* Effect.fork(
        Effect.zipRight(
          written(stream, sent),
          Effect.sync(() => stream.end())
        )
      )
      assert.isTrue((yield* readToEnd(server)).equals(sent))
      yield* sending
      yield* server.writeString("the answer")
      yield* server.close
      assert.strictEqual((yield* allOf(stream)).toString(), "the answer")
    })
  )

  test(subject, "a net.Socket at a path is a connection, whose peer is said to be there", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const listener = yield* Unix.listen({ path })
      const socket = yield* nodeConnecting(path)
      const remoteAddress: UnixAddress = unsafeMakeUnix(path)
      const connection = yield* NodeConnection.make(socket, { remoteAddress })
      const peer = yield* listener.accept
      assert.strictEqual(connection.remoteAddress.path, path)
      assert.deepInclude(yield* Effect.flip(connection.localAddress), { reason: "Unsupported" })
      yield* connection.writeString("a line\n")
      assert.deepStrictEqual(yield* peer.readLine, Option.some("a line"))
      yield* peer.shutdown("write")
      assert.deepStrictEqual(yield* connection.readLine, Option.none())
    })
  )
})

describe.runIf(isLinux)("messages over Unix sockets", () => {
  test(subject, "are what they are over TCP", () =>
    Effect.gen(function* () {
      const { client, server } = yield* unixPair
      const schema = Schema.Struct({ id: Schema.Number })
      const options = { send: schema, receive: schema }
      const one = yield* Messages.ndjson(client, options)
      const other = yield* Messages.ndjson(server, options)
      yield* one.send({ id: 7 })
      assert.deepStrictEqual(yield* other.read, Option.some({ id: 7 }))
    })
  )
})

const app = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/hello",
    Effect.map(HttpServerRequest.HttpServerRequest, ({ remoteAddress }) =>
      HttpServerResponse.text(`hello ${Option.getOrElse(remoteAddress, () => "whoever you are")}`)
    )
  ),
  HttpRouter.post(
    "/back",
    Effect.map(HttpServerRequest.HttpServerRequest, ({ stream }) => HttpServerResponse.stream(stream))
  ),
  HttpRouter.get(
    "/socket",
    Effect.gen(function* () {
      const socket = yield* HttpServerRequest.upgrade
      const write = yield* socket.writer
      yield* socket.runRaw((message) => write(message))
      return HttpServerResponse.empty()
    }).pipe(Effect.scoped)
  )
)

const httpServers = {
  "effect-iocp": (path: string) => OurHttpServer.make({ path }),
  "platform-node": (path: string) => NodeHttpServer.make(() => NodeHttp.createServer(), { path })
}

/** A client whose every request goes to the path. */
const clientOf = (socketPath: string) =>
  Layer.provide(NodeHttpClient.layerWithoutAgent, HttpClient.makeAgentLayer({ socketPath }))

const noCurl = absenceOf("curl")
const curl = (...args: ReadonlyArray<string>) =>
  Effect.promise(async () => (await run("curl", ["-sS", "--max-time", "20", ...args])).stdout)

for (const [name, make] of Object.entries(httpServers)) {
  const served = Effect.gen(function* () {
    const path = yield* freePath
    const server = yield* make(path)
    yield* HttpServer.serveEffect(app).pipe(Effect.provideService(HttpServer.HttpServer, server))
    return { path, server }
  })

  describe.runIf(isLinux)(`HTTP at a path, over ${name}`, () => {
    test(subject, "a server tells its path", () =>
      Effect.gen(function* () {
        const { path, server } = yield* served
        assert.deepStrictEqual({ ...server.address }, { _tag: "UnixAddress", path })
        assert.strictEqual(HttpServer.formatAddress(server.address), `unix://${path}`)
      })
    )

    test(subject, "answers the client of this library, whatever host the URL names", () =>
      Effect.gen(function* () {
        const { path } = yield* served
        yield* Effect.gen(function* () {
          const http = yield* PlatformHttpClient.HttpClient
          for (const host of ["localhost", "nobody.test"]) {
            const answer = yield* http.get(`http://${host}/hello`)
            assert.strictEqual(yield* answer.text, "hello whoever you are")
          }
        }).pipe(Effect.provide(clientOf(path)))
      })
    )

    test(subject, "answers node:http", () =>
      Effect.gen(function* () {
        const { path: socketPath } = yield* served
        const response = yield* Effect.async<NodeHttp.IncomingMessage>((resume) => {
          NodeHttp.get({ socketPath, path: "/hello", agent: false }, (response) =>
            resume(Effect.succeed(response))
          )
        })
        assert.strictEqual((yield* allOf(response)).toString(), "hello whoever you are")
      })
    )

    test(subject, "upgrades to a WebSocket", () =>
      Effect.gen(function* () {
        const { path } = yield* served
        const socket = yield* Effect.acquireRelease(
          Effect.sync(() => new WebSocket(`ws+unix://${path}:/socket`)),
          (socket) => Effect.sync(() => socket.terminate())
        )
        yield* event(socket, "open")
        socket.send("over a path")
        assert.strictEqual(String(yield* event(socket, "message")), "over a path")
        socket.close()
        yield* event(socket, "close")
      })
    )

    describe.skipIf(noCurl !== undefined)(`curl --unix-socket ${noCurl ?? ""}`, () => {
      test(subject, "two requests on one connection, and a body there and back", () =>
        Effect.gen(function* () {
          const { path } = yield* served
          const at = (place: string) => `http://localhost${place}`
          const twice = yield* curl(
            "--unix-socket",
            path,
            at("/hello"),
            at("/hello"),
            "-w",
            "%{num_connects};"
          )
          assert.strictEqual(twice, "hello whoever you are1;hello whoever you are0;")
          const back = yield* curl("--unix-socket", path, at("/back"), "--data-binary", "x".repeat(100_000))
          assert.strictEqual(back.length, 100_000)
        })
      )
    })
  })
}

describe.runIf(isLinux)("HTTP at a path: what this library adds", () => {
  test(subject, "the file goes with the scope, and requests under way are answered first", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const scope = yield* Scope.make()
      const server = yield* Scope.extend(OurHttpServer.make({ path, mode: 0o600 }), scope)
      const slow = HttpRouter.empty.pipe(
        HttpRouter.get("/slow", Effect.delay(HttpServerResponse.text("done"), "100 millis"))
      )
      yield* HttpServer.serveEffect(slow).pipe(
        Effect.provideService(HttpServer.HttpServer, server),
        Scope.extend(scope)
      )
      const client = yield* Unix.connect({ path })
      yield* client.writeString("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
      yield* Effect.sleep("30 millis")
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(existsSync(path))
      assert.match(text(yield* readToEnd(client)), /^HTTP\/1\.1 200 OK[\s\S]*done$/)
    })
  )

  test(subject, "HTTPS at a path, for the client of this library and for curl", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const server = yield* OurHttpServer.make({ path, tls: certificates.server })
      yield* HttpServer.serveEffect(app).pipe(Effect.provideService(HttpServer.HttpServer, server))
      const agents = HttpClient.makeAgentLayer({ socketPath: path, ca: certificates.ca })
      yield* Effect.gen(function* () {
        const http = yield* PlatformHttpClient.HttpClient
        const answer = yield* http.get("https://localhost/hello")
        assert.strictEqual(yield* answer.text, "hello whoever you are")
      }).pipe(Effect.provide(Layer.provide(NodeHttpClient.layerWithoutAgent, agents)))
      if (noCurl !== undefined) return
      const ca = certificates.pathOf("ca.cert.pem")
      const answer = yield* curl("--unix-socket", path, "--cacert", ca, "https://localhost/hello")
      assert.strictEqual(answer, "hello whoever you are")
    })
  )

  test(subject, "a path that cannot be: ServeError, and its cause is the typed error", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(OurHttpServer.make({ path: `/${"x".repeat(107)}` }))
      assert.instanceOf(failure.cause, NetworkError)
      assert.deepInclude(failure.cause, { reason: "InvalidArgument", operation: "listen" })
    })
  )
})

const tlsServing = Effect.gen(function* () {
  const path = yield* freePath
  const listener = yield* Unix.listen({ path })
  yield* Effect.forkScoped(
    Tls.serve(listener, certificates.server, (connection) =>
      Effect.flatMap(readExactly(connection, MIBI), (bytes) => connection.writeAll(bytes))
    )
  )
  return path
})

describe.runIf(isLinux)("TLS over Unix sockets", () => {
  test(subject, "a TLS connection is one at a path", () =>
    Effect.gen(function* () {
      const { client, path, server } = yield* unixPair
      const [ours, theirs] = yield* Effect.all(
        [Tls.clientOver(client, trusting), Tls.serverOver(server, certificates.server)],
        { concurrency: 2 }
      )
      assert.strictEqual(ours.remoteAddress.path, path)
      assert.strictEqual((yield* theirs.localAddress).path, path)
      assert.isTrue(ours.authorized)
      yield* ours.writeString("hello\n")
      assert.deepStrictEqual(yield* theirs.readLine, Option.some("hello"))
      assert.deepInclude(yield* Effect.flip(ours.setOption("noDelay", true)), { reason: "Unsupported" })
      yield* ours.shutdown("write")
      assert.deepStrictEqual(yield* theirs.readLine, Option.none())
      yield* theirs.writeString("after that")
      yield* theirs.close
      assert.strictEqual(text(yield* readToEnd(ours)), "after that")
    })
  )

  test(subject, "a client has to say who the server is, and finds out who it is not", () =>
    Effect.gen(function* () {
      const unnamed = yield* unixPair
      const failure = yield* Effect.flip(Tls.clientOver(unnamed.client, { ca: certificates.ca }))
      assert.deepInclude({ ...failure }, { _tag: "NetworkError", reason: "InvalidArgument" })
      assert.strictEqual((yield* readToEnd(unnamed.server)).length, 0, "and the connection is closed")
      const wrong = yield* unixPair
      const handshakes = yield* Effect.all(
        [
          Effect.flip(Tls.clientOver(wrong.client, { ca: certificates.ca, servername: "wrong.test" })),
          Effect.either(Tls.serverOver(wrong.server, certificates.server))
        ],
        { concurrency: 2 }
      )
      assert.strictEqual(tlsReason(handshakes[0]), "HostnameMismatch")
    })
  )

  test(subject, "an end without close_notify is a reset, here too", () =>
    Effect.gen(function* () {
      const { client, server } = yield* unixPair
      const [ours, theirs] = yield* Effect.all(
        [Tls.clientOver(client, trusting), Tls.serverOver(server, certificates.server)],
        { concurrency: 2 }
      )
      const reading = yield* Effect.fork(Effect.flip(ours.read))
      yield* theirs.abort
      assert.deepInclude(yield* Fiber.join(reading), { _tag: "ConnectionError", reason: "Reset" })
    })
  )

  const noOpenssl = absenceOf("openssl")
  describe.skipIf(noOpenssl !== undefined)(`with openssl ${noOpenssl ?? ""}`, () => {
    test(subject, "s_client -unix: 1 MiB there and back", () =>
      Effect.gen(function* () {
        const path = yield* tlsServing
        const ca = certificates.pathOf("ca.cert.pem")
        const always = ["-unix", path, "-CAfile", ca, "-verify_return_error", "-verify_hostname", "localhost"]
        const program = yield* started("openssl", "s_client", ...always, "-quiet")
        const sent = pattern(MIBI)
        program.child.stdin.write(sent)
        yield* ended(program)
        assert.isTrue(program.output().equals(sent), program.said().slice(0, 1000))
      })
    )

    test(subject, "s_server -unix answers our client", () =>
      Effect.gen(function* () {
        const path = yield* freePath
        const cert = certificates.pathOf("server.cert.pem")
        const key = certificates.pathOf("server.key.pem")
        yield* started("openssl", "s_server", "-unix", path, "-cert", cert, "-key", key, "-rev")
        const connection = yield* Effect.retry(Unix.connect({ path }), {
          schedule: Schedule.spaced("10 millis"),
          while: (failure) => failure._tag === "ConnectionError" && failure.reason === "Refused"
        })
        const tls = yield* Tls.clientOver(connection, trusting)
        yield* tls.writeString("abc\n")
        assert.strictEqual(text(yield* readExactly(tls, 4)), "cba\n")
      })
    )
  })
})

describe.runIf(process.env["EFFECT_IOCP_LANE"] === "wine")("a server at a path, where there are none", () => {
  test(subject, "ServeError, because of Unsupported", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(OurHttpServer.make({ path: yield* freePath }))
      assert.instanceOf(failure.cause, NetworkError)
      assert.deepInclude(failure.cause, { reason: "Unsupported" })
    })
  )
})
