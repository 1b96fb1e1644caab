/**
 * One attempt to connect one socket to one address.
 *
 *     Open socket --submit--> in flight --retired--> connected, or failed: the socket is closed
 *                                |
 *                                +--interrupted, or past the deadline--> cancelled, drained, closed
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { type Endpoint, format, type SocketAddress } from "../../Address/index.js"
import { type SocketError, type TimeoutError, withDetails } from "../../Errors/index.js"
import { ConnectOperation } from "../../Proactor/Operation.js"
import type { ProactorService, ProactorSocket } from "../../Proactor/Proactor.js"
import { type Deadline, timedOut } from "./Deadline.js"
import { type Half, Lifetime, type Owner } from "./Lifetime.js"
import { type Prepare, prepared } from "./OptionsAtStart.js"
import type { Restore } from "./Parking.js"
import { Waiters } from "./Waiters.js"

class Connecting<A extends Endpoint> implements Half, Owner {
  readonly halves = [this]
  private readonly socket: ProactorSocket<A>
  private readonly operation: ConnectOperation<A>
  private readonly waiters = new Waiters()

  constructor(socket: ProactorSocket<A>, address: A) {
    this.socket = socket
    this.operation = new ConnectOperation(address)
    this.operation.onRetired = () => this.waiters.wakeAll()
  }

  get peer(): string {
    return format(this.operation.address)
  }

  get isInFlight(): boolean {
    return this.operation.isInFlight
  }

  /** Submits, and waits for the retirement or the deadline, whichever comes first. */
  run(deadline: Deadline | undefined): Effect.Effect<void, SocketError | TimeoutError> {
    return Effect.suspend(() => {
      if (this.socket.submit(this.operation)) return this.outcome
      return Effect.flatMap(
        this.retiredOrLate(deadline),
        (): Effect.Effect<void, SocketError | TimeoutError> => {
          if (!this.operation.isInFlight || deadline === undefined) return this.outcome
          return Effect.fail(timedOut("connect", deadline.duration, this.peer))
        }
      )
    })
  }

  close(): void {
    this.socket.cancel(this.operation)
  }

  whenDrained(drained: () => void): void {
    if (this.operation.isInFlight) this.waiters.add(drained)
    else drained()
  }

  private retiredOrLate(deadline: Deadline | undefined): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      if (!this.operation.isInFlight || deadline?.isExpired === true) return resume(Effect.void)
      const wake = () => {
        forget()
        resume(Effect.void)
      }
      const forget = () => {
        this.waiters.remove(wake)
        deadline?.offExpire(wake)
      }
      this.waiters.add(wake)
      deadline?.onExpire(wake)
      return Effect.sync(forget)
    })
  }

  private readonly outcome: Effect.Effect<void, SocketError> = Effect.suspend(() =>
    this.operation.failure === undefined ? Effect.void : Effect.fail(this.operation.failure)
  )
}

/**
 * Opens a socket and connects it to the address. To be run uninterruptibly: only the waiting is as interruptible as
 * `restore` makes it, so that either the caller gets the socket or it is closed.
 *
 * @internal
 */
export const connectOpened = <A extends Endpoint>(
  open: Effect.Effect<ProactorSocket<A>, SocketError>,
  address: A,
  deadline: Deadline | undefined,
  restore: Restore
): Effect.Effect<ProactorSocket<A>, SocketError | TimeoutError> =>
  Effect.flatMap(opened(open, address), (socket) => {
    const connecting = new Connecting(socket, address)
    const lifetime = new Lifetime(socket, connecting)
    return Effect.flatMap(Effect.exit(restore(connecting.run(deadline))), (exit) =>
      Exit.isFailure(exit)
        ? Effect.zipRight(lifetime.close(), Effect.failCause(exit.cause))
        : Effect.succeed(socket)
    )
  })

const opened = <A extends Endpoint>(
  open: Effect.Effect<ProactorSocket<A>, SocketError>,
  address: A
): Effect.Effect<ProactorSocket<A>, SocketError> =>
  Effect.mapError(open, (failure) => withDetails(failure, { operation: "connect", address: format(address) }))

/**
 * Connects a new TCP socket to the address once it is prepared, like `connectOpened`.
 *
 * @internal
 */
export const connectSocket = (
  proactor: ProactorService,
  address: SocketAddress,
  prepare: Prepare | undefined,
  deadline: Deadline | undefined,
  restore: Restore
): Effect.Effect<ProactorSocket, SocketError | TimeoutError> =>
  connectOpened(prepared(proactor.openTcp(address.family), prepare), address, deadline, restore)

/**
 * A connected socket, and to which of the addresses.
 *
 * @internal
 */
export interface Connected {
  readonly socket: ProactorSocket
  readonly address: SocketAddress
}
