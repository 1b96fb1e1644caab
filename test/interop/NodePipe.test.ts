/**
 * node:net as the other end of a named pipe, both ways: in this process, and in a process of its own.
 */
import { createHash } from "node:crypto"
import * as NodeNet from "node:net"
import { assert, beforeAll, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Net from "../../src/Net/index.js"
import * as NamedPipe from "../../src/Net/NamedPipe.js"
import { bytes, pattern, readExactly, readToEnd, type Subject, test, text } from "../Net/harness.js"
import { type Child, node } from "../process/child.js"
import { freeName } from "../support/pipes.js"
import { assertSameBytes, echo, MEBIBYTE } from "./conversations.js"
import { type ForeignEnd, ofStreams } from "./foreignEnd.js"
import { event } from "./nodeNet.js"
import { warmUp } from "./peers.js"

const subject: Subject = {
  name: "iocp",
  layer: Net.layer,
  isSlow: process.env["EFFECT_IOCP_LANE"] === "wine"
}

const program = new URL("./programs/pipe.mjs", import.meta.url)

const closed = (socket: NodeNet.Socket) =>
  Effect.suspend(() => (socket.closed ? Effect.void : event(socket, "close")))

const destroy = (socket: NodeNet.Socket) =>
  Effect.suspend(() => {
    socket.destroy()
    return Effect.ignore(closed(socket))
  })

const endOf = (socket: NodeNet.Socket): ForeignEnd => {
  socket.on("error", () => {})
  return ofStreams(socket, socket, closed(socket))
}

const connect = (name: string): Effect.Effect<ForeignEnd, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => NodeNet.connect(name)),
      destroy
    )
    yield* event(socket, "connect")
    return endOf(socket)
  })

/** A server of node's on the pipe; what it does with each connection. */
const listen = (name: string, onConnection: (socket: NodeNet.Socket) => void) =>
  Effect.gen(function* () {
    const sockets: Array<NodeNet.Socket> = []
    const server = yield* Effect.acquireRelease(
      Effect.sync(() =>
        NodeNet.createServer((socket) => {
          sockets.push(socket)
          onConnection(socket)
        })
      ),
      (server) =>
        Effect.zipRight(
          Effect.forEach(sockets, destroy),
          Effect.async<void>((resume) => {
            server.close(() => resume(Effect.void))
          })
        )
    )
    server.listen(name)
    yield* event(server, "listening")
  })

/** Our server's end and node's client's. */
const ourServer = Effect.gen(function* () {
  const name = freeName()
  const listener = yield* NamedPipe.listen({ name })
  const [ours, theirs] = yield* Effect.all([listener.accept, connect(name)], { concurrency: 2 })
  return { ours, theirs }
})

/** Our client's end and node's server's. */
const ourClient = Effect.gen(function* () {
  const name = freeName()
  let arrived: (socket: NodeNet.Socket) => void = () => {}
  const first = new Promise<NodeNet.Socket>((resolve) => {
    arrived = resolve
  })
  yield* listen(name, (socket) => arrived(socket))
  const ours = yield* NamedPipe.connect({ name, timeout: "20 seconds" })
  return { ours, theirs: endOf(yield* Effect.promise(() => first)) }
})

const sha256 = (sent: Uint8Array): string => createHash("sha256").update(sent).digest("hex")

const endedWell = (child: Child) =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* child.ending, { code: 0, signal: null })
    assert.strictEqual(child.errors(), "")
  })

describe.runIf(process.platform === "win32")("node:net at the other end of a named pipe", () => {
  beforeAll(warmUp)

  for (const [role, ends] of Object.entries({ "our server": ourServer, "our client": ourClient })) {
    describe(role, () => {
      test(subject, "every message comes back, and our close is the end for it", () =>
        Effect.gen(function* () {
          const { ours, theirs } = yield* ends
          yield* Effect.fork(Effect.ignore(echo(ours)))
          for (const part of ["one", "and another", "Grüße, 世界"]) {
            yield* theirs.send(bytes(part))
            assert.strictEqual(text(yield* theirs.receive(bytes(part).length)), part)
          }
          yield* ours.close
          assert.strictEqual((yield* theirs.receiveToEnd).length, 0)
          yield* theirs.over
        })
      )

      test(subject, "its end is the end of what we read, after everything that it wrote", () =>
        Effect.gen(function* () {
          const { ours, theirs } = yield* ends
          // Its end waits until everything was read.
          const ending = Effect.zipRight(theirs.send(pattern(50_000)), theirs.finish)
          const [received] = yield* Effect.all([readToEnd(ours), ending], { concurrency: 2 })
          assertSameBytes(received, pattern(50_000), "at ours")
          yield* ours.close
          yield* theirs.over
        })
      )

      test(subject, "what we wrote before our close is there for it to read", () =>
        Effect.gen(function* () {
          const { ours, theirs } = yield* ends
          yield* ours.writeAll(pattern(50_000))
          yield* ours.close
          assertSameBytes(yield* theirs.receiveToEnd, pattern(50_000), "at theirs")
          yield* theirs.over
        })
      )

      test(subject, "a mebibyte each way, at once", () =>
        Effect.gen(function* () {
          const { ours, theirs } = yield* ends
          const down = pattern(MEBIBYTE)
          const up = pattern(MEBIBYTE).reverse()
          const [atOurs, atTheirs] = yield* Effect.all(
            [readExactly(ours, MEBIBYTE), theirs.receive(MEBIBYTE), ours.writeAll(down), theirs.send(up)],
            { concurrency: "unbounded" }
          )
          assertSameBytes(atOurs, up, "at ours")
          assertSameBytes(atTheirs, down, "at theirs")
        })
      )

      test(subject, "lines of text", () =>
        Effect.gen(function* () {
          const { ours, theirs } = yield* ends
          yield* ours.writeString("220 ready\r\n")
          assert.strictEqual(text(yield* theirs.receive(11)), "220 ready\r\n")
          yield* theirs.send(bytes("HELO Grüße 世界\r\nNOOP\n\n"))
          for (const line of ["HELO Grüße 世界", "NOOP", ""]) {
            assert.deepStrictEqual(yield* ours.readLine, Option.some(line))
          }
        })
      )
    })
  }

  const total = subject.isSlow ? 50 : 200

  test(subject, `${total} clients of its at once, each served by us`, () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      yield* Effect.forkScoped(listener.serve(echo))
      yield* Effect.forEach(
        Array.from({ length: total }, (_, index) => index),
        (index) =>
          Effect.gen(function* () {
            const client = yield* connect(name)
            yield* client.send(bytes(`message ${index}`))
            assert.strictEqual(text(yield* client.receive(`message ${index}`.length)), `message ${index}`)
          }),
        { concurrency: "unbounded", discard: true }
      )
    })
  )

  test(subject, `${total} clients of ours at once, each served by it`, () =>
    Effect.gen(function* () {
      const name = freeName()
      yield* listen(name, (socket) => socket.pipe(socket))
      yield* Effect.forEach(
        Array.from({ length: total }, (_, index) => index),
        (index) =>
          Effect.gen(function* () {
            const client = yield* NamedPipe.connect({ name, timeout: "60 seconds" })
            yield* client.writeString(`message ${index}`)
            assert.strictEqual(
              text(yield* readExactly(client, `message ${index}`.length)),
              `message ${index}`
            )
          }),
        { concurrency: "unbounded", discard: true }
      )
    })
  )

  test(subject, "a server of its in another process", () =>
    Effect.gen(function* () {
      const name = freeName()
      const child = yield* node(program, "serve", name, "3")
      yield* child.line("listening: ")
      const sent = pattern(MEBIBYTE)
      for (let client = 0; client < 3; client++) {
        const ours = yield* NamedPipe.connect({ name, timeout: "20 seconds" })
        const [received] = yield* Effect.all([readExactly(ours, MEBIBYTE), ours.writeAll(sent)], {
          concurrency: 2
        })
        assertSameBytes(received, sent, "back from the other process")
        assert.notStrictEqual(yield* NamedPipe.peerProcessId(ours), process.pid)
        yield* ours.close
      }
      yield* child.line("served: ")
      yield* endedWell(child)
    })
  )

  test(subject, "a client of its in another process", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      const child = yield* node(program, "connect", name)
      const ours = yield* listener.accept
      assert.notStrictEqual(yield* NamedPipe.peerProcessId(ours), process.pid)
      yield* echo(ours)
      yield* ours.close
      const sent = Buffer.alloc(MEBIBYTE, "node:net")
      assert.strictEqual(yield* child.line("received: "), `${MEBIBYTE} ${sha256(sent)}`)
      yield* endedWell(child)
    })
  )

  test(subject, "a client of its that is killed: what it wrote is read, and then the end", () =>
    Effect.gen(function* () {
      const name = freeName()
      const listener = yield* NamedPipe.listen({ name })
      const child = yield* node(program, "hang", name)
      const ours = yield* listener.accept
      yield* child.line("connected: ")
      yield* child.signal("SIGKILL")
      assert.strictEqual(text(yield* readToEnd(ours)), "a few bytes")
      const failure = yield* Effect.flip(ours.writeString("hello?"))
      assert.deepInclude({ ...failure }, { _tag: "ConnectionError", reason: "Reset" })
    })
  )
})
