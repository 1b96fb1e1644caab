/**
 * The connections that a server serves now, each with a fiber of its own.
 *
 * Lifecycle of one:
 *
 *     start --> its fiber runs --ends--> report, if it failed --> close --> ended
 *
 * A connection is in here from the step in which it was taken from the listener until after it is closed, so that
 * whoever drains the server overlooks none. There is nothing around a handler, no frame and no finalizer: the fiber's end
 * is observed instead. So a connection that idles costs its fiber and little else, and a fiber that is interrupted
 * before its first step closes its connection all the same.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as FiberId from "effect/FiberId"
import type { Endpoint } from "../../Address/index.js"
import { SlotTable } from "../../Proactor/SlotTable.js"
import type { Condition } from "./Condition.js"
import type { LivingConnection } from "./LivingConnection.js"
import { Waiters } from "./Waiters.js"

/**
 * A connection, as far as a server has to do with it.
 *
 * @internal
 */
export type Servable = Pick<
  LivingConnection<Endpoint>,
  "beginClosing" | "close" | "expire" | "look" | "peer" | "servant"
>

/**
 * What a server does with its connections.
 *
 * @internal
 */
export interface Service<C, E, R> {
  readonly handler: (connection: C) => Effect.Effect<unknown, E, R>
  /** What is to be done about a handler that failed or died, if anything. */
  readonly failed: (cause: Cause.Cause<E>, connection: C) => Effect.Effect<unknown, never, R> | undefined
  readonly run: <A, E2>(effect: Effect.Effect<A, E2, R>) => Fiber.RuntimeFiber<A, E2>
  /** So many connections are served at once; any number if absent. */
  readonly maxConnections: number | undefined
}

/** @internal */
export class Served<C extends Servable, E, R> {
  private readonly service: Service<C, E, R>
  /** Not a `Set`: where thousands come and go, its discarded tables keep dead connections alive for long. */
  private readonly serving = new SlotTable<C>()
  private readonly waiting = new Waiters()

  constructor(service: Service<C, E, R>) {
    this.service = service
  }

  get size(): number {
    return this.serving.size
  }

  connections(): ReadonlyArray<C> {
    return this.serving.tenants()
  }

  /** Starts the fiber that serves the connection. */
  start(connection: C): void {
    const { handler, run } = this.service
    const slot = this.serving.acquire(connection)
    const serve = Effect.withFiberRuntime<unknown, E, R>((fiber) => {
      connection.servant = fiber
      return handler(connection)
    })
    run(serve).addObserver((exit) => this.finished(connection, slot, exit))
  }

  /** Waits until fewer connections are served than are allowed. */
  readonly place: Effect.Effect<void> = Effect.suspend(() =>
    this.hasPlace ? Effect.void : Effect.zipRight(this.change, this.place)
  )

  /** Whether no connection is served. */
  readonly isEmpty: Condition = {
    holds: () => this.size === 0,
    onChange: (wake) => this.waiting.add(wake),
    offChange: (wake) => this.waiting.remove(wake)
  }

  /** Interrupts the handlers; they end later. */
  interruptAll(by: FiberId.FiberId): void {
    for (const { servant } of this.serving.tenants()) servant?.unsafeInterruptAsFork(by)
  }

  private get hasPlace(): boolean {
    const { maxConnections } = this.service
    return maxConnections === undefined || this.size < maxConnections
  }

  private get change(): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const wake = () => resume(Effect.void)
      this.waiting.add(wake)
      return Effect.sync(() => this.waiting.remove(wake))
    })
  }

  private finished(connection: C, slot: number, exit: Exit.Exit<unknown, E>): void {
    const report = Exit.isFailure(exit) ? this.service.failed(exit.cause, connection) : undefined
    const closing = report === undefined ? connection.beginClosing() : connection.close
    if (closing === undefined) this.ended(slot)
    else this.run(Effect.zipRight(report ?? Effect.void, closing), slot)
  }

  /** What is left to do, when that is not done at once. */
  private run(rest: Effect.Effect<void, never, R>, slot: number): void {
    this.service.run(Effect.uninterruptible(Effect.map(rest, () => this.ended(slot))))
  }

  private ended(slot: number): void {
    this.serving.release(slot)
    this.waiting.wakeAll()
  }
}
