/**
 * The connections that a listener has accepted and that nobody has taken yet.
 *
 * An accept that was interrupted after the system had completed it leaves its connection here, for the next accept.
 * What is still here when the listener closes is closed with it: its peer learns that nobody served it.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Endpoint } from "../../Address/index.js"
import { closed, type SocketError, withDetails } from "../../Errors/index.js"
import { AcceptOperation } from "../../Proactor/Operation.js"
import type { ProactorHandle, ProactorStream } from "../../Proactor/Proactor.js"
import { giveUp } from "./Atomic.js"
import { type Demand, Intake, mapDemand } from "./Intake.js"
import type { Source } from "./Pulling.js"

/**
 * A connected socket and whom it is connected with.
 *
 * @internal
 */
export interface Accepted<A extends Endpoint, S = ProactorStream<A>> {
  readonly socket: S
  readonly remoteAddress: A | undefined
}

/** @internal */
export class AcceptQueue<
  A extends Endpoint,
  S extends Pick<ProactorHandle<never>, "close"> = ProactorStream<A>
> extends Intake<AcceptOperation<A, S>> {
  private readonly address: string
  private ready: Array<Accepted<A, S>> = []

  constructor(socket: ProactorHandle<AcceptOperation<A, S>>, address: string) {
    const operation = new AcceptOperation<A, S>()
    super(socket, operation)
    operation.onRetired = () => this.retired()
    this.address = address
  }

  /** The next connection, as `claim` makes it. `claim` runs in the step that takes it out of the queue. */
  accept<B, E = never>(
    claim: (accepted: Accepted<A, S>) => B,
    timeout?: Duration.DurationInput,
    late?: () => Effect.Effect<never, E>
  ): Effect.Effect<B, SocketError | E> {
    return this.consume(this.next(claim), timeout, late)
  }

  /** For streams of connections: each as `claim` makes it. */
  accepted<B>(claim: (accepted: Accepted<A, S>) => B): Source<B, SocketError> {
    return this.source(mapDemand(this.next(claim), Option.some))
  }

  private next<B>(claim: (accepted: Accepted<A, S>) => B): Demand<B> {
    return {
      ready: () => this.ready.length > 0,
      take: () => {
        const accepted = this.ready.shift()
        return accepted === undefined ? giveUp() : claim(accepted)
      }
    }
  }

  override close(): void {
    this.closeWith(() => closed("accept", this.address))
    this.dropReady()
  }

  override whenDrained(drained: () => void): void {
    super.whenDrained(() => {
      // The accept that was cancelled may have completed all the same.
      this.dropReady()
      drained()
    })
  }

  protected override land(operation: AcceptOperation<A, S>): void {
    const { accepted, remoteAddress } = operation
    operation.accepted = undefined
    if (accepted !== undefined) this.ready.push({ socket: accepted, remoteAddress })
  }

  /** Whatever an accept fails with, descriptors that ran out say, the listener itself is still there. */
  protected override isFinal(): boolean {
    return false
  }

  protected override told(failure: SocketError): SocketError {
    return withDetails(failure, { operation: "accept", address: this.address })
  }

  private dropReady(): void {
    for (const { socket } of this.ready.splice(0)) socket.close()
  }
}
