/**
 * HTTP: the same program over the server of this library and over `@effect/platform-node`'s, asked by several clients, and
 * what strangers send.
 */
import { execFile } from "node:child_process"
import * as NodeHttp from "node:http"
import { promisify } from "node:util"
import * as PlatformHttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as PlatformSocket from "@effect/platform/Socket"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { WebSocket } from "ws"
import * as Net from "../../src/Net/index.js"
import * as HttpClient from "../../src/Platform/HttpClient.js"
import * as OurHttpServer from "../../src/Platform/HttpServer.js"
import { bytes, concat, pattern, readToEnd, test, text } from "../Net/harness.js"
import { absenceOf } from "../support/absence.js"
import { fetched, posted } from "../support/fetching.js"
import { subject } from "./bothLayers.js"

const host = "127.0.0.1"

const servers = {
  "effect-iocp": OurHttpServer.make({ host, port: 0, drainTimeout: "5 seconds" }),
  "platform-node": NodeHttpServer.make(() => NodeHttp.createServer(), { host, port: 0 })
}

const echoSocket = Effect.gen(function* () {
  const socket = yield* HttpServerRequest.upgrade
  const write = yield* socket.writer
  yield* socket.runRaw((message) => write(message))
  return HttpServerResponse.empty()
}).pipe(Effect.scoped)

const app = HttpRouter.empty.pipe(
  HttpRouter.get("/hello", HttpServerResponse.text("Hello over the completion port!")),
  HttpRouter.post(
    "/echo",
    Effect.map(HttpServerRequest.HttpServerRequest, (request) =>
      HttpServerResponse.stream(request.stream, { contentType: "application/octet-stream" })
    )
  ),
  HttpRouter.post(
    "/length",
    Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const body = yield* request.arrayBuffer
      return HttpServerResponse.text(`${body.byteLength}`)
    })
  ),
  HttpRouter.get(
    "/large",
    HttpServerResponse.stream(Stream.repeat(Stream.succeed(pattern(65_536)), Schedule.recurs(79)))
  ),
  HttpRouter.get("/broken", Effect.die("on purpose")),
  HttpRouter.get("/socket", echoSocket)
)

/** Serves the app; the port. */
const serve = (make: (typeof servers)[keyof typeof servers]) =>
  Effect.gen(function* () {
    const server = yield* make
    yield* HttpServer.serveEffect(app).pipe(Effect.provideService(HttpServer.HttpServer, server))
    return server.address._tag === "TcpAddress" ? server.address.port : 0
  })

const fetchedFrom = (port: number, path: string, options: { readonly method?: string } = {}) =>
  Effect.promise(() => fetched(`http://${host}:${port}${path}`, options))

/** Sends this text, and answers with all that comes until the server closes. */
const raw = (port: number, ...parts: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* Net.connect({ host, port })
      for (const part of parts) yield* connection.writeString(part)
      return text(concat([yield* readToEnd(connection)]))
    })
  )

const get = (path: string, ...headers: ReadonlyArray<string>) =>
  [`GET ${path} HTTP/1.1`, "Host: localhost", ...headers, "", ""].join("\r\n")

for (const [name, make] of Object.entries(servers)) {
  describe(name, () => {
    test(subject, "fetch: found, not found, broken, HEAD", () =>
      Effect.gen(function* () {
        const port = yield* serve(make)
        assert.deepStrictEqual(yield* fetchedFrom(port, "/hello"), {
          status: 200,
          body: "Hello over the completion port!"
        })
        assert.strictEqual((yield* fetchedFrom(port, "/nowhere")).status, 404)
        assert.strictEqual((yield* fetchedFrom(port, "/broken")).status, 500)
        const head = yield* fetchedFrom(port, "/hello", { method: "HEAD" })
        assert.deepStrictEqual(head, { status: 200, body: "" })
      })
    )

    test(subject, "undici: a body of 5 MiB comes back as it was", () =>
      Effect.gen(function* () {
        const port = yield* serve(make)
        const sent = pattern(5 * 1024 * 1024)
        const received = yield* Effect.promise(() => posted(`http://${host}:${port}/echo`, sent))
        assert.isTrue(Buffer.from(received).equals(sent))
      })
    )

    test(subject, "two requests on one connection, and two at once", () =>
      Effect.gen(function* () {
        const port = yield* serve(make)
        const kept = yield* raw(port, get("/hello"), get("/hello", "Connection: close"))
        assert.strictEqual(kept.split("Hello over the completion port!").length, 3)
        const pipelined = yield* raw(port, get("/hello") + get("/hello", "Connection: close"))
        assert.strictEqual(pipelined.split("HTTP/1.1 200 OK").length, 3)
      })
    )

    test(subject, "a chunked body, and an answer in chunks of 5 MiB", () =>
      Effect.gen(function* () {
        const port = yield* serve(make)
        const head = ["POST /length HTTP/1.1", "Host: h", "Transfer-Encoding: chunked", "Connection: close"]
        const answer = yield* raw(
          port,
          `${head.join("\r\n")}\r\n\r\n`,
          "5\r\nhello\r\n",
          "3\r\nyou\r\n0\r\n\r\n"
        )
        assert.match(answer, /^HTTP\/1\.1 200 OK[\s\S]*\r\n\r\n8$/)
        const large = yield* fetchedFrom(port, "/large")
        assert.strictEqual(large.status, 200)
      })
    )

    test(subject, "the WebSocket of ws, and Effect's own", () =>
      Effect.gen(function* () {
        const port = yield* serve(make)
        const url = `ws://${host}:${port}/socket`
        const answer = yield* Effect.promise(
          () =>
            new Promise<string>((resolve, reject) => {
              const socket = new WebSocket(url)
              socket.on("open", () => socket.send("from ws"))
              socket.on("error", reject)
              socket.on("message", (data) => {
                socket.on("close", () => resolve(String(data)))
                socket.close(1000)
              })
            })
        )
        assert.strictEqual(answer, "from ws")
        const effects = yield* PlatformSocket.makeWebSocket(url).pipe(
          Effect.provideService(
            PlatformSocket.WebSocketConstructor,
            (to) => new WebSocket(to) as unknown as globalThis.WebSocket
          )
        )
        const received = yield* Deferred.make<string>()
        const running = yield* Effect.fork(
          effects.runRaw((data) => Deferred.succeed(received, typeof data === "string" ? data : text(data)))
        )
        yield* Effect.scoped(Effect.flatMap(effects.writer, (write) => write("from Effect")))
        assert.strictEqual(yield* Deferred.await(received), "from Effect")
        yield* Fiber.interrupt(running)
      })
    )

    test(subject, "the client of this library: keeps its connection, and sends streams", () =>
      Effect.gen(function* () {
        const port = yield* serve(make)
        yield* Effect.gen(function* () {
          const client = yield* PlatformHttpClient.HttpClient
          for (let round = 0; round < 3; round++) {
            const response = yield* client.get(`http://${host}:${port}/hello`)
            assert.strictEqual(yield* response.text, "Hello over the completion port!")
          }
          const body = Stream.fromIterable([bytes("one, "), bytes("two")])
          const echoed = yield* client.execute(
            HttpClientRequest.post(`http://${host}:${port}/echo`).pipe(HttpClientRequest.bodyStream(body))
          )
          const chunks = yield* Stream.runCollect(echoed.stream)
          assert.strictEqual(text(concat(Chunk.toReadonlyArray(chunks))), "one, two")
        }).pipe(Effect.provide(HttpClient.layer))
      })
    )

    test(subject, "a request in pieces of one byte is answered; a broken one is refused and closed", () =>
      Effect.gen(function* () {
        const port = yield* serve(make)
        const whole = get("/hello", "Connection: close")
        assert.match(yield* raw(port, ...whole), /^HTTP\/1\.1 200 OK/)
        const smuggled = [
          "POST /echo HTTP/1.1",
          "Host: localhost",
          "Content-Length: 6",
          "Transfer-Encoding: chunked",
          "",
          "0",
          "",
          "GET /hello HTTP/1.1",
          "",
          ""
        ].join("\r\n")
        const refused = yield* raw(port, ...smuggled.slice(0, 60), smuggled.slice(60))
        assert.match(refused, /^HTTP\/1\.1 400 /)
        assert.notInclude(refused, "200 OK")
        assert.match(yield* raw(port, "this is no HTTP\r\n\r\n"), /^HTTP\/1\.1 400 /)
        const oversized = yield* raw(port, get("/hello", `X-Large: ${"x".repeat(20_000)}`))
        assert.match(oversized, /^HTTP\/1\.1 431 /)
        assert.match(yield* raw(port, whole), /200 OK/, "the next client is served")
      })
    )
  })
}

describe("what this library adds, or has to do itself", () => {
  test(subject, "a request whose head stalls: 408, closed, and the next client is served", () =>
    Effect.gen(function* () {
      const port = yield* serve(
        OurHttpServer.make({
          host,
          port: 0,
          http: { headersTimeout: 100, requestTimeout: 200, connectionsCheckingInterval: 20 }
        })
      )
      assert.match(yield* raw(port, "GET /hello HTTP/1.1\r\nHost:"), /^HTTP\/1\.1 408 /)
      assert.match(yield* raw(port, get("/hello", "Connection: close")), /200 OK/)
    })
  )

  test(subject, "a client that ends in the middle of a body leaves nothing behind", () =>
    Effect.gen(function* () {
      const port = yield* serve(servers["effect-iocp"])
      yield* Effect.scoped(
        Effect.gen(function* () {
          const connection = yield* Net.connect({ host, port })
          yield* connection.writeString("POST /length HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf")
          yield* connection.shutdown("write")
          yield* readToEnd(connection)
        })
      )
      assert.match(yield* raw(port, get("/hello", "Connection: close")), /200 OK/)
    })
  )

  test(subject, "a client that goes away interrupts its handler", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const interrupted = yield* Deferred.make<void>()
      const server = yield* servers["effect-iocp"]
      const slow = Effect.zipRight(Deferred.succeed(started, undefined), Effect.never).pipe(
        Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
      )
      yield* HttpServer.serveEffect(HttpRouter.empty.pipe(HttpRouter.get("/slow", slow))).pipe(
        Effect.provideService(HttpServer.HttpServer, server)
      )
      const port = server.address._tag === "TcpAddress" ? server.address.port : 0
      const connection = yield* Net.connect({ host, port })
      yield* connection.writeString(get("/slow"))
      yield* Deferred.await(started)
      yield* connection.abort
      yield* Deferred.await(interrupted)
    })
  )

  test(
    subject,
    "the end of the scope lets a request under way be answered, and closes idle connections",
    () =>
      Effect.gen(function* () {
        const started = yield* Deferred.make<void>()
        const gate = yield* Deferred.make<void>()
        const scope = yield* Scope.make()
        const slow = Effect.zipRight(Deferred.succeed(started, undefined), Deferred.await(gate)).pipe(
          Effect.as(HttpServerResponse.text("late, but there"))
        )
        const server = yield* Scope.extend(servers["effect-iocp"], scope)
        yield* HttpServer.serveEffect(HttpRouter.empty.pipe(HttpRouter.get("/slow", slow))).pipe(
          Effect.provideService(HttpServer.HttpServer, server),
          Scope.extend(scope)
        )
        const port = server.address._tag === "TcpAddress" ? server.address.port : 0
        const idle = yield* Net.connect({ host, port })
        const kept = yield* Net.connect({ host, port })
        yield* kept.writeString(get("/nowhere"))
        assert.match(text(yield* kept.read), /404/)
        const busy = yield* Net.connect({ host, port })
        yield* busy.writeString(get("/slow"))
        yield* Deferred.await(started)
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        assert.strictEqual((yield* readToEnd(idle)).length, 0)
        assert.isTrue(Option.isNone(yield* Fiber.poll(closing)))
        yield* Deferred.succeed(gate, undefined)
        assert.match(text(concat([yield* readToEnd(busy)])), /200 OK[\s\S]*late, but there$/)
        yield* Fiber.join(closing)
      })
  )

  test(subject, "a port that is taken: ServeError with the typed error", () =>
    Effect.gen(function* () {
      const { address } = yield* Net.listen({ host, port: 0 })
      const failure = yield* Effect.flip(OurHttpServer.make({ host, port: address.port }))
      assert.strictEqual(failure._tag, "ServeError")
      assert.deepInclude(failure.cause, { _tag: "ConnectionError", reason: "AddressInUse" })
    })
  )

  test(subject, "the client is refused: RequestError, and below it the typed error", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host, port: 0 })
      yield* listener.close
      const failure = yield* Effect.flip(
        Effect.flatMap(PlatformHttpClient.HttpClient, (client) =>
          client.get(`http://${host}:${listener.address.port}/`)
        ).pipe(Effect.provide(HttpClient.layer))
      )
      assert.deepInclude(failure, { _tag: "RequestError", reason: "Transport" })
      const { cause } = failure
      assert.isTrue(cause instanceof Error)
      assert.deepInclude(cause instanceof Error ? cause.cause : {}, { reason: "Refused" })
    })
  )
})

const run = promisify(execFile)

const noCurl = absenceOf("curl")
const noWrk = absenceOf("wrk")

describe.skipIf(noCurl !== undefined)(`curl ${noCurl ?? ""}`, () => {
  test(subject, "gets, posts a form with a file, keeps its connection", () =>
    Effect.gen(function* () {
      const port = yield* serve(servers["effect-iocp"])
      const at = (path: string) => `http://${host}:${port}${path}`
      const curl = (...args: ReadonlyArray<string>) =>
        Effect.promise(async () => (await run("curl", ["-sS", "--max-time", "20", ...args])).stdout)
      const twice = yield* curl(at("/hello"), at("/hello"), "-w", "%{num_connects};")
      assert.strictEqual(twice, "Hello over the completion port!1;Hello over the completion port!0;")
      assert.strictEqual(yield* curl(at("/length"), "--data-binary", "12345"), "5")
      const form = yield* curl(at("/length"), "-F", "name=value", "-F", "file=@package.json")
      assert.isAbove(Number(form), 500)
    })
  )
})

describe.skipIf(noWrk !== undefined)(`wrk ${noWrk ?? ""}`, () => {
  test(subject, "50 connections, and every answer is a success", () =>
    Effect.gen(function* () {
      const port = yield* serve(servers["effect-iocp"])
      const { stdout } = yield* Effect.promise(() =>
        run("wrk", ["-t1", "-c50", "-d1s", `http://${host}:${port}/hello`])
      )
      assert.match(stdout, /Requests\/sec: +[1-9]/)
      assert.notMatch(stdout, /Socket errors|Non-2xx/)
    })
  )
})
