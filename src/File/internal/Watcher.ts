/**
 * A directory that is watched: one operation, and what it brought.
 *
 *     Waiting --changes came, or a failure--> Ready --the last is taken--> Idle --somebody asks--> Waiting
 *
 * It begins in Waiting: what happens from then on is kept. In Idle it is the system that keeps it. What is Ready is taken one
 * by one, each in one step by who asks, so an interruption comes before or after, and loses nothing. A failure stays.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { toFileError, toldAs } from "../../Errors/FileTable.js"
import { closed, type FileError, type SocketError } from "../../Errors/index.js"
import { giveUp } from "../../Net/internal/Atomic.js"
import { type Half, Lifetime, type Owner } from "../../Net/internal/Lifetime.js"
import type { Source } from "../../Net/internal/Pulling.js"
import { Waiters } from "../../Net/internal/Waiters.js"
import type { DirectoryChange } from "../../Proactor/DirectoryChange.js"
import { ChangesOperation } from "../../Proactor/FileOperation.js"
import type { ProactorDirectory } from "../../Proactor/Proactor.js"

/** How Windows says that the directory is deleted, or being deleted, and may not be looked at any more. */
const isGone = ({ codeName, syscall }: SocketError): boolean =>
  syscall === "ReadDirectoryChangesW" &&
  (codeName === "ERROR_DELETE_PENDING" || codeName === "ERROR_ACCESS_DENIED")

/** Linux says that the disk is full, or that there is no descriptor left, and means neither. */
const isOneTooMany = ({ reason, syscall }: SocketError): boolean =>
  reason === "ResourceExhausted" && syscall?.startsWith("inotify") === true

const gone = "The directory that was watched is gone."
const oneTooMany =
  "A limit of the system is reached (fs.inotify.max_user_watches or max_user_instances): raise it, or watch less."

/**
 * The error of a watch that could not begin, or has ended.
 *
 * @internal
 */
export const watchFailure = (failure: SocketError, path: string): FileError => {
  if (isGone(failure)) return toldAs(failure, { path, reason: "NotFound", advice: gone })
  if (isOneTooMany(failure)) {
    return toldAs(failure, { path, reason: "ResourceExhausted", advice: oneTooMany })
  }
  return toFileError(failure, { operation: "watch", path })
}

/** @internal */
export class Watcher implements Owner, Half, Source<DirectoryChange, FileError> {
  /** The path, for messages. */
  readonly peer: string
  private readonly directory: ProactorDirectory
  private readonly operation = new ChangesOperation()
  private readonly lifetime: Lifetime
  private readonly waiting = new Waiters()
  private readonly draining = new Waiters()
  private came: ReadonlyArray<DirectoryChange> = []
  /** How many of those are taken. */
  private taken = 0
  private failure: FileError | undefined

  constructor(directory: ProactorDirectory, path: string) {
    this.directory = directory
    this.peer = path
    this.lifetime = new Lifetime(directory, this)
    this.operation.onRetired = () => this.retired()
    this.submit()
  }

  get halves(): ReadonlyArray<Half> {
    return [this]
  }

  get isInFlight(): boolean {
    return this.operation.isInFlight
  }

  whenDrained(drained: () => void): void {
    if (this.isInFlight) this.draining.add(drained)
    else drained()
  }

  /** Called when the watch ends: see `ended`. */
  close(): void {
    this.failure ??= toFileError(closed("watch", this.peer))
    this.directory.cancel(this.operation)
    this.waiting.wakeAll()
  }

  get ended(): Effect.Effect<void> {
    return this.lifetime.close()
  }

  /** Waits until there is a change to take. */
  get ready(): Effect.Effect<void, FileError> {
    return Effect.suspend(() => {
      if (this.taken < this.came.length) return Effect.void
      if (this.failure !== undefined) return Effect.fail(this.failure)
      if (!this.isInFlight) this.submit()
      return Effect.zipRight(this.settled, this.ready)
    })
  }

  /** Takes the next change. There is no end. */
  readonly take = (): Option.Option<DirectoryChange> => {
    const change = this.came[this.taken]
    if (change === undefined) return giveUp()
    this.taken += 1
    return Option.some(change)
  }

  private get settled(): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      if (!this.isInFlight) return resume(Effect.void)
      const wake = () => resume(Effect.void)
      this.waiting.add(wake)
      return Effect.sync(() => this.waiting.remove(wake))
    })
  }

  private submit(): void {
    if (this.directory.submit(this.operation)) this.retired()
  }

  private retired(): void {
    const { changes, failure } = this.operation
    this.operation.changes = []
    this.taken = 0
    this.came = failure === undefined ? changes : []
    if (failure !== undefined) this.failure ??= watchFailure(failure, this.peer)
    this.waiting.wakeAll()
    this.draining.wakeAll()
  }
}
