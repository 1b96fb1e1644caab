/**
 * The bridges at a `path` that is the name of a pipe.
 */
import * as PlatformHttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type * as PlatformSocket from "@effect/platform/Socket"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { unsafeMakePipe } from "../../src/Address/index.js"
import { NetworkError } from "../../src/Errors/index.js"
import * as Iocp from "../../src/Iocp/index.js"
import * as NamedPipe from "../../src/Net/NamedPipe.js"
import * as HttpClient from "../../src/Platform/HttpClient.js"
import * as OurHttpServer from "../../src/Platform/HttpServer.js"
import * as Socket from "../../src/Platform/Socket.js"
import * as SocketServer from "../../src/Platform/SocketServer.js"
import { pattern, test } from "../Net/harness.js"
import { freeName } from "../support/pipes.js"
import { running, subject } from "./bothLayers.js"

const isWindows = process.platform === "win32"

const echoing = (socket: PlatformSocket.Socket) =>
  Effect.scoped(Effect.flatMap(socket.writer, (write) => socket.run((bytes) => write(bytes))))

/** What both servers fail with, as `Net` has it; of a client, what opening fails with. */
const causes = (options: SocketServer.Options) => [
  Effect.map(Effect.flip(SocketServer.make(options)), ({ cause }) => cause),
  Effect.map(Effect.flip(OurHttpServer.make(options)), ({ cause }) => cause)
]

const openingFails = (options: Socket.NetOptions) =>
  Effect.gen(function* () {
    const socket = yield* Socket.makeNet(options)
    const failure = yield* Effect.flip(socket.run(() => {}))
    return "cause" in failure ? failure.cause : failure
  })

const router = HttpRouter.empty.pipe(
  HttpRouter.get("/hello", HttpServerResponse.text("hello")),
  HttpRouter.post(
    "/back",
    Effect.map(HttpServerRequest.HttpServerRequest, ({ stream }) => HttpServerResponse.stream(stream))
  )
)

const clientOf = (socketPath: string) =>
  Layer.provide(NodeHttpClient.layerWithoutAgent, HttpClient.makeAgentLayer({ socketPath }))

describe.runIf(isWindows)("at the name of a pipe", () => {
  test(subject, "a SocketServer tells it, and its clients come there", () =>
    Effect.gen(function* () {
      const path = freeName()
      const server = yield* SocketServer.make({ path })
      assert.deepStrictEqual({ ...server.address }, { _tag: "UnixAddress", path })
      yield* Effect.forkScoped(server.run(echoing))
      for (const said of ["one", "another"]) {
        const client = yield* Socket.makeNet({ path, openTimeout: "20 seconds" })
        const { take } = yield* running(client)
        const write = yield* client.writer
        yield* write(said)
        assert.strictEqual(yield* take(said.length), said)
      }
    })
  )

  test(subject, "an HttpServer answers the client of this library, bodies too", () =>
    Effect.gen(function* () {
      const path = freeName()
      const server = yield* OurHttpServer.make({ path })
      assert.deepStrictEqual({ ...server.address }, { _tag: "UnixAddress", path })
      yield* Effect.provideService(HttpServer.serveEffect(router), HttpServer.HttpServer, server)
      yield* Effect.gen(function* () {
        const http = yield* PlatformHttpClient.HttpClient
        for (const host of ["localhost", "nobody.test"]) {
          const answer = yield* http.get(`http://${host}/hello`)
          assert.strictEqual(yield* answer.text, "hello")
        }
        const sent = pattern(300_000)
        const post = HttpClientRequest.bodyUint8Array(HttpClientRequest.post("http://localhost/back"), sent)
        const back = yield* http.execute(post)
        assert.isTrue(Buffer.from(yield* back.arrayBuffer).equals(sent))
        const last = HttpClientRequest.setHeader(
          HttpClientRequest.get("http://localhost/hello"),
          "Connection",
          "close"
        )
        assert.strictEqual(yield* Effect.flatMap(http.execute(last), ({ text }) => text), "hello")
      }).pipe(Effect.provide(clientOf(path)))
    })
  )

  test(
    subject,
    "an HttpServer answers requests under way when its scope ends, and the name is free again",
    () =>
      Effect.gen(function* () {
        const path = freeName()
        const scope = yield* Scope.make()
        const server = yield* Scope.extend(OurHttpServer.make({ path }), scope)
        const slow = HttpRouter.empty.pipe(
          HttpRouter.get("/slow", Effect.delay(HttpServerResponse.text("done"), "300 millis"))
        )
        yield* HttpServer.serveEffect(slow).pipe(
          Effect.provideService(HttpServer.HttpServer, server),
          Scope.extend(scope)
        )
        const asking = yield* Effect.fork(
          Effect.gen(function* () {
            const http = yield* PlatformHttpClient.HttpClient
            const answer = yield* http.get("http://localhost/slow")
            return yield* answer.text
          }).pipe(Effect.provide(clientOf(path)))
        )
        yield* Effect.sleep("100 millis")
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(yield* asking, "done")
        yield* NamedPipe.listen({ name: path })
      })
  )

  test(subject, "a name that is taken, or is none, is the typed cause; nobody there is Refused", () =>
    Effect.gen(function* () {
      const path = freeName()
      const refused = yield* openingFails({ path })
      assert.deepInclude(refused, { _tag: "ConnectionError", reason: "Refused" })
      // Wine knows no first instance; but it knows how many there may be.
      yield* Iocp.createNamedPipe({ address: unsafeMakePipe(path), maxInstances: 1 })
      for (const cause of causes({ path })) {
        assert.deepInclude(yield* cause, { _tag: "ConnectionError", reason: "AddressInUse" })
      }
      for (const cause of causes({ path: `${path}.` })) {
        assert.deepInclude(yield* cause, { _tag: "NetworkError", reason: "InvalidArgument" })
      }
    })
  )

  test(subject, "how a pipe is made can be said", () =>
    Effect.gen(function* () {
      for (const cause of causes({ path: freeName(), pipe: { maxInstances: 1 } })) {
        assert.deepInclude(yield* cause, { reason: "InvalidArgument", operation: "listen" })
      }
      for (const cause of causes({ path: freeName(), pipe: { securityDescriptor: "no such thing" } })) {
        assert.deepInclude(yield* cause, { _tag: "NetworkError", operation: "listen" })
      }
    })
  )
})

describe("at the name of a pipe, wherever it is", () => {
  test(subject, "what a pipe has not is refused: a mode, options, a port besides", () =>
    Effect.gen(function* () {
      const path = freeName()
      for (const [options, reason] of [
        [{ path, mode: 0o600 }, "InvalidArgument"],
        [{ path, socketOptions: { noDelay: true } }, "Unsupported"],
        [{ path, port: 1 }, "InvalidArgument"]
      ] as const) {
        for (const cause of causes(options as SocketServer.Options)) {
          const failure = yield* cause
          assert.instanceOf(failure, NetworkError)
          assert.deepInclude(failure, { reason, operation: "listen" })
        }
      }
      const failure = yield* openingFails({ path, socketOptions: { noDelay: true } })
      assert.instanceOf(failure, NetworkError)
      assert.deepInclude(failure, { reason: "Unsupported", operation: "connect" })
      assert.match(failure.advice ?? "", /noDelay/)
    })
  )
})

describe.skipIf(isWindows)("at the name of a pipe, where there are none", () => {
  test(subject, "is Unsupported, and no file of that name is made", () =>
    Effect.gen(function* () {
      const path = freeName()
      for (const cause of [...causes({ path }), openingFails({ path })]) {
        const failure = yield* cause
        assert.instanceOf(failure, NetworkError)
        assert.strictEqual(failure.reason, "Unsupported")
      }
      // An empty record of options asks for nothing.
      const [socketServer] = causes({ path, socketOptions: {}, pipe: { allowRemote: true } })
      assert.deepInclude(yield* socketServer ?? Effect.void, { reason: "Unsupported", operation: "listen" })
    })
  )
})
