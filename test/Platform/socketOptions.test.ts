/**
 * `socketOptions` of the bridges: what they are told, they tell `Net`, which does it (see the contract).
 */
import * as PlatformHttpClient from "@effect/platform/HttpClient"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Net from "../../src/Net/index.js"
import * as ProxyProtocol from "../../src/Net/ProxyProtocol.js"
import * as HttpClient from "../../src/Platform/HttpClient.js"
import * as OurHttpServer from "../../src/Platform/HttpServer.js"
import * as Socket from "../../src/Platform/Socket.js"
import * as SocketServer from "../../src/Platform/SocketServer.js"
import * as Tls from "../../src/Platform/Tls.js"
import { test } from "../Net/harness.js"
import { freePath } from "../Net/unixHarness.js"
import { subject } from "./bothLayers.js"
import { echoServer, host, trusting } from "./tlsEnds.js"

const ofServer = { noDelay: false, keepAlive: true } satisfies Net.StreamSocketOptions
const ofClient = { noDelay: false, hopLimit: 33 } satisfies Net.StreamSocketOptions

type Found = ReadonlyArray<unknown>

/** Runs the program, and answers with what its own connections, and the listeners, have been given. */
const watching = <E>(program: Effect.Effect<unknown, E, Net.Net | Scope.Scope>) =>
  Effect.gen(function* () {
    const net = yield* Net.Net
    const connected: Array<unknown> = []
    const listening: Array<unknown> = []
    const look = (connection: Net.Connection) =>
      Effect.map(
        Effect.all([connection.getOption("noDelay"), connection.getOption("hopLimit")]),
        ([noDelay, hopLimit]) => connected.push({ noDelay, hopLimit })
      )
    const watched: Net.NetService = {
      proactor: net.proactor,
      resolver: net.resolver,
      statistics: net.statistics,
      connect: (options) => Effect.tap(net.connect(options), look),
      listen: (options) => {
        listening.push(options.socketOptions)
        return net.listen(options)
      }
    }
    yield* Effect.provideService(program, Net.Net, watched)
    const found: { readonly connected: Found; readonly listening: Found } = { connected, listening }
    return found
  })

const portOf = (address: { readonly _tag: string; readonly port?: number }) => address.port ?? 0

describe("socketOptions", () => {
  test(subject, "of SocketServer and Socket", () =>
    Effect.gen(function* () {
      const found = yield* watching(
        Effect.gen(function* () {
          const server = yield* SocketServer.make({ host, port: 0, socketOptions: ofServer })
          yield* Effect.forkScoped(
            server.run((socket) => Effect.ignore(socket.run(() => Effect.fail("enough"))))
          )
          const port = portOf(server.address)
          const client = yield* Socket.makeNet({ host, port, socketOptions: ofClient })
          yield* Effect.scoped(
            Effect.flatMap(client.writer, (write) =>
              Effect.zip(write("x"), Effect.ignore(client.run(() => {})), { concurrent: true })
            )
          )
        })
      )
      assert.deepStrictEqual(found, { connected: [ofClient], listening: [ofServer] })
    })
  )

  test(subject, "of a SocketServer on all addresses", () =>
    Effect.gen(function* () {
      const found = yield* watching(SocketServer.make({ port: 0, socketOptions: ofServer }))
      assert.deepStrictEqual(found.listening, [ofServer])
    })
  )

  test(subject, "of HttpServer and the agents of HttpClient", () =>
    Effect.gen(function* () {
      const found = yield* watching(
        Effect.gen(function* () {
          const server = yield* OurHttpServer.make({ host, port: 0, socketOptions: ofServer })
          yield* Effect.provideService(
            HttpServer.serveEffect(HttpServerResponse.text("hello")),
            HttpServer.HttpServer,
            server
          )
          const agents = HttpClient.makeAgentLayer({ socketOptions: ofClient })
          const response = yield* PlatformHttpClient.get(`http://${host}:${portOf(server.address)}/`).pipe(
            Effect.provide(Layer.provide(NodeHttpClient.layerWithoutAgent, agents))
          )
          assert.strictEqual(response.status, 200)
        })
      )
      assert.deepStrictEqual(found, { connected: [ofClient], listening: [ofServer] })
    })
  )

  test(subject, "of Tls.connect and ProxyProtocol.connect", () =>
    Effect.gen(function* () {
      const { port } = yield* echoServer()
      const found = yield* watching(
        Effect.gen(function* () {
          const tls = yield* Tls.connect({ host, port, socketOptions: ofClient, ...trusting })
          assert.strictEqual(yield* tls.getOption("hopLimit"), 33)
          const header = yield* ProxyProtocol.headerOf(tls)
          yield* ProxyProtocol.connect({ host, port, header, socketOptions: ofClient })
        })
      )
      assert.deepStrictEqual(found.connected, [ofClient, ofClient])
    })
  )

  test(subject, "that are refused are the typed cause, at a path as well", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const socketOptions = { hopLimit: 256 }
      const failures = [
        (yield* Effect.flip(SocketServer.make({ host, port: 0, socketOptions }))).cause,
        (yield* Effect.flip(OurHttpServer.make({ port: 0, socketOptions }))).cause,
        (yield* Effect.flip(SocketServer.make({ path, socketOptions }))).cause
      ]
      const isMissing = subject.name === "iocp" && subject.isSlow
      for (const [index, failure] of failures.entries()) {
        // Wine 8 has no Unix sockets.
        const reason = index === 2 && isMissing ? "Unsupported" : "InvalidArgument"
        assert.deepInclude(failure, { _tag: "NetworkError", reason, operation: "listen" })
      }
    })
  )
})
