/**
 * The DNS responder of the examples, with the clients that people have for it, and with what is no question.
 */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import {
  classes,
  codes,
  decodeQuery,
  decodeResponse,
  encodeQuery,
  type Question,
  types
} from "../../examples/dns/message.js"
import { answerTo, respondOn, table } from "../../examples/dns-responder.js"
import * as Udp from "../../src/Net/Udp.js"
import { holds } from "../Address/assertions.js"
import { test } from "../Net/harness.js"
import { subject } from "../Platform/streams.js"
import { absenceOf } from "../support/absence.js"

const run = promisify(execFile)

const responding = Effect.gen(function* () {
  const socket = yield* Udp.bind({ host: "127.0.0.1", port: 0 })
  yield* Effect.forkScoped(respondOn(socket, table))
  return socket.address
})

const question = (name: string, type: number = types.A): Question => ({ name, type, class: classes.IN })

const isAnswered = (server: Udp.ConnectedUdpSocket) =>
  Effect.gen(function* () {
    yield* server.send(encodeQuery(4_321, question("mail.example.test")))
    for (;;) {
      const { bytes } = yield* server.receiveWith({ timeout: "20 seconds" })
      const response = decodeResponse(bytes)
      if (response?.id !== 4_321) continue
      assert.deepStrictEqual([response.code, response.records.length], [codes.NoError, 1])
      return
    }
  })

for (const [program, plain] of [
  ["dig", ["+tries=1", "+time=5"]],
  ["kdig", ["+retry=0", "+time=5"]]
] as const) {
  const absence = absenceOf(program)

  describe.skipIf(absence !== undefined)(absence === undefined ? program : `${program} (${absence})`, () => {
    const ask = (...args: ReadonlyArray<string>) =>
      Effect.gen(function* () {
        const { port } = yield* responding
        const all = ["@127.0.0.1", "-p", String(port), ...plain, ...args]
        const { stdout } = yield* Effect.promise(() => run(program, all))
        return stdout
      })

    /** What the answers are, in its shortest words. */
    const answers = (...args: ReadonlyArray<string>) =>
      Effect.map(ask("+short", ...args), (out) => out.trim().split("\n").sort())

    test(subject, "hears the addresses and texts of a name", () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* answers("www.example.test", "A"), ["192.0.2.1", "192.0.2.2"])
        assert.deepStrictEqual(yield* answers("www.example.test", "AAAA"), ["2001:db8::1"])
        assert.include(yield* answers("about.example.test", "TXT"), '"answered by a completion port"')
      })
    )

    test(subject, "hears that there is no such name, or nothing of that type", () =>
      Effect.gen(function* () {
        assert.match(yield* ask("nobody.example.test"), /status: NXDOMAIN/)
        const none = yield* ask("www.example.test", "MX")
        assert.match(none, /status: NOERROR/)
        assert.match(none, /ANSWER: 0/)
      })
    )

    test(subject, "gets its name back as it wrote it, and is answered with authority", () =>
      Effect.gen(function* () {
        const out = yield* ask("WwW.eXaMpLe.TeSt", "A")
        // kdig writes it in lower case, whatever comes.
        assert.match(out, program === "dig" ? /WwW\.eXaMpLe\.TeSt\./ : /www\.example\.test\./)
        assert.match(out, /[Ff]lags: qr aa/)
        assert.include(out, "192.0.2.2")
        assert.notMatch(out, /[Ww]arning|[Mm]alformed|mismatch/)
      })
    )

    test(subject, "gets more by a larger datagram, and hears of what does not fit one", () =>
      Effect.gen(function* () {
        const most = yield* ask("+bufsize=4096", "+ignore", "large.example.test", "TXT")
        assert.match(most, /[Ff]lags: qr aa tc/)
        const small = yield* ask("+noedns", "+ignore", "about.example.test", "TXT")
        assert.match(small, /ANSWER: 2/)
        assert.notMatch(small, /EDNS/)
      })
    )

    test(subject, "hears that another class is refused", () =>
      Effect.map(ask("-c", "CH", "www.example.test", "TXT"), (out) => assert.match(out, /status: REFUSED/))
    )
  })
}

const noDig = absenceOf("dig")

describe.skipIf(noDig !== undefined)(`dig ${noDig ?? ""}`, () => {
  test(subject, "hears that another kind of query, and a later version of EDNS, is not known here", () =>
    Effect.gen(function* () {
      const { port } = yield* responding
      const ask = (...args: ReadonlyArray<string>) =>
        Effect.promise(() => run("dig", ["@127.0.0.1", "-p", String(port), "+tries=1", ...args]))
      const notify = yield* ask("+opcode=NOTIFY", "www.example.test")
      assert.match(notify.stdout, /status: NOTIMP/)
      const later = yield* ask("+edns=9", "+noednsneg", "www.example.test")
      assert.match(later.stdout, /status: BADVERS/)
    })
  )
})

describe("what comes", () => {
  const anyBytes = fc.uint8Array({ maxLength: 600 })
  /** Nearly a query: one with some bytes changed, cut or added. */
  const nearly = fc
    .record({
      name: fc.constantFrom("www.example.test", "a.b.c.d.e.f", "", "x".repeat(63)),
      type: fc.constantFrom(...Object.values(types)),
      changes: fc.array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 })), { maxLength: 4 }),
      length: fc.nat({ max: 80 }),
      more: fc.uint8Array({ maxLength: 20 })
    })
    .map(({ changes, length, more, name, type }) => {
      const bytes = Buffer.concat([encodeQuery(7, question(name, type)).subarray(0, length), more])
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      return new Uint8Array(bytes)
    })

  it("whatever it is, is answered by a message, or by nothing", () => {
    holds(
      fc.property(fc.oneof(anyBytes, nearly), (bytes) => {
        const answer = answerTo(table, bytes)
        if (answer === undefined) {
          assert.isTrue(bytes.length < 12 || ((bytes[2] ?? 0) & 0x80) !== 0)
          return
        }
        const response = decodeResponse(answer)
        assert.strictEqual(response?.id, ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0))
        assert.isAtMost(answer.length, 1232)
      }),
      20_000
    )
  })

  it("as a question is read as it was written", () => {
    const label = fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom(..."abcz09-_") })
    holds(
      fc.property(fc.array(label, { maxLength: 8 }), fc.nat({ max: 0xffff }), (labels, id) => {
        const wanted = question(labels.join("."), types.AAAA)
        const query = decodeQuery(encodeQuery(id, wanted))
        assert.isTrue(query !== undefined && "question" in query)
        if (query === undefined || "malformed" in query) return
        assert.deepStrictEqual(query.question, wanted)
        assert.strictEqual(query.id, id)
      })
    )
  })

  it("as a name that goes in circles, is too long, or ends nowhere, is a format error", () => {
    const header = [0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    const rest = [0, 1, 0, 1]
    for (const name of [
      [0xc0, 12],
      [0xc0, 14],
      [1, 97, 0xc0, 12],
      [0xff, 0xff],
      [0x40, 97],
      [63, 97],
      Array.from({ length: 130 }, () => [1, 97]).flat(),
      []
    ]) {
      const answer = answerTo(table, Uint8Array.from([...header, ...name, ...rest]))
      assert.deepStrictEqual(
        answer && decodeResponse(answer),
        { id: 9, code: codes.FormErr, isTruncated: false, records: [] },
        String(name)
      )
    }
  })

  it("as an answer is left alone: two responders would talk for ever", () => {
    const query = encodeQuery(1, question("www.example.test"))
    const answer = answerTo(table, query)
    assert.isDefined(answer)
    assert.isUndefined(answer && answerTo(table, answer))
  })

  test(subject, "as nonsense does the responder no harm, and keeps nobody waiting", () =>
    Effect.gen(function* () {
      const address = yield* responding
      const stranger = yield* Udp.connect(address)
      const server = yield* Udp.connect(address)
      const nonsense = fc.sample(fc.oneof(anyBytes, nearly), 300)
      for (const [count, bytes] of nonsense.entries()) {
        yield* stranger.send(bytes)
        if (count % 30 === 0) yield* isAnswered(server)
      }
      yield* isAnswered(server)
    })
  )
})
