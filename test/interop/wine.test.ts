/**
 * The two lanes with each other: a server of this library over completion ports, in node.exe under Wine, and programs
 * of Linux that reach it over loopback, this library over epoll among them. And the other way round.
 */
import { createHash } from "node:crypto"
import { afterAll, assert, beforeAll, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Net from "../../src/Net/index.js"
import { bytes, pattern, type Subject, test, text } from "../Net/harness.js"
import { assertSameBytes, MEBIBYTE } from "./conversations.js"
import { type ForeignEnd, ofConnection } from "./foreignEnd.js"
import { nodeNet } from "./nodeNet.js"
import { type ForeignPeer, programs, warmUp } from "./peers.js"
import { absence, type WineServer, wineServer } from "./wineServer.js"

const subject: Subject = { name: "epoll", layer: Net.layer, isSlow: false }

/** This library over epoll, like one of the others. */
type Linux = Pick<ForeignPeer, "name" | "absence"> & {
  readonly connect: (port: number) => Effect.Effect<ForeignEnd, unknown, Net.Net | Scope.Scope>
  readonly listen: Effect.Effect<
    { readonly port: number; readonly end: Effect.Effect<ForeignEnd, unknown, Scope.Scope> },
    unknown,
    Net.Net | Scope.Scope
  >
}

const epoll: Linux = {
  name: "this library over epoll",
  absence: undefined,
  connect: (port) => Effect.map(Net.connect({ host: "127.0.0.1", port }), ofConnection),
  listen: Effect.map(Net.listen({ host: "127.0.0.1", port: 0 }), (listener) => ({
    port: listener.address.port,
    end: Effect.map(listener.accept, ofConnection)
  }))
}

const summaryOf = (sent: Uint8Array): string =>
  `${sent.length} ${createHash("sha256").update(sent).digest("hex")}\n`

type Exchange = (end: ForeignEnd) => Effect.Effect<void, unknown>

const say = (end: ForeignEnd, words: string) => end.send(bytes(words))

const hear = (end: ForeignEnd, words: string) =>
  Effect.map(end.receive(bytes(words).length), (heard) => assert.strictEqual(text(heard), words))

const echoing: Exchange = (end) =>
  Effect.gen(function* () {
    yield* say(end, "echo\n")
    for (const words of ["one", "and another", "Grüße, 世界"]) {
      yield* say(end, words)
      yield* hear(end, words)
    }
    yield* end.finish
    assert.strictEqual((yield* end.receiveToEnd).length, 0)
    yield* end.over
  })

const halfClose: Exchange = (end) =>
  Effect.gen(function* () {
    const sent = pattern(100_000)
    yield* say(end, "count\n")
    yield* end.send(sent)
    yield* end.finish
    assert.strictEqual(text(yield* end.receiveToEnd), summaryOf(sent))
    yield* end.over
  })

const mebibytes: Exchange = (end) =>
  Effect.gen(function* () {
    const sent = pattern(MEBIBYTE).reverse()
    yield* say(end, "mebibyte\n")
    const sending = Effect.zipRight(end.send(sent), end.finish)
    const [received] = yield* Effect.all([end.receive(MEBIBYTE), sending], { concurrency: 2 })
    assertSameBytes(received, pattern(MEBIBYTE), "from Wine")
    assert.strictEqual(text(yield* end.receiveToEnd), summaryOf(sent))
    yield* end.over
  })

const lines: Exchange = (end) =>
  Effect.gen(function* () {
    yield* say(end, "lines\n")
    yield* hear(end, "hello\r\n")
    yield* say(end, "Grüße, 世界\r\nand")
    yield* hear(end, "you said: Grüße, 世界\n")
    yield* say(end, " more\nthe last one")
    yield* hear(end, "you said: and more\n")
    yield* end.finish
    assert.strictEqual(text(yield* end.receiveToEnd), "you said: the last one\n")
    yield* end.over
  })

const exchanges: Readonly<Record<string, Exchange>> = {
  "every message comes back": echoing,
  "it ends its half, and still hears the answer": halfClose,
  "a mebibyte each way, at once": mebibytes,
  "lines of text": lines
}

/** A client under Wine sends a mebibyte; the server here sends it back, in another order, and ends its half. */
const serveWine = (server: WineServer, peer: Linux) =>
  Effect.gen(function* () {
    const { end, port } = yield* peer.listen
    const control = yield* epoll.connect(server.port)
    yield* say(control, `call ${port}\n`)
    const serving = yield* end
    const called = yield* serving.receive(MEBIBYTE)
    assertSameBytes(called, pattern(MEBIBYTE), "from Wine")
    yield* serving.send(called.reverse())
    yield* serving.finish
    assert.strictEqual(text(yield* control.receiveToEnd), summaryOf(called))
    yield* serving.over
  })

const title = "a server over completion ports, under Wine"

describe.skipIf(absence !== undefined)(absence === undefined ? title : `${title} (${absence})`, () => {
  const scope = Effect.runSync(Scope.make())
  let server: WineServer = { port: 0, quit: Effect.void }

  beforeAll(async () => {
    await warmUp()
    server = await Effect.runPromise(Scope.extend(wineServer, scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

  for (const peer of [epoll, nodeNet, ...programs]) {
    // Where everything is skipped already, nothing is skipped twice: vitest would not count it.
    const missing = absence === undefined ? peer.absence : undefined
    describe.skipIf(missing !== undefined)(
      missing === undefined ? peer.name : `${peer.name} (${missing})`,
      () => {
        for (const [topic, exchange] of Object.entries(exchanges)) {
          test(subject, `as its client: ${topic}`, () =>
            Effect.flatMap(
              Effect.suspend(() => peer.connect(server.port)),
              exchange
            )
          )
        }
        test(subject, "as a server of its client: a mebibyte each way", () => serveWine(server, peer))
      }
    )
  }

  test(subject, "many clients at once, each of them served", () =>
    Effect.forEach(
      Array.from({ length: 200 }, (_, index) => index),
      () => Effect.flatMap(epoll.connect(server.port), echoing),
      { concurrency: "unbounded", discard: true }
    )
  )

  test(subject, "and at last it closes everything, and ends by itself", () => server.quit)
})
