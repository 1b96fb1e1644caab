import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  ConnectionError,
  NetworkError,
  type SocketError,
  type TimeoutError
} from "../../../src/Errors/index.js"
import * as Net from "../../../src/Net/index.js"
import { pair, readToEnd, type Subject, test, text } from "../harness.js"

/** A port of loopback that nobody listens on: it was just given back. */
const freePort = Effect.scoped(
  Effect.map(Net.listen({ host: "127.0.0.1", port: 0 }), (listener) => listener.address.port)
)

/** Cuts the connection off, so that the peer gets a reset. */
const reset = (connection: Net.Connection) => connection.abort

export const errors = (subject: Subject) => {
  const isWindows = subject.name === "iocp"

  test(subject, "a refused connect: ConnectionError with its code and address", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const failure = yield* Effect.flip(Net.connect({ host: "127.0.0.1", port }))
      assert.instanceOf(failure, ConnectionError)
      assert.deepInclude(failure, {
        reason: "Refused",
        operation: "connect",
        syscall: isWindows ? "ConnectEx" : "connect",
        code: isWindows ? 10061 : 111,
        codeName: isWindows ? "WSAECONNREFUSED" : "ECONNREFUSED",
        address: `127.0.0.1:${port}`
      })
      assert.include(failure.message, `127.0.0.1:${port}`)
    })
  )

  test(subject, "an address in use", () =>
    Effect.gen(function* () {
      const { address } = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const failure = yield* Effect.flip(Net.listen({ host: "127.0.0.1", port: address.port }))
      assert.instanceOf(failure, ConnectionError)
      assert.deepInclude(failure, {
        reason: "AddressInUse",
        code: isWindows ? 10048 : 98,
        codeName: isWindows ? "WSAEADDRINUSE" : "EADDRINUSE",
        address: `127.0.0.1:${address.port}`
      })
    })
  )

  test(subject, "an address that is not this host's", () =>
    Effect.gen(function* () {
      // TEST-NET-1 (RFC 5737): nobody's address. Nothing is sent to it: the bind is what fails.
      const failure = yield* Effect.flip(Net.listen({ host: "192.0.2.1", port: 0 }))
      assert.instanceOf(failure, ConnectionError)
      assert.deepInclude(failure, { reason: "AddressNotAvailable", operation: "listen", syscall: "bind" })
    })
  )

  for (const port of [-1, 65_536, 1.5, Number.NaN]) {
    test(subject, `port ${port} is refused before any system call`, () =>
      Effect.gen(function* () {
        const options = { host: "127.0.0.1", port }
        for (const attempt of [Effect.asVoid(Net.connect(options)), Effect.asVoid(Net.listen(options))]) {
          const failure = yield* Effect.flip(attempt)
          assert.instanceOf(failure, NetworkError)
          assert.deepInclude(failure, { reason: "InvalidArgument" })
          assert.notProperty(failure, "syscall")
        }
      })
    )
  }

  test(subject, "port 0 can be listened on, not connected to", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(Net.connect({ host: "127.0.0.1", port: 0 }))
      assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidArgument", operation: "connect" })
    })
  )

  for (const backlog of [0, -1, 1.5]) {
    test(subject, `a backlog of ${backlog} is refused`, () =>
      Effect.gen(function* () {
        const failure = yield* Effect.flip(Net.listen({ host: "127.0.0.1", port: 0, backlog }))
        assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidArgument", operation: "listen" })
      })
    )
  }

  for (const maxBytes of [0, -1, 1.5]) {
    test(subject, `a read of at most ${maxBytes} bytes is refused`, () =>
      Effect.gen(function* () {
        const { client } = yield* pair
        const reads: ReadonlyArray<Effect.Effect<void, SocketError | TimeoutError>> = [
          Effect.asVoid(client.readWith({ maxBytes })),
          Effect.asVoid(client.readLineWith({ maxBytes }))
        ]
        for (const read of reads) {
          assert.deepInclude(yield* Effect.flip(read), {
            _tag: "NetworkError",
            reason: "InvalidArgument"
          })
        }
      })
    )
  }

  test(subject, "an unknown host", () =>
    Effect.gen(function* () {
      // RFC 6761: names under "invalid" do not exist. Without any name server the resolver says so differently.
      const failure = yield* Effect.flip(Net.connect({ host: "nowhere.invalid", port: 80 }))
      assert.instanceOf(failure, NetworkError)
      if (!(failure instanceof NetworkError)) return
      assert.include(["HostNotFound", "ResolverFailed"], String(failure.reason))
      assert.deepInclude(failure, {
        operation: "connect",
        syscall: "getaddrinfo",
        address: "nowhere.invalid:80"
      })
      assert.isDefined(failure.codeName)
    })
  )

  test(subject, "a socket option with a value that no system would take", () =>
    Effect.gen(function* () {
      const { client } = yield* pair
      for (const attempt of [
        client.setOption("lingerSeconds", -1),
        client.setOption("lingerSeconds", 70_000),
        client.setOption("sendBufferBytes", Number.NaN)
      ]) {
        assert.deepInclude(yield* Effect.flip(attempt), { _tag: "NetworkError", reason: "InvalidArgument" })
      }
    })
  )

  test(subject, "what no compiler would let pass: a typed error, not a defect", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const untyped: Record<string, (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>> =
        Object.fromEntries(
          (["shutdown", "setOption", "getOption", "write", "writeAll"] as const).map((name) => [
            name,
            (...args) => Reflect.apply(client[name], client, args)
          ])
        )
      for (const attempt of [
        untyped["shutdown"]?.("sideways"),
        untyped["setOption"]?.("toString", 1),
        untyped["getOption"]?.("nothing"),
        untyped["write"]?.("text"),
        untyped["writeAll"]?.(undefined)
      ]) {
        assert.deepInclude(yield* Effect.flip(attempt ?? Effect.void), {
          _tag: "NetworkError",
          reason: "InvalidArgument"
        })
      }
      yield* client.writeString("still usable")
      yield* client.shutdown("write")
      assert.strictEqual(text(yield* readToEnd(server)), "still usable")
    })
  )

  test(subject, "a reset while a read waits is a reset, not an end of stream; and it stays one", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const reading = yield* Effect.fork(Effect.flip(client.read))
      yield* Effect.sleep("20 millis")
      yield* reset(server)
      const failure = yield* reading
      assert.instanceOf(failure, ConnectionError)
      assert.deepInclude(failure, {
        reason: "Reset",
        operation: "read",
        address: `127.0.0.1:${client.remoteAddress.port}`,
        code: isWindows ? 10054 : 104,
        codeName: isWindows ? "WSAECONNRESET" : "ECONNRESET"
      })
      assert.deepInclude(yield* Effect.flip(client.read), { _tag: "ConnectionError", reason: "Reset" })
    })
  )

  test(subject, "a write after the peer's reset fails, once the system knows of it", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const reading = yield* Effect.fork(Effect.flip(client.read))
      yield* Effect.sleep("20 millis")
      yield* reset(server)
      yield* reading
      const failure = yield* Effect.flip(
        Effect.forever(Effect.zipRight(client.writeString("x"), Effect.sleep("1 millis")))
      )
      assert.instanceOf(failure, ConnectionError)
      assert.include(["Reset", "Aborted"], failure.reason)
      assert.deepInclude(failure, {
        operation: "write",
        address: `127.0.0.1:${client.remoteAddress.port}`
      })
      assert.isNumber(failure.code)
    })
  )

  test(subject, "a peer that closes with unread data resets", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      yield* client.writeString("never read")
      yield* Effect.sleep("20 millis")
      const reading = yield* Effect.fork(Effect.either(client.read))
      yield* Effect.sleep("20 millis")
      yield* server.close
      const outcome = yield* reading
      // Linux says so with a reset (RFC 2525, 2.17). Windows may close in the orderly way.
      if (!isWindows) assert.isTrue(outcome._tag === "Left" && outcome.left.reason === "Reset")
      else
        assert.isTrue(outcome._tag === "Left" ? outcome.left.reason === "Reset" : outcome.right.length === 0)
    })
  )

  test(
    subject,
    "after close: reads, writes, shutdowns and options fail with Closed; closing again does not",
    () =>
      Effect.gen(function* () {
        const { client } = yield* pair
        yield* client.close
        const attempts: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          client.read,
          client.readWith({ timeout: "1 second" }),
          client.readLine,
          client.write(Uint8Array.of(1)),
          client.write(new Uint8Array(0)),
          client.writeAll(Uint8Array.of(1)),
          client.writeString("x", { timeout: "1 second" }),
          client.shutdown("write"),
          client.getOption("noDelay"),
          client.setOption("noDelay", true),
          client.localAddress
        ]
        for (const attempt of attempts) {
          const failure = yield* Effect.flip(attempt)
          assert.instanceOf(failure, ConnectionError)
          assert.deepInclude(failure, { reason: "Closed" })
          assert.notProperty(failure, "code")
        }
        yield* client.close
        yield* client.abort
      })
  )

  test(subject, "a close ends the reads and writes that wait, with Closed", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      const reading = yield* Effect.fork(Effect.flip(server.read))
      const writing = yield* Effect.fork(Effect.flip(server.writeAll(new Uint8Array(50_000_000))))
      const queued = yield* Effect.fork(Effect.flip(server.writeString("behind it")))
      yield* Effect.sleep("30 millis")
      yield* server.close
      for (const fiber of [reading, writing, queued]) {
        assert.deepInclude(yield* fiber, { _tag: "ConnectionError", reason: "Closed" })
      }
      yield* client.close
    })
  )

  test(subject, "a half that was shut down is closed for this side", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pair
      yield* client.shutdown("write")
      assert.deepInclude(yield* Effect.flip(client.writeString("x")), {
        reason: "Closed",
        operation: "write"
      })
      const reading = yield* Effect.fork(Effect.flip(client.read))
      yield* Effect.sleep("20 millis")
      yield* client.shutdown("read")
      assert.deepInclude(yield* reading, { reason: "Closed", operation: "read" })
      assert.deepInclude(yield* Effect.flip(client.read), { reason: "Closed", operation: "read" })
      assert.strictEqual((yield* readToEnd(server)).length, 0)
    })
  )

  test(subject, "an accept on a closed listener", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const waiting = yield* Effect.fork(Effect.flip(Effect.scoped(listener.accept)))
      yield* Effect.sleep("20 millis")
      yield* listener.close
      yield* listener.close
      assert.deepInclude(yield* waiting, { _tag: "ConnectionError", reason: "Closed", operation: "accept" })
      assert.deepInclude(yield* Effect.flip(listener.accept), { reason: "Closed", operation: "accept" })
      const { port } = listener.address
      assert.deepInclude(yield* Effect.flip(Net.connect({ host: "127.0.0.1", port })), { reason: "Refused" })
    })
  )

  test(subject, "catchTags tells the errors apart", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const told = yield* Net.connect({ host: "127.0.0.1", port, timeout: "10 seconds" }).pipe(
        Effect.as("connected"),
        Effect.catchTags({
          ConnectionError: (error) => Effect.succeed(error.reason),
          NetworkError: () => Effect.succeed("network"),
          TimeoutError: () => Effect.succeed("timeout")
        })
      )
      assert.strictEqual(told, "Refused")
    })
  )

  test(subject, "of a name with several addresses, the one that answers is taken", () =>
    Effect.gen(function* () {
      // Listens on IPv4 only: if "localhost" has an IPv6 address as well, that one refuses.
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const client = yield* Net.connect({ host: "localhost", port: listener.address.port })
      const server = yield* listener.accept
      yield* client.writeString("found")
      yield* client.shutdown("write")
      assert.strictEqual(text(yield* readToEnd(server)), "found")
    })
  )
}
