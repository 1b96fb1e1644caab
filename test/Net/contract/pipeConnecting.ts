import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { unsafeMakePipe } from "../../../src/Address/index.js"
import * as Iocp from "../../../src/Iocp/index.js"
import * as NamedPipe from "../../../src/Net/NamedPipe.js"
import { freeName } from "../../support/pipes.js"
import { type Subject, test } from "../harness.js"
import { someTime } from "../interruptions.js"
import { pipePair } from "../pipeHarness.js"

export const pipeConnecting = (subject: Subject) => {
  test(subject, "a pipe that nobody has made refuses", () =>
    Effect.gen(function* () {
      const name = freeName()
      const failure = yield* Effect.flip(NamedPipe.connect({ name }))
      assert.deepInclude(
        { ...failure },
        { _tag: "ConnectionError", reason: "Refused", code: 2, operation: "connect", address: name }
      )
      assert.include(failure.message, "Is the program running that makes it?")
    })
  )

  test(subject, "one of another machine is looked for on a thread, and can be given up", () =>
    Effect.gen(function* () {
      const name = "\\\\no-such-host.invalid\\pipe\\app"
      const failure = yield* Effect.flip(NamedPipe.connect({ name, timeout: "1 minute" }))
      assert.deepInclude({ ...failure }, { _tag: "ConnectionError", operation: "connect", address: name })
      const connecting = yield* Effect.fork(NamedPipe.connect({ name }))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(connecting)
    })
  )

  test(
    subject,
    "a connect waits for an instance without a client, in time or not, and can be interrupted",
    () =>
      Effect.gen(function* () {
        const address = unsafeMakePipe(freeName())
        const { name } = address
        const only = yield* Iocp.createNamedPipe({ address, maxInstances: 1 })
        const first = yield* NamedPipe.connect({ name })
        const late = yield* Effect.flip(NamedPipe.connect({ name, timeout: "30 millis" }))
        assert.deepInclude({ ...late }, { _tag: "TimeoutError", operation: "connect", address: name })
        const interrupted = yield* Effect.fork(NamedPipe.connect({ name }))
        yield* Effect.sleep("10 millis")
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(interrupted)))
        const waiting = yield* Effect.fork(NamedPipe.connect({ name, timeout: "20 seconds" }))
        yield* Effect.sleep("20 millis")
        assert.isNull(waiting.unsafePoll())
        yield* first.close
        yield* Iocp.disconnectNamedPipe(only)
        const port = yield* Iocp.make()
        yield* Iocp.associatePipe(port, only)
        yield* Iocp.connectNamedPipe(only, yield* Iocp.makeOverlapped)
        yield* Fiber.join(waiting)
      })
  )

  test(subject, "interrupting connects closes what they have opened", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      yield* Effect.forkScoped(listener.serve(() => Effect.never))
      for (let round = 0; round < 50; round++) {
        const connecting = yield* Effect.fork(Effect.scoped(NamedPipe.connect({ name })))
        yield* someTime
        yield* Fiber.interrupt(connecting)
      }
    })
  )

  test(subject, "both ends know the name, and the process at the other end", () =>
    Effect.gen(function* () {
      const { client, listener, name, server } = yield* pipePair
      for (const end of [client, server]) {
        assert.strictEqual(end.remoteAddress.name, name)
        assert.deepStrictEqual(yield* end.localAddress, listener.address)
        assert.strictEqual(yield* NamedPipe.peerProcessId(end), process.pid)
      }
      yield* client.close
      assert.strictEqual((yield* Effect.flip(NamedPipe.peerProcessId(client))).reason, "Closed")
    })
  )

  test(subject, "names do not tell upper case from lower", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      yield* NamedPipe.connect({ name: name.toUpperCase() })
      yield* listener.accept
    })
  )
}

const isWine = process.env["EFFECT_IOCP_LANE"] === "wine"

export const pipeSafety = (subject: Subject) => {
  test(subject, "a name that another program has is AddressInUse, and not shared", () =>
    Effect.gen(function* () {
      const address = unsafeMakePipe(freeName())
      // Wine knows no first instance; but it knows how many there may be.
      yield* Iocp.createNamedPipe({ address, maxInstances: 1 })
      const failure = yield* Effect.flip(NamedPipe.listen({ name: address.name }))
      assert.deepInclude(
        { ...failure },
        { _tag: "ConnectionError", reason: "AddressInUse", operation: "listen", address: address.name }
      )
    })
  )

  test(subject, "a security descriptor that is none is refused", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(
        NamedPipe.listen({ name: freeName(), securityDescriptor: "everybody" })
      )
      assert.deepInclude(
        { ...failure },
        { _tag: "NetworkError", reason: "InvalidArgument", operation: "listen" }
      )
    })
  )

  test(subject, "one that lets everybody in does, and nothing of it is left behind", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name, securityDescriptor: "D:P(A;;GA;;;WD)" })
      const client = yield* NamedPipe.connect({ name })
      const server = yield* listener.accept
      yield* client.writeString("let in\n")
      assert.deepStrictEqual(yield* server.readLine, Option.some("let in"))
    })
  )

  // Wine keeps security descriptors, but heeds them not; nor does it know a first instance.
  if (isWine) return

  test(subject, "a second listener of the same name is AddressInUse", () =>
    Effect.gen(function* () {
      const name = freeName()
      yield* NamedPipe.listen({ name })
      const failure = yield* Effect.flip(NamedPipe.listen({ name }))
      assert.deepInclude({ ...failure }, { _tag: "ConnectionError", reason: "AddressInUse", code: 5 })
    })
  )

  test(subject, "a security descriptor that lets nobody in refuses clients, and further instances", () =>
    Effect.gen(function* () {
      const address = unsafeMakePipe(freeName())
      const securityDescriptor = "D:P(D;;GA;;;WD)"
      yield* Iocp.createNamedPipe({ address, securityDescriptor })
      const refused = yield* Effect.flip(NamedPipe.connect({ name: address.name }))
      assert.deepInclude({ ...refused }, { _tag: "NetworkError", reason: "PermissionDenied", code: 5 })
      const alone = yield* Effect.flip(NamedPipe.listen({ name: freeName(), securityDescriptor }))
      assert.deepInclude({ ...alone }, { _tag: "NetworkError", reason: "PermissionDenied", code: 5 })
    })
  )
}
