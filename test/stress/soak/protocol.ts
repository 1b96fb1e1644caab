/**
 * What a client of the soak asks of its server: eight bytes, a kind and a length. The server of all conversations
 * knows five kinds; between them they use both halves of a connection in every way that there is.
 */
import * as Effect from "effect/Effect"
import { ConnectionError, type SocketError } from "../../../src/Errors/index.js"
import type * as Net from "../../../src/Net/index.js"
import { isPattern, pattern } from "./random.js"

const kinds = ["echo", "stream", "count", "reset", "stall"] as const

/**
 * - `echo`: everything comes back, until the client ends its half.
 * - `stream`: `length` bytes of the pattern come, then the end.
 * - `count`: once the client has ended its half, the number of bytes comes, in a line.
 * - `reset`: the server resets the connection.
 * - `stall`: like `count`, but for a while the server reads nothing.
 */
export type Kind = (typeof kinds)[number]

const HEADER_BYTES = 8

/** Something that the protocol rules out: a byte lost, repeated or out of place. */
export class Broken extends Error {
  readonly _tag = "Broken"
}

export const broken = (what: string): Effect.Effect<never, Broken> =>
  Effect.suspend(() => Effect.fail(new Broken(what)))

export const request = (kind: Kind, length = 0): Uint8Array => {
  const header = new DataView(new ArrayBuffer(HEADER_BYTES))
  header.setUint32(0, kinds.indexOf(kind), true)
  header.setUint32(4, length, true)
  return new Uint8Array(header.buffer)
}

/** Reads until the end of the stream what must be the pattern, and answers how many bytes it was. */
export const readPattern = (
  connection: Net.Connection,
  from = 0
): Effect.Effect<number, SocketError | Broken> =>
  Effect.gen(function* () {
    for (let position = from; ; ) {
      const chunk = yield* connection.read
      if (chunk.length === 0) return position
      if (!isPattern(chunk, position)) return yield* broken(`other bytes than were sent, from ${position} on`)
      position += chunk.length
    }
  })

const echo = (connection: Net.Connection) =>
  Effect.gen(function* () {
    for (;;) {
      const chunk = yield* connection.read
      if (chunk.length === 0) return
      yield* connection.writeAll(chunk)
    }
  })

const count = (connection: Net.Connection) =>
  Effect.flatMap(readPattern(connection), (total) => connection.writeString(`${total}\n`))

const answer = (connection: Net.Connection, kind: Kind, length: number) => {
  switch (kind) {
    case "echo":
      return echo(connection)
    case "stream":
      return connection.writeAll(pattern(length))
    case "count":
      return count(connection)
    case "reset":
      return connection.abort
    case "stall":
      return Effect.zipRight(Effect.sleep("20 millis"), count(connection))
  }
}

/** Serves one connection. A client that is gone before it has asked is no failure. */
export const serveOne = (connection: Net.Connection): Effect.Effect<void, SocketError | Broken> =>
  Effect.gen(function* () {
    const header = new Uint8Array(HEADER_BYTES)
    for (let got = 0; got < HEADER_BYTES; ) {
      const chunk = yield* connection.readWith({ maxBytes: HEADER_BYTES - got })
      if (chunk.length === 0) return
      header.set(chunk, got)
      got += chunk.length
    }
    yield* connection.established
    const view = new DataView(header.buffer)
    const kind = kinds[view.getUint32(0, true)]
    if (kind === undefined) return yield* broken("a request that no client sent")
    yield* answer(connection, kind, view.getUint32(4, true))
  }).pipe(
    // No read above has a deadline.
    Effect.catchTag("TimeoutError", (late) => broken(late.message))
  )

const reasonsOfTheGone: ReadonlySet<string> = new Set(["Reset", "Aborted", "NotConnected"])

/** Whether a failure only says that the other side is gone. */
export const isGone = (failure: unknown): boolean =>
  failure instanceof ConnectionError && reasonsOfTheGone.has(failure.reason)
