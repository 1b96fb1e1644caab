/**
 * Operations: what is submitted to a proactor, and what comes back.
 *
 * Lifecycle. An operation is an object that its submitter owns and may use again and again:
 *
 *     Idle --submit--> InFlight --retire--> Idle
 *
 * `submit` hands it to a proactor. From then on until it retires, the proactor and the kernel own it and every
 * byte that it names. It retires exactly once per submission: either `submit` itself answers `true` (it is over,
 * the outcome is in its fields, nobody is called back), or `submit` answers `false` and `onRetired` is called
 * later, from the completion loop, after the whole batch it arrived in was dequeued.
 *
 * Cancelling is a request. A cancelled operation retires like any other, perhaps with `failure.reason` being
 * `Cancelled`, perhaps successfully, because it completed before the request reached it.
 *
 * Outcomes live in fields of the operation rather than in a result object, because one socket then needs one
 * operation object a half for its whole life, and the hot path allocates nothing.
 *
 * @since 0.1.0
 */
import { type Endpoint, format, type SocketAddress } from "../Address/index.js"
import { invalidArgument, type SocketError } from "../Errors/index.js"
import type { SendFileOperation } from "./FileOperation.js"
import type { Pieces } from "./Pieces.js"
import type { ProactorStatistics, ProactorStream } from "./Proactor.js"

/**
 * Counts what a proactor was given and what it gave back. `submitted - retired` is what is in flight.
 *
 * @since 0.1.0
 * @category models
 */
export class Ledger {
  submitted = 0
  retired = 0

  get inFlight(): number {
    return this.submitted - this.retired
  }

  /** The counts as they stand, with how many sockets are open. */
  statistics(openSockets: number): ProactorStatistics {
    const { inFlight, retired, submitted } = this
    return { submitted, retired, inFlight, openSockets }
  }
}

/**
 * What all operations share: the state, the failure, and whom to tell.
 *
 * @since 0.1.0
 * @category models
 */
export abstract class Operation {
  abstract readonly kind: string
  private ledger: Ledger | undefined
  /** Set when the operation failed; `undefined` after a success. */
  failure: SocketError | undefined
  /** The proactor's own handle on an operation in flight, a slot number say. Submitters leave it alone. */
  token = -1

  /** What the program asked for, and of whom: failures are told in these words. The submitter's to replace. */
  get purpose(): string {
    return this.kind.toLowerCase()
  }

  get peer(): string | undefined {
    return undefined
  }

  /** Called when the operation retires, if it was still in flight when `submit` returned. The submitter's to replace. */
  onRetired(): void {}

  /** Whether the proactor and the kernel own the operation now. */
  get isInFlight(): boolean {
    return this.ledger !== undefined
  }

  /** For proactors: the operation is theirs from here on. Comes before the system call (it may complete at once). */
  begin(ledger: Ledger): void {
    if (this.ledger !== undefined) throw new Error("an operation was submitted while it was in flight")
    ledger.submitted += 1
    this.ledger = ledger
    this.failure = undefined
  }

  /** For proactors: the operation is the submitter's again. Its outcome is in its fields by now. */
  finish(): void {
    if (this.ledger === undefined) throw new Error("an operation was retired twice")
    this.ledger.retired += 1
    this.ledger = undefined
    this.token = -1
  }
}

const noBytes = new Uint8Array(0)

/**
 * What is wrong if the memory that an operation was given is not there any more: its buffer went to another thread, say.
 *
 * @internal
 */
export const takenAway = ({ peer, purpose }: Operation): SocketError =>
  invalidArgument(
    purpose,
    "the buffer was taken away (its memory was transferred): leave it until the operation is over",
    peer
  )

/**
 * Receives what has arrived, at least one byte and at most `maxBytes`. A success with an empty `chunk` is the end
 * of the stream: the peer has shut its sending half down.
 *
 * @since 0.1.0
 * @category models
 */
export class ReceiveOperation extends Operation {
  readonly kind = "Receive"
  maxBytes = 0
  /** The bytes received: memory of its own, the submitter's to keep. */
  chunk: Uint8Array = noBytes

  /** The bytes received, which the operation forgets: it may be long until the next ones come. */
  takeChunk(): Uint8Array {
    const { chunk } = this
    this.chunk = noBytes
    return chunk
  }
}

/**
 * Sends `bytes` from `offset` on: at least one byte, perhaps not all. The submitter leaves `bytes` unchanged until
 * the operation retires.
 *
 * Where there are several pieces to send, `bytes` and `offset` are where the cursor `pieces` stands, and what comes after
 * may leave in the same call. It need not: a proactor that looks at `bytes` alone sends less at a time, and nothing wrong.
 *
 * @since 0.1.0
 * @category models
 */
export class SendOperation extends Operation {
  readonly kind = "Send"
  bytes: Uint8Array = noBytes
  offset = 0
  pieces: Pieces | undefined
  /** While in flight: how many bytes the system holds already, so that they will be sent whatever happens here. */
  committed = 0
  /** How many bytes were sent, once retired. */
  sent = 0

  /**
   * For proactors, before they look at the bytes: what is wrong, if there is none at `offset`. The buffer went to another
   * thread, say, while the operation waited for its turn, or for room. (Of several pieces, the one that is next did; what of
   * those after it is gone, see `Pieces`.)
   */
  get vanished(): SocketError | undefined {
    const isThere = this.offset < this.bytes.length && this.pieces?.isGone(0) !== true
    return isThere ? undefined : takenAway(this)
  }

  /** Lets go of the bytes, once retired: it may be long until the next ones are sent. */
  forget(): void {
    this.bytes = noBytes
    this.pieces = undefined
  }
}

/**
 * Accepts one connection on a listening socket. A connection that its peer reset before it was accepted does not
 * retire the operation: the proactor goes on to the next one. `S`: what a connection is, a stream unless said otherwise.
 *
 * @since 0.1.0
 * @category models
 */
export class AcceptOperation<A extends Endpoint = SocketAddress, S = ProactorStream<A>> extends Operation {
  readonly kind = "Accept"
  /** The connected socket, after a success; the submitter's to close. */
  accepted: S | undefined
  /** Who connected, after a success; `undefined` if the system did not say. */
  remoteAddress: A | undefined
}

/**
 * Connects a stream socket to `address`.
 *
 * @since 0.1.0
 * @category models
 */
export class ConnectOperation<A extends Endpoint = SocketAddress> extends Operation {
  readonly kind = "Connect"
  readonly address: A

  constructor(address: A) {
    super()
    this.address = address
  }

  override get peer(): string {
    return format(this.address)
  }
}

/**
 * Waits until a signal is raised.
 *
 * @since 0.1.0
 * @category models
 */
export class SignalOperation extends Operation {
  readonly kind = "Signal"
}

/**
 * The operations of a connected stream.
 *
 * @since 0.1.0
 * @category models
 */
export type StreamOperation = ReceiveOperation | SendOperation | SendFileOperation

/**
 * The operations of a stream socket, which may listen or connect first.
 *
 * @since 0.1.0
 * @category models
 */
export type AnyOperation<A extends Endpoint = SocketAddress> =
  | StreamOperation
  | AcceptOperation<A>
  | ConnectOperation<A>
