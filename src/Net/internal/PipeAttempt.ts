/**
 * Connecting to a named pipe: attempts, until one of the instances has no client.
 *
 *     attempt --connected--> done
 *       ^  |
 *       |  +--every instance has a client--> pause, twice as long as the last one --+
 *       |                                                                           |
 *       +---------------------------------------------------------------------------+
 *
 * Windows has a call that waits for an instance, but it holds a thread, and does not keep the instance for who waited: another
 * client may have it by then. So nothing is waited for here but time.
 *
 * An attempt itself cannot be stopped. Where it takes its time, to reach another machine, it is left to end by itself; the
 * connection that it may bring is closed then.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { format, type PipeAddress } from "../../Address/index.js"
import type { SocketError, TimeoutError } from "../../Errors/index.js"
import { isBusy } from "../../Proactor/NamedPipe.js"
import { ended, holdsBefore, holdsWithin } from "./Condition.js"
import { type Deadline, timedOut } from "./Deadline.js"
import type { Mortal } from "./Lifetime.js"
import type { Restore } from "./Parking.js"

const FIRST_PAUSE = Duration.millis(1)
const LONGEST_PAUSE = Duration.millis(32)

/**
 * Runs attempts until one succeeds, or fails for another reason than that every instance has a client. To be run
 * uninterruptibly: only the waiting is as interruptible as `restore` makes it.
 *
 * @internal
 */
export const connectPipe = <S extends Mortal>(
  attempt: Effect.Effect<S, SocketError>,
  address: PipeAddress,
  deadline: Deadline | undefined,
  restore: Restore,
  pause: Duration.Duration = FIRST_PAUSE
): Effect.Effect<S, SocketError | TimeoutError> =>
  Effect.catchAll(once(attempt, address, deadline, restore), (failure) => {
    if (failure._tag === "TimeoutError" || !isBusy(failure)) return Effect.fail(failure)
    const longer = Duration.min(Duration.times(pause, 2), LONGEST_PAUSE)
    return Effect.flatMap(restore(isLateAfter(pause, deadline)), (isLate) =>
      isLate ? late(address, deadline) : connectPipe(attempt, address, deadline, restore, longer)
    )
  })

const once = <S extends Mortal>(
  attempt: Effect.Effect<S, SocketError>,
  address: PipeAddress,
  deadline: Deadline | undefined,
  restore: Restore
): Effect.Effect<S, SocketError | TimeoutError> =>
  Effect.flatMap(Effect.forkDaemon(attempt), (fiber) =>
    Effect.flatMap(
      Effect.exit(restore(holdsBefore(ended(fiber), deadline))),
      (exit): Effect.Effect<S, SocketError | TimeoutError> => {
        if (Exit.isSuccess(exit) && exit.value) return Fiber.join(fiber)
        fiber.addObserver((outcome) => {
          if (Exit.isSuccess(outcome)) outcome.value.close()
        })
        return Exit.isSuccess(exit) ? late(address, deadline) : Effect.failCause(exit.cause)
      }
    )
  )

/** Waits for so long, or until the deadline has passed: whether that was first. */
const isLateAfter = (pause: Duration.Duration, deadline: Deadline | undefined): Effect.Effect<boolean> =>
  deadline === undefined
    ? Effect.as(Effect.sleep(pause), false)
    : holdsWithin(
        {
          holds: () => deadline.isExpired,
          onChange: (wake) => deadline.onExpire(wake),
          offChange: (wake) => deadline.offExpire(wake)
        },
        pause
      )

const late = (address: PipeAddress, deadline: Deadline | undefined): Effect.Effect<never, TimeoutError> =>
  Effect.fail(timedOut("connect", deadline?.duration ?? Duration.infinity, format(address)))
