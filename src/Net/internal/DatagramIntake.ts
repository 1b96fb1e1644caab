/**
 * The receiving half of a datagram socket.
 *
 * Datagrams land here (see `Intake`), whoever asked for them, and are handed out one by one or several at a time. One
 * receive brings what has come, up to a batch, so a busy socket is asked seldom; what nobody has taken yet waits here, and
 * goes to the next who asks. Nothing is received before somebody asks.
 *
 * The system is always asked for all of a datagram. It gives one only once: were it cut at the wish of a reader that is
 * interrupted meanwhile, the next reader would find it cut. So it is cut here, when it is taken.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { closed, type SocketError } from "../../Errors/index.js"
import { cutTo, type Datagram, ReceiveFromOperation } from "../../Proactor/Datagram.js"
import type { ProactorHandle } from "../../Proactor/Proactor.js"
import { giveUp } from "./Atomic.js"
import { type Demand, Intake } from "./Intake.js"
import { type Ending, inWords, type Peer } from "./Lifetime.js"

/** So many datagrams are received at once. */
const BATCH = 32

const nothing: ReadonlyArray<Datagram> = []

class Receiving extends ReceiveFromOperation {
  intake: DatagramIntake | undefined
  override maxCount = BATCH

  override get purpose(): string {
    return "receive"
  }

  override get peer(): string | undefined {
    return this.intake?.owner.peer
  }

  override onRetired(): void {
    this.intake?.retired()
  }
}

/** @internal */
export class DatagramIntake extends Intake<ReceiveFromOperation> implements Demand<Datagram> {
  readonly owner: Peer
  /** What has come, from `taken` on. */
  private landed = nothing
  private taken = 0
  private plainReceive: Effect.Effect<Datagram, SocketError> | undefined

  constructor(socket: ProactorHandle<ReceiveFromOperation>, owner: Peer) {
    const operation = new Receiving()
    super(socket, operation)
    operation.intake = this
    this.owner = owner
  }

  /** The next datagram. */
  get next(): Effect.Effect<Datagram, SocketError> {
    this.plainReceive ??= this.consume(this)
    return this.plainReceive
  }

  /** The next datagram, its first `maxBytes`. */
  one(maxBytes: number): Demand<Datagram> {
    return { ready: () => this.ready(), take: () => cutTo(this.take(), maxBytes) }
  }

  /** What has come: one datagram at least, and at most so many. */
  several(most: number): Demand<ReadonlyArray<Datagram>> {
    return { ready: () => this.ready(), take: () => this.takeMany(most) }
  }

  ready(): boolean {
    return this.taken < this.landed.length
  }

  take(): Datagram {
    const datagram = this.landed[this.taken]
    if (datagram === undefined) return giveUp()
    this.taken += 1
    if (this.taken === this.landed.length) this.clear()
    return datagram
  }

  /** From now on receives fail. What has come is dropped. */
  override close(why?: Ending): void {
    this.clear()
    this.closeWith(() => why?.("receive") ?? closed("receive", this.owner.peer))
  }

  protected override land(operation: ReceiveFromOperation): void {
    const received = operation.takeReceived()
    this.landed = this.ready() ? [...this.landed.slice(this.taken), ...received] : received
    this.taken = 0
  }

  /** Whatever became of one datagram, the next may come. */
  protected override isFinal(): boolean {
    return false
  }

  protected override told(failure: SocketError): SocketError {
    return inWords(failure, "receive", this.owner)
  }

  private takeMany(most: number): ReadonlyArray<Datagram> {
    if (!this.ready()) return giveUp()
    const { landed, taken } = this
    if (taken === 0 && landed.length <= most) {
      this.clear()
      return landed
    }
    const some = landed.slice(taken, taken + most)
    this.taken += some.length
    if (this.taken === landed.length) this.clear()
    return some
  }

  private clear(): void {
    this.landed = nothing
    this.taken = 0
  }
}
