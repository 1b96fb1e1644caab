/**
 * The Redis-protocol server of the examples, with the clients that Redis has, and beside Redis itself.
 */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import fc from "fast-check"
import { Redis } from "ioredis"
import { serve } from "../../examples/redis-server.js"
import * as Net from "../../src/Net/index.js"
import { readToEnd, test } from "../Net/harness.js"
import { subject } from "../Platform/streams.js"
import { absenceOf } from "../support/absence.js"
import { redisServer } from "../support/redisServer.js"

const run = promisify(execFile)
const host = "127.0.0.1"

const serving = Effect.gen(function* () {
  const listener = yield* Net.listen({ host, port: 0 })
  yield* Effect.forkScoped(serve(listener))
  return listener.address.port
})

const encode = (words: ReadonlyArray<string>): string =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`

/** Sends this, byte by character, and answers with all that comes until the server closes. */
const exchange = (port: number, text: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* Net.connect({ host, port })
      const writing = yield* Effect.fork(connection.writeAll(Buffer.from(text, "latin1")))
      const answers = Buffer.from(yield* readToEnd(connection)).toString("latin1")
      yield* Fiber.interrupt(writing)
      return answers
    })
  )

/** What the server answers to these commands, of a client that says goodbye. */
const answersTo = (port: number, commands: ReadonlyArray<ReadonlyArray<string>>) =>
  exchange(port, [...commands, ["QUIT"]].map(encode).join(""))

const isServed = (port: number) =>
  Effect.map(answersTo(port, [["PING"]]), (answers) => assert.strictEqual(answers, "+PONG\r\n+OK\r\n"))

const promised = <A>(start: () => Promise<A>) => Effect.promise(start)

describe("ioredis", () => {
  const connected = (port: number) =>
    Effect.acquireRelease(
      Effect.sync(() => new Redis({ host, port, retryStrategy: () => null })),
      (client) =>
        Effect.async<void>((resume) => {
          if (client.status === "end") return resume(Effect.void)
          client.once("end", () => resume(Effect.void))
          client.disconnect()
        })
    )

  test(subject, "keeps strings, lists, sets and hashes", () =>
    Effect.gen(function* () {
      const client = yield* connected(yield* serving)
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
      assert.strictEqual(yield* promised(() => client.set("bytes", bytes)), "OK")
      assert.isTrue((yield* promised(() => client.getBuffer("bytes")))?.equals(bytes))
      yield* promised(() => client.set("text", "välue"))
      assert.strictEqual(yield* promised(() => client.get("text")), "välue")
      assert.strictEqual(yield* promised(() => client.rpush("list", "a", "b", "c")), 3)
      assert.deepStrictEqual(yield* promised(() => client.lrange("list", 0, -1)), ["a", "b", "c"])
      assert.strictEqual(yield* promised(() => client.sadd("set", "a", "b", "a")), 2)
      yield* promised(() => client.hset("hash", { one: "1", two: "2" }))
      assert.deepStrictEqual(yield* promised(() => client.hgetall("hash")), { one: "1", two: "2" })
      const failure = yield* Effect.flip(Effect.tryPromise(() => client.incr("list")))
      assert.match(String(failure.cause), /WRONGTYPE/)
    })
  )

  test(subject, "has a pipeline of 5000 answered, in order", () =>
    Effect.gen(function* () {
      const client = yield* connected(yield* serving)
      const pipeline = client.pipeline()
      for (let count = 0; count < 5000; count++) pipeline.incr("visits")
      const answers = yield* promised(() => pipeline.exec())
      assert.deepStrictEqual(
        answers?.map(([error, answer]) => error ?? answer),
        Array.from({ length: 5000 }, (_, count) => count + 1)
      )
    })
  )
})

test(subject, "keys expire", () =>
  Effect.gen(function* () {
    const port = yield* serving
    const set = ["SET", "key", "value", "PX", "40"]
    const before = yield* answersTo(port, [set, ["EXISTS", "key"], ["TTL", "key"], ["DBSIZE"]])
    assert.strictEqual(before, "+OK\r\n:1\r\n:0\r\n:1\r\n+OK\r\n")
    yield* Effect.sleep("80 millis")
    const after = yield* answersTo(port, [["GET", "key"], ["TTL", "key"], ["DBSIZE"], ["KEYS", "*"]])
    assert.strictEqual(after, "$-1\r\n:-2\r\n:0\r\n*0\r\n+OK\r\n")
  })
)

describe("bad input", () => {
  const cases: Record<string, readonly [sent: string, answer: RegExp]> = {
    "a negative length": ["*1\r\n$-5\r\n", /^-ERR Protocol error: invalid bulk length\r\n$/],
    "a length that is none": ["*1\r\n$five\r\n", /^-ERR Protocol error: invalid bulk length\r\n$/],
    "a length over the limit": ["*2\r\n$3\r\nGET\r\n$99999999999\r\n", /invalid bulk length\r\n$/],
    "too many arguments": ["*99999999\r\n", /^-ERR Protocol error: invalid multibulk length\r\n$/],
    "something else than a length": ["*1\r\n:5\r\n", /^-ERR Protocol error: expected '\$', got ':'\r\n$/],
    "a line without end": ["x".repeat(70_000), /^-ERR Protocol error: too big inline request\r\n$/],
    "quotes without end": ['SET key "value\r\n', /^-ERR Protocol error: unbalanced quotes in request\r\n$/],
    "a request before it": ["PING\r\n*1\r\n$x\r\n", /^\+PONG\r\n-ERR Protocol error/]
  }
  for (const [name, [sent, answer]] of Object.entries(cases)) {
    test(subject, `${name}: an error, and the client is closed, and nobody else`, () =>
      Effect.gen(function* () {
        const port = yield* serving
        assert.match(yield* exchange(port, sent), answer)
        yield* isServed(port)
      })
    )
  }

  test(subject, "half a request and then the end: no answer, and nobody else is hurt", () =>
    Effect.gen(function* () {
      const port = yield* serving
      const connection = yield* Net.connect({ host, port })
      yield* connection.writeString("*2\r\n$3\r\nGET\r\n$100\r\nhal")
      yield* connection.shutdown("write")
      assert.strictEqual((yield* readToEnd(connection)).length, 0)
      yield* isServed(port)
    })
  )

  test(subject, "requests that come byte by byte are answered", () =>
    Effect.gen(function* () {
      const port = yield* serving
      const connection = yield* Net.connect({ host, port })
      for (const character of `${encode(["SET", "key", "a\r\nb"])}get key\r\n${encode(["QUIT"])}`) {
        yield* connection.writeString(character)
      }
      const answers = Buffer.from(yield* readToEnd(connection)).toString()
      assert.strictEqual(answers, "+OK\r\n$4\r\na\r\nb\r\n+OK\r\n")
    })
  )

  test(subject, "a client that reads nothing has to wait, and others have not", () =>
    Effect.gen(function* () {
      const port = yield* serving
      yield* answersTo(port, [["SET", "large", "x".repeat(1024 * 1024)]])
      const greedy = yield* Net.connect({ host, port })
      const asking = yield* Effect.fork(greedy.writeString(encode(["GET", "large"]).repeat(500_000)))
      yield* Effect.sleep("100 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(asking)))
      yield* isServed(port)
      yield* Fiber.interrupt(asking)
    })
  )
})

const noRedis = absenceOf("redis-server") ?? absenceOf("redis-cli") ?? absenceOf("redis-benchmark")

describe.skipIf(noRedis !== undefined)(`Redis itself ${noRedis ?? ""}`, () => {
  const both = (commands: ReadonlyArray<ReadonlyArray<string>>) =>
    Effect.gen(function* () {
      const theirs = yield* answersTo(yield* redisServer, commands)
      const ours = yield* answersTo(yield* serving, commands)
      assert.deepStrictEqual(ours.split("\r\n"), theirs.split("\r\n"))
    })

  test(subject, "answers the same to what has its own corners", () =>
    both([
      ["PING"],
      ["ping", "text"],
      ["PING", "a", "b"],
      ["ECHO", "\0\xff\r\n"],
      ["GET"],
      ["NOSUCH", "a", "b"],
      ["SET", "a", "1", "EX"],
      ["SET", "a", "1", "EX", "0"],
      ["SET", "a", "1", "EX", "x"],
      ["SET", "a", "1", "NX", "XX"],
      ["SET", "a", "1", "XX"],
      ["SET", "a", "1", "NX", "GET"],
      ["SET", "a", "2", "NX", "GET"],
      ["SET", "a", "2", "EX", "100", "KEEPTTL"],
      ["SET", "a", "2", "EX", "100"],
      ["TTL", "a"],
      ["SET", "a", "3", "KEEPTTL"],
      ["TTL", "a"],
      ["INCRBY", "a", "9223372036854775807"],
      ["DECRBY", "a", "-9223372036854775808"],
      ["INCRBY", "a", "9223372036854775804"],
      ["INCR", "a"],
      ["PERSIST", "a"],
      ["PERSIST", "a"],
      ["SET", "b", "007"],
      ["INCR", "b"],
      ["APPEND", "b", "!"],
      ["STRLEN", "b"],
      ["LPUSH", "b", "x"],
      ["SET", "b", "x", "GET"],
      ["RPUSH", "l", "1", "2", "3", "4", "5"],
      ["GET", "l"],
      ["SET", "l", "x", "GET"],
      ["LPOP", "l", "-1"],
      ["LPOP", "l", "0"],
      ["LPOP", "l", "2"],
      ["RPOP", "l", "2"],
      ["LRANGE", "l", "0", "x"],
      ["LRANGE", "l", "-100", "100"],
      ["LPOP", "nothing", "2"],
      ["LPOP", "nothing"],
      ["RPOP", "l", "10"],
      ["TYPE", "l"],
      ["HSET", "h", "a"],
      ["HSET", "h", "a", "1", "b"],
      ["HSET", "h", "a", "1", "b", "x"],
      ["HINCRBY", "h", "b", "1"],
      ["HINCRBY", "h", "a", "9223372036854775807"],
      ["HGETALL", "h"],
      ["HDEL", "h", "a", "b", "c"],
      ["EXISTS", "h"],
      ["MSET", "k1", "1", "k2"],
      ["MSET", "k1", "1", "k2", "2"],
      ["MGET", "k1", "nothing", "k2"],
      // Of one key each: their order is anything.
      ["KEYS", "?1"],
      ["KEYS", "[jk]2"],
      ["KEYS", "[^a-j]*\\1"],
      ["KEYS", "k"],
      ["EXPIRE", "k1", "-1"],
      ["EXISTS", "k1", "k2", "k2"],
      ["EXPIRE", "k2", "99999999999999999999"],
      ["PEXPIRE", "nothing", "10"],
      ["SELECT", "0"],
      ["SELECT", "99"],
      ["SELECT", "x"],
      ["FLUSHALL", "now"],
      ["FLUSHALL"],
      ["DBSIZE"]
    ])
  )

  test(subject, "answers the same to whatever comes", () =>
    Effect.gen(function* () {
      const theirs = yield* redisServer
      const key = fc.constantFrom("a", "b", "c", "d")
      const text = fc.oneof(fc.constantFrom("0", "1", "-1", "x", "10"), fc.string({ maxLength: 6 }))
      const latin = text.filter((word) => Buffer.from(word, "latin1").toString("latin1") === word)
      const one = (...names: ReadonlyArray<string>) => fc.tuple(fc.constantFrom(...names), key)
      const two = (...names: ReadonlyArray<string>) => fc.tuple(fc.constantFrom(...names), key, latin)
      const three = (...names: ReadonlyArray<string>) =>
        fc.tuple(fc.constantFrom(...names), key, latin, latin)
      const command = fc.oneof(
        one("GET", "INCR", "DECR", "STRLEN", "DEL", "EXISTS", "TYPE", "LLEN", "LPOP", "RPOP", "GETDEL"),
        one("SCARD", "HLEN", "HGETALL", "TTL", "PERSIST", "KEYS"),
        two(
          "SET",
          "APPEND",
          "INCRBY",
          "DECRBY",
          "LPUSH",
          "RPUSH",
          "SADD",
          "SREM",
          "SISMEMBER",
          "HGET",
          "HDEL"
        ),
        two("LPOP", "RPOP", "HEXISTS"),
        three("LRANGE", "HSET", "HINCRBY", "RPUSH", "SADD", "SREM", "HDEL")
      )
      const runtime = yield* Effect.runtime<Net.Net>()
      const property = fc.asyncProperty(fc.array(command, { maxLength: 200 }), (commands) =>
        Effect.gen(function* () {
          const program = [["FLUSHALL"], ...commands]
          const expected = yield* answersTo(theirs, program)
          const got = yield* answersTo(yield* serving, program)
          assert.deepStrictEqual(got.split("\r\n"), expected.split("\r\n"))
        }).pipe(Effect.scoped, Effect.provide(runtime), Effect.runPromise)
      )
      yield* Effect.promise(() => fc.assert(property, { numRuns: 60 }))
    })
  )

  test(subject, "redis-cli and redis-benchmark take this server for one", () =>
    Effect.gen(function* () {
      const port = String(yield* serving)
      const cli = (...args: ReadonlyArray<string>) =>
        Effect.promise(async () => (await run("redis-cli", ["-p", port, ...args])).stdout.trim())
      assert.strictEqual(yield* cli("set", "greeting", "hello"), "OK")
      assert.strictEqual(yield* cli("get", "greeting"), "hello")
      assert.strictEqual(yield* cli("lpush", "list", "a", "b"), "2")
      assert.strictEqual(yield* cli("lrange", "list", "0", "-1"), "b\na")
      const names = "set,get,incr,lpush,rpush,lpop,sadd,hset,mset,lrange_100"
      const args = ["-p", port, "-q", "-n", "2000", "-P", "16", "-t", names]
      const { stderr, stdout } = yield* Effect.promise(() => run("redis-benchmark", args))
      assert.strictEqual(stderr, "")
      assert.strictEqual(stdout.match(/requests per second/g)?.length, 11)
    })
  )
})
