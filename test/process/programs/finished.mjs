/**
 * A program whose work is done: nothing in it calls process.exit.
 *
 *   scopes     everything was closed
 *   runtime    the service is still open
 *   sockets    the service, a listener and both ends of a connection are still open, and nobody waits for them
 *   futures    like sockets, and waits that were under way have been cancelled
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as Net from "effect-iocp/Net"
import { pair, talk } from "./talk.mjs"

const scopes = () => Effect.runPromise(Effect.scoped(talk).pipe(Effect.provide(Net.layer)))

const runtime = () => ManagedRuntime.make(Net.layer).runPromise(Effect.scoped(talk))

/** In a scope that nobody closes. */
const leftOpen = (effect) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(Net.layer, scope)
      return yield* effect.pipe(Effect.provide(context), Effect.provideService(Scope.Scope, scope))
    })
  )

const sockets = () => leftOpen(talk)

const futures = () =>
  leftOpen(
    Effect.gen(function* () {
      const { client, listener, server } = yield* pair
      const waits = yield* Effect.all([
        Net.Future.asyncRead(client),
        Net.Future.asyncRead(server),
        Net.Future.asyncAccept(listener)
      ])
      yield* Effect.sleep("100 millis")
      yield* Effect.forEach(waits, (future) => future.cancel, { discard: true })
      return "cancelled"
    })
  )

const programs = { scopes, runtime, sockets, futures }

console.log(`done: ${await programs[process.argv[2]]()}`)
