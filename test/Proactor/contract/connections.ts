import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { loopbackAddress, unsafeMake } from "../../../src/Address/index.js"
import { AcceptOperation, ConnectOperation } from "../../../src/Proactor/Operation.js"
import {
  accept,
  acceptedBy,
  bytes,
  connect,
  hasFamily,
  listen,
  open,
  pair,
  perform,
  receiveExactly,
  reset,
  type Subject,
  sendAll,
  start,
  test,
  text,
  turns
} from "../harness.js"

export const connections = (subject: Subject): void => {
  test(subject, "both sides know both addresses", (proactor) =>
    Effect.gen(function* () {
      const { client, listener, remoteAddress, server } = yield* pair(proactor)
      assert.strictEqual(listener.address.host, "127.0.0.1")
      assert.isAbove(listener.address.port, 0)
      assert.deepStrictEqual(yield* client.remoteAddress, listener.address)
      assert.deepStrictEqual(yield* server.localAddress, listener.address)
      assert.deepStrictEqual(yield* client.localAddress, remoteAddress)
      assert.deepStrictEqual(yield* server.remoteAddress, remoteAddress)
    })
  )

  test(subject, "IPv6 connects", (proactor) =>
    Effect.gen(function* () {
      if (!(yield* hasFamily(proactor, "IPv6"))) return
      const listener = yield* listen(proactor, loopbackAddress("IPv6"))
      const client = yield* connect(proactor, listener.address)
      const { remoteAddress, socket } = yield* accept(listener.socket)
      assert.strictEqual(remoteAddress?.host, "::1")
      assert.deepStrictEqual(yield* client.localAddress, remoteAddress)
      yield* sendAll(client, bytes("six"))
      assert.strictEqual(text(yield* receiveExactly(socket, 3)), "six")
    })
  )

  test(subject, "an IPv6 socket serves IPv4", (proactor) =>
    Effect.gen(function* () {
      if (!(yield* hasFamily(proactor, "IPv6"))) return
      const listener = yield* listen(proactor, unsafeMake("::ffff:127.0.0.1", 0))
      yield* connect(proactor, unsafeMake("127.0.0.1", listener.address.port))
      const { remoteAddress } = yield* accept(listener.socket)
      assert.deepInclude(remoteAddress, { family: "IPv6", host: "::ffff:127.0.0.1" })
    })
  )

  test(subject, "an accept that waits gets the next connection", (proactor) =>
    Effect.gen(function* () {
      const listener = yield* listen(proactor)
      const accepting = start(listener.socket, new AcceptOperation())
      yield* turns
      assert.strictEqual(accepting.retirements(), 0)
      const client = yield* connect(proactor, listener.address)
      const { remoteAddress } = yield* acceptedBy(yield* accepting.retired)
      assert.deepStrictEqual(remoteAddress, yield* client.localAddress)
      assert.strictEqual(accepting.retirements(), 1)
    })
  )

  test(subject, "several accepts wait at once, and each gets a connection of its own", (proactor) =>
    Effect.gen(function* () {
      const listener = yield* listen(proactor)
      const accepting = Array.from({ length: 8 }, () => start(listener.socket, new AcceptOperation()))
      const ports = new Set<number>()
      for (let index = 0; index < 8; index++) {
        const client = yield* connect(proactor, listener.address)
        ports.add((yield* client.localAddress).port)
      }
      for (const { retired } of accepting) {
        const { remoteAddress } = yield* acceptedBy(yield* retired)
        assert.isTrue(ports.delete(remoteAddress?.port ?? -1))
      }
      assert.strictEqual(ports.size, 0)
    })
  )

  test(subject, "connections that came before the accept wait for it", (proactor) =>
    Effect.gen(function* () {
      const listener = yield* listen(proactor)
      const clients = yield* Effect.all(Array.from({ length: 5 }, () => connect(proactor, listener.address)))
      for (const client of clients) {
        const { remoteAddress } = yield* accept(listener.socket)
        assert.deepStrictEqual(remoteAddress, yield* client.localAddress)
      }
    })
  )

  test(subject, "a connection that is gone before it is accepted does not fail the accept", (proactor) =>
    Effect.gen(function* () {
      const listener = yield* listen(proactor)
      for (let index = 0; index < 5; index++) yield* reset(yield* connect(proactor, listener.address))
      const last = yield* connect(proactor, listener.address)
      const { port } = yield* last.localAddress
      // A system may hand the dead ones out or leave them out.
      for (;;) {
        const { remoteAddress } = yield* accept(listener.socket)
        if (remoteAddress?.port === port) return
      }
    })
  )

  test(subject, "a socket that was bound first connects from there", (proactor) =>
    Effect.gen(function* () {
      const listener = yield* listen(proactor)
      const client = yield* open(proactor)
      yield* client.bind(loopbackAddress("IPv4"))
      const bound = yield* client.localAddress
      yield* perform(client, new ConnectOperation(listener.address))
      const { remoteAddress } = yield* accept(listener.socket)
      assert.deepStrictEqual(remoteAddress, bound)
    })
  )

  test(subject, "a fresh socket has no address yet, and listens without being bound", (proactor) =>
    Effect.gen(function* () {
      const socket = yield* open(proactor)
      assert.deepStrictEqual(yield* socket.localAddress, unsafeMake("0.0.0.0", 0))
      yield* socket.listen(1)
      const { port } = yield* socket.localAddress
      assert.isAbove(port, 0)
      yield* connect(proactor, unsafeMake("127.0.0.1", port))
      yield* accept(socket)
    })
  )

  const many = subject.isSlow ? 100 : 200
  test(subject, `${many} connections on one port, each with an echo of its own`, (proactor) =>
    Effect.gen(function* () {
      const listener = yield* listen(proactor, loopbackAddress("IPv4"), many)
      const serve = Effect.gen(function* () {
        const { socket } = yield* accept(listener.socket)
        const got = yield* receiveExactly(socket, 8)
        yield* sendAll(socket, got)
      })
      const call = (index: number) =>
        Effect.gen(function* () {
          const client = yield* connect(proactor, listener.address)
          const question = bytes(String(index).padStart(8))
          yield* sendAll(client, question)
          assert.strictEqual(text(yield* receiveExactly(client, 8)), text(question))
        })
      const servers = Array.from({ length: many }, () => serve)
      const clients = Array.from({ length: many }, (_, index) => call(index))
      yield* Effect.all([...servers, ...clients], { concurrency: "unbounded" })
    })
  )
}
