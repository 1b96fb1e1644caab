import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as IocpProactor from "../../src/Proactor/Iocp/IocpProactor.js"
import { AcceptOperation, type AnyOperation } from "../../src/Proactor/Operation.js"
import { proactorContract } from "./contract.js"
import {
  closing,
  connect,
  failureOf,
  listen,
  pair,
  receiveExactly,
  receiveOperation,
  type Started,
  type Subject,
  sendAll,
  start,
  test,
  turns
} from "./harness.js"

const subject: Subject = {
  name: "IOCP",
  make: IocpProactor.make,
  isHere: process.platform === "win32",
  isSlow: process.env["EFFECT_IOCP_LANE"] === "wine",
  restartsAtOnce: false,
  codes: {
    refused: { code: 10061, codeName: "WSAECONNREFUSED" },
    addressInUse: { code: 10048, codeName: "WSAEADDRINUSE" },
    notConnected: { code: 10057, codeName: "WSAENOTCONN" }
  }
}

proactorContract(subject)

describe.runIf(subject.isHere)("the IOCP proactor's own", () => {
  test(
    subject,
    "a socket that is closed too early drains first: its packets come, and then its handle goes",
    (proactor) =>
      Effect.gen(function* () {
        const { client, listener, server } = yield* pair(proactor)
        const receiving = start(server, receiveOperation())
        const accepting = [0, 1].map(() => start(listener.socket, new AcceptOperation()))
        yield* turns
        yield* closing(server)
        yield* closing(listener.socket)
        const all: ReadonlyArray<Started<AnyOperation>> = [receiving, ...accepting]
        for (const started of all) {
          assert.strictEqual(failureOf(yield* started.retired).reason, "Cancelled")
          assert.strictEqual(started.retirements(), 1)
        }
        // The peer sees the connection end only when the handle is closed.
        const { chunk } = yield* start(client, receiveOperation()).retired
        assert.strictEqual(chunk.length, 0)
      })
  )

  test(subject, "a socket that is given up with something in flight drains if it can", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const receiving = start(server, receiveOperation())
      yield* turns
      server.abandon()
      server.abandon()
      // Nothing waits for it any more. Other work brings its packet along.
      const listener = yield* listen(proactor)
      yield* connect(proactor, listener.address)
      assert.strictEqual(failureOf(yield* receiving.retired).reason, "Cancelled")
      const { chunk } = yield* start(client, receiveOperation()).retired
      assert.strictEqual(chunk.length, 0)
    })
  )

  test(subject, "a receive that filled its buffer is followed by a larger one, up to 64 KiB", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const sizes: Array<number> = []
      const total = 4 * 1024 * 1024
      const read = Effect.gen(function* () {
        for (let got = 0; got < total; got += sizes.at(-1) ?? 0) {
          const { chunk } = yield* start(server, receiveOperation(1024 * 1024)).retired
          sizes.push(chunk.length)
        }
      })
      yield* Effect.all([read, sendAll(client, new Uint8Array(total))], { concurrency: 2 })
      assert.isAtMost(sizes[0] ?? 0, 16 * 1024)
      assert.isAtMost(Math.max(...sizes), 64 * 1024)
      assert.isAbove(Math.max(...sizes), 16 * 1024)
      yield* sendAll(client, Uint8Array.of(1))
      assert.strictEqual((yield* receiveExactly(server, 1)).length, 1)
    })
  )
})

describe.skipIf(subject.isHere)("the IOCP proactor elsewhere", () => {
  it.live("is a typed failure, not a crash", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(Effect.scoped(IocpProactor.make))
      assert.strictEqual(failure.reason, "Unsupported")
    })
  )
})
