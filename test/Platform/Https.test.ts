/**
 * The HTTP server over TLS.
 */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { WebSocket } from "ws"
import * as Net from "../../src/Net/index.js"
import * as OurHttpClient from "../../src/Platform/HttpClient.js"
import * as OurHttpServer from "../../src/Platform/HttpServer.js"
import * as Tls from "../../src/Platform/Tls.js"
import { pattern, readToEnd, test, text } from "../Net/harness.js"
import { absenceOf } from "../support/absence.js"
import { subject } from "./bothLayers.js"
import * as certificates from "./certificates.js"
import { trusting } from "./tlsEnds.js"

const run = promisify(execFile)
const host = "127.0.0.1"
const { ca, client, server } = certificates

const portOf = ({ address }: HttpServer.HttpServer): number =>
  address._tag === "TcpAddress" ? address.port : 0

const whoAsks = Effect.map(HttpServerRequest.HttpServerRequest, (request) => {
  const { socket } = NodeHttpServerRequest.toIncomingMessage(request)
  const certificate: unknown = Reflect.get(socket, "getPeerCertificate")
  const { subject } = typeof certificate === "function" ? Reflect.apply(certificate, socket, []) : {}
  return HttpServerResponse.unsafeJson({
    address: Option.getOrUndefined(request.remoteAddress),
    encrypted: Reflect.get(socket, "encrypted"),
    client: subject?.CN
  })
})

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/hello", HttpServerResponse.text("hello, secretly")),
  HttpRouter.get("/who", whoAsks),
  HttpRouter.post(
    "/back",
    Effect.map(HttpServerRequest.HttpServerRequest, ({ stream }) => HttpServerResponse.stream(stream))
  ),
  HttpRouter.get(
    "/echo",
    Effect.gen(function* () {
      const socket = yield* HttpServerRequest.upgrade
      const write = yield* socket.writer
      yield* socket.runRaw((message) => write(message))
      return HttpServerResponse.empty()
    }).pipe(Effect.scoped)
  )
)

const serve = (tls: Tls.ServerOptions = {}, options: OurHttpServer.HttpOptions = {}) =>
  Effect.gen(function* () {
    const service = yield* OurHttpServer.make({ host, port: 0, tls: { ...server, ...tls }, ...options })
    yield* Effect.provideService(HttpServer.serveEffect(app), HttpServer.HttpServer, service)
    return portOf(service)
  })

const agents = (options: OurHttpClient.AgentOptions) =>
  NodeHttpClient.layerWithoutAgent.pipe(Layer.provide(OurHttpClient.makeAgentLayer(options)))

const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`

const ask = (port: number, path: string, options: Tls.ClientOptions = trusting) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* Tls.connect({ host, port, ...options })
      yield* connection.writeString(request(path))
      return text(yield* readToEnd(connection))
    })
  )

const isServed = (port: number) =>
  Effect.map(ask(port, "/hello"), (answer) =>
    assert.match(answer, /^HTTP\/1\.1 200 OK[\s\S]*hello, secretly$/)
  )

describe("HTTPS", () => {
  test(subject, "answers the HTTP client of this library, on one connection", () =>
    Effect.gen(function* () {
      const port = yield* serve()
      const answers = yield* Effect.gen(function* () {
        const http = yield* HttpClient.HttpClient
        const sent = pattern(1024 * 1024)
        const posted = HttpClientRequest.post(`https://localhost:${port}/back`).pipe(
          HttpClientRequest.bodyUint8Array(sent)
        )
        const back = yield* Effect.flatMap(http.execute(posted), (response) => response.arrayBuffer)
        assert.isTrue(Buffer.from(back).equals(sent))
        const hello = yield* Effect.flatMap(http.get(`https://localhost:${port}/hello`), ({ text }) => text)
        const who = yield* Effect.flatMap(http.get(`https://localhost:${port}/who`), ({ json }) => json)
        return { hello, who }
      }).pipe(Effect.provide(agents({ ca })))
      assert.strictEqual(answers.hello, "hello, secretly")
      assert.deepStrictEqual(answers.who, { address: host, encrypted: true })
    })
  )

  test(subject, "knows who asks by the client's certificate", () =>
    Effect.gen(function* () {
      const port = yield* serve({ ca, requestCert: true })
      const answer = yield* ask(port, "/who", { ...trusting, ...client })
      assert.match(answer, /"client":"[^"]+"/)
      const refused = yield* Effect.either(ask(port, "/hello"))
      assert.isTrue(refused._tag === "Left" || refused.right === "")
    })
  )

  test(subject, "speaks HTTP/1.1 and says so, to who would like HTTP/2 better", () =>
    Effect.gen(function* () {
      const port = yield* serve()
      const connection = yield* Tls.connect({ host, port, ...trusting, ALPNProtocols: ["h2", "http/1.1"] })
      assert.deepStrictEqual(connection.alpnProtocol, Option.some("http/1.1"))
    })
  )

  test(subject, "upgrades to WebSocket (wss)", () =>
    Effect.gen(function* () {
      const port = yield* serve()
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() => new WebSocket(`wss://localhost:${port}/echo`, { ca })),
        (socket) => Effect.sync(() => socket.terminate())
      )
      const answer = yield* Effect.async<string, Error>((resume) => {
        socket.once("error", (error) => resume(Effect.fail(error)))
        socket.once("open", () => socket.send("to and fro"))
        socket.once("message", (message) => resume(Effect.succeed(String(message))))
      })
      assert.strictEqual(answer, "to and fro")
    })
  )

  test(subject, "closes who speaks without TLS, and serves the next", () =>
    Effect.gen(function* () {
      const port = yield* serve()
      const plain = yield* Net.connect({ host, port })
      yield* plain.writeString(request("/hello"))
      const answer = yield* Effect.either(readToEnd(plain))
      if (answer._tag === "Right") assert.notInclude(text(answer.right), "hello")
      yield* isServed(port)
    })
  )

  test(subject, "closes who lets the handshake wait, and serves others meanwhile", () =>
    Effect.gen(function* () {
      const port = yield* serve({ handshakeTimeout: "300 millis" })
      const silent = yield* Net.connect({ host, port })
      const half = yield* Net.connect({ host, port })
      yield* half.writeAll(Uint8Array.of(22, 3, 1, 2))
      yield* isServed(port)
      yield* Effect.either(readToEnd(silent))
      yield* Effect.either(readToEnd(half))
      yield* isServed(port)
    })
  )

  test(subject, "at the end of its scope closes who asks nothing, and waits for answers under way", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const port = yield* Scope.extend(serve({}, { drainTimeout: "1 hour" }), scope)
      const idle = yield* Tls.connect({ host, port, ...trusting })
      const kept = yield* Tls.connect({ host, port, ...trusting })
      yield* kept.writeString("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
      assert.match(text(yield* kept.read), /200 OK/)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* Effect.either(readToEnd(idle))
      yield* Effect.either(readToEnd(kept))
      yield* Fiber.join(closing)
    })
  )

  test(subject, "fails, typed, with a certificate that is none", () =>
    Effect.gen(function* () {
      const { cause } = yield* Effect.flip(
        OurHttpServer.make({ host, port: 0, tls: { cert: "x", key: "y" } })
      )
      assert.deepInclude(cause, { _tag: "NetworkError", reason: "InvalidArgument" })
    })
  )
})

const noCurl = absenceOf("curl")

describe.skipIf(noCurl !== undefined)(`curl over TLS ${noCurl ?? ""}`, () => {
  test(subject, "gets, and does not trust strangers", () =>
    Effect.gen(function* () {
      const port = yield* serve()
      const curl = (...args: ReadonlyArray<string>) =>
        Effect.tryPromise(() => run("curl", ["-sS", "--max-time", "20", ...args]))
      const url = `https://localhost:${port}/hello`
      const { stdout } = yield* curl(
        "--cacert",
        certificates.pathOf("ca.cert.pem"),
        url,
        url,
        "-w",
        "%{num_connects};"
      )
      assert.strictEqual(stdout, "hello, secretly1;hello, secretly0;")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(curl(url))))
      assert.strictEqual((yield* curl("-k", url)).stdout, "hello, secretly")
    })
  )
})
