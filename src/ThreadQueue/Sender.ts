/**
 * The sending end of a queue, in whichever thread: it puts entries in, and wakes the receiver if that waits.
 *
 * Lifecycle of a `post`:
 *
 *     room, and nobody before it --yes--> put in, in one step
 *       |no
 *     in line --room, and it is the first--> put in, in one step
 *       |interrupted, out of time, or the queue or the sender closes
 *     out of the line, and nothing is put in
 *
 * Those who wait are served in order, and `offer` finds no room while somebody waits: so the entries of a sender come in the
 * order in which they were posted. What they wait for is one word in shared memory (see `Ring`), watched once for all of them,
 * and without blocking the thread; while somebody waits the thread stays alive.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { invalidArgument, isSocketError, type SocketError, type TimeoutError } from "../Errors/index.js"
import { openedBefore } from "../Foreign/Lease.js"
import type { TimeoutOptions } from "../Net/Connection.js"
import { Deadline, timedOut } from "../Net/internal/Deadline.js"
import { guarded, thisFiber } from "../Net/internal/Parking.js"
import { openRaiser, type Raiser } from "../Proactor/Signal.js"
import { Alarm } from "./Alarm.js"
import { completed, type Entry, type NewEntry } from "./Entry.js"
import { HEADER_BYTES, Ring, spaceOf } from "./Ring.js"
import { isQueueToken, type QueueToken, queueClosed } from "./Token.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Sender {
  /** How many bytes an entry may have. */
  readonly maxBytes: number
  /** Whether neither it nor the queue is closed. */
  readonly isOpen: boolean
  /** Puts an entry in if there is room for it now, and answers whether there was. */
  readonly offer: (entry: NewEntry) => Effect.Effect<boolean, SocketError>
  /**
   * Puts an entry in, and waits for room if there is none. Who is interrupted while waiting, or runs out of time, has put
   * nothing in.
   */
  readonly post: {
    (entry: NewEntry): Effect.Effect<void, SocketError>
    (entry: NewEntry, options: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError>
  }
  /** Closes it now rather than with its scope. What it has put in is still taken. */
  readonly close: Effect.Effect<void>
}

/** Somebody in line, with what it is to put in. */
interface Place {
  readonly entry: Entry
  readonly end: (effect: Effect.Effect<void, SocketError>) => void
}

const LONGEST_TIMER_MILLIS = 0x7fff_ffff

class RingSender implements Sender {
  readonly maxBytes: number
  private readonly ring: Ring
  private readonly alarm: Alarm
  private readonly raiser: Raiser
  private line: Array<Place> = []
  private isWatching = false
  private isClosed = false
  /** Keeps the thread while somebody waits: what is waited for does not. */
  private anchor: NodeJS.Timeout | undefined

  constructor(ring: Ring, alarm: Alarm, raiser: Raiser) {
    this.ring = ring
    this.alarm = alarm
    this.raiser = raiser
    this.maxBytes = ring.capacity - HEADER_BYTES
  }

  get isOpen(): boolean {
    return !this.isClosed && !this.ring.isClosed
  }

  offer(entry: NewEntry): Effect.Effect<boolean, SocketError> {
    return Effect.suspend(() => {
      const whole = this.checked("offer", entry)
      if (isSocketError(whole)) return Effect.fail(whole)
      return Effect.succeed(this.line.length === 0 && this.put(whole))
    })
  }

  post(entry: NewEntry): Effect.Effect<void, SocketError>
  post(entry: NewEntry, options: TimeoutOptions): Effect.Effect<void, SocketError | TimeoutError>
  post(entry: NewEntry, { timeout }: TimeoutOptions = {}): Effect.Effect<void, SocketError | TimeoutError> {
    return Effect.suspend((): Effect.Effect<void, SocketError | TimeoutError> => {
      const whole = this.checked("post", entry)
      if (isSocketError(whole)) return Effect.fail(whole)
      if (this.line.length === 0 && this.put(whole)) return Effect.void
      return this.wait(whole, Deadline.after(timeout))
    })
  }

  get close(): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.isClosed) return
      this.isClosed = true
      this.ring.finish()
      this.serve()
    })
  }

  private checked(operation: string, entry: NewEntry): Entry | SocketError {
    return this.isOpen ? completed(operation, entry, this.ring.capacity) : queueClosed(operation)
  }

  private put(entry: Entry): boolean {
    if (!this.ring.write(entry)) return false
    const arming = this.alarm.armed
    // Should the system have no memory for the signal, the next entry raises it: the alarm stays armed.
    if (arming !== undefined && this.raiser.raise()) this.alarm.answered(arming)
    return true
  }

  private wait(
    entry: Entry,
    deadline: Deadline | undefined
  ): Effect.Effect<void, SocketError | TimeoutError> {
    return Effect.uninterruptibleMask((restore) => {
      let place: Place | undefined
      const waiting = Effect.async<void, SocketError | TimeoutError>((resume) => {
        const end = (effect: Effect.Effect<void, SocketError | TimeoutError>) => {
          deadline?.cancel()
          resume(effect)
        }
        const own = { entry, end }
        place = own
        this.line.push(own)
        this.serve()
        if (deadline === undefined || !this.line.includes(own)) return
        deadline.onExpire(() => {
          if (this.leave(own)) end(Effect.fail(timedOut("post", deadline.duration, undefined)))
        })
        deadline.begin(thisFiber())
      })
      return guarded(restore, waiting, () => {
        deadline?.cancel()
        if (place !== undefined) this.leave(place)
        return Effect.void
      })
    })
  }

  /** `false` if it is not in line any more. */
  private leave(place: Place): boolean {
    const at = this.line.indexOf(place)
    if (at < 0) return false
    this.line.splice(at, 1)
    // The one behind may need less.
    this.serve()
    return true
  }

  /** Serves those in line for whom there is room, and watches for more room if somebody is left. */
  private serve(): void {
    for (let first = this.line[0]; first !== undefined; first = this.line[0]) {
      const seen = this.ring.expectRoom(spaceOf(first.entry.bytes.length))
      this.serveThoseWhoFit()
      if (this.line[0] !== first) continue
      this.keepThread(true)
      if (this.isWatching || this.watch(seen)) return
    }
    this.keepThread(false)
  }

  private serveThoseWhoFit(): void {
    for (let place = this.line[0]; place !== undefined; place = this.line[0]) {
      if (this.isOpen && !this.put(place.entry)) return
      this.line.shift()
      place.end(this.isOpen ? Effect.void : Effect.fail(queueClosed("post")))
    }
  }

  /** `false` if something has happened already. */
  private watch(seen: number): boolean {
    const wait = this.ring.whenRoom(seen)
    if (!wait.async) return false
    this.isWatching = true
    void wait.value.then(() => {
      this.isWatching = false
      this.serve()
    })
    return true
  }

  private keepThread(isKept: boolean): void {
    if (isKept) this.anchor ??= setInterval(() => {}, LONGEST_TIMER_MILLIS)
    else {
      clearInterval(this.anchor)
      this.anchor = undefined
    }
  }
}

/** Claims the ring, and then what raises the signal: whoever has the one has the other. */
const claimed = (token: QueueToken): Effect.Effect<RingSender, SocketError> =>
  Effect.suspend(() => {
    const ring = new Ring(token.ring)
    if (!ring.claim()) return Effect.fail(ring.isClosed ? queueClosed("open") : openedBefore("open"))
    const raiser = openRaiser("open", token.signal)
    return Effect.map(raiser, (raiser) => new RingSender(ring, new Alarm(token.alarm), raiser))
  })

/**
 * The sender that a token stands for, closed with the scope. A token can be opened once.
 *
 * Fails with `Closed` if the queue is closed, or the share has ended, and with `InvalidHandle` if the token was opened before.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (token: QueueToken): Effect.Effect<Sender, SocketError, Scope.Scope> =>
  Effect.suspend(() =>
    isQueueToken(token)
      ? Effect.acquireRelease(claimed(token), (sender) => sender.close)
      : Effect.fail(invalidArgument("open", "this is no token of a queue's"))
  )
