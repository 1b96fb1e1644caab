/**
 * `select`: the first of several effects.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/**
 * Runs the effects side by side, and ends as the first that ends does, well or not. The others are interrupted, and
 * `select` waits until they are.
 *
 * The losers lose nothing: a read that loses has taken no byte, an accept no connection. That is what `Effect.race`
 * cannot promise: there a loser may complete in the moment between the winner's end and its own interruption, and
 * what it took is dropped. Here the losers are interrupted in the very step in which the winner ends.
 *
 * What an effect did before it lost stays done: of several reads in a row, those that were over; of a write, what
 * had been sent.
 *
 * @example
 * import { Net } from "effect-iocp"
 * import { Effect } from "effect"
 *
 * const firstOf = (a: Net.Connection, b: Net.Connection) =>
 *   Net.select([
 *     Effect.map(a.read, (bytes) => ({ from: "a", bytes })),
 *     Effect.map(b.read, (bytes) => ({ from: "b", bytes }))
 *   ])
 *
 * @since 0.1.0
 * @category combinators
 */
export function select<A, E, R, A2, E2, R2>(
  effects: readonly [Effect.Effect<A, E, R>, Effect.Effect<A2, E2, R2>]
): Effect.Effect<A | A2, E | E2, R | R2>
export function select<A, E, R, A2, E2, R2, A3, E3, R3>(
  effects: readonly [Effect.Effect<A, E, R>, Effect.Effect<A2, E2, R2>, Effect.Effect<A3, E3, R3>]
): Effect.Effect<A | A2 | A3, E | E2 | E3, R | R2 | R3>
export function select<A, E, R>(
  effects: Arr.NonEmptyReadonlyArray<Effect.Effect<A, E, R>>
): Effect.Effect<A, E, R>
export function select<A, E, R>(
  effects: Arr.NonEmptyReadonlyArray<Effect.Effect<A, E, R>>
): Effect.Effect<A, E, R> {
  return Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      // Nobody starts before everybody is watched.
      const start = Effect.unsafeMakeLatch(false)
      const fork = (effect: Effect.Effect<A, E, R>) => Effect.fork(restore(start.whenOpen(effect)))
      return Effect.flatMap(Effect.forEach(effects, fork), (fibers) =>
        Effect.flatMap(Effect.exit(restore(firstExit(fibers, start))), (first) =>
          Effect.zipRight(Fiber.interruptAll(fibers), Exit.flatten(first))
        )
      )
    })
  )
}

/** How the first fiber ended. The others are interrupted before any of them runs again. */
const firstExit = <A, E>(
  fibers: ReadonlyArray<Fiber.RuntimeFiber<A, E>>,
  start: Effect.Latch
): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.async<Exit.Exit<A, E>>((resume) => {
    let isDecided = false
    const decide = (winner: Fiber.RuntimeFiber<A, E> | undefined) => {
      isDecided = true
      for (const fiber of fibers) if (fiber !== winner) fiber.unsafeInterruptAsFork(FiberId.none)
    }
    for (const fiber of fibers) {
      fiber.addObserver((exit) => {
        if (isDecided) return
        decide(fiber)
        resume(Effect.succeed(exit))
      })
    }
    start.unsafeOpen()
    return Effect.sync(() => {
      if (!isDecided) decide(undefined)
    })
  })
