import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { EpollWaiter } from "../../src/Epoll/EpollWaiter.js"
import * as Epoll from "../../src/Epoll/index.js"
import { NetworkError } from "../../src/Errors/index.js"
import { loopback } from "./linux.js"

/** Every entry point that does not take an instance, which nobody can have there. */
const entryPoints: Record<string, Effect.Effect<unknown, unknown>> = {
  make: Effect.scoped(Epoll.make()),
  makePipe: Effect.scoped(Epoll.makePipe),
  makeEventCounter: Effect.scoped(Epoll.makeEventCounter),
  makeSocketPair: Effect.scoped(Epoll.makeSocketPair),
  createTcpSocket: Effect.scoped(Epoll.createTcpSocket()),
  createUdpSocket: Effect.scoped(Epoll.createUdpSocket({ family: "IPv6" })),
  open: Epoll.open({ _tag: "EpollToken", lent: { handle: 0, words: new SharedArrayBuffer(8) } }),
  bind: Epoll.bind(0, loopback()),
  listen: Epoll.listen(0),
  shutdown: Epoll.shutdown(0, "both"),
  localAddress: Epoll.localAddress(0),
  interfaceIndex: Epoll.interfaceIndex("lo"),
  remoteAddress: Epoll.remoteAddress(0),
  tryRead: Epoll.tryRead(0, new Uint8Array(1)),
  tryWrite: Epoll.tryWrite(0, new Uint8Array(1)),
  tryAccept: Effect.scoped(Epoll.tryAccept(0)),
  tryConnect: Epoll.tryConnect(0, loopback(1)),
  finishConnect: Epoll.finishConnect(0),
  tryReceiveFrom: Epoll.tryReceiveFrom(0, new Uint8Array(1)),
  trySendTo: Epoll.trySendTo(0, new Uint8Array(1), loopback(1))
}

describe.skipIf(process.platform === "linux")("where there is no epoll", () => {
  for (const [operation, effect] of Object.entries(entryPoints)) {
    it.effect(`${operation} fails with the reason Unsupported`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(effect)
        assert.instanceOf(error, NetworkError)
        assert.strictEqual(error.reason, "Unsupported")
        assert.strictEqual(error.operation, operation)
        assert.strictEqual(error.syscall, undefined)
        assert.include(error.message, "Linux")
      })
    )
  }

  it.effect("the engine's waiter fails with the reason Unsupported", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(EpollWaiter.make))
      assert.strictEqual(error.reason, "Unsupported")
    })
  )
})
