import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { SocketOptionName } from "../../../src/Proactor/index.js"
import type { ProactorSocket } from "../../../src/Proactor/Proactor.js"
import { pair, type Subject, test } from "../harness.js"

/** The simulated network runs there too, and has them. */
const isUnderWine = process.env["EFFECT_IOCP_LANE"] === "wine"

export const options = (subject: Subject): void => {
  test(subject, "small writes leave at once unless told otherwise, on both sides", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      for (const socket of [client, server]) {
        assert.isTrue(yield* socket.getOption("noDelay"))
        yield* socket.setOption("noDelay", false)
        assert.isFalse(yield* socket.getOption("noDelay"))
      }
    })
  )

  test(subject, "keepAlive is off, and can be turned on and off", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* pair(proactor)
      assert.isFalse(yield* client.getOption("keepAlive"))
      yield* client.setOption("keepAlive", true)
      assert.isTrue(yield* client.getOption("keepAlive"))
      yield* client.setOption("keepAlive", false)
      assert.isFalse(yield* client.getOption("keepAlive"))
    })
  )

  test(subject, "lingerSeconds is off, no seconds, or some", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* pair(proactor)
      assert.isUndefined(yield* client.getOption("lingerSeconds"))
      for (const seconds of [0, 5, undefined]) {
        yield* client.setOption("lingerSeconds", seconds)
        assert.strictEqual(yield* client.getOption("lingerSeconds"), seconds)
      }
    })
  )

  test(subject, "buffers are as large as asked for, or larger", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* pair(proactor)
      for (const name of ["receiveBufferBytes", "sendBufferBytes"] as const) {
        yield* client.setOption(name, 32_768)
        assert.isAtLeast(yield* client.getOption(name), 32_768)
      }
    })
  )

  test(subject, "keepalive can be tuned, and the hop limit set, on IPv4 and IPv6", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* pair(proactor)
      const isWine = isUnderWine && proactor.name === "iocp"
      const values = {
        keepAliveIdleSeconds: 61,
        keepAliveIntervalSeconds: 7,
        keepAliveCount: 5,
        hopLimit: 33
      } as const
      const sixth = yield* Effect.acquireRelease(proactor.openTcp("IPv6"), (socket) =>
        Effect.sync(() => socket.close())
      )
      const expectKept = (socket: ProactorSocket, name: keyof typeof values) =>
        Effect.map(
          Effect.either(Effect.zipRight(socket.setOption(name, values[name]), socket.getOption(name))),
          (got) => {
            // Wine has no such options, and says so.
            if (isWine && name !== "hopLimit") {
              assert.isTrue(Either.isLeft(got) && got.left.reason === "Unsupported", name)
            } else assert.deepStrictEqual(got, Either.right(values[name]), name)
          }
        )
      yield* expectKept(client, "keepAliveIdleSeconds")
      yield* expectKept(client, "keepAliveIntervalSeconds")
      yield* expectKept(client, "keepAliveCount")
      yield* expectKept(client, "hopLimit")
      yield* expectKept(sixth, "hopLimit")
    })
  )

  test(subject, "the least and the most of each option are taken, on IPv4 and IPv6", (proactor) =>
    Effect.gen(function* () {
      const isWine = isUnderWine && proactor.name === "iocp"
      const open = (family: "IPv4" | "IPv6") =>
        Effect.acquireRelease(proactor.openTcp(family), (socket) => Effect.sync(() => socket.close()))
      const sockets = [yield* open("IPv4"), yield* open("IPv6")]
      /** What Wine has not, and what is Linux's alone. */
      const isMissing = (name: SocketOptionName) =>
        (isWine && name.startsWith("keepAlive")) ||
        (proactor.name === "iocp" && (name === "trafficClass" || name === "userTimeoutMilliseconds"))
      const rows = [
        ["keepAliveIdleSeconds", 1, 32_767],
        ["keepAliveIntervalSeconds", 1, 32_767],
        ["keepAliveCount", 1, 127],
        ["lingerSeconds", 0, 65_535],
        ["hopLimit", 1, 255],
        // The lower two bits are TCP's own.
        ["trafficClass", 0, 252],
        ["userTimeoutMilliseconds", 0, 0x7fff_ffff]
      ] as const
      for (const socket of sockets) {
        for (const [name, ...values] of rows) {
          if (isMissing(name)) continue
          for (const value of values) {
            yield* socket.setOption(name, value)
            assert.strictEqual(yield* socket.getOption(name), value, name)
          }
        }
        for (const name of ["receiveBufferBytes", "sendBufferBytes"] as const) {
          // The system has a least size of its own.
          yield* socket.setOption(name, 0)
          assert.isAtLeast(yield* socket.getOption(name), 0)
        }
      }
    })
  )

  test(subject, "what only Linux has is Unsupported elsewhere, and not ignored", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* pair(proactor)
      const values = { trafficClass: 0x28, userTimeoutMilliseconds: 12_345, mark: 0xfedcba98 } as const
      for (const name of ["trafficClass", "userTimeoutMilliseconds", "mark"] as const) {
        const got = yield* Effect.either(
          Effect.zipRight(client.setOption(name, values[name]), client.getOption(name))
        )
        if (proactor.name === "iocp") {
          assert.isTrue(Either.isLeft(got) && got.left.reason === "Unsupported", name)
          assert.strictEqual((yield* Effect.flip(client.getOption(name))).reason, "Unsupported", name)
        } else if (Either.isLeft(got)) {
          assert.deepStrictEqual([name, got.left.reason], ["mark", "PermissionDenied"])
        } else assert.strictEqual(got.right, values[name], name)
      }
    })
  )

  test(
    subject,
    "an IPv6 socket serves IPv4 unless told otherwise; to an IPv4 one that means nothing",
    (proactor) =>
      Effect.gen(function* () {
        const open = (family: "IPv4" | "IPv6") =>
          Effect.acquireRelease(proactor.openTcp(family), (socket) => Effect.sync(() => socket.close()))
        const fourth = yield* open("IPv4")
        const sixth = yield* open("IPv6")
        assert.isFalse(yield* sixth.getOption("v6Only"))
        yield* sixth.setOption("v6Only", true)
        assert.isTrue(yield* sixth.getOption("v6Only"))
        for (const attempt of [fourth.setOption("v6Only", true), fourth.getOption("v6Only")]) {
          assert.strictEqual((yield* Effect.flip(attempt)).reason, "Unsupported")
        }
      })
  )

  test(subject, "a port is shared on Linux alone", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* pair(proactor)
      const got = yield* Effect.either(
        Effect.zipRight(client.setOption("reusePort", true), client.getOption("reusePort"))
      )
      if (proactor.name === "epoll") return assert.deepStrictEqual(got, Either.right(true))
      assert.isTrue(Either.isLeft(got) && got.left.reason === "Unsupported")
      assert.strictEqual((yield* Effect.flip(client.getOption("reusePort"))).reason, "Unsupported")
    })
  )

  test(subject, "a value that makes no sense is refused before the system sees it", (proactor) =>
    Effect.gen(function* () {
      const { client } = yield* pair(proactor)
      for (const set of [
        client.setOption("lingerSeconds", -1),
        client.setOption("lingerSeconds", 0.5),
        client.setOption("lingerSeconds", 65_536),
        client.setOption("keepAliveIdleSeconds", 0),
        client.setOption("keepAliveIntervalSeconds", 40_000),
        client.setOption("keepAliveCount", 128),
        client.setOption("hopLimit", 256),
        client.setOption("trafficClass", -1),
        client.setOption("userTimeoutMilliseconds", 0.5),
        client.setOption("mark", 2 ** 32),
        client.setOption("receiveBufferBytes", Number.NaN),
        client.setOption("sendBufferBytes", 2 ** 31)
      ]) {
        const failure = yield* Effect.flip(set)
        assert.strictEqual(failure.reason, "InvalidArgument")
        assert.strictEqual(failure.operation, "setOption")
      }
    })
  )
}
