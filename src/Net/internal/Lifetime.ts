/**
 * The life of a socket that has operations in flight.
 *
 *     Open --close--> Closing --cancelled--> Draining --nothing in flight--> GivenBack --the system has it--> Closed
 *                                             |     |                            |
 *                                             |     |                            +--it takes too long--> Closed, so to say
 *                                             |     +--will not drain--> Closed, its handle leaked on purpose
 *                                             |
 *                                             +--promised bytes do not leave--> cancelled as well; Draining goes on
 *
 * Closing comes in this order because a handle that is closed with operations in flight is a danger: the kernel may
 * still write to their buffers, and, once the number is somebody else's, finish them on the wrong socket. So what is
 * in flight is cancelled and has to retire first. Should it never do so, the handle and its memory are given up and
 * the log says so: a leak is the lesser evil.
 *
 * What a write that ran out of its time has left to the system is not cancelled at once. Its caller was told that it is on its
 * way, and so it gets a while to leave (`DELIVERY_LIMIT`), as what a socket holds leaves after `close(2)` too. Only where the
 * system itself holds nothing by then, as with a pipe that is full, does anybody wait for it.
 *
 * Most handles are closed when the call that closes them has returned. A thread closes a file of Linux', and a disk across the
 * network can keep it: then closing waits, and after a while goes on without, which the log says.
 *
 * Everybody who closes waits until the socket is closed; closing a closed socket does nothing.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type SocketError, withDetails } from "../../Errors/index.js"
import type { ProactorHandle } from "../../Proactor/Proactor.js"
import { Deadline } from "./Deadline.js"
import { Waiters } from "./Waiters.js"

/** How long cancelled operations may take to retire. They take microseconds. */
const DRAIN_LIMIT = Duration.seconds(10)

/** How long the system may take to close a handle that was given back. */
const GIVE_BACK_LIMIT = Duration.seconds(10)

/**
 * How long a closing socket gives to what was promised to leave. A peer that does not read holds up closing for that long.
 *
 * @internal
 */
export const DELIVERY_LIMIT = Duration.seconds(2)

/**
 * The error that an operation fails with after its socket was closed, given what was asked for.
 *
 * @internal
 */
export type Ending = (operation: string) => SocketError

/**
 * A part of a socket that submits operations.
 *
 * @internal
 */
export interface Half {
  readonly isInFlight: boolean
  /**
   * Refuses what comes from now on, and cancels what is in flight: all of it with `why`, which makes the error, given the
   * operation; without, all but what is being delivered.
   */
  readonly close: (why?: Ending) => void
  /** Whether what is in flight was promised to somebody who waits for it no more. Most halves promise nothing. */
  readonly isDelivering?: boolean
  /** Cancels that too. */
  readonly giveUp?: () => void
  readonly whenDrained: (drained: () => void) => void
}

/**
 * What a socket is connected with, or listens on, in words: for messages.
 *
 * @internal
 */
export interface Peer {
  readonly peer: string
}

/**
 * A failure in the words of what the program asked for. Most come in these words; a proactor may tell in its own.
 *
 * @internal
 */
export const inWords = (failure: SocketError, operation: string, { peer }: Peer): SocketError =>
  failure.operation === operation && failure.address === peer
    ? failure
    : withDetails(failure, { operation, address: peer })

/**
 * Who has the socket.
 *
 * @internal
 */
export interface Owner extends Peer {
  /** What submits operations to it. Asked for when it closes. */
  readonly halves: ReadonlyArray<Half>
}

/**
 * Whatever it is that lives.
 *
 * @internal
 */
export type Mortal = Pick<ProactorHandle<never>, "close" | "abandon" | "whenClosed">

/** @internal */
export class Lifetime {
  private readonly socket: Mortal
  private readonly owner: Owner
  private state: "Open" | "Closing" | "Draining" | "GivenBack" | "Closed" = "Open"
  private closers: Waiters | undefined

  constructor(socket: Mortal, owner: Owner) {
    this.socket = socket
    this.owner = owner
  }

  get isOpen(): boolean {
    return this.state === "Open"
  }

  /**
   * Goes through the whole life to its end. With `why`, operations fail with that from now on, rather than with
   * `Closed`.
   */
  close(why?: Ending): Effect.Effect<void> {
    return Effect.uninterruptible(Effect.suspend(() => this.begin(why) ?? Effect.void))
  }

  /** Begins to close, and answers how to go on; nothing, if the socket is closed already. */
  begin(why?: Ending): Effect.Effect<void> | undefined {
    if (this.state === "Closed") return undefined
    if (this.state !== "Open") return this.closed
    this.state = "Closing"
    const { halves } = this.owner
    for (const half of halves) half.close(why)
    this.state = "Draining"
    return halves.some((half) => half.isInFlight) ? this.drain : this.giveBack()
  }

  /**
   * One wait of this very fiber, which cannot be interrupted. A race would wait in children of this fiber's, and they
   * can: whoever interrupts a fiber interrupts its children too, whatever it is doing.
   */
  private drainedBefore(deadline: Deadline | undefined): Effect.Effect<boolean> {
    return Effect.async<boolean>((resume) => {
      const { halves } = this.owner
      let left = halves.length
      deadline?.onExpire(() => resume(Effect.succeed(false)))
      const oneDrained = () => {
        left -= 1
        if (left > 0) return
        deadline?.cancel()
        resume(Effect.succeed(true))
      }
      for (const half of halves) half.whenDrained(oneDrained)
    })
  }

  private drainedWithin(limit: Duration.Duration): Effect.Effect<boolean> {
    return Effect.flatMap(Deadline.start(limit), (deadline) => this.drainedBefore(deadline))
  }

  private get drain(): Effect.Effect<void> {
    return Effect.flatMap(Effect.zipRight(this.delivery, this.drainedWithin(DRAIN_LIMIT)), (isDrained) => {
      if (isDrained) return this.giveBack() ?? Effect.void
      this.socket.abandon()
      this.finish()
      return Effect.logWarning(
        `the handle of ${this.owner.peer} did not drain; its handle and memory are leaked on purpose`
      )
    })
  }

  /** Until what was promised has left, or is not waited for any longer. */
  private get delivery(): Effect.Effect<void> {
    const { halves } = this.owner
    if (!halves.some(({ isDelivering }) => isDelivering)) return Effect.void
    return Effect.flatMap(this.drainedWithin(DELIVERY_LIMIT), (isDelivered) => {
      if (isDelivered) return Effect.void
      for (const half of halves) half.giveUp?.()
      return Effect.logDebug(`${this.owner.peer} did not take what was written to it: that is lost`)
    })
  }

  /** Closes the handle, and answers how to go on; nothing, if it is closed with that. */
  private giveBack(): Effect.Effect<void> | undefined {
    const { socket } = this
    this.state = "GivenBack"
    socket.close()
    if (socket.whenClosed !== undefined) return this.taken
    this.finish()
    return undefined
  }

  /** Until the system has closed it, or is not waited for any longer. */
  private get taken(): Effect.Effect<void> {
    const { owner, socket } = this
    const isTaken = Effect.flatMap(Deadline.start(GIVE_BACK_LIMIT), (deadline) =>
      Effect.async<boolean>((resume) => {
        deadline?.onExpire(() => resume(Effect.succeed(false)))
        socket.whenClosed?.(() => {
          deadline?.cancel()
          resume(Effect.succeed(true))
        })
      })
    )
    return Effect.flatMap(isTaken, (isClosed) => {
      if (!isClosed) socket.abandon()
      this.finish()
      return isClosed ? Effect.void : Effect.logWarning(`the system has not closed ${owner.peer} yet`)
    })
  }

  private get closed(): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      if (this.state === "Closed") return resume(Effect.void)
      this.closers ??= new Waiters()
      this.closers.add(() => resume(Effect.void))
    })
  }

  private finish(): void {
    this.state = "Closed"
    this.closers?.wakeAll()
  }
}
