import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "../../../src/Net/index.js"
import * as Udp from "../../../src/Net/Udp.js"
import * as Unix from "../../../src/Net/Unix.js"
import {
  isDatagramOptionName,
  isSocketOptionName,
  type SocketOptionName,
  type SocketOptions
} from "../../../src/Proactor/SocketOption.js"
import { type ContractSubject, type Subject, test } from "../harness.js"
import { loopback } from "../udp.js"
import { freePath } from "../unixHarness.js"

/** None of them is what a socket has if nobody asks. */
const everywhere = {
  noDelay: false,
  keepAlive: true,
  lingerSeconds: 2,
  receiveBufferBytes: 30_000,
  sendBufferBytes: 30_000,
  hopLimit: 33
} satisfies Net.StreamSocketOptions

/** Wine 8 has none of these. */
const probes = { keepAliveIdleSeconds: 77, keepAliveIntervalSeconds: 7, keepAliveCount: 3 }

const onLinux = { ...everywhere, ...probes, trafficClass: 0x20, userTimeoutMilliseconds: 12_345 }

const streamOptionsOf = ({ isSlow, name }: Subject): Net.StreamSocketOptions => {
  if (name !== "iocp") return onLinux
  const isWine = isSlow
  return isWine ? everywhere : { ...everywhere, ...probes }
}

const datagramOptions = {
  receiveBufferBytes: 30_000,
  sendBufferBytes: 30_000,
  hopLimit: 33,
  broadcast: true,
  multicastHopLimit: 5,
  multicastLoopback: false,
  multicastInterface: "127.0.0.1"
} satisfies Udp.DatagramSocketOptions

type Readings = Readonly<Record<string, unknown>>

/** What a connection says it has. */
const readings = (connection: Net.AnyConnection, options: Net.StreamSocketOptions) =>
  Effect.gen(function* () {
    const found: Record<string, unknown> = {}
    for (const name of Object.keys(options)) {
      if (isSocketOptionName(name)) found[name] = yield* connection.getOption(name)
    }
    return found as Readings
  })

const setLater = <Name extends SocketOptionName>(
  connection: Net.AnyConnection,
  name: Name,
  value: SocketOptions[Name] | undefined
) => (value === undefined ? Effect.void : connection.setOption(name, value))

/** What a connection says that is given them one by one: a system may make something else of a value. */
const readingsOfSet = (connection: Net.AnyConnection, options: Net.StreamSocketOptions) =>
  Effect.gen(function* () {
    const before = yield* readings(connection, options)
    for (const name of Object.keys(options)) {
      if (isSocketOptionName(name)) yield* setLater(connection, name, options[name])
    }
    const after = yield* readings(connection, options)
    for (const name of Object.keys(options)) {
      assert.notStrictEqual(before[name], after[name], `${name} is there anyway: the test would test nothing`)
    }
    return after
  })

const connectedTo = (listener: Net.Listener, options: Partial<Net.ConnectOptions> = {}) => {
  const { host, port } = listener.address
  return Effect.all([Net.connect({ host, port, timeout: "20 seconds", ...options }), listener.accept], {
    concurrency: 2
  })
}

/** A service with names of its own, on the same proactor. */
const withNames = (names: Readonly<Record<string, ReadonlyArray<string>>>) =>
  Effect.gen(function* () {
    const { proactor } = yield* Net.Net
    const resolver = yield* Effect.provide(Net.Resolver, Net.Resolver.layer(Net.tableLookup(names)))
    return Net.overProactor(proactor, resolver)
  })

const openSockets = Effect.map(Net.statistics, (statistics) => statistics.openSockets)

export const socketOptions = (subject: ContractSubject): void => {
  ofStreams(subject)
  refusals(subject)
  ofDatagrams(subject)
  if (subject.unix !== "none") ofUnix(subject)
}

const ofStreams = (subject: ContractSubject): void => {
  const options = streamOptionsOf(subject)

  for (const host of ["127.0.0.1", "::1"]) {
    test(subject, `a client and every accepted connection have all that was asked for: ${host}`, () =>
      Effect.gen(function* () {
        const plain = yield* Net.listen({ host, port: 0 })
        const [unasked, ofNobody] = yield* connectedTo(plain)
        const expected = yield* readingsOfSet(unasked, options)
        const listener = yield* Net.listen({ host, port: 0, socketOptions: options })
        for (let round = 0; round < 2; round++) {
          const [client, server] = yield* connectedTo(listener, { socketOptions: options })
          assert.deepStrictEqual(yield* readings(client, options), expected, "the client")
          assert.deepStrictEqual(yield* readings(server, options), expected, "the accepted connection")
        }
        const [another, asked] = yield* connectedTo(listener)
        assert.deepStrictEqual(
          yield* readings(asked, options),
          expected,
          "of a client that asked for nothing"
        )
        const nothing = yield* readings(ofNobody, options)
        assert.deepStrictEqual(
          yield* readings(another, options),
          nothing,
          "what nobody asked for is not there"
        )
      })
    )
  }

  test(subject, "a connection that is accepted goes its own way from there", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ ...loopback, socketOptions: { noDelay: false, keepAlive: true } })
      const [, first] = yield* connectedTo(listener)
      yield* first.setOption("noDelay", true)
      yield* first.setOption("keepAlive", false)
      const [, second] = yield* connectedTo(listener)
      assert.isTrue(yield* first.getOption("noDelay"))
      assert.isFalse(yield* second.getOption("noDelay"))
      assert.isTrue(yield* second.getOption("keepAlive"))
    })
  )

  test(subject, "served connections have them; and a record that asks for nothing changes nothing", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ ...loopback, socketOptions: { noDelay: undefined } })
      yield* Effect.forkScoped(
        listener.serve((connection) =>
          Effect.flatMap(connection.getOption("noDelay"), (noDelay) => connection.writeString(`${noDelay}\n`))
        )
      )
      const { host, port } = listener.address
      const client = yield* Net.connect({ host, port, socketOptions: {} })
      assert.deepInclude(yield* client.readLine, { value: "true" })
      assert.isTrue(yield* client.getOption("noDelay"))
    })
  )

  test(subject, "of a name with two addresses each attempt has them", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen(loopback)
      const net = yield* withNames({ "two.test": ["::1", "127.0.0.1"] })
      const connecting = net.connect({
        host: "two.test",
        port: listener.address.port,
        timeout: "20 seconds",
        socketOptions: { hopLimit: 33, keepAlive: true }
      })
      const [client] = yield* Effect.all([connecting, listener.accept], { concurrency: 2 })
      assert.strictEqual(client.remoteAddress.host, "127.0.0.1")
      assert.strictEqual(yield* client.getOption("hopLimit"), 33)
      assert.isTrue(yield* client.getOption("keepAlive"))
    })
  )

  test(subject, "v6Only and reusePort may be among those of a listener", () =>
    Effect.gen(function* () {
      const sixth = yield* Net.listen({ host: "::", port: 0, socketOptions: { v6Only: true } })
      const { port } = sixth.address
      yield* Net.listen({ host: "0.0.0.0", port })
      const sharing = { ...loopback, socketOptions: { reusePort: true } }
      const shared = yield* Effect.either(Net.listen(sharing))
      if (subject.name === "epoll" && shared._tag === "Right") {
        yield* Net.listen({ ...sharing, port: shared.right.address.port })
        return
      }
      assert.isTrue(shared._tag === "Left" && shared.left.reason === "Unsupported")
    })
  )
}

const refusals = (subject: ContractSubject): void => {
  /** For callers whom no compiler told. */
  const untyped = [
    [{ noDelay: "yes" }, /noDelay.*true or false/],
    [{ keepAliveCount: 200 }, /keepAliveCount.*1 to 127/],
    [{ hopLimit: 0 }, /hopLimit/],
    [{ lingerSeconds: null }, /lingerSeconds/],
    [{ nodelay: true }, /"nodelay" is no option/],
    [{ toString: true }, /"toString" is no option/],
    [{ broadcast: true }, /"broadcast" is no option/],
    [[], /record/],
    ["noDelay", /record/],
    [null, /record/]
  ] as const

  for (const [options, advice] of untyped) {
    test(subject, `InvalidArgument, and nothing is left: ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const listener = yield* Net.listen(loopback)
        const before = yield* openSockets
        const socketOptions = options as Net.StreamSocketOptions
        const connecting = yield* Effect.flip(Net.connect({ ...listener.address, socketOptions }))
        const listening = yield* Effect.flip(Net.listen({ ...loopback, socketOptions }))
        for (const [failure, operation] of [
          [connecting, "connect"],
          [listening, "listen"]
        ] as const) {
          assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidArgument", operation })
          assert.match(String("advice" in failure && failure.advice), advice)
        }
        assert.strictEqual(yield* openSockets, before)
        const nobody = yield* Effect.flip(listener.acceptWith({ timeout: "30 millis" }))
        assert.strictEqual(nobody._tag, "TimeoutError", "nobody has connected")
      })
    )
  }

  test(subject, "it fails before the socket connects, and ends the race of a name's addresses", () =>
    Effect.gen(function* () {
      const dead = yield* Effect.map(Effect.scoped(Net.listen(loopback)), ({ address }) => address)
      const net = yield* withNames({ "two.test": ["::1", "127.0.0.1"] })
      const before = yield* openSockets
      for (const connecting of [
        Net.connect({ ...dead, socketOptions: { hopLimit: 256 } }),
        net.connect({ host: "two.test", port: dead.port, socketOptions: { noDelay: false, hopLimit: 256 } })
      ]) {
        const failure = yield* Effect.flip(connecting)
        assert.deepInclude(failure, { reason: "InvalidArgument", operation: "connect" })
        assert.match(
          failure._tag === "NetworkError" ? (failure.advice ?? "") : "",
          /^the option hopLimit was/
        )
        assert.isDefined(failure.address)
      }
      assert.strictEqual(yield* openSockets, before)
    })
  )

  test(subject, "what the system has not is Unsupported, and the advice names it", () =>
    Effect.gen(function* () {
      const socketOptions: Net.StreamSocketOptions =
        subject.name === "iocp" ? { trafficClass: 8 } : { v6Only: true }
      const name = subject.name === "iocp" ? /trafficClass/ : /v6Only/
      const listener = yield* Net.listen(loopback)
      const connecting = yield* Effect.flip(Net.connect({ ...listener.address, socketOptions }))
      const listening = yield* Effect.flip(Net.listen({ ...loopback, socketOptions }))
      for (const failure of [connecting, listening]) {
        assert.strictEqual(failure._tag, "NetworkError")
        assert.strictEqual(failure._tag === "NetworkError" && failure.reason, "Unsupported")
        assert.match(failure._tag === "NetworkError" ? (failure.advice ?? "") : "", name)
      }
    })
  )
}

const ofDatagrams = (subject: ContractSubject): void => {
  const found = (socket: Udp.DatagramSocket) =>
    Effect.gen(function* () {
      const values: Record<string, unknown> = {}
      for (const name of Object.keys(datagramOptions)) {
        if (isDatagramOptionName(name)) values[name] = yield* socket.getOption(name)
      }
      return values
    })

  test(subject, "a datagram socket has all that was asked for, bound or connected", () =>
    Effect.gen(function* () {
      const plain = yield* Udp.bind(loopback)
      const before = yield* found(plain)
      const socket = yield* Udp.bind({ ...loopback, socketOptions: datagramOptions })
      const connected = yield* Udp.connect({ ...plain.address, socketOptions: datagramOptions })
      for (const [name, value] of Object.entries(datagramOptions)) {
        if (isDatagramOptionName(name)) yield* plain.setOption(name, value)
      }
      const expected = yield* found(plain)
      for (const name of Object.keys(expected)) assert.notStrictEqual(before[name], expected[name], name)
      assert.deepStrictEqual(yield* found(socket), expected)
      assert.deepStrictEqual(yield* found(connected), expected)
    })
  )

  test(subject, "reuseAddress and v6Only may be among them, for they are set before bind", () =>
    Effect.gen(function* () {
      const one = yield* Udp.bind({ ...loopback, socketOptions: { reuseAddress: true } })
      yield* Udp.bind({ ...one.address, socketOptions: { reuseAddress: true } })
      const sixth = yield* Udp.bind({ host: "::", port: 0, socketOptions: { v6Only: true } })
      yield* Udp.bind({ host: "0.0.0.0", port: sixth.address.port })
      const failure = yield* Effect.flip(sixth.send(new Uint8Array(1), one.address))
      assert.deepInclude(failure, { reason: "InvalidArgument", operation: "send" })
    })
  )

  test(subject, "a wrong one is InvalidArgument, a missing one Unsupported, and nothing is left", () =>
    Effect.gen(function* () {
      const { address } = yield* Udp.bind(loopback)
      const before = yield* openSockets
      for (const [options, reason, advice] of [
        [{ noDelay: true }, "InvalidArgument", /"noDelay" is no option/],
        [{ hopLimit: 256 }, "InvalidArgument", /hopLimit/],
        [{ multicastInterface: "no such interface" }, undefined, /multicastInterface/],
        [{ v6Only: true }, "Unsupported", /v6Only/]
      ] as const) {
        const socketOptions = options as Udp.DatagramSocketOptions
        const binding = yield* Effect.flip(Udp.bind({ ...loopback, socketOptions }))
        const connecting = yield* Effect.flip(Udp.connect({ ...address, socketOptions }))
        assert.strictEqual(binding.operation, "bind")
        assert.strictEqual(connecting.operation, "connect")
        for (const failure of [binding, connecting]) {
          if (reason !== undefined) assert.strictEqual(failure.reason, reason)
          assert.match(failure.advice ?? "", advice)
        }
      }
      assert.strictEqual(yield* openSockets, before)
    })
  )
}

const ofUnix = (subject: ContractSubject): void => {
  test(subject, "a Unix socket has the size of its buffer from the start, accepted ones as well", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const socketOptions = { sendBufferBytes: 30_000 }
      const listener = yield* Unix.listen({ path, socketOptions })
      const client = yield* Unix.connect({ path, socketOptions })
      const unasked = yield* Unix.connect({ path })
      const usual = yield* unasked.getOption("sendBufferBytes")
      const servers = [yield* listener.accept, yield* listener.accept]
      yield* unasked.setOption("sendBufferBytes", 30_000)
      const expected = yield* unasked.getOption("sendBufferBytes")
      assert.notStrictEqual(usual, expected)
      for (const connection of [client, ...servers]) {
        assert.strictEqual(yield* connection.getOption("sendBufferBytes"), expected)
      }
    })
  )

  test(subject, "what it has not is Unsupported, and nothing is left of the path", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const refused = yield* Effect.flip(Unix.listen({ path, socketOptions: { noDelay: true } }))
      assert.deepInclude(refused, { reason: "Unsupported", operation: "listen" })
      assert.match(refused.advice ?? "", /noDelay/)
      yield* Unix.listen({ path, unlinkStale: false })
      const socketOptions = { nodelay: true } as Net.StreamSocketOptions
      const unknown = yield* Effect.flip(Unix.connect({ path, socketOptions }))
      assert.deepInclude({ ...unknown }, { reason: "InvalidArgument", operation: "connect" })
    })
  )
}
