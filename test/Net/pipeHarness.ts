/**
 * Connections over named pipes, for the tests of what is above them.
 */
import * as Effect from "effect/Effect"
import * as NamedPipe from "../../src/Net/NamedPipe.js"
import { freeName } from "../support/pipes.js"
import type { Subject } from "./harness.js"

/** A listener on a pipe and one connection to it. */
export const pipePair = Effect.gen(function* () {
  const name = freeName()
  const listener = yield* NamedPipe.listen({ name })
  const [client, server] = yield* Effect.all([NamedPipe.connect({ name }), listener.accept], {
    concurrency: 2
  })
  return { name, listener, client, server }
})

/** The same in message mode. */
export const messagePair = Effect.gen(function* () {
  const name = freeName()
  const listener = yield* NamedPipe.listen({ name, mode: "message" })
  const [client, server] = yield* Effect.all(
    [NamedPipe.connect({ name, mode: "message" }), listener.accept],
    { concurrency: 2 }
  )
  return { name, listener, client, server }
})

/** The subject with pipes in the place of TCP's sockets. */
export const overPipes = (subject: Subject): Subject => ({ ...subject, pair: pipePair, hasHalves: false })
