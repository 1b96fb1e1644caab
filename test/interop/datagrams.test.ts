/**
 * UDP with programs that are not of this library: Python in a group with us, socat as a peer. All of it in a network
 * namespace of this file's own.
 */
import { fileURLToPath } from "node:url"
import { assert, beforeAll, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { unsafeMake } from "../../src/Address/index.js"
import * as Net from "../../src/Net/index.js"
import * as Udp from "../../src/Net/Udp.js"
import { bytes, pattern, type Subject, test, text } from "../Net/harness.js"
import { root, start } from "../process/child.js"
import { absenceOf } from "../support/absence.js"
import { enterNamespace } from "../support/namespace.js"
import { warmUp } from "./peers.js"

const subject: Subject = { name: "epoll", layer: Net.layer, isSlow: false }
const program = fileURLToPath(new URL("./programs/multicast.py", import.meta.url))
const python = (...args: ReadonlyArray<string>) =>
  start({ program: "python3", args: [program, ...args], cwd: root })

const namespaceAbsence = process.platform === "linux" ? enterNamespace() : "runs in the native lane on Linux"
const titled = (name: string, absence: string | undefined) =>
  absence === undefined ? name : `${name} (${absence})`

beforeAll(warmUp)

const noPython = namespaceAbsence ?? absenceOf("python3")

describe.skipIf(noPython !== undefined)(titled("Python in a group", noPython), () => {
  for (const [group, any, loopback] of [
    ["239.255.77.3", "0.0.0.0", "127.0.0.1"],
    ["ff11::7703", "::", "::1"]
  ] as const) {
    test(subject, `hears what we send to ${group}`, () =>
      Effect.gen(function* () {
        const words = ["one", "and another", "Grüße, 世界"]
        const child = yield* python("receive", group, String(words.length))
        const port = Number(yield* child.line("port: "))
        const sender = yield* Udp.bind({ host: loopback, port: 0 })
        yield* sender.setOption("multicastInterface", "lo")
        for (const word of words) yield* sender.send(bytes(word), unsafeMake(group, port))
        assert.deepStrictEqual(yield* child.ending, { code: 0, signal: null })
        const heard = child.output().split("\n").slice(1, -1)
        assert.deepStrictEqual(
          heard,
          words.map((word) => `heard: ${loopback} ${word}`)
        )
      })
    )

    test(subject, `is heard by our members of ${group}, and by nobody else`, () =>
      Effect.gen(function* () {
        const member = yield* Udp.bind({ host: any, port: 0, reuseAddress: true })
        const { port } = member.address
        const stranger = yield* Udp.bind({ host: any, port, reuseAddress: true })
        yield* member.joinGroup({ group, interface: "lo" })
        const child = yield* python("send", group, String(port), "hello", "Grüße, 世界")
        assert.strictEqual(yield* child.line("sent: "), "2")
        for (const word of ["hello", "Grüße, 世界"]) {
          const { address, bytes: got } = yield* member.receiveWith({ timeout: "20 seconds" })
          assert.deepStrictEqual([text(got), address.host], [word, loopback])
        }
        const nothing = yield* Effect.flip(stranger.receiveWith({ timeout: "30 millis" }))
        assert.strictEqual(nothing._tag, "TimeoutError")
        assert.deepStrictEqual(yield* child.ending, { code: 0, signal: null })
      })
    )
  }
})

const noSocat = namespaceAbsence ?? absenceOf("socat")

describe.skipIf(noSocat !== undefined)(titled("socat as a peer", noSocat), () => {
  test(subject, "sends back what we send", () =>
    Effect.gen(function* () {
      // Nobody else is in this namespace.
      const port = 40_123
      yield* start({
        program: "socat",
        args: ["-b", "65536", `UDP-LISTEN:${port},bind=127.0.0.1`, "PIPE"],
        cwd: root
      })
      const peer = yield* Udp.connect({ host: "127.0.0.1", port })
      const answer = peer.receiveWith({ timeout: "200 millis" })
      // It may not listen yet: nobody receives there then, and that comes back.
      yield* Effect.retry(Effect.zipRight(peer.send(bytes("are you there?")), answer), { times: 100 })
      // Answers to the first of these that came too late.
      yield* Effect.ignore(Effect.forever(answer))
      for (const sent of [bytes("x"), pattern(1_400), pattern(9_000)]) {
        yield* peer.send(sent)
        const { bytes: got } = yield* peer.receiveWith({ timeout: "20 seconds" })
        assert.strictEqual(Buffer.compare(got, sent), 0)
      }
    })
  )
})
