/**
 * The fiber that drives a proactor.
 *
 * Lifecycle. The fiber is forked into the proactor's scope and goes around this cycle until that scope closes:
 *
 *     Idle      nothing is in flight. The fiber sleeps and keeps nothing alive; the first submission wakes it.
 *     Polling   something is in flight. One batch is dequeued, without waiting.
 *     Running   the batch held completions. They are delivered, then the fibers they woke run. If the batch was large,
 *               more has come meanwhile: it polls again.
 *     Parked    the batch was empty, or small. The fiber sleeps until the system has something, or until what was in
 *               flight has been cancelled; the process stays alive. At first the thread does not sleep, where that pays
 *               (see `BusyPoll`).
 *
 * Nothing that a user wrote runs while a batch is being dequeued: `deliver` comes after it and only resumes fibers.
 * Those that the loop may run itself (see `ResumptionScheduler`) run when all of the batch is delivered, the others
 * when this fiber yields or parks. (To run each fiber right after its own completion was tried: with many connections it
 * is slower, because the processor goes to and fro between the code that receives and the code that answers.) After a
 * number of batches in a row the loop gives timers and other I/O their turn.
 *
 * The fiber itself runs in few steps: it is what a request costs on top when one comes at a time.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { BusyPoll } from "./BusyPoll.js"
import { collecting, resumedInBatches } from "./ResumptionScheduler.js"

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
  /** Dequeues one batch without waiting, and answers how much it held: 1 is a transfer of a stream. */
  readonly poll: () => number
  /** Tells the submitters of what the last batch completed. */
  readonly deliver: () => void
  /** Asks for one call of `wake` as soon as there is something to dequeue. Keeps the process alive until then. */
  readonly park: (wake: () => void) => void
  /** Takes a `park` back whose `wake` has not been called. */
  readonly unpark: () => void
  /**
   * After a batch that held at least so much it pays to poll once more before parking: the price of a poll that finds
   * nothing against that of being woken.
   */
  readonly largeBatch: number
  /** Whether it may be polled while parked, at little cost. */
  readonly isPolledWhileParked: boolean
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

/**
 * Forks the fiber into the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (source: CompletionSource): Effect.Effect<CompletionLoop, never, Scope.Scope> => {
  let wakeFromIdle: (() => void) | undefined
  let wakeFromPark: (() => void) | undefined
  let turnOfOthers: NodeJS.Immediate | undefined
  let batches = 0
  const busyPoll = new BusyPoll()

  const notify = () => {
    const wake = wakeFromIdle
    wakeFromIdle = undefined
    wake?.()
  }

  const relax = () => {
    if (wakeFromPark === undefined || source.hasWork()) return
    source.unpark()
    busyPoll.stop()
    wakeFromPark()
  }

  /** Whatever the fiber waits for, it forgets when it is interrupted. */
  const forget = Effect.sync(() => {
    wakeFromIdle = undefined
    if (wakeFromPark !== undefined) source.unpark()
    wakeFromPark = undefined
    busyPoll.stop()
    clearImmediate(turnOfOthers)
  })

  const deliver = () => source.deliver()

  const poll = () => source.poll()

  const turn: Effect.Effect<never> = Effect.suspend(() => (source.hasWork() ? after(poll()) : idle))

  const after = (held: number): Effect.Effect<never> => {
    busyPoll.noted(held)
    if (held > 0) collecting(deliver)
    if (held < source.largeBatch) return parked
    batches = (batches + 1) % BATCHES_PER_TURN
    return batches === 0 ? afterOthers : afterYield
  }

  const idle = Effect.async<never>((resume) => {
    if (source.hasWork()) resume(turn)
    else wakeFromIdle = () => resume(turn)
  })

  const parked = Effect.async<never>((resume) => {
    if (!source.hasWork()) return resume(idle)
    const goOn = (next: Effect.Effect<never>) => {
      wakeFromPark = undefined
      resume(next)
    }
    wakeFromPark = () => goOn(turn)
    // Woken by the system, and not by a fiber: this fiber may run at once.
    source.park(() => {
      busyPoll.found()
      collecting(() => goOn(turn))
    })
    if (!source.isPolledWhileParked) return
    busyPoll.begin(poll, (held) => {
      source.unpark()
      collecting(() => goOn(Effect.suspend(() => after(held))))
    })
  })

  /** Fibers that were resumed elsewhere run first. */
  const afterYield = Effect.flatMap(Effect.yieldNow(), () => turn)

  const afterOthers = Effect.async<never>((resume) => {
    turnOfOthers = setImmediate(() => collecting(() => resume(turn)))
  })

  const driving = Effect.onInterrupt(Effect.interruptible(turn), () => forget)
  return Effect.as(resumedInBatches(Effect.forkScoped(driving)), { notify, relax })
}
