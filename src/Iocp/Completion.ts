/**
 * What waiting on a completion port gives: a packet that tells of success or failure, or nothing in time.
 *
 * A packet of an operation that failed is not an error of the wait: it is a value, with the error inside, so
 * that one bad connection does not end the loop that serves the others.
 *
 * @since 0.1.0
 */
import type { SocketError } from "../Errors/index.js"

/**
 * What every packet carries.
 *
 * @since 0.1.0
 * @category models
 */
export interface Packet {
  /** The completion key of the socket, or of `post`; all 64 bits. */
  readonly key: bigint
  /** How many bytes were transferred, or what was posted. */
  readonly bytes: number
  /** The address of the operation's OVERLAPPED, or what was posted; all 64 bits. */
  readonly overlapped: bigint
  /** The operation's NTSTATUS, unsigned: `OVERLAPPED.Internal`. 0 for a posted packet. */
  readonly status: number
}

/**
 * An operation that succeeded, or a packet that was posted.
 *
 * @since 0.1.0
 * @category models
 */
export interface CompletionSuccess extends Packet {
  readonly _tag: "CompletionSuccess"
}

/**
 * An operation that failed. `bytes` may be more than 0 even so: a datagram that was cut off, say.
 *
 * @since 0.1.0
 * @category models
 */
export interface CompletionFailure extends Packet {
  readonly _tag: "CompletionFailure"
  readonly error: SocketError
}

/**
 * No packet came in time.
 *
 * @since 0.1.0
 * @category models
 */
export interface CompletionTimeout {
  readonly _tag: "CompletionTimeout"
}

/**
 * One packet.
 *
 * @since 0.1.0
 * @category models
 */
export type Completion = CompletionSuccess | CompletionFailure

/**
 * What `getQueuedCompletionStatus` gives.
 *
 * @since 0.1.0
 * @category models
 */
export type CompletionResult = Completion | CompletionTimeout

/**
 * `completion-success-p`: the operation succeeded.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSuccess = (result: CompletionResult): result is CompletionSuccess =>
  result._tag === "CompletionSuccess"

/**
 * `completion-error-p`: the operation failed; `error` says how.
 *
 * @since 0.1.0
 * @category guards
 */
export const isError = (result: CompletionResult): result is CompletionFailure =>
  result._tag === "CompletionFailure"

/**
 * `completion-timeout-p`: no packet came in time.
 *
 * @since 0.1.0
 * @category guards
 */
export const isTimeout = (result: CompletionResult): result is CompletionTimeout =>
  result._tag === "CompletionTimeout"

/**
 * Whether the packet belongs to the operation that was started with this OVERLAPPED.
 *
 * @since 0.1.0
 * @category guards
 */
export const isCompletionOf = (
  completion: CompletionResult,
  overlapped: { readonly address: number }
): completion is Completion =>
  completion._tag !== "CompletionTimeout" && completion.overlapped === BigInt(overlapped.address)
