/**
 * Operations of one socket that wait, and how they end.
 *
 * Lifecycle of an operation that waits:
 *
 *     parked --it can be done--> settled, its submitter is told after the instant
 *        |
 *        +--cancelled--> the request takes its time, if cancelling does here; what comes meanwhile settles it
 *                            |
 *                            +--nothing came--> settled, `Cancelled`
 *
 * @since 0.1.0
 */
import type { Endpoint as Address } from "../../Address/index.js"
import type { SocketError } from "../../Errors/index.js"
import type { AnyOperation } from "../Operation.js"
import type { Event } from "./EventQueue.js"
import { failure } from "./Faults.js"
import type { Span } from "./Options.js"
import type { Simulation } from "./Simulation.js"

const cancellations = new Map<AnyOperation["kind"], SocketError>()

/** The same for all operations of a kind: there are many, and nobody but `Net` sees one. */
const cancelled = (kind: AnyOperation["kind"]): SocketError => {
  const known = cancellations.get(kind)
  if (known !== undefined) return known
  const made = failure(kind.toLowerCase(), "Cancelled")
  cancellations.set(kind, made)
  return made
}

/** @internal */
export class Parked<A extends Address> {
  private readonly simulation: Simulation
  /** Told when an operation was cancelled, before its submitter is. */
  private readonly onCancelled: (operation: AnyOperation<A>) => void
  private readonly operations: Array<AnyOperation<A>> = []
  private readonly cancelling = new Map<AnyOperation<A>, Event>()

  constructor(simulation: Simulation, onCancelled: (operation: AnyOperation<A>) => void) {
    this.simulation = simulation
    this.onCancelled = onCancelled
  }

  /** The one of that kind that waits longest. */
  first<Kind extends AnyOperation["kind"]>(kind: Kind): Extract<AnyOperation<A>, { kind: Kind }> | undefined {
    const isOfKind = (operation: AnyOperation<A>): operation is Extract<AnyOperation<A>, { kind: Kind }> =>
      operation.kind === kind
    return this.operations.find(isOfKind)
  }

  park(operation: AnyOperation<A>): void {
    this.operations.push(operation)
  }

  /** Whether the operation waits, and nobody has asked yet that it stop. */
  isWaiting(operation: AnyOperation<A>): boolean {
    return this.operations.includes(operation) && !this.cancelling.has(operation)
  }

  /** The operation's outcome is in its fields: it retires. Its submitter is told later. */
  settle(operation: AnyOperation<A>): void {
    // A fault may have ended it on the way here: its end of the connection failed, and told all who wait there.
    if (this.remove(operation)) this.simulation.retired(operation)
  }

  /** The operation retires as cancelled, so many milliseconds from now; or in this step. */
  cancel(operation: AnyOperation<A>, delay: Span): void {
    const millis = this.simulation.random.of(delay)
    if (millis <= 0) this.cancelNow(operation)
    else
      this.cancelling.set(
        operation,
        this.simulation.after(millis, () => this.cancelLate(operation))
      )
  }

  /** Cancels everything, in this step. */
  cancelAll(): void {
    for (const operation of [...this.operations]) this.cancelNow(operation)
  }

  private cancelLate(operation: AnyOperation<A>): void {
    this.fail(operation)
    this.settle(operation)
  }

  private cancelNow(operation: AnyOperation<A>): void {
    this.fail(operation)
    this.remove(operation)
    operation.finish()
    operation.onRetired()
  }

  private fail(operation: AnyOperation<A>): void {
    this.onCancelled(operation)
    operation.failure = cancelled(operation.kind)
  }

  private remove(operation: AnyOperation<A>): boolean {
    const at = this.operations.indexOf(operation)
    if (at < 0) return false
    this.operations.splice(at, 1)
    const event = this.cancelling.get(operation)
    if (event !== undefined) this.simulation.drop(event)
    this.cancelling.delete(operation)
    return true
  }
}
