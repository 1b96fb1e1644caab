/**
 * What the snippets of README.md stand in: an open connection, a listener and some bytes.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "../../src/Net/index.js"

export interface Given {
  readonly connection: Net.Connection
  readonly listener: Net.Listener
  readonly bytes: Uint8Array
}

export type Snippet = (given: Given) => Effect.Effect<unknown, unknown, Net.Net | Scope.Scope>

/** What the peer of `connection` sends: enough for every snippet. It ends the stream after that. */
const TEXT = "one\ntwo\nthree\n"

/** Runs a snippet with an open connection, whose peer has sent some lines and reads what comes. */
export const runSnippet = (snippet: Snippet) =>
  Effect.gen(function* () {
    const bytes = new TextEncoder().encode(TEXT)
    const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
    const connection = yield* Net.connect(listener.address)
    const peer = yield* listener.accept
    yield* peer.writeAll(bytes)
    yield* peer.shutdown("write")
    yield* snippet({ bytes, connection, listener })
  }).pipe(Effect.scoped, Effect.provide(Net.layer))
