/**
 * Where the servers listen: what `Net.listen` offers, and all addresses where no host is named.
 */
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as PlatformSocket from "@effect/platform/Socket"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { unsupported } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import * as OurHttpServer from "../../src/Platform/HttpServer.js"
import * as SocketServer from "../../src/Platform/SocketServer.js"
import { readToEnd, test, text } from "../Net/harness.js"
import { subject } from "./bothLayers.js"

type Options = Pick<Net.ListenOptions, "backlog" | "port" | "reusePort" | "v6Only"> & {
  readonly host?: string
}

/** A server that says its name to whoever comes; its port. */
type Named = (
  name: string,
  options: Options
) => Effect.Effect<number, { readonly cause: unknown }, Net.Net | Scope.Scope>

const portOf = (address: { readonly _tag: string; readonly port?: number }) => address.port ?? 0

const socketServer: Named = (name, options) =>
  Effect.gen(function* () {
    const server = yield* SocketServer.make(options)
    yield* Effect.forkScoped(
      server.run((socket) =>
        Effect.scoped(
          Effect.flatMap(socket.writer, (write) =>
            socket.run(() => Effect.zipRight(write(name), write(new PlatformSocket.CloseEvent())))
          )
        ).pipe(Effect.ignore)
      )
    )
    return portOf(server.address)
  })

const httpServer: Named = (name, options) =>
  Effect.gen(function* () {
    const server = yield* OurHttpServer.make(options)
    yield* Effect.provideService(
      HttpServer.serveEffect(HttpServerResponse.text(name)),
      HttpServer.HttpServer,
      server
    )
    return portOf(server.address)
  })

/** Who answers there: the last word of what comes. */
const who = (host: string, port: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* Net.connect({ host, port, timeout: "20 seconds" })
      yield* connection.writeString("GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
      return /\w+$/.exec(text(yield* readToEnd(connection)))?.[0]
    })
  )

const withoutIPv6 = Effect.map(Net.Net, (net) => ({
  proactor: net.proactor,
  resolver: net.resolver,
  statistics: net.statistics,
  connect: net.connect.bind(net),
  listen: (options: Net.ListenOptions) =>
    options.host === "::" ? Effect.fail(unsupported("listen", "no IPv6")) : net.listen(options)
}))

for (const [kind, named] of Object.entries({ SocketServer: socketServer, HttpServer: httpServer })) {
  describe(kind, () => {
    test(subject, "without a host: on all addresses, of both versions of IP", () =>
      Effect.gen(function* () {
        const port = yield* named("everywhere", { port: 0 })
        assert.strictEqual(yield* who("127.0.0.1", port), "everywhere")
        assert.strictEqual(yield* who("::1", port), "everywhere")
      })
    )

    test(subject, "without a host, where there is no IPv6: on all addresses of IPv4", () =>
      Effect.gen(function* () {
        const port = yield* Effect.provideServiceEffect(named("fourth", { port: 0 }), Net.Net, withoutIPv6)
        assert.strictEqual(yield* who("127.0.0.1", port), "fourth")
      })
    )

    test(subject, "v6Only leaves IPv4 to others", () =>
      Effect.gen(function* () {
        const port = yield* named("sixth", { host: "::", port: 0, v6Only: true })
        assert.strictEqual(yield* named("fourth", { host: "0.0.0.0", port }), port)
        assert.strictEqual(yield* who("127.0.0.1", port), "fourth")
        assert.strictEqual(yield* who("::1", port), "sixth")
      })
    )

    test(subject, "reusePort: on Linux two share a port; elsewhere it is Unsupported", () =>
      Effect.gen(function* () {
        const options = { host: "127.0.0.1", port: 0, reusePort: true }
        if (subject.name !== "epoll") {
          const { cause } = yield* Effect.flip(named("one", options))
          assert.deepInclude(cause, { _tag: "NetworkError", reason: "Unsupported" })
          return
        }
        const port = yield* named("one", options)
        yield* named("other", { ...options, port })
        const names = yield* Effect.forEach(Array(64), () => who("127.0.0.1", port))
        // Which of the two is the system's choice; that it is never the one in 64 times has a chance of 2^-63.
        assert.deepStrictEqual([...new Set(names)].sort(), ["one", "other"])
      })
    )

    test(subject, "a backlog that is none is refused", () =>
      Effect.gen(function* () {
        const { cause } = yield* Effect.flip(named("nobody", { host: "127.0.0.1", port: 0, backlog: 0 }))
        assert.deepInclude(cause, { _tag: "NetworkError", reason: "InvalidArgument" })
      })
    )
  })
}
