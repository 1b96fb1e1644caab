/**
 * What is asked of an open file, as one operation on its handle that is submitted once, or again for every piece.
 *
 * Lifecycle:
 *
 *     Running --a piece retired, and more is to be done--> Running, the next piece was submitted from the completion
 *        |
 *        +--all is done, or the last piece failed--> Done
 *        |
 *        +--stopped (an interruption, a deadline, the file is being closed)--> Stopping: the proactor is asked to end the
 *                             |        piece early, and no further one is submitted
 *                             |
 *                             +--the piece retired--> Done
 *
 * Whoever stops a read need not wait for that: it changes nothing, and its memory is its own. Anything else is waited for.
 * The bytes of a write, and the buffer that a read fills, are the caller's, who may use them again when the call is over; and
 * what comes next may depend on what a write did. (A proactor whose files are served by threads cannot call a piece back, see there. So that is how long it may take.)
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { FileError } from "../../Errors/FileError.js"
import { toFileError } from "../../Errors/FileTable.js"
import { closed, type SocketError, type TimeoutError } from "../../Errors/index.js"
import { type Condition, holdsBefore, holdsWithin } from "../../Net/internal/Condition.js"
import { timedOut } from "../../Net/internal/Deadline.js"
import type { FileSource, FileUse } from "../../Net/internal/FileSource.js"
import { Waiters } from "../../Net/internal/Waiters.js"
import type { FileOperation } from "../../Proactor/FileOperation.js"

/**
 * What is asked for.
 *
 * @internal
 */
export interface Asked<Op extends FileOperation> {
  /** In the words of the program. */
  readonly name: string
  readonly operation: Op
  /** Called when the operation has retired well: books what it did, and answers how much that is by now. */
  readonly book?: (operation: Op) => number
  /** Makes the operation ready for the next piece; `false`: there is none. */
  readonly aim?: (operation: Op) => boolean
}

/** @internal */
export class Request<Op extends FileOperation> implements FileUse {
  readonly operation: Op
  private readonly file: FileSource
  private readonly asked: Asked<Op>
  private readonly waiters = new Waiters()
  private isDone = false
  private isComplete = false
  private isStopped = false
  private failure: FileError | undefined
  private bytesDone: number | undefined

  constructor(file: FileSource, asked: Asked<Op>) {
    this.file = file
    this.asked = asked
    this.operation = asked.operation
    this.operation.onRetired = () => {
      if (!this.settle()) this.run()
    }
  }

  /** Answers with the operation when all is done. */
  answer(timeout: Duration.DurationInput | undefined): Effect.Effect<Op, FileError | TimeoutError> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        this.start()
        return this.isDone ? this.outcome : Effect.onInterrupt(restore(this.within(timeout)), () => this.stop)
      })
    )
  }

  cancel(): void {
    this.isStopped = true
    this.file.handle.cancel(this.operation)
  }

  private start(): void {
    const { file } = this
    if (!file.isOpen) {
      this.finish(this.closed)
      return
    }
    file.begin(this)
    this.run()
  }

  /** Submits pieces until all is done or one is in flight. */
  private run(): void {
    do if (!this.file.handle.submit(this.operation)) return
    while (!this.settle())
  }

  /** Books a piece that has retired. `true`: that was the last. */
  private settle(): boolean {
    const { aim, book } = this.asked
    const { failure } = this.operation
    if (failure === undefined) {
      this.bytesDone = book?.(this.operation)
      this.isComplete = aim?.(this.operation) !== true
      if (!this.isComplete && !this.isStopped) return false
    }
    this.file.end(this)
    const isStop = failure === undefined || (this.isStopped && failure.reason === "Cancelled")
    this.finish(isStop ? undefined : this.inWords(failure))
    return true
  }

  private finish(failure: FileError | undefined): void {
    this.isDone = true
    // What was stopped in the middle and has nobody who knows of that was stopped because the file was being closed.
    this.failure = failure ?? (this.isComplete || this.file.isOpen ? undefined : this.closed)
    this.waiters.wakeAll()
  }

  private get outcome(): Effect.Effect<Op, FileError> {
    return this.failure === undefined ? Effect.succeed(this.operation) : Effect.fail(this.failure)
  }

  private within(timeout: Duration.DurationInput | undefined): Effect.Effect<Op, FileError | TimeoutError> {
    if (timeout === undefined) return Effect.flatMap(holdsBefore(this.done, undefined), () => this.outcome)
    return Effect.flatMap(holdsWithin(this.done, timeout), (isDone) =>
      isDone ? this.outcome : Effect.zipRight(this.stop, this.late(timeout))
    )
  }

  /** It may have ended while it was being stopped. */
  private late(timeout: Duration.DurationInput): Effect.Effect<Op, FileError | TimeoutError> {
    return Effect.suspend((): Effect.Effect<Op, FileError | TimeoutError> => {
      if (this.isComplete || this.failure !== undefined) return this.outcome
      return Effect.fail(timedOut(this.asked.name, timeout, this.file.path, this.bytesDone))
    })
  }

  private get stop(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.isDone) return Effect.void
      this.cancel()
      if (this.operation.kind === "ReadAt" && this.operation.target === undefined) return Effect.void
      return Effect.uninterruptible(Effect.asVoid(holdsBefore(this.done, undefined)))
    })
  }

  private get done(): Condition {
    return {
      holds: () => this.isDone,
      onChange: (wake) => this.waiters.add(wake),
      offChange: (wake) => this.waiters.remove(wake)
    }
  }

  private get closed(): FileError {
    return toFileError(closed(this.asked.name, this.file.path))
  }

  /** A failure in the words of what the program asked for. */
  private inWords(failure: SocketError): FileError {
    const bytesTransferred = this.bytesDone === 0 ? undefined : this.bytesDone
    return toFileError(failure, { operation: this.asked.name, path: this.file.path, bytesTransferred })
  }
}
