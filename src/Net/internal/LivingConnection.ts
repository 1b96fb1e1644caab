/**
 * What every connection has, whatever moves on it: an end, a scope, and a server perhaps.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { type Endpoint, format } from "../../Address/index.js"
import { ConnectionError } from "../../Errors/index.js"
import { type Half, Lifetime, type Mortal, type Owner } from "./Lifetime.js"
import { Vigil } from "./Vigil.js"

/** @internal */
export abstract class LivingConnection<out A extends Endpoint> implements Owner {
  readonly remoteAddress: A
  protected readonly lifetime: Lifetime
  private isEstablished = false
  private vigil: Vigil | undefined
  private own: Scope.CloseableScope | undefined
  /** The fiber that serves the connection: whatever ends it, the connection is closed. Set by the server. */
  servant: Fiber.RuntimeFiber<unknown, unknown> | undefined

  constructor(socket: Mortal, remoteAddress: A) {
    this.remoteAddress = remoteAddress
    this.lifetime = new Lifetime(socket, this)
  }

  abstract get halves(): ReadonlyArray<Half>

  /** Grows with everything that moves. */
  protected abstract get progress(): number

  /** The other end, for messages. */
  get peer(): string {
    return format(this.remoteAddress)
  }

  get close(): Effect.Effect<void> {
    const { own } = this
    const closing = this.lifetime.close()
    return own === undefined ? closing : Effect.zipRight(closing, Scope.close(own, Exit.void))
  }

  /** For the server that serves it: like `close`, but what can be done at once is done; answers what is left to do. */
  beginClosing(): Effect.Effect<void> | undefined {
    return this.lifetime.begin()
  }

  get established(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.isEstablished = true
    })
  }

  /** For the server that serves it: since when nothing has moved, and since when it is awaited. The first look starts the clock. */
  look(nowMillis: number): { readonly idleMillis: number; readonly handshakeMillis: number } {
    this.vigil ??= new Vigil(nowMillis)
    const { ageMillis, idleMillis } = this.vigil.look(nowMillis, this.progress)
    return { idleMillis, handshakeMillis: this.isEstablished ? 0 : ageMillis }
  }

  /** Closes the connection because it is late: its operations fail with `TimedOut`. */
  expire(advice: string): Effect.Effect<void> {
    return this.lifetime.close(
      (operation) => new ConnectionError({ reason: "TimedOut", operation, address: this.peer, advice })
    )
  }

  /**
   * Makes the connection close with `surrounding`, in one synchronous step, so that nothing can come between having
   * the connection and being responsible for it.
   *
   * The connection gets a scope of its own below the surrounding one. Closing the connection early closes that scope
   * and so takes it out of the surrounding one: a long-lived scope does not collect the remains of every connection
   * that it ever had.
   */
  adoptInto(surrounding: Scope.Scope): this {
    this.own = Effect.runSync(Scope.fork(surrounding, ExecutionStrategy.sequential))
    Effect.runSync(Scope.addFinalizer(this.own, this.close))
    return this
  }
}
