/**
 * This library with programs that are not of it: a server here and a client there, and the other way round.
 */
import { beforeAll, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "../../src/Net/index.js"
import { type Subject, test } from "../Net/harness.js"
import { conversationsWith } from "./conversations.js"
import { nodeNet } from "./nodeNet.js"
import { programs, warmUp } from "./peers.js"

const subject: Subject = {
  name: process.platform === "win32" ? "iocp" : "epoll",
  layer: Net.layer,
  isSlow: process.env["EFFECT_IOCP_LANE"] === "wine"
}

beforeAll(warmUp)

for (const peer of [nodeNet, ...programs]) {
  const title = peer.absence === undefined ? peer.name : `${peer.name} (${peer.absence})`
  describe.skipIf(peer.absence !== undefined)(title, () => {
    for (const [topic, converse] of Object.entries(conversationsWith(false))) {
      test(subject, `as a client of our server: ${topic}`, () =>
        Effect.gen(function* () {
          const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
          const [ours, theirs] = yield* Effect.all([listener.accept, peer.connect(listener.address.port)], {
            concurrency: 2
          })
          yield* converse(ours, theirs)
        })
      )
    }

    for (const [topic, converse] of Object.entries(conversationsWith(peer.hangsUpAsServer))) {
      test(subject, `as a server of our client: ${topic}`, () =>
        Effect.gen(function* () {
          const server = yield* peer.listen
          const ours = yield* Net.connect({ host: "127.0.0.1", port: server.port })
          yield* converse(ours, yield* server.end)
        })
      )
    }
  })
}
