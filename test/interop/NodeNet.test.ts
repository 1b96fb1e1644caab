/**
 * What only node:net can do to us, or tell of what we did to it: resets, refusals, the other version of IP, many at once.
 */
import * as NodeNet from "node:net"
import { assert, beforeAll, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "../../src/Net/index.js"
import { readToEnd, type Subject, test, text } from "../Net/harness.js"
import { echo } from "./conversations.js"
import { ofStreams } from "./foreignEnd.js"
import { connect, event, listen } from "./nodeNet.js"
import { warmUp } from "./peers.js"

const subject: Subject = {
  name: process.platform === "win32" ? "iocp" : "epoll",
  layer: Net.layer,
  isSlow: process.env["EFFECT_IOCP_LANE"] === "wine"
}

/** Our server's end and a node:net client's. */
const ourServer = Effect.gen(function* () {
  const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
  const [ours, theirs] = yield* Effect.all([listener.accept, connect(listener.address.port)], {
    concurrency: 2
  })
  return { ours, theirs }
})

/** Our client's end and a node:net server's. */
const ourClient = Effect.gen(function* () {
  const { first, port } = yield* listen
  const ours = yield* Net.connect({ host: "127.0.0.1", port })
  return { ours, theirs: yield* first }
})

/** What went wrong with a socket, as node names it. */
const codeOf = (socket: NodeNet.Socket): Effect.Effect<string | undefined> =>
  Effect.async((resume) => {
    socket.once("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(error.code)))
  })

beforeAll(warmUp)

for (const [role, ends] of Object.entries({ "our server": ourServer, "our client": ourClient })) {
  describe(`node:net and ${role}`, () => {
    test(subject, "its reset ends our read with a typed error, not as an end of stream", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* ends
        const reading = yield* Effect.fork(Effect.flip(ours.read))
        // The reset is to find the read in flight.
        yield* Effect.sleep("50 millis")
        theirs.resetAndDestroy()
        const failure = yield* reading
        assert.strictEqual(failure._tag, "ConnectionError")
        assert.strictEqual(failure.reason, "Reset")
      })
    )

    test(subject, "our abort is a reset for it", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* ends
        theirs.resume()
        const failing = yield* Effect.fork(codeOf(theirs))
        yield* Effect.yieldNow()
        yield* ours.abort
        assert.strictEqual(yield* failing, "ECONNRESET")
      })
    )

    test(subject, "our close is an end of stream for it, and no error", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* ends
        const end = ofStreams(theirs, theirs, Effect.void)
        yield* ours.writeString("goodbye")
        yield* ours.close
        assert.strictEqual(text(yield* end.receiveToEnd), "goodbye")
        assert.isNull(theirs.errored)
      })
    )

    test(subject, "its destroy is an end of stream for us, after what it had sent", () =>
      Effect.gen(function* () {
        const { ours, theirs } = yield* ends
        theirs.write("goodbye")
        theirs.destroySoon()
        assert.strictEqual(text(yield* readToEnd(ours)), "goodbye")
      })
    )
  })
}

describe("node:net", () => {
  for (const [host, family] of Object.entries({ "127.0.0.1": "IPv4", "::1": "IPv6" })) {
    test(subject, `reaches our server over ${family}, and we agree on the addresses`, () =>
      Effect.gen(function* () {
        const listener = yield* Net.listen({ host, port: 0 })
        const [ours, theirs] = yield* Effect.all([listener.accept, connect(listener.address.port, host)], {
          concurrency: 2
        })
        assert.strictEqual(ours.remoteAddress.host, theirs.localAddress)
        assert.strictEqual(ours.remoteAddress.port, theirs.localPort)
        assert.strictEqual(theirs.remoteFamily, family)
      })
    )
  }

  test(subject, "is refused once our listener is closed", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      yield* listener.close
      const socket = NodeNet.connect({ host: "127.0.0.1", port: listener.address.port })
      const failure = yield* Effect.flip(event(socket, "connect"))
      assert.strictEqual((failure as NodeJS.ErrnoException).code, "ECONNREFUSED")
    })
  )

  test(subject, "cannot take our listener's port, nor we its", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      const server = NodeNet.createServer()
      server.listen(listener.address.port, "127.0.0.1")
      const theirFailure = yield* Effect.flip(event(server, "listening"))
      assert.strictEqual((theirFailure as NodeJS.ErrnoException).code, "EADDRINUSE")
      const { port } = yield* listen
      const ourFailure = yield* Effect.flip(Net.listen({ host: "127.0.0.1", port }))
      assert.strictEqual(ourFailure.reason, "AddressInUse")
    })
  )

  test(subject, "many of its clients at once are served by one of our servers", () =>
    Effect.gen(function* () {
      const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
      yield* Effect.forkScoped(listener.serve(echo))
      const client = (index: number) =>
        Effect.gen(function* () {
          const socket = yield* connect(listener.address.port)
          const end = ofStreams(socket, socket, Effect.void)
          const greeting = `client ${index}`
          yield* end.send(Buffer.from(greeting))
          yield* end.finish
          assert.strictEqual(text(yield* end.receiveToEnd), greeting)
        })
      const indices = Array.from({ length: 100 }, (_, index) => index)
      yield* Effect.forEach(indices, client, { concurrency: "unbounded" })
    })
  )
})
