/**
 * Streams that take an element in the very step in which they hand it to the stage that asked for it.
 *
 *     Waiting --ready--> take --> handed on, without a step of the fiber in between
 *        ^                 |
 *        +--somebody was faster
 *
 * `Stream.repeatEffect` runs an effect and then maps its value several times over; a fiber that is interrupted at one of those
 * steps drops what was taken. Here the effect only waits, and the channel itself takes: it goes on from there to the stage that
 * reads from it in the same call. What that stage makes of the element is Effect's (see `Streams`).
 *
 * There is one step of the fiber for every element at least, so a source that never runs dry leaves others their turn.
 *
 * @since 0.1.0
 */
import * as Channel from "effect/Channel"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { isGone, unlessGone } from "./Atomic.js"

/**
 * Where elements come from, for one who asks for them one after the other.
 *
 * @internal
 */
export interface Source<out A, out E = never, out R = never> {
  /** Waits until there is something to take, and takes nothing. Is run again for each element. */
  readonly ready: Effect.Effect<void, E, R>
  /** Takes it, in one step; none at the end. Gives up (see `Atomic`) if somebody was faster. */
  readonly take: () => Option.Option<A>
}

/**
 * Every element of the source until its end, each taken when it is asked for. Each run of the stream has a source of its own.
 *
 * @internal
 */
export const pulled = <A, E, R>(source: () => Source<A, E, R>): Stream.Stream<A, E, R> =>
  Stream.suspend(() => {
    const { ready, take } = source()
    type Elements = Channel.Channel<Chunk.Chunk<A>, unknown, E, unknown, void, unknown, R>
    const taking: Elements = Channel.suspend(() => {
      const taken = unlessGone(take)
      if (taken === undefined) return next
      return Option.isNone(taken)
        ? Channel.void
        : Channel.flatMap(Channel.write(Chunk.of(taken.value)), () => next)
    })
    const next: Elements = Channel.flatMap(Channel.fromEffect(ready), () => taking)
    return Stream.fromChannel(next)
  })

/**
 * The next element of the source, taken in the last step; none at the end.
 *
 * @internal
 */
export const takeOne = <A, E, R>({ ready, take }: Source<A, E, R>): Effect.Effect<Option.Option<A>, E, R> => {
  const again: Effect.Effect<Option.Option<A>, E, R> = Effect.flatMap(ready, () => taking)
  const taking = Effect.catchAllCause(Effect.sync(take), (cause) =>
    isGone(cause) ? again : Effect.failCause(cause)
  )
  return again
}
