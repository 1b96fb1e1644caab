/**
 * Futures: operations that were started and go on by themselves.
 *
 * A future is what an `async...` function answers at once. Its operation runs in a fiber of its own, in the scope in
 * which it was started; closing that scope interrupts it. Waiting for a future, with or without a timeout, and
 * choosing among several, never disturbs the operations: who gives up waiting leaves them running, and may come back.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Endpoint } from "../Address/index.js"
import type { SocketError, TimeoutError } from "../Errors/index.js"
import type { AnyConnection, Connection } from "./Connection.js"
import { type Condition, ended, holdsWithin } from "./internal/Condition.js"
import { timedOut } from "./internal/Deadline.js"
import type { Listener } from "./Listener.js"
import { type ConnectOptions, connect, type Net } from "./Net.js"

/**
 * An operation that was started and goes on by itself.
 *
 * @since 0.1.0
 * @category models
 */
export class Future<A, E = never> {
  private readonly fiber: Fiber.RuntimeFiber<A, E>

  /** @internal */
  constructor(fiber: Fiber.RuntimeFiber<A, E>) {
    this.fiber = fiber
  }

  /** How the operation ended; none while it goes on. */
  get poll(): Effect.Effect<Option.Option<Exit.Exit<A, E>>> {
    return this.fiber.poll
  }

  /** @internal */
  get outcome(): Exit.Exit<A, E> | undefined {
    return this.fiber.unsafePoll() ?? undefined
  }

  /** @internal */
  get done(): Condition {
    return ended(this.fiber)
  }

  /** How the operation ends. */
  get exit(): Effect.Effect<Exit.Exit<A, E>> {
    return Fiber.await(this.fiber)
  }

  /** Stops the operation, and waits until it has stopped. */
  get cancel(): Effect.Effect<void> {
    return Effect.asVoid(Fiber.interrupt(this.fiber))
  }
}

/**
 * What is called when a future is done: with the exit, in the future's fiber. It may be an effect.
 *
 * @since 0.1.0
 * @category models
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a callback may return nothing, and `undefined` would refuse those
export type Callback<A, E, R = never> = (exit: Exit.Exit<A, E>) => Effect.Effect<unknown, never, R> | void

const runCallback = <A, E, R>(
  callback: Callback<A, E, R>,
  exit: Exit.Exit<A, E>
): Effect.Effect<unknown, never, R> =>
  Effect.suspend(() => {
    const answer = callback(exit)
    return Effect.isEffect(answer) ? answer : Effect.void
  }).pipe(
    // The future's outcome is the operation's; a callback that dies must not replace it.
    Effect.catchAllCause((cause) => Effect.logError("the callback of a future failed", cause))
  )

/**
 * Starts an operation in the surrounding scope. `callback`, if there is one, is called when it ends, before those who
 * wait for the future go on.
 *
 * @since 0.1.0
 * @category constructors
 */
export const start = <A, E, R, R2 = never>(
  operation: Effect.Effect<A, E, R>,
  callback?: Callback<A, E, R2>
): Effect.Effect<Future<A, E>, never, R | R2 | Scope.Scope> => {
  const whole =
    callback === undefined ? operation : Effect.onExit(operation, (exit) => runCallback(callback, exit))
  return Effect.map(Effect.forkScoped(whole), (fiber) => new Future(fiber))
}

/**
 * Waits for a future. With a timeout that passes first it fails with `TimeoutError`, and the operation goes on: await
 * it again, or cancel it.
 *
 * @since 0.1.0
 * @category operations
 */
const await_: {
  (timeout: Duration.DurationInput): <A, E>(future: Future<A, E>) => Effect.Effect<A, E | TimeoutError>
  <A, E>(future: Future<A, E>): Effect.Effect<A, E>
  <A, E>(future: Future<A, E>, timeout: Duration.DurationInput): Effect.Effect<A, E | TimeoutError>
} = dual(
  (args) => args[0] instanceof Future,
  <A, E>(future: Future<A, E>, timeout?: Duration.DurationInput): Effect.Effect<A, E | TimeoutError> => {
    const done = Effect.flatten(future.exit)
    if (timeout === undefined) return done
    return Effect.flatMap(
      holdsWithin(future.done, timeout),
      (isDone): Effect.Effect<A, E | TimeoutError> =>
        isDone ? done : Effect.fail(timedOut("await", timeout, undefined))
    )
  }
)

export {
  /**
   * Waits for a future.
   *
   * @since 0.1.0
   * @category operations
   */
  await_ as await
}

/**
 * Which future was done first, and how it ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Selected<A, E> {
  readonly index: number
  readonly exit: Exit.Exit<A, E>
}

/**
 * Waits for the first of several futures to end, well or not. The others go on running. With a timeout that passes
 * first it fails with `TimeoutError`, and all of them go on.
 *
 * @since 0.1.0
 * @category operations
 */
export function select<A, E, A2, E2>(
  futures: readonly [Future<A, E>, Future<A2, E2>],
  timeout?: Duration.DurationInput
): Effect.Effect<Selected<A | A2, E | E2>, TimeoutError>
export function select<A, E>(
  futures: Arr.NonEmptyReadonlyArray<Future<A, E>>,
  timeout?: Duration.DurationInput
): Effect.Effect<Selected<A, E>, TimeoutError>
export function select<A, E>(
  futures: Arr.NonEmptyReadonlyArray<Future<A, E>>,
  timeout: Duration.DurationInput = Duration.infinity
): Effect.Effect<Selected<A, E>, TimeoutError> {
  if (futures.length === 0) return Effect.dieMessage("select of no futures would wait for ever")
  return Effect.suspend(() => {
    const first = new First(futures)
    return Effect.flatMap(holdsWithin(first, timeout), () =>
      first.selected === undefined
        ? Effect.fail(timedOut("select", timeout, undefined))
        : Effect.succeed(first.selected)
    )
  })
}

/** That one of the futures is done. Which one is settled when that is first seen: others may be done a moment later. */
class First<A, E> implements Condition {
  private readonly futures: ReadonlyArray<Future<A, E>>
  selected: Selected<A, E> | undefined

  constructor(futures: ReadonlyArray<Future<A, E>>) {
    this.futures = futures
  }

  readonly holds = (): boolean => {
    for (const [index, { outcome }] of this.futures.entries()) {
      if (outcome !== undefined) this.selected ??= { index, exit: outcome }
    }
    return this.selected !== undefined
  }

  readonly onChange = (wake: () => void): void => {
    for (const { done } of this.distinct) done.onChange(wake)
  }

  readonly offChange = (wake: () => void): void => {
    for (const { done } of this.distinct) done.offChange(wake)
  }

  /** A future that is given twice tells of its end once. */
  private get distinct(): ReadonlySet<Future<A, E>> {
    return new Set(this.futures)
  }
}

/**
 * Starts connecting. The connection belongs to the surrounding scope, not to the future.
 *
 * @since 0.1.0
 * @category operations
 */
export const asyncConnect = <R = never>(
  options: ConnectOptions,
  callback?: Callback<Connection, SocketError | TimeoutError, R>
): Effect.Effect<Future<Connection, SocketError | TimeoutError>, never, Net | R | Scope.Scope> =>
  start(connect(options), callback)

/**
 * Starts accepting one connection. The connection belongs to the surrounding scope, not to the future.
 *
 * @since 0.1.0
 * @category operations
 */
export const asyncAccept = <A extends Endpoint, R = never>(
  listener: Listener<A>,
  callback?: Callback<Connection<A>, SocketError, R>
): Effect.Effect<Future<Connection<A>, SocketError>, never, R | Scope.Scope> =>
  start(listener.accept, callback)

/**
 * Starts reading what comes next.
 *
 * @since 0.1.0
 * @category operations
 */
export const asyncRead = <R = never>(
  connection: AnyConnection,
  callback?: Callback<Uint8Array, SocketError, R>
): Effect.Effect<Future<Uint8Array, SocketError>, never, R | Scope.Scope> => start(connection.read, callback)

/**
 * Starts writing all of the bytes.
 *
 * @since 0.1.0
 * @category operations
 */
export const asyncWrite = <R = never>(
  connection: AnyConnection,
  bytes: Uint8Array,
  callback?: Callback<void, SocketError, R>
): Effect.Effect<Future<void, SocketError>, never, R | Scope.Scope> =>
  start(connection.writeAll(bytes), callback)
