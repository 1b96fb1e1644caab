/**
 * Peers that cannot be reached, do not answer, or are gone without a word; and time.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Net from "../../src/Net/index.js"
import { echoServer, elapsed, pairTo, pattern, readExactly, readToEnd, toServer } from "./programs.js"

type Needs = Net.Net | Net.Resolver | Net.Simulated | Scope.Scope

const on = <A, E>(options: Net.SimulationOptions, program: Effect.Effect<A, E, Needs>) =>
  Effect.scoped(program).pipe(Effect.provide(Net.layerSimulated(options)), Net.virtualTime)

describe("partitions", () => {
  it.live("hold back what is sent, and a repair brings all of it, in order", () =>
    on(
      { latency: "10 millis" },
      Effect.gen(function* () {
        const network = yield* Net.Simulated
        const { client, server } = yield* pairTo("server")
        yield* client.writeString("before, ")
        yield* Effect.sleep("5 millis")
        yield* network.partition("localhost", "server")
        yield* client.writeString("meanwhile, ")
        const reading = yield* Effect.fork(readToEnd(server))
        yield* Effect.sleep("1 minute")
        assert.isTrue(Option.isNone(yield* Fiber.poll(reading)))
        yield* network.repair("localhost", "server")
        yield* client.writeString("after")
        yield* client.shutdown("write")
        assert.strictEqual((yield* Fiber.join(reading)).toString(), "before, meanwhile, after")
      })
    )
  )

  it.live("in one direction let the other through", () =>
    on(
      {},
      Effect.gen(function* () {
        const network = yield* Net.Simulated
        const { client, server } = yield* pairTo("server")
        yield* network.partitionOneWay("localhost", "server")
        yield* server.writeString("heard")
        assert.strictEqual((yield* readExactly(client, 5)).toString(), "heard")
        yield* client.writeString("not yet")
        const late = yield* Effect.flip(server.readWith({ timeout: "1 minute" }))
        assert.strictEqual(late._tag, "TimeoutError")
        yield* network.repair("localhost", "server")
        assert.strictEqual((yield* readExactly(server, 7)).toString(), "not yet")
      })
    )
  )

  it.live("that last are given up by who waits for an answer: TimedOut", () =>
    on(
      { retransmitLimit: "15 minutes" },
      Effect.gen(function* () {
        const { client, server } = yield* pairTo("server")
        yield* (yield* Net.Simulated).partition("localhost", "server")
        yield* client.writeString("anybody there?")
        const { millis, value } = yield* elapsed(Effect.flip(client.read))
        assert.deepInclude(value, { reason: "TimedOut", codeName: "ETIMEDOUT" })
        assert.strictEqual(millis, 15 * 60_000)
        // The other side sent nothing, and so cannot know.
        assert.strictEqual((yield* Effect.flip(server.readWith({ timeout: "1 day" })))._tag, "TimeoutError")
      })
    )
  )

  it.live("are no matter to other hosts", () =>
    on(
      {},
      Effect.gen(function* () {
        yield* echoServer()
        yield* (yield* Net.Simulated).partition("localhost", "server")
        const other = yield* Net.Simulated.on("other")(toServer())
        yield* other.writeString("!")
        assert.strictEqual((yield* readExactly(other, 1)).length, 1)
      })
    )
  )
})

describe("peers that do not answer", () => {
  it.live("a black hole: a connect runs out of its time, and is well again after", () =>
    on(
      {},
      Effect.gen(function* () {
        yield* echoServer()
        const network = yield* Net.Simulated
        yield* network.blackhole("server")
        const { millis, value } = yield* elapsed(Effect.flip(toServer({ timeout: "3 seconds" })))
        assert.strictEqual(value._tag, "TimeoutError")
        assert.strictEqual(millis, 3000)
        assert.strictEqual((yield* Net.statistics).openSockets, 0)
        yield* network.restore("server")
        yield* toServer()
      })
    )
  )

  it.live("a black hole: the system gives up connecting after 127 seconds", () =>
    on(
      {},
      Effect.gen(function* () {
        yield* echoServer()
        yield* (yield* Net.Simulated).blackhole("server")
        const { millis, value } = yield* elapsed(Effect.flip(toServer()))
        assert.deepInclude(value, { _tag: "ConnectionError", reason: "TimedOut" })
        assert.strictEqual(millis, 127_000)
      })
    )
  )

  it.live("a black hole that goes away in time: the connect comes through", () =>
    on(
      {},
      Effect.gen(function* () {
        yield* echoServer()
        const network = yield* Net.Simulated
        yield* network.blackhole("server")
        const connecting = yield* Effect.fork(elapsed(toServer()))
        yield* Effect.sleep("5 seconds")
        yield* network.restore("server")
        // Asked at 0, 1, 3 and 7 seconds.
        assert.strictEqual((yield* Fiber.join(connecting)).millis, 7000)
      })
    )
  )

  it.live("a peer that vanished: reads wait for ever, or as long as they are told; writes fail at last", () =>
    on(
      {},
      Effect.gen(function* () {
        const network = yield* Net.Simulated
        const { client } = yield* pairTo("server")
        yield* network.vanish("server")
        const late = yield* Effect.flip(client.readWith({ timeout: "30 seconds" }))
        assert.deepInclude(late, { _tag: "TimeoutError", operation: "read" })
        yield* network.restore("server")
        yield* client.writeString("still there?")
        assert.deepInclude(yield* Effect.flip(client.read), { reason: "TimedOut" })
      })
    )
  )

  it.live("connections that fall silent after some bytes: those arrive, and nothing after them", () =>
    on(
      { silence: { probability: 1, afterBytes: 100 } },
      Effect.gen(function* () {
        const { client, server } = yield* pairTo("server")
        yield* Effect.fork(Effect.ignore(client.writeAll(pattern(500))))
        assert.isTrue((yield* readExactly(server, 100)).equals(pattern(100)))
        assert.strictEqual((yield* Effect.flip(server.readWith({ timeout: "1 hour" })))._tag, "TimeoutError")
      })
    )
  )

  it.live("an address that nobody has cannot be reached", () =>
    on(
      {},
      Effect.gen(function* () {
        const failure = yield* Effect.flip(Net.connect({ host: "10.9.9.9", port: 80 }))
        assert.deepInclude(failure, { reason: "Unreachable", codeName: "EHOSTUNREACH" })
      })
    )
  )
})

describe("time", () => {
  it.effect("passes by the test's clock: a connect takes one round trip", () =>
    Effect.gen(function* () {
      yield* echoServer()
      const connecting = yield* Effect.fork(toServer())
      yield* TestClock.adjust("39 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(connecting)))
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(connecting)
    }).pipe(Effect.scoped, Effect.provide(Net.layerSimulated({ latency: "20 millis" })))
  )

  it.effect("passes in order in one step of the clock, with what follows from it", () =>
    Effect.gen(function* () {
      yield* echoServer()
      const asking = yield* Effect.fork(
        Effect.gen(function* () {
          const connection = yield* toServer()
          yield* connection.writeString("question")
          return yield* elapsed(readExactly(connection, 8))
        })
      )
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(asking)).millis, 40)
    }).pipe(Effect.scoped, Effect.provide(Net.layerSimulated({ latency: "20 millis" })))
  )

  it.live("is what bandwidth costs", () =>
    on(
      {},
      Effect.gen(function* () {
        const { client, server } = yield* pairTo("server")
        const network = yield* Net.Simulated
        yield* network.linkOneWay("localhost", "server", { bandwidth: 1_000_000, latency: "50 millis" })
        yield* Effect.fork(client.writeAll(pattern(60_000)))
        const { millis, value } = yield* elapsed(readExactly(server, 60_000))
        assert.isTrue(value.equals(pattern(60_000)))
        assert.strictEqual(millis, 60 + 50)
      })
    )
  )

  it.live("is shared by the connections of a link", () =>
    on(
      { bandwidth: 1_000_000 },
      Effect.gen(function* () {
        const [one, other] = [yield* pairTo("server", 1), yield* pairTo("server", 2)]
        const sent = pattern(50_000)
        yield* Effect.fork(
          Effect.zip(one.client.writeAll(sent), other.client.writeAll(sent), { concurrent: true })
        )
        const read = Effect.zip(readExactly(one.server, 50_000), readExactly(other.server, 50_000), {
          concurrent: true
        })
        assert.strictEqual((yield* elapsed(read)).millis, 100)
      })
    )
  )
})

describe("backpressure", () => {
  it.live("a writer waits when both buffers are full, and memory stays bounded by them", () =>
    on(
      { sendBufferBytes: 1000, receiveBufferBytes: 500 },
      Effect.gen(function* () {
        const { client, server } = yield* pairTo("server")
        const sent = pattern(10_000)
        const late = yield* Effect.flip(client.writeAll(sent, { timeout: "1 minute" }))
        assert.deepInclude(late, { _tag: "TimeoutError", bytesTransferred: 1500 })
        const writing = yield* Effect.fork(client.writeAll(sent.subarray(1500)))
        assert.isTrue((yield* readExactly(server, 10_000)).equals(sent))
        yield* Fiber.join(writing)
      })
    )
  )

  it.live("each read lets as much in", () =>
    on(
      { sendBufferBytes: 10, receiveBufferBytes: 10 },
      Effect.gen(function* () {
        const { client, server } = yield* pairTo("server")
        assert.strictEqual(yield* client.write(pattern(100)), 10)
        yield* Effect.sleep(1)
        assert.strictEqual(yield* client.write(pattern(100, 10)), 10)
        yield* Effect.sleep(1)
        assert.strictEqual((yield* server.readWith({ maxBytes: 3 })).length, 3)
        // The system has more to give than the three: what Net received it keeps for the next reads.
        assert.isTrue((yield* readExactly(server, 17)).equals(pattern(17, 3)))
      })
    )
  )
})

describe("hosts", () => {
  it.live("have addresses and names, and ports of their own", () =>
    on(
      {},
      Effect.gen(function* () {
        const network = yield* Net.Simulated
        const database = network.host("database", { addresses: ["10.1.2.3", "fd00::3"] })
        const [plain] = network.host("plain").addresses
        assert.match(plain ?? "", /^10\.0\.0\.\d+$/)
        const listen = Net.listen({ host: "::", port: 5432 })
        const listener = yield* database.run(listen)
        yield* Net.Simulated.on("plain")(listen)
        for (const host of ["database", "10.1.2.3"]) {
          const client = yield* Net.connect({ host, port: 5432 })
          const server = yield* listener.accept
          assert.strictEqual(client.remoteAddress.host, "10.1.2.3")
          assert.strictEqual(server.remoteAddress.host, `::ffff:${(yield* client.localAddress).host}`)
        }
        // The loopback of each host is its own.
        yield* database.run(Net.connect({ host: "localhost", port: 5432 }))
        const failure = yield* Effect.flip(Net.connect({ host: "localhost", port: 5432 }))
        assert.deepInclude(failure, { reason: "Refused" })
      })
    )
  )
})
