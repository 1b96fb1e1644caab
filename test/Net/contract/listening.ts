import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Net from "../../../src/Net/index.js"
import { type Subject, test } from "../harness.js"

/** A listener that tells everybody who it is. */
const telling = (name: string, options: Net.ListenOptions) =>
  Effect.gen(function* () {
    const listener = yield* Net.listen(options)
    yield* Effect.forkScoped(listener.serve((connection) => connection.writeString(`${name}\n`)))
    return listener.address.port
  })

/** Who listens there. */
const who = (host: string, port: number) =>
  Effect.scoped(
    Effect.flatMap(Net.connect({ host, port, timeout: "20 seconds" }), (connection) =>
      Effect.map(connection.readLine, (line) => Option.getOrElse(line, () => "nobody"))
    )
  )

export const listening = (subject: Subject): void => {
  test(subject, "a listener at :: serves IPv4 as well, whose addresses it sees as mapped", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "::", port: 0 })
      const { port } = listener.address
      for (const [host, seen] of [
        ["::1", "::1"],
        ["127.0.0.1", "::ffff:127.0.0.1"]
      ] as const) {
        const client = yield* Net.connect({ host, port, timeout: "20 seconds" })
        const { remoteAddress } = yield* listener.accept
        assert.deepStrictEqual(
          { host: remoteAddress.host, port: remoteAddress.port },
          { host: seen, port: (yield* client.localAddress).port }
        )
      }
      const ofIPv4 = yield* telling("fourth", { host: "0.0.0.0", port: 0 })
      assert.strictEqual(yield* who("127.0.0.1", ofIPv4), "fourth")
      assert.deepInclude({ ...(yield* Effect.flip(who("::1", ofIPv4))) }, { reason: "Refused" })
    })
  )

  test(subject, "v6Only: IPv4 is somebody else's, at the same port", () =>
    Effect.gen(function* () {
      const port = yield* telling("sixth", { host: "::", port: 0, v6Only: true })
      assert.strictEqual(yield* telling("fourth", { host: "0.0.0.0", port }), port)
      assert.strictEqual(yield* who("::1", port), "sixth")
      assert.strictEqual(yield* who("127.0.0.1", port), "fourth")
    })
  )

  test(subject, "v6Only: nobody serves IPv4 unless somebody does", () =>
    Effect.gen(function* () {
      const port = yield* telling("sixth", { host: "::", port: 0, v6Only: true })
      const failure = yield* Effect.flip(who("127.0.0.1", port))
      assert.deepInclude({ ...failure }, { _tag: "ConnectionError", reason: "Refused" })
    })
  )

  test(subject, "v6Only of an IPv4 address is Unsupported", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(Net.listen({ host: "127.0.0.1", port: 0, v6Only: true }))
      assert.deepInclude({ ...failure }, { reason: "Unsupported", operation: "listen" })
    })
  )

  test(subject, "reusePort: on Linux all of them are served; elsewhere it is Unsupported", () =>
    Effect.gen(function* () {
      const options = { host: "127.0.0.1", port: 0, reusePort: true }
      if (subject.name !== "epoll") {
        const failure = yield* Effect.flip(Net.listen(options))
        assert.deepInclude({ ...failure }, { reason: "Unsupported", operation: "listen" })
        return
      }
      const port = yield* telling("one", options)
      yield* telling("other", { ...options, port })
      const unwilling = yield* Effect.flip(Net.listen({ host: "127.0.0.1", port }))
      assert.strictEqual(unwilling.reason, "AddressInUse")
      const names = yield* Effect.forEach(Array(64), () => who("127.0.0.1", port))
      // Which of the two is the system's choice; that it is never the one in 64 times has a chance of 2^-63.
      assert.deepStrictEqual([...new Set(names)].sort(), ["one", "other"])
    })
  )
}
