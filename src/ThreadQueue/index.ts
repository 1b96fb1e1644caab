/**
 * Queues into the loop from other threads: many senders, each in its thread, and one receiver.
 *
 * The receiver is woken by the very loop that serves the connections of `Net`: by a packet on its completion port
 * (`PostQueuedCompletionStatus`) on Windows, by an `eventfd` in its epoll instance on Linux; and only while it waits.
 *
 * ```ts
 * // In the thread of the loop:
 * const queue = yield* ThreadQueue.make()
 * new Worker(file, { workerData: yield* queue.share })
 * const entry = yield* queue.take
 *
 * // In the worker:
 * const sender = yield* ThreadQueue.open(workerData)
 * yield* sender.post({ key: 1, bytes })
 * ```
 *
 * What is promised:
 *
 *  - An entry is taken once, whole, and in the order of its sender. Senders take turns.
 *  - It is bounded: each sender has room of its own for `capacityBytes`. `offer` says that there is no room, `post` waits.
 *  - Interruptions and timeouts lose nothing, and put nothing in twice.
 *  - When the queue closes, or the share, senders get `Closed`. What they have put in is dropped with the queue, and still taken
 *    after the share.
 *  - A thread may be terminated anywhere. What it has put in is taken; an entry that it was about to put in is not there; and
 *    no other sender is any the worse. If it was terminated in the very moment between putting its last entry in and waking the
 *    receiver, that entry is found with the next one of anybody's, or when its share ends.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { invalidArgument, type SocketError, withDetails } from "../Errors/index.js"
import { Net } from "../Net/Net.js"
import { Receiver, type ThreadQueue } from "./Receiver.js"
import { LARGEST_CAPACITY, LEAST_CAPACITY } from "./Ring.js"

export type { Entry, NewEntry } from "./Entry.js"
export type { ThreadQueue } from "./Receiver.js"
export { open, type Sender } from "./Sender.js"
export type { QueueToken } from "./Token.js"

/**
 * @since 0.1.0
 * @category options
 */
export interface QueueOptions {
  /**
   * The room of each sender, rounded up to a power of two: from 1024 to 2^28. An entry takes 16 bytes of it, and its own bytes.
   * 65 536 if absent.
   */
  readonly capacityBytes?: number | undefined
}

const DEFAULT_CAPACITY_BYTES = 64 * 1024

/**
 * A queue into the loop of this network service, closed with the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({
  capacityBytes = DEFAULT_CAPACITY_BYTES
}: QueueOptions = {}): Effect.Effect<ThreadQueue, SocketError, Net | Scope.Scope> => {
  const isInRange = capacityBytes >= LEAST_CAPACITY && capacityBytes <= LARGEST_CAPACITY
  if (!Number.isInteger(capacityBytes) || !isInRange) {
    const range = `a whole number from ${LEAST_CAPACITY} to ${LARGEST_CAPACITY}`
    return Effect.fail(invalidArgument("make", `capacityBytes is ${range}`))
  }
  const opened = Effect.flatMap(Net, ({ proactor }) => proactor.openSignal).pipe(
    Effect.mapError((failure) => withDetails(failure, { operation: "make" })),
    Effect.map((signal) => new Receiver(signal, capacityBytes))
  )
  return Effect.acquireRelease(opened, (receiver) => receiver.close)
}
