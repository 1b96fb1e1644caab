/**
 * A descriptor driven by epoll, with the manners of a proactor: what sockets of every kind have in common.
 *
 * Lifecycle. The descriptor is non-blocking. Every operation starts with the system call itself: most are over at once
 * and never touch epoll. One that would block is parked on its side of the descriptor, the reading side or the writing
 * side, and the descriptor is registered, once, edge-triggered:
 *
 *     call --succeeds / fails--> retired
 *      |
 *      +--would block--> parked --event--> call again --> retired, or parked still
 *                          |
 *                          +--cancel--> retired (`Cancelled`; nothing had been taken from the kernel)
 *
 * Edge-triggered is safe because the call comes first: whoever parks has just been told "would block", so whatever
 * arrives from then on is a new edge. An event for a side on which nobody is parked cannot come back until something new
 * happens: an idle descriptor cannot spin.
 *
 * Most kinds of descriptor tell of room to write whenever somebody has read what was written, whether or not there was no
 * room before (TCP does not). That would wake the loop for nothing with every answer. So epoll is asked for room when a write
 * has found none, and not any more once it tells of room that nobody waits for.
 *
 * A descriptor whose peer is fast could go on like that for ever, and nobody else would get a turn. So after a number of
 * operations in a row that were over at once, one is parked untried until the event loop has turned.
 *
 * Which calls the operations are is for the subclasses to say.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as C from "../../Epoll/Constants.js"
import { type Libc, libc } from "../../Epoll/Libc.js"
import { closed, fromErrno, type SocketError } from "../../Errors/index.js"
import type { Ledger, Operation } from "../Operation.js"
import type { ProactorHandle } from "../Proactor.js"
import type { Gather } from "./Gather.js"

/** So many operations are over in the call that submits them, before one waits until others had a turn. */
const AT_ONCE_IN_A_ROW = 64

/** What tells that there may be something to read, or that there never will be. @internal */
export const READ_EVENTS = C.EPOLLIN | C.EPOLLRDHUP | C.EPOLLHUP | C.EPOLLERR
const WRITE_EVENTS = C.EPOLLOUT | C.EPOLLHUP | C.EPOLLERR

/** `EWOULDBLOCK` is the same number on Linux. @internal */
export const wouldBlock = (code: number): boolean => code === C.EAGAIN

/**
 * A descriptor as its proactor knows it, whatever operations it takes.
 *
 * @internal
 */
export interface Registrant {
  /** The proactor's handle on it, until it is closed. */
  slot: number
  /** Called for each event on the descriptor. */
  readonly onEvents: (events: number) => void
  /** Tries what is parked. */
  readonly retry: () => void
  readonly close: () => void
}

/**
 * What a descriptor needs of its proactor.
 *
 * @internal
 */
export interface EpollHost {
  readonly ledger: Ledger
  /** Whether the proactor takes no operation any more. */
  readonly isClosed: boolean
  /** For who sends several pieces at once. */
  readonly gather: Gather
  /** Gives a descriptor that was just made, or accepted, its slot. */
  readonly admit: (descriptor: Registrant) => void
  /** Makes the descriptor known to epoll, edge-triggered; answers why that failed, if it did. */
  readonly register: (slot: number, fd: number, asksForRoom: boolean) => SocketError | undefined
  /** Registers it anew: what has happened by now has its event. */
  readonly registerAgain: (slot: number, fd: number, asksForRoom: boolean) => SocketError | undefined
  /** Takes a registration back; the descriptor is still open. */
  readonly unregister: (fd: number) => void
  /** An operation is parked: the loop has something to wait for. */
  readonly parked: () => void
  /** An operation was parked untried: it is to be tried when timers and other I/O had their turn. */
  readonly postponed: (descriptor: Registrant) => void
  /** A parked operation was cancelled: the loop may have nothing left to wait for. */
  readonly cancelled: () => void
  /** An operation retired in an event: its submitter is to be told after the batch. `share`: see `shareOfTurn`. */
  readonly retired: (operation: Operation, share: number) => void
  /** The descriptor is closed. */
  readonly forget: (descriptor: Registrant) => void
}

/** @internal */
export abstract class EpollDescriptor<Op extends Operation> implements ProactorHandle<Op>, Registrant {
  slot = -1
  protected readonly host: EpollHost
  protected readonly system: Libc
  /** -1 once it is closed. */
  protected fd: number
  private isRegistered = false
  /** Whether epoll was asked for room to write. */
  private asksForRoom = false
  private overAtOnce = 0
  private parkedRead: Op | undefined
  /** Few have more than one, a listening socket say: further ones, in their order. */
  private moreReads: Array<Op> | undefined
  private parkedWrite: Op | undefined

  constructor(host: EpollHost, fd: number) {
    this.host = host
    this.system = libc()
    this.fd = fd
    host.admit(this)
  }

  /** Makes the operation's system call. `true`: it is over, well or not. `false`: it would block. */
  protected abstract start(operation: Op): boolean

  /** Tries a parked operation again; answers like `start`. */
  protected resume(operation: Op): boolean {
    return this.start(operation)
  }

  /** Whether the operation waits on the writing side. */
  protected abstract isWriting(operation: Op): boolean

  /** Whether the system tells of room also where there was some before. */
  protected get tellsOfRoomUnasked(): boolean {
    return true
  }

  /** Whether the operation may be parked before it was tried once. */
  protected mayPostpone(_operation: Op): boolean {
    return true
  }

  /** Something happened to the descriptor, and what is parked will be tried. */
  protected noticed(_events: number): void {}

  /** How much an operation counts among those that are over at once, or in one batch: 1 is a transfer of a stream. */
  protected shareOfTurn(_operation: Op): number {
    return 1
  }

  submit(operation: Op): boolean {
    operation.begin(this.host.ledger)
    if (this.fd < 0 || this.host.isClosed) return this.fail(operation, closed(operation.purpose))
    if (this.overAtOnce >= AT_ONCE_IN_A_ROW && this.mayPostpone(operation)) return this.postpone(operation)
    if (!this.start(operation)) return this.park(operation)
    this.overAtOnce += this.shareOfTurn(operation)
    operation.finish()
    return true
  }

  cancel(operation: Op): void {
    if (!operation.isInFlight) return
    this.unpark(operation)
    operation.failure = fromErrno(C.ECANCELED, {
      operation: operation.purpose,
      syscall: "epoll_wait"
    })
    operation.finish()
    operation.onRetired()
    this.host.cancelled()
  }

  retry(): void {
    this.onEvents(C.EPOLLIN | C.EPOLLOUT)
  }

  onEvents(events: number): void {
    this.noticed(events)
    if ((events & READ_EVENTS) !== 0) this.resumeReads()
    if ((events & WRITE_EVENTS) !== 0) this.resumeWrite()
    if ((events & C.EPOLLOUT) !== 0 && this.parkedWrite === undefined) this.askForRoomNoMore()
  }

  close(): void {
    if (this.fd < 0) return
    const fd = this.giveUp()
    // Whoever closes is expected to have cancelled; what was not would wait for ever.
    while (this.parkedRead !== undefined) this.cancel(this.parkedRead)
    if (this.parkedWrite !== undefined) this.cancel(this.parkedWrite)
    // A descriptor is gone after close(2) whatever it answers; an error here concerns bytes the peer will not get.
    this.system.close(fd)
  }

  abandon(): void {
    // Nothing of epoll's can outlive its operation: the kernel holds no buffer. Closing is always right.
    this.close()
  }

  /** A call that is over when it returns. On a closed descriptor none is made: its number may be somebody else's. */
  protected whileOpen<A>(
    operation: string,
    run: (fd: number) => Effect.Effect<A, SocketError>
  ): Effect.Effect<A, SocketError> {
    return Effect.suspend(() => (this.fd < 0 ? Effect.fail(closed(operation)) : run(this.fd)))
  }

  /** For `start`: the operation is over, since the call failed. */
  protected failed(operation: Op, syscall: string, code: number): true {
    const { peer, purpose } = operation
    operation.failure = fromErrno(
      code,
      peer === undefined ? { operation: purpose, syscall } : { operation: purpose, syscall, address: peer }
    )
    return true
  }

  private postpone(operation: Op): boolean {
    const isOver = this.park(operation)
    if (!isOver) this.host.postponed(this)
    return isOver
  }

  private park(operation: Op): boolean {
    this.overAtOnce = 0
    const isWriting = this.isWriting(operation)
    const failure = this.registerFor(isWriting)
    if (failure !== undefined) return this.fail(operation, failure)
    if (isWriting) this.parkedWrite = operation
    else this.parkRead(operation)
    this.host.parked()
    return false
  }

  private registerFor(isWriting: boolean): SocketError | undefined {
    if (this.isRegistered && (this.asksForRoom || !isWriting)) return undefined
    const asksForRoom = isWriting || !this.tellsOfRoomUnasked
    const failure = this.isRegistered
      ? this.host.registerAgain(this.slot, this.fd, asksForRoom)
      : this.host.register(this.slot, this.fd, asksForRoom)
    if (failure !== undefined) return failure
    this.isRegistered = true
    this.asksForRoom = asksForRoom
    return undefined
  }

  private askForRoomNoMore(): void {
    if (!this.asksForRoom || !this.tellsOfRoomUnasked || this.fd < 0) return
    // Were it to fail, epoll would go on to tell what nobody needs.
    this.asksForRoom = this.host.registerAgain(this.slot, this.fd, false) !== undefined
  }

  private parkRead(operation: Op): void {
    if (this.parkedRead === undefined) {
      this.parkedRead = operation
    } else {
      this.moreReads ??= []
      this.moreReads.push(operation)
    }
  }

  private unpark(operation: Op): void {
    if (this.parkedWrite === operation) this.parkedWrite = undefined
    else if (this.parkedRead === operation) this.parkedRead = this.moreReads?.shift()
    else this.moreReads = this.moreReads?.filter((parked) => parked !== operation)
  }

  private resumeReads(): void {
    for (;;) {
      const operation = this.parkedRead
      if (operation === undefined || !this.resume(operation)) return
      this.parkedRead = this.moreReads?.shift()
      operation.finish()
      this.host.retired(operation, this.shareOfTurn(operation))
    }
  }

  private resumeWrite(): void {
    const operation = this.parkedWrite
    if (operation === undefined || !this.resume(operation)) return
    this.parkedWrite = undefined
    operation.finish()
    this.host.retired(operation, this.shareOfTurn(operation))
  }

  private fail(operation: Op, failure: SocketError): true {
    operation.failure = failure
    operation.finish()
    return true
  }

  /** Removes the registration first, so that no event can name the descriptor's number once it is somebody else's. */
  private giveUp(): number {
    const fd = this.fd
    if (this.isRegistered) this.host.unregister(fd)
    this.isRegistered = false
    this.fd = -1
    this.host.forget(this)
    return fd
  }
}
