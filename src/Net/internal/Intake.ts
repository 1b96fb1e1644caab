/**
 * An intake: what one kind of operation brings in, kept until somebody takes it.
 *
 * It is the reading half of a connection (bytes) or of a datagram socket, and the queue of a listener (accepted
 * connections). It exists so that interruption loses nothing: what the kernel hands over lands in the intake first,
 * whoever asked for it, and is taken in one step (see `Atomic`). A reader that was interrupted took nothing; what came
 * too late for it is there for the next one.
 *
 * Lifecycle of one `consume`:
 *
 *     ready? --yes--> take (one step) --------------------------> the caller has it
 *       |no              |somebody was faster: start over
 *     submit --over at once--> land --> ready? ...
 *       |in flight
 *     wait --retired--> land --> wake every waiter --> ready? ...
 *       |interrupted or past the deadline, and nobody else waits:
 *     cancel --> wait for the retirement, uninterruptibly --> land, if it completed all the same
 *
 * The fiber that a server has for a connection is spared the last of these: when it is interrupted the connection is
 * closed, and closing cancels. (A fiber of its own that it starts, to race a read say, is not spared.)
 *
 * The operation belongs to the intake, not to the fiber that submitted it. So two readers never submit twice, and a
 * fiber that vanished between submitting and waiting leaves an operation that the next reader finds in flight.
 *
 * A server has an intake for every connection it holds, so an idle one is to be small: what only few need is made when
 * it is needed.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Option from "effect/Option"
import * as RuntimeFlags from "effect/RuntimeFlags"
import type { SocketError } from "../../Errors/index.js"
import type { Operation } from "../../Proactor/Operation.js"
import type { ProactorHandle } from "../../Proactor/Proactor.js"
import { isGone } from "./Atomic.js"
import { Deadline } from "./Deadline.js"
import type { Half } from "./Lifetime.js"
import { guarded, thisFiber, type WaitingRoom, waitGuarded, waitThen } from "./Parking.js"
import type { Source } from "./Pulling.js"
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

/**
 * The same demand, and something else made of what is taken, in the same step.
 *
 * @internal
 */
export const mapDemand = <A, B>(demand: Demand<A>, f: (taken: A) => B): Demand<B> => ({
  ready: () => demand.ready(),
  take: () => f(demand.take())
})

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
export abstract class Intake<Op extends Operation> implements Half, WaitingRoom {
  private readonly socket: ProactorHandle<Op>
  private readonly operation: Op
  readonly waiters = new Waiters()
  private draining: Waiters | undefined
  /** A failure that the next consumer is to be told of, once. */
  private failure: SocketError | undefined
  /** A failure that every consumer is told of, once what came before it is taken. */
  private ending: SocketError | undefined
  /** Set when this side closed the intake: what is in it is nobody's any more. Makes the error, if anybody asks. */
  private closing: (() => SocketError) | undefined

  /** The operation is to call `retired`. */
  constructor(socket: ProactorHandle<Op>, operation: Op) {
    this.socket = socket
    this.operation = operation
  }

  /**
   * Whether the operation is to be cancelled when this fiber is interrupted while it waits. Not if the intake is closed
   * then anyway, as it is for the fiber that serves a connection.
   */
  protected needsGuard(_fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean {
    return true
  }

  /** Puts the outcome of a success where `ready` and `take` find it. */
  protected abstract land(operation: Op): void
  /** Whether no further operation can bring anything in: every later `consume` then fails with this. */
  protected abstract isFinal(failure: SocketError): boolean
  /** The failure in the words of what the program asked for, and of whom. */
  protected abstract told(failure: SocketError): SocketError

  get isInFlight(): boolean {
    return this.operation.isInFlight
  }

  /**
   * Waits until the demand is met, and takes. With a timeout, `late` is what happens when it passes first.
   *
   * The effect may be run again and again, as long as the demand is good for it: what it is made of is made once, or with a
   * timeout once for each run.
   */
  consume<A, E = never>(
    demand: Demand<A>,
    timeout?: Duration.DurationInput,
    late?: () => Effect.Effect<never, E>
  ): Effect.Effect<A, SocketError | E> {
    return timeout === undefined
      ? this.consumeBefore(demand)
      : Effect.suspend(() => this.consumeBefore(demand, Deadline.after(timeout), late))
  }

  private consumeBefore<A, E = never>(
    demand: Demand<A>,
    deadline?: Deadline,
    late?: () => Effect.Effect<never, E>
  ): Effect.Effect<A, SocketError | E> {
    const takeNow = Effect.sync(
      deadline === undefined ? () => demand.take() : cancelling(deadline, () => demand.take())
    )
    const again: Effect.Effect<A, SocketError | E> = Effect.withFiberRuntime((fiber, { runtimeFlags }) => {
      const ready = this.gather(demand)
      if (ready === true) return Effect.catchAllCause(takeNow, unlessGone)
      if (ready === false && !isLate(deadline)) {
        if (deadline !== undefined) return thenTake(this.waitUntil(deadline))
        if (RuntimeFlags.interruptible(runtimeFlags) && this.needsGuard(fiber)) {
          guardAndTake ??= thenTake(waitGuarded(this, () => this.withdraw))
          return guardAndTake
        }
        waitAndTake ??= Effect.catchAllCause(waitThen(this, woken), unlessGone)
        return waitAndTake
      }
      deadline?.cancel()
      if (ready !== false) return Effect.fail(ready)
      return late === undefined ? Effect.never : late()
    })
    const unlessGone = (cause: Cause.Cause<SocketError | E>): Effect.Effect<A, SocketError | E> =>
      isGone(cause) ? again : Effect.failCause(cause)
    const woken = () => (demand.ready() === true ? takeNow : again)
    const thenTake = (waiting: Effect.Effect<void>) =>
      Effect.catchAllCause(Effect.flatMap(waiting, woken), unlessGone)
    /** Made when they are first needed. */
    let waitAndTake: typeof again | undefined
    let guardAndTake: typeof again | undefined
    return again
  }

  /**
   * For a stream: what it waits for is the demand, and it takes by itself. With a timeout, each wait has that long; one that
   * finds what it waited for gone begins anew.
   */
  source<A, E = never>(
    demand: Demand<Option.Option<A>>,
    timeout?: Duration.DurationInput,
    late?: () => Effect.Effect<never, E>
  ): Source<A, SocketError | E> {
    const waiting = { ready: () => demand.ready(), take: () => {} }
    return { ready: this.consume(waiting, timeout, late), take: () => demand.take() }
  }

  /**
   * For a consumer that is no fiber: whether the demand is met now (`true`: take), cannot be met any more (the error), or
   * has to wait (`false`: `wake` is called once, when it is worth asking again). `waiters.remove(wake)` takes it back.
   */
  pollFor(demand: Demand<unknown>, wake: () => void): boolean | SocketError {
    const ready = this.gather(demand)
    if (ready === false) this.waiters.add(wake)
    return ready
  }

  /** The next consumer is told of this, once: what came is not what it asks for. */
  protected reject(failure: SocketError): void {
    this.failure = failure
  }

  /** Closes the intake: consumers fail with `closing` from now on, those who wait too. */
  protected closeWith(closing: () => SocketError): void {
    this.closing ??= closing
    this.socket.cancel(this.operation)
    this.waiters.wakeAll()
  }

  abstract close(why?: (operation: string) => SocketError): void

  /** Calls back once nothing is in flight, for who closes. */
  whenDrained(drained: () => void): void {
    this.whenRetired(drained)
  }

  private whenRetired(retired: () => void): void {
    if (this.operation.isInFlight) {
      this.draining ??= new Waiters()
      this.draining.add(retired)
    } else retired()
  }

  /** Submits until the demand is met (`true`), cannot be met any more (the error), or has to wait (`false`). */
  private gather<A>(demand: Demand<A>): boolean | SocketError {
    for (;;) {
      if (this.closing !== undefined) return this.closing()
      const ready = demand.ready()
      if (ready !== false) return ready
      const failure = this.ending ?? this.failure
      this.failure = undefined
      if (failure !== undefined) return failure
      if (this.operation.isInFlight || !this.socket.submit(this.operation)) return false
      this.settle()
    }
  }

  /** Waits for the operation in flight, or for the deadline, whose clock starts with the first wait. */
  private waitUntil(deadline: Deadline): Effect.Effect<void> {
    return Effect.uninterruptibleMask((restore) => {
      let wake = () => {}
      const forget = () => {
        this.waiters.remove(wake)
        deadline.offExpire(wake)
      }
      const waiting = Effect.async<void>((resume) => {
        // It may have retired in the steps since the demand was looked at, and would not again.
        if (!this.operation.isInFlight) return resume(Effect.void)
        deadline.begin(thisFiber())
        if (deadline.isExpired) return resume(this.withdraw)
        wake = () => {
          forget()
          resume(deadline.isExpired ? this.withdraw : Effect.void)
        }
        this.waiters.add(wake)
        deadline.onExpire(wake)
      })
      return guarded(restore, waiting, () => {
        forget()
        deadline.cancel()
        return this.withdraw
      })
    })
  }

  /** Cancels the operation, unless somebody else waits for it, and waits until it has retired. */
  private get withdraw(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!this.waiters.isEmpty || !this.operation.isInFlight) return Effect.void
      this.socket.cancel(this.operation)
      return Effect.uninterruptible(
        Effect.async<void>((resume) => this.whenRetired(() => resume(Effect.void)))
      )
    })
  }

  /** To be called by the operation when it retires. */
  retired(): void {
    this.settle()
    this.waiters.wakeAll()
    this.draining?.wakeAll()
  }

  private settle(): void {
    const { failure } = this.operation
    if (failure === undefined) this.land(this.operation)
    else if (failure.reason === "Cancelled") return
    else if (this.isFinal(failure)) this.ending ??= this.told(failure)
    else this.failure = this.told(failure)
  }
}
