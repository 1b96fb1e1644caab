/**
 * Raising the signal of a proactor, in another thread.
 *
 * A signal's token is plain data, for `workerData` and `postMessage`. It says by itself whose it is, so that the thread that
 * raises it needs no proactor, and does not ask for the platform.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { onLinux } from "../Epoll/Support.js"
import { threads as linuxThreads } from "../Epoll/Threads.js"
import { closed, invalidArgument, type SocketError } from "../Errors/index.js"
import { Borrowed, isLent, openedBefore, type ThreadSystem } from "../Foreign/Lease.js"
import { onWindows } from "../Iocp/Support.js"
import { threads as windowsThreads } from "../Iocp/Threads.js"
import { type EpollSignalToken, raiseCounter } from "./Epoll/EpollSignal.js"
import { type IocpSignalToken, postSignal } from "./Iocp/IocpSignal.js"
import { inMemory, isRaises, raiseInMemory, type SimulatedSignalToken } from "./Simulated/SimulatedSignal.js"

/**
 * What one thread raises a signal by. Plain data.
 *
 * @since 0.1.0
 * @category models
 */
export type SignalToken = EpollSignalToken | IocpSignalToken | SimulatedSignalToken

/**
 * Raises a signal, as often as need be. It owns nothing: there is nothing to close.
 *
 * @since 0.1.0
 * @category models
 */
export interface Raiser {
  /** Whether the signal was closed, or is not shared any more. */
  readonly isOver: boolean
  /** Raises it. `false` if it is over, or if the system has no memory left for it. */
  readonly raise: () => boolean
}

class LeasedRaiser implements Raiser {
  private readonly borrowed: Borrowed
  private readonly call: (handle: number) => boolean

  constructor(borrowed: Borrowed, call: (handle: number) => boolean) {
    this.borrowed = borrowed
    this.call = call
  }

  get isOver(): boolean {
    return this.borrowed.hasEnded
  }

  raise(): boolean {
    return this.borrowed.use(this.call) === true
  }
}

/**
 * Whether something that came from elsewhere is a signal's token, as far as one can see.
 *
 * @internal
 */
export const isSignalToken = (token: SignalToken): boolean => {
  switch (token?._tag) {
    case "EpollSignal":
      return isLent(token.lent)
    case "IocpSignal":
      return isLent(token.lent) && Number.isSafeInteger(token.key) && token.key >= 0
    case "SimulatedSignal":
      return isLent(token.lent) && isRaises(token.raises)
    default:
      return false
  }
}

const claim = (
  operation: string,
  { lent }: SignalToken,
  system: ThreadSystem,
  call: (handle: number) => boolean
): Effect.Effect<Raiser, SocketError> =>
  Effect.suspend((): Effect.Effect<Raiser, SocketError> => {
    const borrowed = Borrowed.claim(lent, system)
    if (borrowed === "Ended") return Effect.fail(closed(operation))
    if (borrowed === "Claimed") return Effect.fail(openedBefore(operation))
    return Effect.succeed(new LeasedRaiser(borrowed, call))
  })

/**
 * What raises the signal that has the token, from this thread. A token can be opened once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openRaiser = (operation: string, token: SignalToken): Effect.Effect<Raiser, SocketError> => {
  if (!isSignalToken(token)) return Effect.fail(invalidArgument(operation, "this is no token of a signal"))
  switch (token._tag) {
    case "EpollSignal":
      return onLinux(operation, () => claim(operation, token, linuxThreads, raiseCounter))
    case "IocpSignal": {
      const call = (port: number) => postSignal(port, token.key)
      return onWindows(operation, () => claim(operation, token, windowsThreads, call))
    }
    case "SimulatedSignal":
      return claim(operation, token, inMemory, raiseInMemory(token))
  }
}
