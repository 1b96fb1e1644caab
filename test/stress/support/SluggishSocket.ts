/**
 * A socket in whose system everything takes its time: an operation stays in flight until the test retires it, and one
 * that is cancelled is only marked. So the test decides who wins the race between a cancellation and a completion,
 * which on a real system nobody can arrange.
 */
import * as Effect from "effect/Effect"
import { loopbackAddress, type SocketAddress } from "../../../src/Address/index.js"
import { NetworkError, type SocketError, unsupported } from "../../../src/Errors/index.js"
import { type AnyOperation, Ledger, ReceiveOperation } from "../../../src/Proactor/Operation.js"
import type { ProactorSocket } from "../../../src/Proactor/Proactor.js"

const address: SocketAddress = loopbackAddress("IPv4")

const refused = Effect.suspend(() => Effect.fail<SocketError>(unsupported("option", "not here")))

export class SluggishSocket implements ProactorSocket {
  readonly family = "IPv4"
  readonly localAddress = Effect.succeed(address)
  readonly remoteAddress = Effect.succeed(address)
  readonly ledger = new Ledger()
  readonly cancelled = new Set<AnyOperation>()
  private readonly pending: Array<AnyOperation> = []
  /** How often the handle was closed, and how much was in flight then. */
  readonly closings: Array<number> = []
  abandonings = 0

  submit(operation: AnyOperation): boolean {
    operation.begin(this.ledger)
    this.pending.push(operation)
    return false
  }

  cancel(operation: AnyOperation): void {
    if (operation.isInFlight) this.cancelled.add(operation)
  }

  close(): void {
    this.closings.push(this.ledger.inFlight)
  }

  abandon(): void {
    this.abandonings += 1
  }

  readonly bind = () => Effect.void
  readonly listen = () => Effect.void
  readonly shutdown = () => Effect.void
  readonly getOption = () => refused
  readonly setOption = () => refused

  /** The receive completes with these bytes, whether it was cancelled or not. */
  receives(bytes: Uint8Array): void {
    const operation = this.pending.find((pending) => pending.kind === "Receive")
    if (!(operation instanceof ReceiveOperation)) throw new Error("no receive is in flight")
    operation.chunk = bytes
    this.retire(operation)
  }

  /** What was cancelled ends so. */
  endCancelled(): void {
    for (const operation of [...this.cancelled]) {
      operation.failure = new NetworkError({ reason: "Cancelled", operation: operation.kind.toLowerCase() })
      this.retire(operation)
    }
  }

  private retire(operation: AnyOperation): void {
    this.pending.splice(this.pending.indexOf(operation), 1)
    this.cancelled.delete(operation)
    operation.finish()
    operation.onRetired()
  }
}
