/**
 * Each fault has its typed outcome, and bytes are in order, whole and once, or the outcome says otherwise.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { connectionErrorReasons, networkErrorReasons } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import { echoServer, elapsed, pairTo, pattern, readExactly, readToEnd, toServer } from "./programs.js"

type Needs = Net.Net | Net.Resolver | Net.Simulated | Scope.Scope

/** Runs on a network of its own, in virtual time. */
const on = <A, E>(options: Net.SimulationOptions, program: Effect.Effect<A, E, Needs>) =>
  Effect.scoped(program).pipe(Effect.provide(Net.layerSimulated(options)), Net.virtualTime)

const allReasons = [...connectionErrorReasons, ...networkErrorReasons]

describe("faults on purpose", () => {
  for (const reason of allReasons) {
    it.live(`a connect that fails: ${reason}; the next one is well`, () =>
      on(
        {},
        Effect.gen(function* () {
          yield* echoServer()
          yield* (yield* Net.Simulated).failNext("connect", reason)
          const failure = yield* Effect.flip(toServer())
          assert.deepInclude(failure, { reason, operation: "connect", address: "10.0.0.2:7" })
          yield* toServer()
        })
      )
    )

    it.live(`a read that fails: ${reason}; a connection error is for ever, and the peer learns of it`, () =>
      on(
        {},
        Effect.gen(function* () {
          const { client, server } = yield* pairTo("server")
          const network = yield* Net.Simulated
          yield* server.writeString("x")
          yield* network.failNext("receive", reason, "localhost")
          const outcome = yield* Effect.either(client.read)
          // A read that was cancelled below is submitted again.
          if (outcome._tag === "Right") return assert.strictEqual(reason, "Cancelled")
          assert.deepInclude(outcome.left, { reason })
          if (outcome.left._tag === "NetworkError") {
            return assert.strictEqual((yield* client.read).length, 1, "nothing was taken")
          }
          assert.deepInclude(yield* Effect.flip(client.readWith({ maxBytes: 1 })), { reason })
          assert.deepInclude(yield* Effect.flip(server.read), { reason: "Reset" })
        })
      )
    )
  }

  it.live("a send that fails breaks the connection on both sides", () =>
    on(
      {},
      Effect.gen(function* () {
        const { client, server } = yield* pairTo("server")
        yield* (yield* Net.Simulated).failNext("send", "Reset", "localhost")
        assert.deepInclude(yield* Effect.flip(client.writeString("x")), { reason: "Reset" })
        assert.deepInclude(yield* Effect.flip(server.read), { reason: "Reset", operation: "read" })
      })
    )
  )

  it.live("an accept without descriptors fails, and the connection is there for the next one", () =>
    on(
      {},
      Effect.gen(function* () {
        const here = Net.Simulated.on("server")
        const listener = yield* here(Net.listen({ host: "0.0.0.0", port: 7 }))
        yield* (yield* Net.Simulated).failNext("accept", "ResourceExhausted", "server")
        const accepting = yield* Effect.fork(Effect.flip(Effect.scoped(listener.accept)))
        const client = yield* toServer()
        const failure = yield* accepting
        assert.deepInclude(failure, { reason: "ResourceExhausted", code: 24, codeName: "EMFILE" })
        const server = yield* listener.accept
        assert.deepStrictEqual(server.remoteAddress, yield* client.localAddress)
      })
    )
  )

  it.live("a host without descriptors accepts again when one is given back", () =>
    on(
      { maxSockets: 2 },
      Effect.gen(function* () {
        yield* echoServer()
        const ask = Effect.scoped(
          Effect.gen(function* () {
            const connection = yield* toServer({ timeout: "1 minute" })
            yield* connection.writeString("!")
            assert.strictEqual((yield* readExactly(connection, 1)).length, 1)
          })
        )
        // One socket listens, one serves: each is served when the one before is done.
        const clients = Array.from({ length: 5 }, (_, index) => Net.Simulated.on(`client ${index}`)(ask))
        yield* Effect.all(clients, { concurrency: "unbounded" })
      })
    )
  )

  it.live("binding, listening, opening and resolving fail too", () =>
    on(
      {},
      Effect.gen(function* () {
        const network = yield* Net.Simulated
        const listen = Effect.flip(Effect.scoped(Net.listen({ host: "127.0.0.1", port: 0 })))
        yield* network.failNext("socket", "ResourceExhausted")
        assert.deepInclude(yield* listen, { reason: "ResourceExhausted", syscall: "socket" })
        yield* network.failNext("bind", "PermissionDenied")
        assert.deepInclude(yield* listen, { reason: "PermissionDenied", syscall: "bind" })
        yield* network.failNext("listen", "AddressInUse")
        assert.deepInclude(yield* listen, { reason: "AddressInUse", syscall: "listen" })
        yield* network.failNext("resolve", "ResolverFailed")
        assert.deepInclude(yield* Effect.flip(toServer()), { reason: "ResolverFailed" })
        assert.deepInclude(yield* Effect.flip(toServer()), { reason: "HostNotFound", codeName: "ENOTFOUND" })
        assert.strictEqual((yield* Net.statistics).openSockets, 0)
      })
    )
  )

  it.live("connections are reset between two hosts, and only there", () =>
    on(
      {},
      Effect.gen(function* () {
        const { client, server } = yield* pairTo("server")
        const other = yield* pairTo("other")
        yield* server.writeString("before")
        const reading = yield* Effect.fork(Effect.flip(server.read))
        yield* Effect.sleep("1 millis")
        yield* (yield* Net.Simulated).resetConnections("localhost", "server")
        assert.deepInclude(yield* reading, { reason: "Reset", code: 104, codeName: "ECONNRESET" })
        assert.strictEqual((yield* readExactly(client, 6)).toString(), "before")
        assert.deepInclude(yield* Effect.flip(client.read), { reason: "Reset" })
        yield* other.client.writeString("well")
        assert.strictEqual((yield* readExactly(other.server, 4)).toString(), "well")
      })
    )
  )
})

describe("faults by chance", () => {
  it.live("a connection is reset after so many bytes: those arrive, and then it is a reset, not an end", () =>
    on(
      { reset: { probability: 1, afterBytes: 1000 } },
      Effect.gen(function* () {
        const { client, server } = yield* pairTo("server")
        yield* Effect.fork(Effect.ignore(client.writeAll(pattern(5000))))
        assert.isTrue((yield* readExactly(server, 1000)).equals(pattern(1000)))
        assert.deepInclude(yield* Effect.flip(server.read), { reason: "Reset" })
        assert.deepInclude(yield* Effect.flip(client.read), { reason: "Reset" })
      })
    )
  )

  it.live("a connection that is reset before it is accepted is passed over", () =>
    on(
      { latency: "1 millis" },
      Effect.gen(function* () {
        const network = yield* Net.Simulated
        const listener = yield* Net.Simulated.on("server")(Net.listen({ host: "0.0.0.0", port: 7 }))
        yield* network.link("localhost", "server", { reset: { probability: 1, afterBytes: 0 } })
        const cut = yield* toServer()
        yield* network.link("localhost", "server", { reset: undefined })
        const well = yield* toServer()
        const accepted = yield* listener.accept
        assert.deepStrictEqual(accepted.remoteAddress, yield* well.localAddress)
        assert.deepInclude(yield* Effect.flip(cut.read), { reason: "Reset" })
      })
    )
  )

  it.live("reads and writes in pieces, over a link that loses, delays and shuffles, change no stream", () =>
    Net.Simulated.replayable(
      (seed) =>
        on(
          {
            seed,
            shuffle: true,
            partialReads: 0.7,
            partialWrites: 0.7,
            latency: { min: 0, max: 10 },
            loss: 0.2,
            duplication: 0.2,
            reordering: 0.3,
            sendBufferBytes: 64,
            receiveBufferBytes: 32
          },
          Effect.gen(function* () {
            const { client, server } = yield* pairTo("server")
            const [one, other] = [pattern(500), pattern(400, 9)]
            const writing = Effect.zip(client.writeAll(one), server.writeAll(other), { concurrent: true })
            const ending = Effect.zip(client.shutdown("write"), server.shutdown("write"))
            yield* Effect.fork(Effect.zipRight(writing, ending))
            const [fromOne, fromOther] = yield* Effect.zip(readToEnd(server), readToEnd(client), {
              concurrent: true
            })
            assert.isTrue(fromOne.equals(one) && fromOther.equals(other))
          })
        ),
      { runs: 50 }
    )
  )

  it.live("a cancel that loses the race loses nothing: bytes", () =>
    Net.Simulated.replayable(
      (seed) =>
        on(
          { seed, latency: { min: 0, max: 5 }, cancel: { losesRace: 0.7, delay: { min: 0, max: 2 } } },
          Effect.gen(function* () {
            const { client, server } = yield* pairTo("server")
            const sent = pattern(200)
            const pieces = Array.from({ length: 40 }, (_, index) => sent.subarray(5 * index, 5 * index + 5))
            yield* Effect.fork(
              Effect.zipRight(
                Effect.forEach(pieces, (piece) => Effect.zipRight(client.writeAll(piece), Effect.sleep(1))),
                client.shutdown("write")
              )
            )
            const received: Array<Uint8Array> = []
            for (;;) {
              const reading = yield* Effect.fork(server.readWith({ timeout: 3 }))
              yield* Effect.sleep(1)
              const exit = yield* Fiber.interrupt(reading)
              if (exit._tag === "Failure") continue
              if (exit.value.length === 0) break
              received.push(exit.value)
            }
            assert.isTrue(Buffer.concat(received).equals(sent))
          })
        ),
      { runs: 50 }
    )
  )

  it.live("a cancel that loses the race loses nothing: connections", () =>
    Net.Simulated.replayable(
      (seed) =>
        on(
          { seed, latency: { min: 0, max: 5 }, cancel: { losesRace: 0.7 } },
          Effect.gen(function* () {
            const listener = yield* Net.Simulated.on("server")(Net.listen({ host: "0.0.0.0", port: 7 }))
            const ports = new Set<number>()
            yield* Effect.fork(
              Effect.forEach(Array(10), () =>
                Effect.flatMap(toServer(), ({ localAddress }) =>
                  Effect.map(localAddress, ({ port }) => ports.add(port))
                )
              )
            )
            for (let left = 10; left > 0; ) {
              const accepting = yield* Effect.fork(listener.accept)
              yield* Effect.sleep(2)
              const exit = yield* Fiber.interrupt(accepting)
              if (exit._tag === "Failure") continue
              left -= 1
              yield* Effect.sleep(20)
              assert.isTrue(ports.delete(exit.value.remoteAddress.port))
            }
          })
        ),
      { runs: 30 }
    )
  )

  it.live("interrupted and timed out connects leave no socket, whoever won", () =>
    Net.Simulated.replayable(
      (seed) =>
        on(
          { seed, latency: { min: 0, max: 5 }, cancel: { losesRace: 0.5, delay: { min: 0, max: 2 } } },
          Effect.gen(function* () {
            yield* echoServer()
            const connecting = yield* Effect.fork(Effect.scoped(toServer()))
            yield* Effect.sleep(seed % 7)
            yield* Fiber.interrupt(connecting)
            yield* Effect.ignore(Effect.scoped(toServer({ timeout: (seed % 5) + 1 })))
            const { inFlight, openSockets, retired, submitted } = yield* Net.statistics
            assert.deepStrictEqual({ inFlight, openSockets }, { inFlight: 0, openSockets: 0 })
            assert.strictEqual(submitted, retired)
          })
        ),
      { runs: 60 }
    )
  )

  it.live("time passes only where it is told to", () =>
    on(
      {},
      Effect.gen(function* () {
        yield* echoServer()
        const { millis } = yield* elapsed(
          Effect.flatMap(toServer(), (connection) => connection.writeString("instant"))
        )
        assert.strictEqual(millis, 0)
      })
    )
  )
})
