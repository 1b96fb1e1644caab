/**
 * Connecting to a name that has several addresses: attempts that are started one after the other and race (RFC 8305).
 *
 *     the first address --delay passes, or it fails--> the second as well --...--> all are under way
 *            |                                              |
 *            +--one is connected: the others are cancelled, waited for, and closed--> it is the connection
 *            |
 *            +--all have failed--> the last failure, which tells of the others
 *            |
 *            +--an option is refused before the socket connects--> that failure; the others are cancelled
 *
 * No attempt is given up for being slow: a slow one may be the only one that arrives. The addresses are those of the
 * system's resolver, in its order (RFC 6724), except that the two versions of IP take turns (section 4). Asking for both
 * versions at once (section 3) is the resolver's: it answers when it has both. The delay is fixed, so the minimum of section 5
 * for one that is computed (100 ms) has nothing to bound; one that the program chooses has no maximum.
 *
 * A failure brings the next attempt forward, but no attempt is begun within 10 ms of the one before (section 5). The rule is
 * against congestion, so it does not count an attempt at a loopback address, which no network ever sees: it would make
 * every connection to "localhost" 10 ms later whose server has IPv4 only.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { format, type SocketAddress } from "../../Address/index.js"
import { isLoopback } from "../../Address/SocketAddress.js"
import { invalidArgument, type SocketError, type TimeoutError, withDetails } from "../../Errors/index.js"
import type { ProactorService } from "../../Proactor/Proactor.js"
import { type Connected, connectSocket } from "./ConnectAttempt.js"
import { type Deadline, timedOut, within } from "./Deadline.js"
import type { Prepare } from "./OptionsAtStart.js"
import type { Restore } from "./Parking.js"
import { Waiters } from "./Waiters.js"

/**
 * The Connection Attempt Delay of section 8: as recommended, and the least there may be.
 *
 * @internal
 */
export const ATTEMPT_DELAY = Duration.millis(250)
/** @internal */
export const LEAST_ATTEMPT_DELAY = Duration.millis(10)

const NANOS_PER_MILLI = 1_000_000

type Failure = SocketError | TimeoutError

/**
 * The two versions of IP by turns, beginning with that of the first address; each in its order.
 *
 * @internal
 */
export const interleaved = (addresses: ReadonlyArray<SocketAddress>): ReadonlyArray<SocketAddress> => {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family)
  const second = addresses.filter(({ family }) => family !== addresses[0]?.family)
  const turns = Array.from({ length: Math.max(first.length, second.length) }, (_, index) => index)
  return turns.flatMap((index) => [...first.slice(index, index + 1), ...second.slice(index, index + 1)])
}

/** The attempts of one connect, from the first to the end of all. */
class Race {
  private readonly proactor: ProactorService
  private readonly clock: Clock.Clock
  private readonly prepare: Prepare | undefined
  private readonly waiting: Array<SocketAddress>
  private readonly attempts: Array<Fiber.RuntimeFiber<void>> = []
  /** Nearly always one at most; the first is taken. */
  private readonly connected: Array<Connected> = []
  private readonly failures: Array<SocketError> = []
  private broken: Cause.Cause<Failure> | undefined
  private readonly waiters = new Waiters()
  private underWay = 0
  /** How many attempts have ended, in whichever way. */
  private ended = 0
  /** Whether the next attempt is not to wait any longer. */
  private isNextDue = true
  private latest: SocketAddress | undefined
  /** When a network has last seen an attempt begin, in nanoseconds of the clock. */
  private latestStart: bigint | undefined

  constructor(
    proactor: ProactorService,
    clock: Clock.Clock,
    addresses: ReadonlyArray<SocketAddress>,
    prepare: Prepare | undefined
  ) {
    this.proactor = proactor
    this.clock = clock
    this.prepare = prepare
    this.waiting = [...interleaved(addresses)]
  }

  /** To be run uninterruptibly, all but what `restore` is for: whoever is interrupted is left no socket. */
  run(
    delay: Duration.Duration,
    deadline: Deadline | undefined,
    restore: Restore
  ): Effect.Effect<Connected, Failure> {
    return Effect.flatMap(Effect.exit(restore(this.untilDecided(delay, deadline))), (exit) =>
      Effect.flatMap(Fiber.interruptAll(this.attempts), () => {
        const winner = Exit.isSuccess(exit) ? this.connected.shift() : undefined
        for (const { socket } of this.connected) socket.close()
        if (winner !== undefined) return Effect.succeed(winner)
        return Effect.zipRight(exit, Effect.fail(this.summary))
      })
    )
  }

  /** Until one is connected, all have failed, or the deadline has passed. */
  private untilDecided(
    delay: Duration.Duration,
    deadline: Deadline | undefined
  ): Effect.Effect<void, Failure> {
    return Effect.gen(this, function* () {
      for (;;) {
        if (this.broken !== undefined) return yield* Effect.failCause(this.broken)
        if (this.connected.length > 0) return
        if (deadline?.isExpired === true) return yield* Effect.fail(this.late(deadline))
        const isOver = this.underWay === 0 && this.waiting.length === 0
        if (isOver) return yield* Effect.fail(this.summary)
        const pause = this.pauseBeforeNext(delay)
        if (pause !== undefined && Duration.equals(pause, Duration.zero)) yield* this.startNext
        else yield* this.change(pause, this.ended, deadline)
      }
    })
  }

  /** How long the next attempt is to wait yet, unless something happens; `undefined`: there is no next one. */
  private pauseBeforeNext(delay: Duration.Duration): Duration.Duration | undefined {
    if (this.waiting.length === 0) return undefined
    if (!this.isNextDue) return delay
    if (this.latestStart === undefined) return Duration.zero
    const passed = Number(this.clock.unsafeCurrentTimeNanos() - this.latestStart) / NANOS_PER_MILLI
    // Whole milliseconds, as timers have; those may be a little early, and then this is asked again.
    return Duration.millis(Math.ceil(Math.max(0, Duration.toMillis(LEAST_ATTEMPT_DELAY) - passed)))
  }

  /** One step: an attempt is under way and known, or not begun. */
  private get startNext(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.isNextDue = false
      const address = this.waiting.shift()
      if (address === undefined) return Effect.void
      this.latest = address
      if (!isLoopback(address.host)) this.latestStart = this.clock.unsafeCurrentTimeNanos()
      this.underWay += 1
      return Effect.map(Effect.forkDaemon(this.attempt(address)), (fiber) => {
        this.attempts.push(fiber)
      })
    }).pipe(Effect.uninterruptible)
  }

  private attempt(address: SocketAddress): Effect.Effect<void> {
    const { prepare, proactor } = this
    let isRefused = false
    const noting: Prepare | undefined =
      prepare &&
      ((socket) =>
        Effect.tapErrorCause(prepare(socket), () =>
          Effect.sync(() => {
            isRefused = true
          })
        ))
    const connecting = connectSocket(proactor, address, noting, undefined, Effect.interruptible)
    return Effect.map(Effect.exit(connecting), (exit) => {
      this.underWay -= 1
      this.ended += 1
      if (Exit.isSuccess(exit)) this.connected.push({ socket: exit.value, address })
      else if (isRefused) this.broken ??= exit.cause
      else this.failed(exit.cause)
      this.waiters.wakeAll()
    })
  }

  private failed(cause: Cause.Cause<Failure>): void {
    const failure = Cause.failureOption(cause)
    // Without a deadline of its own an attempt is never late.
    if (Option.isSome(failure) && failure.value._tag !== "TimeoutError") this.failures.push(failure.value)
    else if (!Cause.isInterruptedOnly(cause)) this.broken = cause
    this.isNextDue = true
  }

  /** Waits for an outcome after those that were looked at, for the deadline, or until the pause has passed. */
  private change(
    pause: Duration.Duration | undefined,
    ended: number,
    deadline: Deadline | undefined
  ): Effect.Effect<void> {
    return within(pause, (turn) =>
      Effect.async<void>((resume) => {
        const wake = () => {
          forget()
          if (turn?.isExpired === true) this.isNextDue = true
          resume(Effect.void)
        }
        const forget = () => {
          this.waiters.remove(wake)
          turn?.offExpire(wake)
          deadline?.offExpire(wake)
        }
        // Something may have happened since it was looked at, and would not happen again.
        if (turn?.isExpired === true) return wake()
        if (this.ended !== ended || deadline?.isExpired === true) return resume(Effect.void)
        this.waiters.add(wake)
        turn?.onExpire(wake)
        deadline?.onExpire(wake)
        return Effect.sync(forget)
      })
    )
  }

  private late({ duration }: Deadline): TimeoutError {
    return timedOut("connect", duration, this.latest && format(this.latest))
  }

  /** The last failure, and which addresses failed before it. */
  private get summary(): SocketError {
    const last = this.failures.at(-1)
    if (last === undefined) return invalidArgument("connect", "no address to connect to")
    if (this.failures.length === 1) return last
    const tried = this.failures.map(({ address, codeName, reason }) => `${address} (${codeName ?? reason})`)
    return withDetails(last, { advice: `tried ${tried.join(", ")}` })
  }
}

/**
 * Connects to whichever of the addresses answers first. To be run uninterruptibly, like `connectSocket`.
 *
 * @internal
 */
export const connectAny = (
  proactor: ProactorService,
  addresses: ReadonlyArray<SocketAddress>,
  prepare: Prepare | undefined,
  delay: Duration.Duration,
  deadline: Deadline | undefined,
  restore: Restore
): Effect.Effect<Connected, Failure> =>
  Effect.suspend(() => {
    const [address, ...others] = addresses
    // Most often there is one, and nobody to race with.
    if (address !== undefined && others.length === 0) {
      const connecting = connectSocket(proactor, address, prepare, deadline, restore)
      return Effect.map(connecting, (socket) => ({ socket, address }))
    }
    return Effect.flatMap(Effect.clock, (clock) =>
      new Race(proactor, clock, addresses, prepare).run(delay, deadline, restore)
    )
  })
