/**
 * The fiber that drives a proactor.
 *
 * Lifecycle. The fiber is forked into the proactor's scope and goes around this cycle until that scope closes:
 *
 *     Idle      nothing is in flight. The fiber sleeps and keeps nothing alive; the first submission wakes it.
 *     Polling   something is in flight. One batch is dequeued, without waiting.
 *     Running   the batch held completions. They are delivered, then the fibers they woke run, then it polls again.
 *     Parked    the batch was empty. The fiber sleeps until the system has something, or until what was in flight has
 *               been cancelled; the process stays alive.
 *
 * Nothing that a user wrote runs while a batch is being dequeued: `deliver` comes after it and only resumes fibers.
 * Those that the loop may run itself (see `ResumptionScheduler`) run when all of the batch is delivered, the others
 * when this fiber yields. (To run each fiber right after its own completion was tried: with many connections it is
 * slower, because the processor goes to and fro between the code that receives and the code that answers.) After a
 * number of batches in a row the loop gives timers and other I/O their turn.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { collecting } from "./ResumptionScheduler.js"

/** So many batches are delivered in a row before timers and other I/O get a turn. */
const BATCHES_PER_TURN = 16

/**
 * What a proactor gives the loop to drive.
 *
 * @since 0.1.0
 * @category models
 */
export interface CompletionSource {
  /** Whether any operation is in flight. */
  readonly hasWork: () => boolean
  /** Dequeues one batch without waiting, and answers how many events it held. */
  readonly poll: () => number
  /** Tells the submitters of what the last batch completed. */
  readonly deliver: () => void
  /** Asks for one call of `wake` as soon as there is something to dequeue. Keeps the process alive until then. */
  readonly park: (wake: () => void) => void
  /** Takes a `park` back whose `wake` has not been called. */
  readonly unpark: () => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CompletionLoop {
  /** To be called when an operation went in flight: wakes the loop if it is idle. */
  readonly notify: () => void
  /** To be called when an operation retired by other ways than this loop: a loop with nothing left to wait for goes idle. */
  readonly relax: () => void
}

const turnOfOthers = Effect.async<void>((resume) => {
  const handle = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(handle))
})

/**
 * Forks the fiber into the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (source: CompletionSource): Effect.Effect<CompletionLoop, never, Scope.Scope> => {
  let wakeFromIdle: (() => void) | undefined
  let wakeFromPark: (() => void) | undefined
  let batches = 0

  const notify = () => {
    const wake = wakeFromIdle
    wakeFromIdle = undefined
    wake?.()
  }

  const relax = () => {
    if (wakeFromPark === undefined || source.hasWork()) return
    source.unpark()
    wakeFromPark()
  }

  const idle = Effect.async<void>((resume) => {
    if (source.hasWork()) return resume(Effect.void)
    wakeFromIdle = () => resume(Effect.void)
    return Effect.sync(() => {
      wakeFromIdle = undefined
    })
  })

  const parked = Effect.async<void>((resume) => {
    wakeFromPark = () => {
      wakeFromPark = undefined
      resume(Effect.void)
    }
    source.park(wakeFromPark)
    return Effect.sync(() => {
      wakeFromPark = undefined
      source.unpark()
    })
  })

  const deliver = () => source.deliver()

  const turn = Effect.suspend(() => {
    if (!source.hasWork()) return idle
    if (source.poll() === 0) return parked
    collecting(deliver)
    batches = (batches + 1) % BATCHES_PER_TURN
    // `forever` yields between two turns: the fibers that were just resumed run before the next poll.
    return batches === 0 ? turnOfOthers : Effect.void
  })

  return Effect.as(Effect.forkScoped(Effect.interruptible(Effect.forever(turn))), { notify, relax })
}
