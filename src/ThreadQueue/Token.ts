/**
 * What a sender of another thread is made of.
 *
 * @since 0.1.0
 */
import { type SocketError, socketError } from "../Errors/index.js"
import { isSignalToken, type SignalToken } from "../Proactor/Signal.js"
import { isAlarmMemory } from "./Alarm.js"
import { isRingMemory } from "./Ring.js"

/**
 * A way into a queue, for one sender in one thread. Plain data: it goes through `workerData` and `postMessage`, and no
 * further than this process, since shared memory does not.
 *
 * @since 0.1.0
 * @category models
 */
export interface QueueToken {
  readonly _tag: "QueueToken"
  readonly ring: SharedArrayBuffer
  readonly alarm: SharedArrayBuffer
  readonly signal: SignalToken
}

/**
 * Whether something that came from elsewhere is a token, as far as one can see.
 *
 * @internal
 */
export const isQueueToken = (token: QueueToken): boolean =>
  token?._tag === "QueueToken" &&
  isRingMemory(token.ring) &&
  isAlarmMemory(token.alarm) &&
  isSignalToken(token.signal)

/**
 * The error for using a queue, or a way into it, that is closed.
 *
 * @internal
 */
export const queueClosed = (operation: string): SocketError =>
  socketError("Closed", { operation, advice: "the queue was closed, or this way into it" })
