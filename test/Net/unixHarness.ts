/**
 * Connections over Unix sockets, for the tests of what is above them.
 */
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Unix from "../../src/Net/Unix.js"
import { temporaryFolder } from "../support/folder.js"
import type { Subject } from "./harness.js"

/** A path at which nothing is. */
export const freePath = Effect.map(temporaryFolder, (folder) => join(folder, "s"))

/** A listener at a path and one connection to it. */
export const unixPair = Effect.gen(function* () {
  const path = yield* freePath
  const listener = yield* Unix.listen({ path })
  const [client, server] = yield* Effect.all([Unix.connect({ path }), listener.accept], { concurrency: 2 })
  return { path, listener, client, server }
})

/** The subject with Unix sockets in the place of TCP's. */
export const overUnix = (subject: Subject): Subject => ({ ...subject, pair: unixPair })
