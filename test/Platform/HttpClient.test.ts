/**
 * The HTTP client: against Node's servers, plain and with TLS, against nginx, and where something goes wrong.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import * as NodeHttp from "node:http"
import * as NodeHttps from "node:https"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as PlatformHttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Net from "../../src/Net/index.js"
import * as HttpClient from "../../src/Platform/HttpClient.js"
import { concat, pattern, test, text } from "../Net/harness.js"
import { absenceOf } from "../support/absence.js"
import { subject } from "./bothLayers.js"

const host = "127.0.0.1"

const portOf = (server: NodeHttp.Server | NodeHttps.Server): number => {
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : 0
}

/** Node's server, closed with the scope; its port. */
const listening = <S extends NodeHttp.Server | NodeHttps.Server>(make: () => S) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<S>((resume) => {
        const server = make()
        server.listen({ host, port: 0 }, () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    ),
    (server) => ({ server, port: portOf(server) })
  )

/** Sends back what it gets. */
const echo = (request: NodeHttp.IncomingMessage, response: NodeHttp.ServerResponse) => {
  response.writeHead(200, { "x-connection": `${request.socket.remotePort}` })
  request.pipe(response)
}

/** An agent of so many connections, with the client over it. */
const clientWith = (options: HttpClient.AgentOptions) =>
  Layer.provide(NodeHttpClient.layerWithoutAgent, HttpClient.makeAgentLayer(options))

const client = PlatformHttpClient.HttpClient

describe("against node:http", () => {
  test(subject, "5 MiB there and back, in one piece and as a stream", () =>
    Effect.gen(function* () {
      const { port } = yield* listening(() => NodeHttp.createServer(echo))
      const sent = pattern(5 * 1024 * 1024)
      const http = yield* client
      const whole = HttpClientRequest.post(`http://${host}:${port}/`).pipe(
        HttpClientRequest.bodyUint8Array(sent)
      )
      const answer = yield* http.execute(whole)
      assert.isTrue(Buffer.from(yield* answer.arrayBuffer).equals(sent))
      const pieces = Stream.range(0, 79).pipe(
        Stream.map((index) => sent.subarray(index * 65_536, (index + 1) * 65_536))
      )
      const streamed = HttpClientRequest.post(`http://${host}:${port}/`).pipe(
        HttpClientRequest.bodyStream(pieces)
      )
      const chunks = yield* Stream.runCollect((yield* http.execute(streamed)).stream)
      assert.isTrue(Buffer.from(concat(Chunk.toReadonlyArray(chunks))).equals(sent))
    }).pipe(Effect.provide(HttpClient.layer))
  )

  test(subject, "a connection is used again, and no more are made than the agent may", () =>
    Effect.gen(function* () {
      let most = 0
      const { port, server } = yield* listening(() => NodeHttp.createServer(echo))
      let open = 0
      server.on("connection", (socket: NodeJS.EventEmitter) => {
        open += 1
        most = Math.max(most, open)
        socket.once("close", () => {
          open -= 1
        })
      })
      yield* Effect.gen(function* () {
        const http = yield* client
        const once = Effect.flatMap(http.get(`http://${host}:${port}/`), (answer) =>
          Effect.as(answer.text, answer.headers["x-connection"])
        )
        const burst = yield* Effect.all(
          Array.from({ length: 20 }, () => once),
          { concurrency: "unbounded" }
        )
        assert.isAtMost(new Set(burst).size, 2)
        assert.strictEqual(most, 2)
      }).pipe(Effect.provide(clientWith({ maxSockets: 2 })))
    })
  )

  test(subject, "an agent that is told to keeps nothing", () =>
    Effect.gen(function* () {
      const { port } = yield* listening(() => NodeHttp.createServer(echo))
      const http = yield* client
      for (let round = 0; round < 30; round++) {
        const answer = yield* http.get(`http://${host}:${port}/`)
        yield* answer.text
        assert.strictEqual(answer.headers["connection"], "close")
      }
      const openSockets = Effect.map(Net.statistics, (statistics) => statistics.openSockets)
      while ((yield* openSockets) > 0) yield* Effect.yieldNow()
    }).pipe(Effect.provide(clientWith({ keepAlive: false })))
  )

  test(subject, "a server that breaks off in the middle of its answer", () =>
    Effect.gen(function* () {
      const { port } = yield* listening(() =>
        NodeHttp.createServer((_request, response) => {
          response.writeHead(200, { "content-length": "100" })
          response.write("half", () => response.socket?.resetAndDestroy())
        })
      )
      const http = yield* client
      const answer = yield* http.get(`http://${host}:${port}/`)
      const failure = yield* Effect.flip(answer.text)
      assert.strictEqual(failure._tag, "ResponseError")
    }).pipe(Effect.provide(HttpClient.layer))
  )

  test(subject, "a server that closes idle connections: the next request gets a new one", () =>
    Effect.gen(function* () {
      const { port, server } = yield* listening(() => NodeHttp.createServer(echo))
      const http = yield* client
      const openSockets = Effect.map(Net.statistics, (statistics) => statistics.openSockets)
      for (let round = 0; round < 3; round++) {
        assert.strictEqual(yield* (yield* http.get(`http://${host}:${port}/`)).text, "")
        server.closeIdleConnections()
        while ((yield* openSockets) > 0) yield* Effect.yieldNow()
      }
    }).pipe(Effect.provide(HttpClient.layer))
  )

  test(subject, "a request that is interrupted closes its connection", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const gone = yield* Deferred.make<void>()
      const { port } = yield* listening(() =>
        NodeHttp.createServer((request) => {
          request.socket.once("close", () => Deferred.unsafeDone(gone, Exit.void))
          Deferred.unsafeDone(asked, Exit.void)
        })
      )
      const http = yield* client
      const waiting = yield* Effect.fork(http.get(`http://${host}:${port}/`))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(waiting)
      yield* Deferred.await(gone)
    }).pipe(Effect.provide(HttpClient.layer))
  )

  test(subject, "the end of the layer closes what is open, whatever it is doing", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const { port } = yield* listening(() =>
        NodeHttp.createServer((request, response) => {
          if (request.url === "/idle") response.end()
          else Deferred.unsafeDone(asked, Exit.void)
        })
      )
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(HttpClient.layer, scope)
      const http = yield* Effect.provide(client, context)
      yield* (yield* http.get(`http://${host}:${port}/idle`)).text
      const waiting = yield* Effect.fork(Effect.flip(http.get(`http://${host}:${port}/`)))
      yield* Deferred.await(asked)
      const connecting = yield* Effect.fork(Effect.exit(http.get(`http://${host}:${port}/idle`)))
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      assert.deepInclude(yield* Fiber.join(waiting), { _tag: "RequestError", reason: "Transport" })
      yield* Fiber.interrupt(connecting)
      const { openSockets } = yield* Net.statistics
      assert.strictEqual(openSockets, 0)
    })
  )

  test(subject, "a port that nobody listens on, and more requests than connections", () =>
    Effect.gen(function* () {
      const { address } = yield* Effect.scoped(Net.listen({ host, port: 0 }))
      const http = yield* client
      const refused = Effect.flip(http.get(`http://${host}:${address.port}/`))
      const failures = yield* Effect.all(
        Array.from({ length: 5 }, () => refused),
        { concurrency: "unbounded" }
      )
      for (const { cause } of failures) {
        assert.isTrue(cause instanceof Error)
        assert.deepInclude(cause instanceof Error ? cause.cause : {}, { reason: "Refused" })
      }
    }).pipe(Effect.provide(clientWith({ maxSockets: 1 })))
  )
})

/** A folder that is gone with the scope. */
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-iocp-http-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

const noOpenssl = absenceOf("openssl")

/** A certificate for localhost that signs itself. */
const certified = Effect.map(folder, (path) => {
  const [key, cert] = [join(path, "key.pem"), join(path, "cert.pem")]
  const subjects = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
  const made = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2"
  ]
  execFileSync("openssl", [...made, ...subjects, "-keyout", key, "-out", cert], { stdio: "ignore" })
  const read = (file: string) => execFileSync("cat", [file], { encoding: "utf8" })
  return { key: read(key), cert: read(cert) }
})

describe.skipIf(noOpenssl !== undefined)(`against node:https ${noOpenssl ?? ""}`, () => {
  test(subject, "5 MiB there and back, on one connection", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* certified
      const { port } = yield* listening(() => NodeHttps.createServer({ cert, key }, echo))
      const sent = pattern(5 * 1024 * 1024)
      yield* Effect.gen(function* () {
        const http = yield* client
        const connections = new Set<string | undefined>()
        for (let round = 0; round < 3; round++) {
          const answer = yield* http.execute(
            HttpClientRequest.post(`https://localhost:${port}/`).pipe(HttpClientRequest.bodyUint8Array(sent))
          )
          assert.isTrue(Buffer.from(yield* answer.arrayBuffer).equals(sent))
          connections.add(answer.headers["x-connection"])
        }
        assert.strictEqual(connections.size, 1)
      }).pipe(Effect.provide(clientWith({ ca: cert })))
    })
  )

  test(subject, "a certificate that nobody vouches for is refused", () =>
    Effect.gen(function* () {
      const { cert, key } = yield* certified
      const { port } = yield* listening(() => NodeHttps.createServer({ cert, key }, echo))
      const http = yield* client
      const { cause } = yield* Effect.flip(http.get(`https://localhost:${port}/`))
      assert.propertyVal(cause, "code", "DEPTH_ZERO_SELF_SIGNED_CERT")
    }).pipe(Effect.provide(HttpClient.layer))
  )
})

const nginxConfig = (path: string, port: number) => `
worker_processes 1;
daemon off;
pid ${path}/nginx.pid;
error_log stderr error;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${path}; proxy_temp_path ${path}; fastcgi_temp_path ${path};
  uwsgi_temp_path ${path}; scgi_temp_path ${path};
  client_max_body_size 8m;
  keepalive_requests 5;
  server {
    listen 127.0.0.1:${port};
    root ${path};
    location /hello { default_type text/plain; return 200 "$connection"; }
    location /upload { proxy_pass http://127.0.0.1:${port}/hello; }
  }
}
`

const ended = (child: ChildProcess) =>
  Effect.async<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) resume(Effect.void)
    else child.once("exit", () => resume(Effect.void))
  })

/** nginx with a configuration of its own; its port. */
const nginx = Effect.gen(function* () {
  const path = yield* folder
  const { address } = yield* Effect.scoped(Net.listen({ host, port: 0 }))
  writeFileSync(join(path, "nginx.conf"), nginxConfig(path, address.port))
  writeFileSync(join(path, "large"), pattern(5 * 1024 * 1024))
  yield* Effect.acquireRelease(
    Effect.sync(() => spawn("nginx", ["-p", path, "-c", "nginx.conf"], { stdio: "ignore" })),
    (child) =>
      Effect.zipRight(
        Effect.sync(() => child.kill("SIGTERM")),
        ended(child)
      )
  )
  const isUp = Effect.scoped(Net.connect({ host, port: address.port }))
  yield* Effect.retry(Effect.delay(isUp, "20 millis"), { times: 200 })
  return address.port
})

const noNginx = absenceOf("nginx")

describe.skipIf(noNginx !== undefined)(`against nginx ${noNginx ?? ""}`, () => {
  test(subject, "keeps connections until the server closes them, and takes and sends files", () =>
    Effect.gen(function* () {
      const port = yield* nginx
      const http = yield* client
      const connections: Array<string> = []
      for (let round = 0; round < 20; round++) {
        const answer = yield* http.get(`http://${host}:${port}/hello`)
        assert.strictEqual(answer.status, 200)
        connections.push(yield* answer.text)
      }
      // It closes after five requests.
      assert.strictEqual(new Set(connections).size, 4)
      const large = yield* http.get(`http://${host}:${port}/large`)
      assert.isTrue(Buffer.from(yield* large.arrayBuffer).equals(pattern(5 * 1024 * 1024)))
      const upload = HttpClientRequest.post(`http://${host}:${port}/upload`).pipe(
        HttpClientRequest.bodyUint8Array(pattern(5 * 1024 * 1024))
      )
      assert.strictEqual((yield* http.execute(upload)).status, 200)
      assert.strictEqual((yield* http.get(`http://${host}:${port}/nowhere`)).status, 404)
      const head = yield* http.head(`http://${host}:${port}/large`)
      assert.strictEqual(head.headers["content-length"], `${5 * 1024 * 1024}`)
      assert.strictEqual(text(new Uint8Array(yield* head.arrayBuffer)), "")
    }).pipe(Effect.provide(HttpClient.layer))
  )
})
