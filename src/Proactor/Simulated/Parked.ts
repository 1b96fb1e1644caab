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
import type { SocketError } from "../../Errors/index.js"
import type { Operation } from "../Operation.js"
import type { Event } from "./EventQueue.js"
import { failure } from "./Faults.js"
import type { Span } from "./Options.js"
import type { Simulation } from "./Simulation.js"

const cancellations = new Map<string, SocketError>()

/** The same for all operations of a kind: there are many, and nobody but `Net` sees one. */
const cancelled = (operation: string): SocketError => {
  const known = cancellations.get(operation)
  if (known !== undefined) return known
  const made = failure(operation, "Cancelled")
  cancellations.set(operation, made)
  return made
}

/** @internal */
export class Parked<Op extends Operation> {
  private readonly simulation: Simulation
  /** Told when an operation was cancelled, before its submitter is. */
  private readonly onCancelled: (operation: Op) => void
  private readonly operations: Array<Op> = []
  private readonly cancelling = new Map<Op, Event>()

  constructor(simulation: Simulation, onCancelled: (operation: Op) => void) {
    this.simulation = simulation
    this.onCancelled = onCancelled
  }

  /** The one of that kind that waits longest. */
  first<Kind extends Op["kind"]>(kind: Kind): Extract<Op, { kind: Kind }> | undefined {
    const isOfKind = (operation: Op): operation is Extract<Op, { kind: Kind }> => operation.kind === kind
    return this.operations.find(isOfKind)
  }

  park(operation: Op): void {
    this.operations.push(operation)
  }

  /** Whether the operation waits, and nobody has asked yet that it stop. */
  isWaiting(operation: Op): boolean {
    return this.operations.includes(operation) && !this.cancelling.has(operation)
  }

  /** The operation's outcome is in its fields: it retires. Its submitter is told later. */
  settle(operation: Op): void {
    // A fault may have ended it on the way here: its end of the connection failed, and told all who wait there.
    if (this.remove(operation)) this.simulation.retired(operation)
  }

  /** The operation retires as cancelled, so many milliseconds from now; or in this step. */
  cancel(operation: Op, delay: Span): void {
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

  private cancelLate(operation: Op): void {
    this.fail(operation)
    this.settle(operation)
  }

  private cancelNow(operation: Op): void {
    this.fail(operation)
    this.remove(operation)
    operation.finish()
    operation.onRetired()
  }

  private fail(operation: Op): void {
    this.onCancelled(operation)
    operation.failure = cancelled(operation.kind.toLowerCase())
  }

  private remove(operation: Op): boolean {
    const at = this.operations.indexOf(operation)
    if (at < 0) return false
    this.operations.splice(at, 1)
    const event = this.cancelling.get(operation)
    if (event !== undefined) this.simulation.drop(event)
    this.cancelling.delete(operation)
    return true
  }
}
