import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Address from "../../src/Address/index.js"
import { NetworkError } from "../../src/Errors/index.js"
import * as Iocp from "../../src/Iocp/index.js"

const pipe = Address.unsafeMakePipe("\\\\.\\pipe\\app")

const entryPoints = {
  make: Effect.scoped(Iocp.make()),
  createTcpSocket: Effect.scoped(Iocp.createTcpSocket()),
  createUdpSocket: Effect.scoped(Iocp.createUdpSocket({ family: "IPv6" })),
  interfaceIndex: Iocp.interfaceIndex("lo"),
  open: Iocp.open({ _tag: "PortToken", lent: { handle: 0, words: new SharedArrayBuffer(8) }, marker: 0 }),
  makeOverlapped: Effect.scoped(Iocp.makeOverlapped),
  createNamedPipe: Effect.scoped(Iocp.createNamedPipe({ address: pipe })),
  openPipe: Effect.scoped(Iocp.openPipe(pipe))
}

describe.skipIf(process.platform === "win32")("where there are no completion ports", () => {
  for (const [operation, effect] of Object.entries(entryPoints)) {
    it.effect(`${operation} fails with the reason Unsupported`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(effect as Effect.Effect<unknown, unknown>)
        assert.instanceOf(error, NetworkError)
        assert.strictEqual(error.reason, "Unsupported")
        assert.strictEqual(error.operation, operation)
        assert.strictEqual(error.syscall, undefined)
        assert.include(error.message, "Windows")
      })
    )
  }
})
