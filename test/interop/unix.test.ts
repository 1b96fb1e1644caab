/**
 * Unix sockets of this library with programs that are not of it: a server here and a client there, and the other way round,
 * at paths and at abstract names; and with programs that are killed.
 */
import { existsSync } from "node:fs"
import { assert, beforeAll, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Net from "../../src/Net/index.js"
import * as Unix from "../../src/Net/Unix.js"
import { readExactly, readToEnd, type Subject, test, text } from "../Net/harness.js"
import { freePath } from "../Net/unixHarness.js"
import { absenceOf } from "../support/absence.js"
import { announced, ended, started } from "../support/started.js"
import { conversationsWith } from "./conversations.js"
import { warmUp } from "./peers.js"
import { unixPeers } from "./unixPeers.js"

const subject: Subject = { name: "epoll", layer: Net.layer, isSlow: false }

const isLinux = process.platform === "linux"

beforeAll(warmUp)

/** A path, or an abstract name, as this library writes it and as the tools do. */
const places = {
  "at a path": Effect.map(freePath, (path) => ({ ours: path, theirs: path })),
  "at an abstract name": Effect.sync(() => {
    const name = `effect-iocp-interop-${process.pid}-${Math.trunc(performance.now() * 1000)}`
    return { ours: `\0${name}`, theirs: `@${name}` }
  })
}

for (const peer of unixPeers) {
  for (const [where, place] of Object.entries(places)) {
    if (where !== "at a path" && !peer.isAbstract) continue
    const title = `${peer.name} ${where}${peer.absence === undefined ? "" : ` (${peer.absence})`}`
    describe.skipIf(peer.absence !== undefined)(title, () => {
      for (const [topic, converse] of Object.entries(conversationsWith(false))) {
        test(subject, `as a client of our server: ${topic}`, () =>
          Effect.gen(function* () {
            const { ours: path, theirs: at } = yield* place
            const listener = yield* Unix.listen({ path })
            const [ours, theirs] = yield* Effect.all([listener.accept, peer.connect(at)], { concurrency: 2 })
            yield* converse(ours, theirs)
          })
        )
      }

      for (const [topic, converse] of Object.entries(conversationsWith(peer.hangsUpAsServer))) {
        test(subject, `as a server of our client: ${topic}`, () =>
          Effect.gen(function* () {
            const { ours: path, theirs: at } = yield* place
            const end = yield* peer.listen(at)
            const ours = yield* Unix.connect({ path })
            yield* converse(ours, yield* end)
          })
        )
      }
    })
  }
}

const noPython = absenceOf("python3")

/** Listens at the path, accepts one connection if it is told to, and then waits to be killed. */
const STUBBORN = `
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print("listening", flush=True)
if sys.argv[2] == "accept":
    c, _ = s.accept()
    c.sendall(b"half a li")
    print("accepted", flush=True)
time.sleep(600)
`

describe.skipIf(noPython !== undefined)(`a peer that is killed ${noPython ?? ""}`, () => {
  test(subject, "ends its connections, and leaves a path that the next listener takes", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const program = yield* started("python3", "-c", STUBBORN, path, "listen")
      yield* announced(program, /listening/)
      assert.deepInclude(yield* Effect.flip(Unix.listen({ path })), { reason: "AddressInUse" })
      const connection = yield* Unix.connect({ path })
      const reading = yield* Effect.fork(Effect.either(connection.read))
      program.child.kill("SIGKILL")
      yield* ended(program)
      // It was never accepted, which is told as a reset.
      const read = yield* Fiber.join(reading)
      assert.isTrue(read._tag === "Left" ? read.left.reason === "Reset" : read.right.length === 0)
      assert.isTrue(existsSync(path))
      assert.deepInclude(yield* Effect.flip(Unix.connect({ path })), { reason: "Refused" })
      assert.deepInclude(yield* Effect.flip(Unix.listen({ path, unlinkStale: false })), {
        reason: "AddressInUse"
      })
      const listener = yield* Unix.listen({ path })
      const client = yield* Unix.connect({ path })
      const server = yield* listener.accept
      yield* server.writeString("here again")
      yield* server.close
      assert.strictEqual(text(yield* readToEnd(client)), "here again")
    })
  )

  test(subject, "in the middle of a line: the line is what came, and then the end", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const program = yield* started("python3", "-c", STUBBORN, path, "accept")
      yield* announced(program, /listening/)
      const connection = yield* Unix.connect({ path })
      yield* announced(program, /accepted/)
      program.child.kill("SIGKILL")
      assert.deepStrictEqual(yield* connection.readLine, Option.some("half a li"))
      assert.deepStrictEqual(yield* connection.readLine, Option.none())
    })
  )
})

/** Sends a descriptor along with the first of the bytes, which arrive apart from those after them. */
const GENEROUS = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
for _ in range(20):
    s.recv(1)
    socket.send_fds(s, [b"with a gift, "], [0])
    s.sendall(b"and without;")
`

describe.skipIf(noPython !== undefined)(`a peer that sends descriptors ${noPython ?? ""}`, () => {
  test(subject, "is heard to the last byte, and what it gives is not kept", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const listener = yield* Unix.listen({ path })
      const program = yield* started("python3", "-c", GENEROUS, path)
      const connection = yield* listener.accept
      for (let round = 0; round < 20; round++) {
        // A receive that waits first, so that the descriptor is registered; then both parts are there at once.
        yield* connection.writeString("x")
        if (round > 0) yield* Effect.sleep("5 millis")
        assert.strictEqual(text(yield* readExactly(connection, 25)), "with a gift, and without;")
      }
      yield* ended(program)
    })
  )
})

/** Urgent bytes between the others, in pieces that arrive one by one and together. */
const URGENT = `
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
for n in range(20):
    s.sendall(b"abc")
    if n % 2: time.sleep(0.003)
    s.send(b"!", socket.MSG_OOB)
    if n % 3: time.sleep(0.003)
    s.sendall(b"def")
`

describe.skipIf(noPython !== undefined)(`a peer that sends urgent bytes ${noPython ?? ""}`, () => {
  test(subject, "is heard to the end; what is urgent is no part of the stream", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      const listener = yield* Unix.listen({ path })
      const program = yield* started("python3", "-c", URGENT, path)
      const connection = yield* listener.accept
      assert.strictEqual(text(yield* readToEnd(connection)).replaceAll("!", ""), "abcdef".repeat(20))
      yield* ended(program)
      assert.strictEqual(program.said(), "")
    })
  )
})

describe.runIf(isLinux)("what other programs see", () => {
  test(subject, "the socket is at its path, with its mode, and listens (stat)", () =>
    Effect.gen(function* () {
      const path = yield* freePath
      yield* Unix.listen({ path, mode: 0o620, backlog: 7 })
      const seen = yield* started("stat", "-c", "%F %a", path)
      yield* ended(seen)
      assert.strictEqual(seen.said().trim(), "socket 620")
    })
  )
})
