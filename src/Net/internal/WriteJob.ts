/**
 * A write, as a job in the queue of a connection's sending half: see `WriteHalf`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { SocketError } from "../../Errors/index.js"
import type { Pieces } from "../../Proactor/Pieces.js"
import type { Condition } from "./Condition.js"
import type { FilePart } from "./FilePart.js"
import { Waiters } from "./Waiters.js"

/**
 * Whether a write is over when all of it is sent, or when some of it is.
 *
 * @internal
 */
export type Extent = "all" | "some"

/** @internal */
export class WriteJob {
  /** What is to be written; with `pieces`, nothing. */
  readonly bytes: Uint8Array
  /** What is to be written, where it is in several pieces. */
  readonly pieces: Pieces | undefined
  /** What is to be written, where it is a part of a file. */
  readonly file: FilePart | undefined
  readonly extent: Extent
  /** How many bytes are to be written. */
  readonly byteLength: number
  /** Bytes that the system has taken. */
  sent = 0
  isDone = false
  /** Stopped: no further part is to be submitted. */
  isStopped = false
  failure: SocketError | undefined
  private waiters: Waiters | undefined

  constructor(
    bytes: Uint8Array,
    extent: Extent,
    pieces: Pieces | undefined = undefined,
    file: FilePart | undefined = undefined
  ) {
    this.bytes = bytes
    this.pieces = pieces
    this.file = file
    this.extent = extent
    this.byteLength = (file ?? pieces)?.byteLength ?? bytes.length
  }

  get isComplete(): boolean {
    return this.sent === this.byteLength || (this.extent === "some" && this.sent > 0)
  }

  /** So many bytes more were taken. */
  advance(count: number): void {
    this.sent += count
    this.pieces?.advance(count)
    this.file?.advance(count)
  }

  finish(failure?: SocketError): void {
    this.isDone = true
    this.failure = failure
    this.waiters?.wakeAll()
  }

  onDone(wake: () => void): void {
    this.waiters ??= new Waiters()
    this.waiters.add(wake)
  }

  offDone(wake: () => void): void {
    this.waiters?.remove(wake)
  }

  /** Whether it is over, for who waits for it within a time. */
  get done(): Condition {
    return {
      holds: () => this.isDone,
      onChange: (wake) => this.onDone(wake),
      offChange: (wake) => this.offDone(wake)
    }
  }
}

/** @internal */
export const awaitDone = (job: Pick<WriteJob, "isDone" | "onDone" | "offDone">): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (job.isDone) return resume(Effect.void)
    const wake = () => resume(Effect.void)
    job.onDone(wake)
    return Effect.sync(() => job.offDone(wake))
  })
