/**
 * Clients from npm, and node:http, over streams that are connections of this library.
 */
import * as Http from "node:http"
import type { Socket } from "node:net"
import type { Duplex } from "node:stream"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AbstractConnector, Redis } from "ioredis"
import pg from "pg"
import * as Net from "../../src/Net/index.js"
import * as NodeDuplex from "../../src/Platform/NodeDuplex.js"
import { readExactly, test } from "../Net/harness.js"
import { absenceOf } from "../support/absence.js"
import { redisServer } from "../support/redisServer.js"
import { allOf, codeOf, event, subject } from "./streams.js"

const promised = <A>(run: () => Promise<A>): Effect.Effect<A, Error> =>
  Effect.tryPromise({
    try: run,
    catch: (error) => (error instanceof Error ? error : new Error(String(error)))
  })

/** Serves in the background, and answers how to get a stream to there. */
const serving = <E>(handler: (connection: Net.Connection) => Effect.Effect<unknown, E>) =>
  Effect.gen(function* () {
    const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
    yield* Effect.forkScoped(listener.serve(handler))
    return Effect.flatMap(Net.connect({ host: "127.0.0.1", port: listener.address.port }), (connection) =>
      NodeDuplex.make(connection)
    )
  })

describe("pg", () => {
  const message = (type: string, body: Buffer): Buffer => {
    const head = Buffer.alloc(5)
    head.write(type, "latin1")
    head.writeInt32BE(body.length + 4, 1)
    return Buffer.concat([head, body])
  }
  const int16 = (value: number) => Buffer.from([value >> 8, value & 0xff])
  const int32 = (value: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(value)
    return bytes
  }
  const READY = message("Z", Buffer.from("I"))
  const OID_OF_TEXT = 25

  /** Answers one row with one column, the query itself (PostgreSQL 16, 55.7 Message Formats). */
  const answerTo = (query: string): Buffer => {
    const column = [
      Buffer.from("said\0"),
      int32(0),
      int16(0),
      int32(OID_OF_TEXT),
      int16(-1),
      int32(-1),
      int16(0)
    ]
    const value = Buffer.from(query)
    return Buffer.concat([
      message("T", Buffer.concat([int16(1), ...column])),
      message("D", Buffer.concat([int16(1), int32(value.length), value])),
      message("C", Buffer.from("SELECT 1\0")),
      READY
    ])
  }

  /** As much of PostgreSQL as a client needs to log in and to ask. */
  const postgres = (connection: Net.Connection) =>
    Effect.gen(function* () {
      const length = yield* readExactly(connection, 4)
      yield* readExactly(connection, length.readInt32BE() - 4)
      yield* connection.writeAll(Buffer.concat([message("R", int32(0)), READY]))
      for (;;) {
        const head = yield* readExactly(connection, 5)
        if (head.length === 0 || head.toString("latin1", 0, 1) === "X") return
        const body = yield* readExactly(connection, head.readInt32BE(1) - 4)
        yield* connection.writeAll(answerTo(body.toString("utf8", 0, body.length - 1)))
      }
    })

  test(subject, "logs in, asks, and leaves", () =>
    Effect.gen(function* () {
      const stream = yield* yield* serving(postgres)
      const client = new pg.Client({ user: "somebody", database: "some", stream: () => stream })
      yield* promised(() => client.connect())
      const queries = [
        "SELECT 1",
        "x".repeat(300_000),
        ...Array.from({ length: 50 }, (_, count) => `SELECT ${count}`)
      ]
      for (const query of queries) {
        const { rows } = yield* promised(() => client.query(query))
        assert.deepStrictEqual(rows, [{ said: query }])
      }
      yield* promised(() => client.end())
      assert.isTrue(stream.destroyed)
    })
  )

  test(subject, "is told when the server goes away in the middle", () =>
    Effect.gen(function* () {
      const stream = yield* yield* serving((connection) =>
        Effect.zipRight(readExactly(connection, 8), connection.abort)
      )
      const client = new pg.Client({ user: "somebody", stream: () => stream })
      client.on("error", () => {})
      const failure = yield* Effect.flip(promised(() => client.connect()))
      assert.include(["ECONNRESET", undefined], codeOf(failure))
      if (!stream.closed) yield* event(stream, "close")
    })
  )
})

describe("ioredis", () => {
  /** As much of Redis as a client needs: arrays of bulk strings in, `+` and `$` out (RESP2). */
  const redis = (connection: Net.Connection) =>
    Effect.gen(function* () {
      const kept = new Map<string, string>()
      for (;;) {
        const head = yield* connection.readLine
        if (Option.isNone(head)) return
        const words: Array<string> = []
        for (let left = Number(head.value.slice(1)); left > 0; left--) {
          const length = Option.getOrElse(yield* connection.readLine, () => "$0")
          words.push((yield* readExactly(connection, Number(length.slice(1)))).toString())
          yield* readExactly(connection, 2)
        }
        const [command = "", key = "", value = ""] = words
        if (command.toLowerCase() === "set") kept.set(key, value)
        const found = kept.get(key)
        const answer =
          command.toLowerCase() !== "get"
            ? "+OK\r\n"
            : found === undefined
              ? "$-1\r\n"
              : `$${Buffer.byteLength(found)}\r\n${found}\r\n`
        yield* connection.writeString(answer)
      }
    })

  /** The type says `net.Socket`; what ioredis asks of it, a stream over a connection has. */
  const passesForSocket = (stream: Duplex): stream is Socket => stream instanceof NodeDuplex.NodeDuplex

  const clientOver = (stream: Duplex): Redis => {
    class OverConnection extends AbstractConnector {
      constructor() {
        super(1000)
      }

      override async connect(): Promise<Socket> {
        if (!passesForSocket(stream)) throw new Error("not a stream over a connection")
        this.connecting = true
        this.stream = stream
        return stream
      }
    }
    return new Redis({
      Connector: OverConnection,
      lazyConnect: true,
      enableReadyCheck: false,
      disableClientInfo: true,
      retryStrategy: () => null
    })
  }

  test(subject, "sets and gets, one by one and in a pipeline", () =>
    Effect.gen(function* () {
      const stream = yield* yield* serving(redis)
      const client = clientOver(stream)
      client.on("error", () => {})
      yield* promised(() => client.connect())
      assert.strictEqual(yield* promised(() => client.set("key", "välue")), "OK")
      assert.strictEqual(yield* promised(() => client.get("key")), "välue")
      assert.isNull(yield* promised(() => client.get("nothing")))
      const pipeline = client.pipeline()
      for (let count = 0; count < 200; count++) pipeline.set(`k${count}`, `${count}`).get(`k${count}`)
      const answers = yield* promised(() => pipeline.exec())
      assert.deepStrictEqual(
        answers?.map(([error, answer]) => error ?? answer),
        Array.from({ length: 200 }, (_, count) => ["OK", `${count}`]).flat()
      )
      client.disconnect()
      if (!stream.closed) yield* event(stream, "close")
    })
  )

  const noRedis = absenceOf("redis-server")
  describe.skipIf(noRedis !== undefined)(`and Redis itself ${noRedis ?? ""}`, () => {
    test(subject, "keeps what it is given, and a pipeline of 5000 is answered in order", () =>
      Effect.gen(function* () {
        const port = yield* redisServer
        const stream = yield* Effect.flatMap(Net.connect({ host: "127.0.0.1", port }), (connection) =>
          NodeDuplex.make(connection)
        )
        const client = clientOver(stream)
        client.on("error", () => {})
        yield* promised(() => client.connect())
        const large = "x".repeat(1_000_000)
        assert.strictEqual(yield* promised(() => client.set("large", large)), "OK")
        assert.strictEqual(yield* promised(() => client.get("large")), large)
        const pipeline = client.pipeline()
        for (let count = 0; count < 5000; count++) pipeline.incr("count")
        const answers = yield* promised(() => pipeline.exec())
        assert.deepStrictEqual(
          answers?.map(([error, answer]) => error ?? answer),
          Array.from({ length: 5000 }, (_, count) => count + 1)
        )
        client.disconnect()
        if (!stream.closed) yield* event(stream, "close")
      })
    )
  })
})

describe("node:http", () => {
  /** A server of node:http that answers with what it was sent, and how often. */
  const httpServer = Effect.acquireRelease(
    Effect.async<{ readonly server: Http.Server; readonly port: number }>((resume) => {
      const server = Http.createServer((request, response) => {
        response.setHeader("x-path", request.url ?? "")
        request.pipe(response)
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        if (address !== null && typeof address === "object") {
          resume(Effect.succeed({ server, port: address.port }))
        }
      })
    }),
    ({ server }) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )

  const streamTo = (port: number) =>
    Effect.flatMap(Net.connect({ host: "127.0.0.1", port }), (connection) => NodeDuplex.make(connection))

  const post = (options: Http.RequestOptions, body: Buffer) =>
    Effect.async<Http.IncomingMessage, Error>((resume) => {
      const request = Http.request({ ...options, method: "POST" }, (response) =>
        resume(Effect.succeed(response))
      )
      request.on("error", (error) => resume(Effect.fail(error)))
      request.end(body)
    })

  test(subject, "sends requests over a stream", () =>
    Effect.gen(function* () {
      const { port } = yield* httpServer
      const stream = yield* streamTo(port)
      const response = yield* post({ path: "/here", createConnection: () => stream }, Buffer.from("posted"))
      assert.strictEqual(response.headers["x-path"], "/here")
      assert.strictEqual((yield* allOf(response)).toString(), "posted")
    })
  )

  test(subject, "keeps a stream alive for the next request, and large bodies whole", () =>
    Effect.gen(function* () {
      const { port } = yield* httpServer
      const stream = yield* streamTo(port)
      let connections = 0
      class OverConnection extends Http.Agent {
        override createConnection(): Duplex {
          connections += 1
          return stream
        }
      }
      const agent = new OverConnection({ keepAlive: true, maxSockets: 1 })
      for (const length of [1, 0, 100_000, 3_000_000]) {
        const body = Buffer.alloc(length, length % 251)
        const response = yield* post({ path: `/${length}`, port, host: "127.0.0.1", agent }, body)
        assert.isTrue((yield* allOf(response)).equals(body))
      }
      assert.strictEqual(connections, 1)
      agent.destroy()
      if (!stream.closed) yield* event(stream, "close")
    })
  )

  test(subject, "serves over streams", () =>
    Effect.gen(function* () {
      const server = Http.createServer((request, response) => {
        request.pipe(response)
      })
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      yield* Effect.forkScoped(
        listener.serve((connection) =>
          Effect.scoped(
            Effect.gen(function* () {
              const stream = yield* NodeDuplex.make(connection)
              server.emit("connection", stream)
              if (!stream.closed) yield* event(stream, "close")
            })
          )
        )
      )
      const agent = new Http.Agent({ keepAlive: true, maxSockets: 4 })
      yield* Effect.addFinalizer(() => Effect.sync(() => agent.destroy()))
      const { port } = listener.address
      const bodies = Array.from({ length: 40 }, (_, count) => Buffer.alloc(count * 5_000, count))
      yield* Effect.forEach(
        bodies,
        (body) =>
          Effect.gen(function* () {
            const response = yield* post({ port, host: "127.0.0.1", agent }, body)
            assert.isTrue((yield* allOf(response)).equals(body))
          }),
        { concurrency: 8 }
      )
    })
  )
})
