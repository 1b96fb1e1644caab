/**
 * The HTTP server where it does more than pass requests on: its options, its end, and what strangers do to it.
 */
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import fc from "fast-check"
import { WebSocket } from "ws"
import * as Net from "../../src/Net/index.js"
import * as OurHttpServer from "../../src/Platform/HttpServer.js"
import { bytes, readToEnd, test, text } from "../Net/harness.js"
import { subject } from "./bothLayers.js"

const host = "127.0.0.1"
/** A test that would have to wait for it fails by its own time limit. */
const forEver = "1 hour"

const portOf = ({ address }: HttpServer.HttpServer): number =>
  address._tag === "TcpAddress" ? address.port : 0

/** Serves the app within the scope; the port. */
const serveWith = <E>(options: OurHttpServer.HttpOptions, app: HttpRouter.HttpRouter<E, never>) =>
  Effect.gen(function* () {
    const server = yield* OurHttpServer.make({ host, port: 0, drainTimeout: forEver, ...options })
    yield* Effect.provideService(HttpServer.serveEffect(app), HttpServer.HttpServer, server)
    return portOf(server)
  })

const hello = HttpRouter.empty.pipe(HttpRouter.get("/hello", HttpServerResponse.text("hello")))

const request = (path: string, ...headers: ReadonlyArray<string>) =>
  [`GET ${path} HTTP/1.1`, "Host: localhost", ...headers, "", ""].join("\r\n")

const upgrade = (path: string) =>
  request(
    path,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
  )

/** Sends this, and answers with all that comes until the server closes. */
const exchange = (port: number, bytes: string | Uint8Array) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* Net.connect({ host, port })
      yield* typeof bytes === "string" ? connection.writeString(bytes) : connection.writeAll(bytes)
      return text(yield* readToEnd(connection))
    })
  )

const isServed = (port: number) =>
  Effect.map(exchange(port, request("/hello", "Connection: close")), (answer) =>
    assert.match(answer, /^HTTP\/1\.1 200 OK[\s\S]*hello$/)
  )

/** An app with a handler that tells when it runs, and answers when it may. */
const gated = Effect.gen(function* () {
  const started = yield* Deferred.make<void>()
  const gate = yield* Deferred.make<void>()
  const app = hello.pipe(
    HttpRouter.get(
      "/slow",
      Deferred.succeed(started, undefined).pipe(
        Effect.zipRight(Deferred.await(gate)),
        Effect.as(HttpServerResponse.text("late"))
      )
    )
  )
  return { app, open: Deferred.succeed(gate, undefined), started: Deferred.await(started) }
})

describe("the end of its scope", () => {
  test(subject, "while requests are under way new clients are refused, and answers announce the end", () =>
    Effect.gen(function* () {
      const { app, open, started } = yield* gated
      const scope = yield* Scope.make()
      const port = yield* Scope.extend(serveWith({}, app), scope)
      const busy = yield* Net.connect({ host, port })
      yield* busy.writeString(request("/slow"))
      yield* started
      const idle = yield* Net.connect({ host, port })
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      assert.strictEqual((yield* readToEnd(idle)).length, 0)
      const failure = yield* Effect.flip(Net.connect({ host, port }))
      assert.deepInclude({ ...failure }, { _tag: "ConnectionError", reason: "Refused" })
      yield* open
      assert.match(text(yield* readToEnd(busy)), /^HTTP\/1\.1 200 OK[\s\S]*connection: close[\s\S]*late$/i)
      yield* Fiber.join(closing)
    })
  )

  test(subject, "clients that never stop asking do not keep it up", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const port = yield* Scope.extend(serveWith({}, hello), scope)
      const asked = yield* Deferred.make<void>()
      const client = Effect.scoped(
        Effect.gen(function* () {
          const connection = yield* Net.connect({ host, port })
          for (;;) {
            yield* connection.writeString(request("/hello"))
            const answer = text(yield* connection.read)
            if (answer === "") return
            yield* Deferred.succeed(asked, undefined)
          }
        })
      )
      const clients = yield* Effect.fork(
        Effect.all(
          Array.from({ length: 20 }, () => Effect.ignore(client)),
          { concurrency: "unbounded" }
        )
      )
      yield* Deferred.await(asked)
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(clients)
    })
  )

  test(subject, "a request that comes when nothing is served any more is told so", () =>
    Effect.gen(function* () {
      const server = yield* OurHttpServer.make({ host, port: 0 })
      const serving = yield* Scope.make()
      yield* HttpServer.serveEffect(hello).pipe(
        Effect.provideService(HttpServer.HttpServer, server),
        Scope.extend(serving)
      )
      yield* isServed(portOf(server))
      yield* Scope.close(serving, Exit.void)
      assert.match(yield* exchange(portOf(server), request("/hello")), /^HTTP\/1\.1 503 /)
      yield* Effect.provideService(HttpServer.serveEffect(hello), HttpServer.HttpServer, server)
      yield* isServed(portOf(server))
    })
  )

  test(subject, "a handler that does not end is cut off after the drain", () =>
    Effect.gen(function* () {
      const { app, started } = yield* gated
      const scope = yield* Scope.make()
      const port = yield* Scope.extend(serveWith({ drainTimeout: "50 millis" }, app), scope)
      const busy = yield* Net.connect({ host, port })
      yield* busy.writeString(request("/slow"))
      yield* started
      const reading = yield* Effect.fork(Effect.either(readToEnd(busy)))
      yield* Scope.close(scope, Exit.void)
      const answer = yield* Fiber.join(reading)
      assert.isTrue(answer._tag === "Left" || answer.right.length === 0)
    })
  )

  test(subject, "is not cut short by interruptions: what was begun is finished, and then closed", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const body = Stream.concat(
        Stream.make(bytes("begun, ")),
        Stream.fromEffect(Effect.as(Deferred.await(gate), bytes("finished")))
      )
      const app = HttpRouter.empty.pipe(HttpRouter.get("/slow", HttpServerResponse.stream(body)))
      const scope = yield* Scope.make()
      const port = yield* Scope.extend(serveWith({}, app), scope)
      const busy = yield* Net.connect({ host, port })
      yield* busy.writeString(request("/slow"))
      let received = ""
      // Its head does not announce the end: it was sent before.
      while (!received.includes("begun")) received += text(yield* busy.read)
      const closing = yield* Effect.fork(Effect.uninterruptible(Scope.close(scope, Exit.void)))
      for (let time = 0; time < 2; time++) {
        yield* Effect.sleep("50 millis")
        yield* Fiber.interruptFork(closing)
      }
      yield* Effect.sleep("50 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(closing)))
      yield* Deferred.succeed(gate, undefined)
      assert.include(text(yield* readToEnd(busy)), "finished")
      yield* Fiber.await(closing)
    })
  )

  test(subject, "a WebSocket is closed in good order, and one whose client is deaf is cut off", () =>
    Effect.gen(function* () {
      const socket = Effect.gen(function* () {
        const socket = yield* HttpServerRequest.upgrade
        yield* socket.run(() => {})
        return HttpServerResponse.empty()
      })
      const app = HttpRouter.empty.pipe(HttpRouter.get("/socket", socket))
      const scope = yield* Scope.make()
      const port = yield* Scope.extend(serveWith({ drainTimeout: "100 millis" }, app), scope)
      const deaf = yield* Net.connect({ host, port })
      yield* deaf.writeString(upgrade("/socket"))
      assert.match(text(yield* deaf.read), /^HTTP\/1\.1 101 /)
      const polite = new WebSocket(`ws://${host}:${port}/socket`)
      const opened = new Promise((resolve) => polite.once("open", resolve))
      const closed = new Promise((resolve) => polite.once("close", resolve))
      yield* Effect.promise(() => opened)
      yield* Scope.close(scope, Exit.void)
      assert.notStrictEqual(yield* Effect.promise(() => closed), 1006)
    })
  )
})

describe("its options", () => {
  test(subject, "a connection on which nothing moves is closed", () =>
    Effect.gen(function* () {
      const port = yield* serveWith({ idleTimeout: "80 millis" }, hello)
      const idle = yield* Net.connect({ host, port })
      yield* Effect.exit(readToEnd(idle))
      yield* isServed(port)
    })
  )

  test(subject, "one connection at a time: the second waits for the first", () =>
    Effect.gen(function* () {
      const port = yield* serveWith({ maxConnections: 1 }, hello)
      const first = yield* Net.connect({ host, port })
      yield* first.writeString(request("/hello"))
      assert.match(text(yield* first.read), /200 OK/)
      const second = yield* Effect.fork(isServed(port))
      yield* first.writeString(request("/hello", "Connection: close"))
      assert.match(text(yield* readToEnd(first)), /200 OK/)
      yield* Fiber.join(second)
    })
  )

  test(
    subject,
    "what Node's parser cannot be told: ServeError with the typed error, and nothing listens",
    () =>
      Effect.gen(function* () {
        const { address } = yield* Effect.scoped(Net.listen({ host, port: 0 }))
        const options = { host, port: address.port, http: { headersTimeout: 2000, requestTimeout: 1000 } }
        const failure = yield* Effect.flip(Effect.scoped(OurHttpServer.make(options)))
        assert.strictEqual(failure._tag, "ServeError")
        assert.deepInclude(failure.cause, { _tag: "NetworkError", reason: "InvalidArgument" })
        yield* Net.listen({ host, port: address.port })
      })
  )
})

describe("strangers", () => {
  test(subject, "one that asks for an upgrade and resets before there is an answer", () =>
    Effect.gen(function* () {
      const { app, started, open } = yield* gated
      const port = yield* serveWith({}, app)
      const rude = yield* Net.connect({ host, port })
      yield* rude.writeString(upgrade("/slow"))
      yield* started
      yield* rude.abort
      // The reset has arrived once a client after it has been answered, and this server has had its turns.
      for (let round = 0; round < 5; round++) yield* isServed(port)
      yield* open
      yield* isServed(port)
    })
  )

  test(subject, "one that asks for an upgrade that there is none of, and one for a tunnel", () =>
    Effect.gen(function* () {
      const port = yield* serveWith({}, hello)
      assert.match(yield* exchange(port, upgrade("/nowhere")), /^HTTP\/1\.1 404 /)
      yield* Effect.exit(exchange(port, "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n"))
      yield* isServed(port)
    })
  )

  const whole = request("/hello", "Connection: close")
  const broken: Record<string, string> = {
    "no host": "GET /hello HTTP/1.1\r\n\r\n",
    "a space before a colon": whole.replace("Host:", "Host :"),
    "a folded header": whole.replace("\r\n\r\n", "\r\n folded\r\n\r\n").replace("Connection", "X"),
    "two lengths": "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length that is none": "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\na",
    "a negative length": "POST /hello HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
    "a coding it does not know": "POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: cow\r\n\r\n",
    "chunked, and then not":
      "POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
    "a chunk's length that is none":
      "POST /hello HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a NUL in a header": whole.replace("localhost", "local\0host"),
    "bare line feeds": whole.replaceAll("\r\n", "\n").replace("Host", "\rHost"),
    "a version to come": whole.replace("HTTP/1.1", "HTTP/9.9"),
    "TLS to a plain port": "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"
  }
  for (const [what, bytes] of Object.entries(broken)) {
    test(subject, `${what}: refused and closed`, () =>
      Effect.gen(function* () {
        const port = yield* serveWith({}, hello)
        assert.match(yield* exchange(port, Buffer.from(bytes, "latin1")), /^HTTP\/1\.1 4\d\d /)
        yield* isServed(port)
      })
    )
  }

  /** Requests with another one hidden behind what some parsers take for their end. */
  const hidden = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
  const headOf = (...headers: ReadonlyArray<string>) =>
    ["POST /hello HTTP/1.1", "Host: h", ...headers, "", ""].join("\r\n")
  const smuggled: Record<string, string> = {
    "a length and chunks": `${headOf("Content-Length: 6", "Transfer-Encoding: chunked")}0\r\n\r\n${hidden}`,
    "chunks and a length": `${headOf("Transfer-Encoding: chunked", "Content-Length: 4")}5c\r\n${hidden}0\r\n\r\n`,
    "two lengths": `${headOf("Content-Length: 0", `Content-Length: ${hidden.length}`)}${hidden}`,
    "a coding behind chunked": `${headOf("Transfer-Encoding: chunked, cow")}0\r\n\r\n${hidden}`,
    "a name with a space": `${headOf("Transfer-Encoding : chunked")}0\r\n\r\n${hidden}`,
    "a name behind a tab": `${headOf("X: y\r\n\tTransfer-Encoding: chunked")}0\r\n\r\n${hidden}`,
    "a chunk's length with a prefix": `${headOf("Transfer-Encoding: chunked")}0x0\r\n\r\n${hidden}`,
    "a chunk without its end": `${headOf("Transfer-Encoding: chunked")}3\r\nabcd\r\n0\r\n\r\n${hidden}`
  }
  for (const [what, bytes] of Object.entries(smuggled)) {
    test(subject, `a request smuggled behind ${what}, byte by byte: closed, and never answered`, () =>
      Effect.gen(function* () {
        const port = yield* serveWith({}, hello)
        const connection = yield* Net.connect({ host, port })
        const reading = yield* Effect.fork(readToEnd(connection))
        // It may be refused before the last byte, and then the refusal itself is lost to the reset.
        yield* Effect.ignore(Effect.forEach(bytes, (byte) => connection.writeString(byte)))
        const answer = yield* Effect.match(Fiber.join(reading), { onSuccess: text, onFailure: () => "" })
        assert.match(answer, /^(HTTP\/1\.1 4\d\d |$)/)
        assert.notInclude(answer, "200 OK")
        yield* isServed(port)
      })
    )
  }

  test(subject, "any bytes: the server closes once they end, and serves the next", () =>
    Effect.gen(function* () {
      const port = yield* serveWith({}, hello)
      const some = fc.sample(
        fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated(Buffer.from(whole + whole))),
        { numRuns: subject.isSlow ? 20 : 150, seed: 7 }
      )
      for (const bytes of some) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const connection = yield* Net.connect({ host, port })
            // It may have refused the first bytes, and closed, before the last.
            yield* Effect.ignore(connection.writeAll(bytes))
            yield* Effect.ignore(connection.shutdown("write"))
            yield* Effect.ignore(readToEnd(connection))
          })
        )
      }
      yield* isServed(port)
    })
  )
})

/** The bytes with some of them changed. */
const mutated = (bytes: Uint8Array) =>
  fc
    .array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 8 })
    .map((edits) => {
      const copy = Uint8Array.from(bytes)
      for (const [index, byte] of edits) copy[index] = byte
      return copy
    })
