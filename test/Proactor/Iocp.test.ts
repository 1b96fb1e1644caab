import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as IocpProactor from "../../src/Proactor/Iocp/IocpProactor.js"
import { Providers } from "../../src/Proactor/Iocp/Provider.js"
import { closeHandle, openHandle } from "../../src/Proactor/Iocp/SocketHandle.js"
import { isSocketFile } from "../../src/Proactor/Iocp/UnixFile.js"
import { AcceptOperation, type AnyOperation } from "../../src/Proactor/Operation.js"
import type { ProactorStream } from "../../src/Proactor/Proactor.js"
import { temporaryFolder } from "../support/folder.js"
import { fairness } from "./contract/fairness.js"
import { proactorContract } from "./contract.js"
import {
  bytes,
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
  sendOperation,
  start,
  test,
  text,
  turns
} from "./harness.js"

const subject: Subject = {
  name: "IOCP",
  make: IocpProactor.make,
  isHere: process.platform === "win32",
  isSlow: process.env["EFFECT_IOCP_LANE"] === "wine",
  restartsAtOnce: false,
  // Wine 8 has none.
  unix: process.env["EFFECT_IOCP_LANE"] === "wine" ? "none" : "paths",
  hasPipes: true,
  codes: {
    refused: { code: 10061, codeName: "WSAECONNREFUSED" },
    addressInUse: { code: 10048, codeName: "WSAEADDRINUSE" },
    notConnected: { code: 10057, codeName: "WSAENOTCONN" }
  }
}

proactorContract(subject)

/** As where the sockets' provider is not the system's own, which no test can arrange. */
const everyPacket: Subject = {
  ...subject,
  name: "IOCP, no packet left out",
  make: IocpProactor.makeWithEveryPacket
}

proactorContract(everyPacket)

/** So many operations of a socket end in their call before one has to wait for the others. */
const AT_ONCE_IN_A_ROW = 32

/** A receive of one byte that is there; what `submit` answered, and the operation. */
const receiveByte = (socket: ProactorStream) => {
  const operation = receiveOperation(1)
  let retirements = 0
  operation.onRetired = () => {
    retirements += 1
  }
  return { operation, isOver: socket.submit(operation), retirements: () => retirements }
}

/** Receives until one receive is told later although its byte is there. */
const postponedByte = (socket: ProactorStream) => {
  for (let count = 0; count <= AT_ONCE_IN_A_ROW; count++) {
    const received = receiveByte(socket)
    if (!received.isOver) return received
  }
  throw new Error("none had to wait")
}

describe.runIf(subject.isHere)("the IOCP proactor's own", () => {
  fairness(subject)

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

  test(subject, "what its call does at once is over at once, on either end", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      for (const [from, to] of [[client, server] as const, [server, client] as const]) {
        const sending = sendOperation(bytes("well"))
        assert.isTrue(from.submit(sending))
        assert.deepStrictEqual([sending.sent, sending.failure], [4, undefined])
        yield* turns
        const receiving = receiveOperation(3)
        receiving.onRetired = () => assert.fail("it was over already")
        assert.isTrue(to.submit(receiving))
        assert.strictEqual(text(receiving.takeChunk()), "wel")
        assert.isTrue(to.submit(receiving))
        assert.strictEqual(text(receiving.takeChunk()), "l")
        // A packet all the same would retire it a second time.
        yield* turns
      }
    })
  )

  test(everyPacket, "where no packet is left out, what its call does at once is told later", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      yield* sendAll(client, bytes("well"))
      yield* turns
      const receiving = start(server, receiveOperation())
      assert.strictEqual(receiving.retirements(), 0)
      assert.strictEqual(text((yield* receiving.retired).chunk), "well")
    })
  )

  test(
    subject,
    "an operation that is told later is in flight till then, and cannot be cancelled",
    (proactor) =>
      Effect.gen(function* () {
        const { client, server } = yield* pair(proactor)
        yield* sendAll(client, new Uint8Array(100).fill(7))
        yield* turns
        const { operation, retirements } = postponedByte(server)
        assert.isTrue(operation.isInFlight)
        assert.throws(() => server.submit(operation), /in flight/)
        server.cancel(operation)
        assert.strictEqual(retirements(), 0)
        yield* turns
        assert.strictEqual(retirements(), 1)
        assert.deepStrictEqual([operation.failure, ...operation.chunk], [undefined, 7])
        assert.isFalse(operation.isInFlight)
      })
  )

  test(subject, "an operation that is told later outlives its socket, and its proactor waits for it", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const owner = yield* Scope.make()
      const proactor = yield* Scope.extend(IocpProactor.make, scope)
      const { client, server } = yield* Scope.extend(pair(proactor), owner)
      yield* sendAll(client, new Uint8Array(100).fill(7))
      yield* turns
      const { operation, retirements } = postponedByte(server)
      server.close()
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(retirements(), 1)
      assert.deepStrictEqual([operation.failure, ...operation.chunk], [undefined, 7])
      yield* Scope.close(owner, Exit.void)
    })
  )

  it("has packets left out where the provider says so, and not where it cannot be asked", () => {
    const handle = openHandle("IPv4", "test")
    if (typeof handle !== "number") return assert.fail(handle.message)
    assert.isTrue(new Providers().skipPackets(handle, "IPv4"))
    assert.isTrue(new Providers().skipPacketsOfSystems(handle))
    assert.isFalse(new Providers(false).skipPackets(handle, "IPv4"), "no packet may be left out")
    assert.isFalse(new Providers(false).skipPacketsOfSystems(handle), "no packet may be left out")
    closeHandle(handle)
    assert.isFalse(new Providers().skipPackets(handle, "IPv4"))
  })

  test(subject, "no file is taken for that of a Unix socket but such a one", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const file = join(folder, "file")
      writeFileSync(file, "kept")
      for (const path of [file, folder, join(folder, "missing"), join(folder, "*"), ""]) {
        assert.isFalse(isSocketFile(path), path)
      }
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
