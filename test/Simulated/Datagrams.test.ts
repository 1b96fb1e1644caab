/**
 * Datagrams on simulated networks: what becomes of them on the way, and that it is the same with the same seed.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { format, unsafeMake } from "../../src/Address/index.js"
import { connectionErrorReasons, networkErrorReasons } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import * as Udp from "../../src/Net/Udp.js"
import { numbered, numberOf, upTo } from "../Net/udp.js"
import { elapsed } from "./programs.js"

type Needs = Net.Net | Net.Resolver | Net.Simulated | Scope.Scope

/** Runs on a network of its own, in virtual time. */
const on = <A, E>(options: Net.SimulationOptions, program: Effect.Effect<A, E, Needs>) =>
  Effect.scoped(program).pipe(Effect.provide(Net.layerSimulated(options)), Net.virtualTime)

/** A socket on a host, at port 9 of all its addresses. */
const socketOn = (host: string, options: Partial<Udp.BindOptions> = {}) =>
  Net.Simulated.on(host)(Udp.bind({ host: "0.0.0.0", port: 9, ...options }))

const client = Udp.bind({ host: "0.0.0.0", port: 0 })

/** Where a host is. */
const at = (host: string) => ({ host, port: 9 })

/** What comes until nothing has come for a minute. */
const allOf = (socket: Udp.UdpSocket) =>
  Effect.gen(function* () {
    const seen: Array<number> = []
    for (;;) {
      const got = yield* Effect.option(socket.receiveWith({ timeout: "1 minute" }))
      if (Option.isNone(got)) return seen
      seen.push(numberOf(got.value))
    }
  })

const isSilent = (socket: Udp.DatagramSocket) =>
  Effect.map(Effect.flip(socket.receiveWith({ timeout: "1 minute" })), (failure) =>
    assert.strictEqual(failure._tag, "TimeoutError")
  )

const COUNT = 500

const sendAll = (socket: Udp.UdpSocket, host = "server") =>
  Effect.forEach(upTo(COUNT), (number) => socket.send(numbered(number), at(host)), { discard: true })

describe("a datagram", () => {
  it.live("takes as long as the link, and its answer as long as the way back", () =>
    on(
      { latency: "10 millis" },
      Effect.gen(function* () {
        const network = yield* Net.Simulated
        const server = yield* socketOn("server")
        const socket = yield* client
        yield* network.linkOneWay("server", "localhost", { latency: "35 millis" })
        yield* Effect.fork(
          Effect.flatMap(server.receive, ({ address, bytes }) => server.send(bytes, address))
        )
        const { millis, value } = yield* elapsed(
          Effect.zipRight(socket.send(numbered(7), at("server")), socket.receive)
        )
        assert.deepStrictEqual([numberOf(value), millis], [7, 45])
        assert.strictEqual(format(value.address), "10.0.0.2:9")
      })
    )
  )

  it.live("is lost, doubled and overtaken as often as the link is told", () =>
    Effect.gen(function* () {
      const outcome = (options: Net.LinkOptions) =>
        on(
          { seed: 3, ...options },
          Effect.gen(function* () {
            const server = yield* socketOn("server")
            yield* Effect.forkScoped(Effect.flatMap(client, sendAll))
            return yield* allOf(server)
          })
        )
      assert.deepStrictEqual(yield* outcome({ latency: 5 }), upTo(COUNT))
      assert.approximately((yield* outcome({ loss: 0.2 })).length / COUNT, 0.8, 0.06)
      const doubled = yield* outcome({ duplication: 0.2 })
      assert.approximately(doubled.length / COUNT, 1.2, 0.06)
      assert.strictEqual(new Set(doubled).size, COUNT)
      const overtaken = yield* outcome({ latency: 5, reordering: 0.1 })
      assert.strictEqual(new Set(overtaken).size, COUNT)
      assert.notDeepEqual(overtaken, upTo(COUNT))
    })
  )

  it.live("that meets a cut link is gone for good, and nobody is told", () =>
    on(
      { latency: "5 millis" },
      Effect.gen(function* () {
        const network = yield* Net.Simulated
        const server = yield* socketOn("server")
        const socket = yield* Udp.connect(at("server"))
        yield* network.partition("localhost", "server")
        yield* socket.send(numbered(1))
        yield* isSilent(server)
        yield* network.repair("localhost", "server")
        yield* isSilent(server)
        // Also one that was underway when it was cut.
        yield* socket.send(numbered(2))
        yield* network.partition("localhost", "server")
        yield* isSilent(server)
        yield* network.repair("localhost", "server")
        yield* socket.send(numbered(3))
        assert.strictEqual(numberOf(yield* server.receive), 3)
        yield* network.blackhole("server")
        yield* socket.send(numbered(4))
        yield* isSilent(socket)
        yield* network.restore("server")
        yield* socket.send(numbered(5))
        assert.strictEqual(numberOf(yield* server.receive), 5)
      })
    )
  )

  it.live("that nobody receives comes back as Refused, to who has a peer, after there and back", () =>
    on(
      { latency: "10 millis" },
      Effect.gen(function* () {
        const network = yield* Net.Simulated
        network.host("server")
        const socket = yield* Udp.connect(at("server"))
        yield* socket.send(numbered(1))
        const { millis, value } = yield* elapsed(Effect.flip(socket.receive))
        assert.deepInclude(value, { reason: "Refused", operation: "receive", address: "10.0.0.2:9" })
        assert.strictEqual(millis, 20)
        // A send that comes first is told instead, and has not been sent.
        yield* socket.send(numbered(2))
        yield* Effect.sleep("1 second")
        assert.deepInclude(yield* Effect.flip(socket.send(numbered(3))), {
          reason: "Refused",
          operation: "send"
        })
        const server = yield* socketOn("server")
        yield* socket.send(numbered(4))
        assert.strictEqual(numberOf(yield* server.receive), 4)
        // Not over a cut link, and not to who speaks with many.
        yield* server.close
        yield* network.partitionOneWay("server", "localhost")
        yield* socket.send(numbered(5))
        yield* isSilent(socket)
        yield* network.repair("server", "localhost")
        const many = yield* client
        yield* many.send(numbered(6), at("server"))
        yield* isSilent(many)
      })
    )
  )

  it.live("that finds the receiver's buffer full is lost", () =>
    on(
      { receiveBufferBytes: 1_000 },
      Effect.gen(function* () {
        const server = yield* socketOn("server")
        const socket = yield* client
        yield* sendAll(socket)
        yield* Effect.sleep("1 second")
        const seen = yield* allOf(server)
        assert.isBelow(seen.length, 50)
        assert.deepStrictEqual(seen, upTo(seen.length))
        yield* socket.send(numbered(9), at("server"))
        assert.strictEqual(numberOf(yield* server.receive), 9)
      })
    )
  )

  it.live("shares the bandwidth of the link", () =>
    on(
      { bandwidth: 1_000 },
      Effect.gen(function* () {
        const server = yield* socketOn("server")
        const socket = yield* client
        yield* socket.send(new Uint8Array(1_000), at("server"))
        yield* socket.send(new Uint8Array(1_000), at("server"))
        const { millis } = yield* elapsed(Effect.zip(server.receive, server.receive))
        assert.strictEqual(millis, 2_000)
      })
    )
  )

  it.live("to where there is no host is Unreachable", () =>
    on(
      {},
      Effect.gen(function* () {
        const socket = yield* client
        const failure = yield* Effect.flip(socket.send(numbered(1), unsafeMake("203.0.113.1", 9)))
        assert.deepInclude(failure, { reason: "Unreachable", operation: "send", address: "203.0.113.1:9" })
        // To connect sends nothing, and so finds nothing out.
        const connected = yield* Udp.connect({ host: "203.0.113.1", port: 9 })
        const unheard = yield* Effect.flip(connected.send(numbered(2)))
        assert.deepInclude(unheard, { reason: "Unreachable", operation: "send" })
      })
    )
  )

  for (const reason of [...connectionErrorReasons, ...networkErrorReasons]) {
    it.live(`fails on purpose: ${reason}; the socket is well after that`, () =>
      on(
        {},
        Effect.gen(function* () {
          const network = yield* Net.Simulated
          const server = yield* socketOn("server")
          const socket = yield* client
          yield* network.failNext("send", reason, "localhost")
          const failure = yield* Effect.flip(socket.send(numbered(1), at("server")))
          assert.deepInclude(failure, { reason, operation: "send" })
          yield* socket.send(numbered(2), at("server"))
          yield* network.failNext("receive", reason, "server")
          const outcome = yield* Effect.either(server.receive)
          // A receive that was cancelled below is submitted again.
          if (outcome._tag === "Right") assert.strictEqual(reason, "Cancelled")
          else {
            assert.deepInclude(outcome.left, { reason, operation: "receive" })
            assert.strictEqual(numberOf(yield* server.receive), 2)
          }
        })
      )
    )
  }
})

describe("a datagram to many", () => {
  const group = "239.255.0.9"

  it.live("reaches the members on all hosts, each over its own link", () =>
    on(
      {},
      Effect.gen(function* () {
        const network = yield* Net.Simulated
        const [near, far, cut, stranger] = yield* Effect.all(
          ["near", "far", "cut", "stranger"].map((host) => socketOn(host))
        )
        if (near === undefined || far === undefined || cut === undefined || stranger === undefined) return
        for (const member of [near, far, cut]) yield* member.joinGroup({ group })
        yield* network.link("localhost", "near", { latency: "1 millis" })
        yield* network.link("localhost", "far", { latency: "80 millis" })
        yield* network.partition("localhost", "cut")
        const socket = yield* client
        const own = yield* Udp.bind({ host: "0.0.0.0", port: 9 })
        yield* own.joinGroup({ group })
        yield* socket.send(numbered(1), unsafeMake(group, 9))
        const { millis } = yield* elapsed(Effect.all([near.receive, far.receive, own.receive]))
        assert.strictEqual(millis, 80)
        for (const silent of [cut, stranger]) yield* isSilent(silent)
        yield* socket.setOption("multicastLoopback", false)
        yield* socket.send(numbered(2), unsafeMake(group, 9))
        assert.strictEqual(numberOf(yield* near.receive), 2)
        yield* isSilent(own)
        yield* socket.setOption("multicastHopLimit", 0)
        yield* socket.setOption("multicastLoopback", true)
        yield* socket.send(numbered(3), unsafeMake(group, 9))
        assert.strictEqual(numberOf(yield* own.receive), 3)
        yield* isSilent(near)
      })
    )
  )

  it.live("leaves by the interface that is chosen, and is heard on the one that was joined", () =>
    on(
      {},
      Effect.gen(function* () {
        const there = yield* socketOn("there")
        const here = yield* socketOn("localhost")
        const to = unsafeMake(group, 9)
        yield* there.joinGroup({ group, interface: "eth0" })
        yield* here.joinGroup({ group, interface: 1 })
        const twice = yield* Effect.flip(here.joinGroup({ group, interface: "127.0.0.1" }))
        assert.deepInclude(twice, { reason: "AddressInUse", operation: "joinGroup" })
        const socket = yield* client
        yield* socket.setOption("multicastInterface", "lo")
        yield* socket.send(numbered(1), to)
        assert.strictEqual(numberOf(yield* here.receive), 1)
        yield* isSilent(there)
        yield* socket.setOption("multicastInterface", 2)
        yield* socket.send(numbered(2), to)
        assert.strictEqual(numberOf(yield* there.receive), 2)
        yield* isSilent(here)
        const none = yield* Effect.flip(socket.setOption("multicastInterface", "wlan0"))
        assert.deepInclude(none, { reason: "AddressNotAvailable", operation: "setOption" })
      })
    )
  )

  it.live("as a broadcast reaches every host, of who may send one", () =>
    on(
      {},
      Effect.gen(function* () {
        const sockets = yield* Effect.all(["one", "two"].map((host) => socketOn(host)))
        const elsewhere = yield* Net.Simulated.on("one")(Udp.bind({ host: "0.0.0.0", port: 10 }))
        const socket = yield* client
        const everybody = unsafeMake("255.255.255.255", 9)
        const failure = yield* Effect.flip(socket.send(numbered(1), everybody))
        assert.deepInclude(failure, { reason: "PermissionDenied", operation: "send" })
        yield* socket.setOption("broadcast", true)
        yield* socket.send(numbered(2), everybody)
        for (const one of sockets) assert.strictEqual(numberOf(yield* one.receive), 2)
        yield* isSilent(elsewhere)
      })
    )
  )
})

/** Sends each number until it is acknowledged; the receiver takes each once. */
const stopAndWait = (count: number) =>
  Effect.gen(function* () {
    const server = yield* socketOn("server")
    const taken: Array<number> = []
    const receiving = Effect.gen(function* () {
      for (;;) {
        const datagram = yield* server.receive
        if (numberOf(datagram) === taken.length) taken.push(numberOf(datagram))
        yield* server.send(datagram.bytes, datagram.address)
      }
    })
    const receiver = yield* Effect.fork(receiving)
    const socket = yield* Udp.connect(at("server"))
    const acknowledged = (number: number): Effect.Effect<void, unknown> =>
      Effect.flatMap(socket.receiveWith({ timeout: "200 millis" }), (datagram) =>
        numberOf(datagram) === number ? Effect.void : acknowledged(number)
      )
    for (const number of upTo(count)) {
      yield* Effect.retry(Effect.zipRight(socket.send(numbered(number)), acknowledged(number)), {
        times: 200
      })
    }
    yield* Fiber.interrupt(receiver)
    assert.deepStrictEqual(taken, upTo(count))
    const { trace } = yield* Net.Simulated
    return yield* trace
  })

describe("a protocol over datagrams", () => {
  it("gets everything across once and in order, whatever the links do", async () => {
    const rate = fc.double({ min: 0, max: 0.4, noNaN: true })
    const options = fc.record({
      seed: fc.integer({ min: 0, max: 0xffff_ffff }),
      loss: rate,
      duplication: rate,
      reordering: rate,
      latency: fc.nat({ max: 50 }).map((max) => ({ min: 0, max })),
      shuffle: fc.boolean(),
      partialReads: rate,
      cancel: fc.record({ losesRace: rate, delay: fc.nat({ max: 3 }) })
    })
    await fc.assert(
      fc.asyncProperty(options, async (chosen) => {
        await Effect.runPromise(on(chosen, stopAndWait(12)))
      }),
      { numRuns: 60 }
    )
  })

  it.live("runs the same with the same seed, event by event, and otherwise with another", () =>
    Effect.gen(function* () {
      const run = (seed: number) =>
        on(
          { seed, trace: true, loss: 0.2, duplication: 0.1, reordering: 0.1, latency: { min: 0, max: 30 } },
          stopAndWait(15)
        )
      const runs = yield* Effect.forEach(upTo(10), run)
      for (const [seed, trace] of runs.entries()) assert.deepStrictEqual(yield* run(seed), trace)
      assert.strictEqual(new Set(runs.map((trace) => JSON.stringify(trace))).size, runs.length)
    })
  )
})
