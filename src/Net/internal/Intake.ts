/**
 * An intake: what one kind of operation brings in, kept until somebody takes it.
 *
 * It is the reading half of a connection (bytes), and the queue of a listener (accepted connections). It exists so
 * that interruption loses nothing: what the kernel hands over lands in the intake first, whoever asked for it, and is
 * taken in one step (see `Atomic`). A reader that was interrupted took nothing; what came too late for it is there
 * for the next one.
 *
 * Lifecycle of one `consume`:
 *
 *     ready? --yes--> take (one step) --------------------------> the caller has it
 *       |no              |somebody was faster: start over
 *     submit --over at once--> land --> ready? ...
 *       |in flight
 *     wait --retired--> land --> wake every waiter --> start over
 *       |interrupted or past the deadline, and nobody else waits:
 *     cancel --> wait for the retirement, uninterruptibly --> land, if it completed all the same
 *
 * The operation belongs to the intake, not to the fiber that submitted it. So two readers never submit twice, and a
 * fiber that vanished between submitting and waiting leaves an operation that the next reader finds in flight.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as RuntimeFlags from "effect/RuntimeFlags"
import { type SocketError, withDetails } from "../../Errors/index.js"
import type { AnyOperation } from "../../Proactor/Operation.js"
import type { ProactorSocket } from "../../Proactor/Proactor.js"
import { orElseAgain } from "./Atomic.js"
import type { Deadline } from "./Deadline.js"
import { type Parking, parking } from "./Parking.js"
import { Waiters } from "./Waiters.js"

/**
 * What a consumer wants of an intake.
 *
 * @internal
 */
export interface Demand<A> {
  /** Whether `take` would find something. Fails with what is wrong with what is there. */
  readonly ready: () => boolean | SocketError
  /** Takes it, in one step; gives up (see `Atomic`) if it is gone. */
  readonly take: () => A
}

/** @internal */
export interface IntakeOptions<Op extends AnyOperation> {
  readonly socket: ProactorSocket
  readonly operation: Op
  /** Puts the outcome of a success where `ready` and `take` find it. */
  readonly land: (operation: Op) => void
  /** What the program asked for, and of whom: failures are told in these words. */
  readonly asked: { readonly operation: string; readonly address: string }
  /** Whether no further operation can bring anything in: every later `consume` then fails with this. */
  readonly isFinal: (failure: SocketError) => boolean
}

const isLate = (deadline: Deadline | undefined): boolean => deadline?.isExpired === true

/** Taking ends the deadline, in the same step. */
const cancelling =
  <A>(deadline: Deadline, take: () => A): (() => A) =>
  () => {
    const taken = take()
    deadline.cancel()
    return taken
  }

/** @internal */
export class Intake<Op extends AnyOperation> {
  private readonly socket: ProactorSocket
  private readonly operation: Op
  private readonly land: (operation: Op) => void
  private readonly asked: { readonly operation: string; readonly address: string }
  private readonly isFinal: (failure: SocketError) => boolean
  private readonly waiters = new Waiters()
  private readonly draining = new Waiters()
  /** A failure that the next consumer is to be told of, once. */
  private failure: SocketError | undefined
  /** A failure that every consumer is told of, once what came before it is taken. */
  private ending: SocketError | undefined
  /** Set when this side closed the intake: what is in it is nobody's any more. */
  private closing: SocketError | undefined

  constructor(options: IntakeOptions<Op>) {
    this.socket = options.socket
    this.operation = options.operation
    this.land = options.land
    this.asked = options.asked
    this.isFinal = options.isFinal
    this.operation.onRetired = () => this.retired()
  }

  get isInFlight(): boolean {
    return this.operation.isInFlight
  }

  /**
   * Waits until the demand is met, and takes. With a deadline, `late` is what happens when it passes first.
   *
   * The effect may be run again and again, as long as the demand is good for it: what it is made of is made once.
   */
  consume<A, E = never>(
    demand: Demand<A>,
    deadline?: Deadline,
    late?: () => Effect.Effect<never, E>
  ): Effect.Effect<A, SocketError | E> {
    const takeNow = Effect.sync(deadline === undefined ? demand.take : cancelling(deadline, demand.take))
    const woken = () => (demand.ready() === true ? takeNow : again)
    const thenTake = (wait: Effect.Effect<void>) => orElseAgain(Effect.flatMap(wait, woken), again)
    const again: Effect.Effect<A, SocketError | E> = Effect.withFiberRuntime((_, { runtimeFlags }) => {
      const ready = this.gather(demand)
      if (ready === true) return take
      if (ready === false && !isLate(deadline)) {
        return RuntimeFlags.interruptible(runtimeFlags) ? parkAndTake : waitAndTake
      }
      deadline?.cancel()
      if (ready !== false) return Effect.fail(ready)
      return late === undefined ? Effect.never : late()
    })
    const take = orElseAgain(takeNow, again)
    const waiting = deadline === undefined ? this.parked : this.parkedUntil(deadline)
    const parkAndTake = thenTake(waiting.guarded)
    const waitAndTake = thenTake(waiting.plain)
    return again
  }

  /** Submits until the demand is met (`true`), cannot be met any more (the error), or has to wait (`false`). */
  private gather<A>(demand: Demand<A>): boolean | SocketError {
    for (;;) {
      if (this.closing !== undefined) return this.closing
      const ready = demand.ready()
      if (ready !== false) return ready
      const failure = this.ending ?? this.failure
      this.failure = undefined
      if (failure !== undefined) return failure
      if (this.operation.isInFlight || !this.socket.submit(this.operation)) return false
      this.settle()
    }
  }

  /** Closes the intake: consumers fail with `closing` from now on, those who wait too. */
  close(closing: SocketError): void {
    this.closing ??= closing
    this.socket.cancel(this.operation)
    this.waiters.wakeAll()
  }

  /** Calls back once nothing is in flight. */
  whenDrained(drained: () => void): void {
    if (this.operation.isInFlight) this.draining.add(drained)
    else drained()
  }

  /** Waits for the operation in flight, or for the deadline. */
  private parkedUntil(deadline: Deadline): Parking {
    const parked = Effect.async<void>((resume) => {
      // Either may have come in the steps since the demand was looked at, and would not come again.
      if (!this.operation.isInFlight) return resume(Effect.void)
      if (deadline.isExpired) return resume(this.withdraw)
      const wake = () => {
        this.waiters.remove(wake)
        deadline.offExpire(wake)
        resume(deadline.isExpired ? this.withdraw : Effect.void)
      }
      this.waiters.add(wake)
      deadline.onExpire(wake)
      return Effect.suspend(() => {
        this.waiters.remove(wake)
        deadline.offExpire(wake)
        deadline.cancel()
        return this.withdraw
      })
    })
    return { guarded: parked, plain: parked }
  }

  /** Cancels the operation, unless somebody else waits for it, and waits until it has retired. */
  private readonly withdraw: Effect.Effect<void> = Effect.suspend(() => {
    if (!this.waiters.isEmpty || !this.operation.isInFlight) return Effect.void
    this.socket.cancel(this.operation)
    return this.drained
  })

  /** Waits for the operation in flight. */
  private readonly parked = parking(this.waiters, () => !this.operation.isInFlight, this.withdraw)

  private get drained(): Effect.Effect<void> {
    return Effect.uninterruptible(Effect.async<void>((resume) => this.whenDrained(() => resume(Effect.void))))
  }

  private retired(): void {
    this.settle()
    this.waiters.wakeAll()
    this.draining.wakeAll()
  }

  private settle(): void {
    const { failure } = this.operation
    if (failure === undefined) this.land(this.operation)
    else if (failure.reason === "Cancelled") return
    else if (this.isFinal(failure)) this.ending ??= withDetails(failure, this.asked)
    else this.failure = withDetails(failure, this.asked)
  }
}
