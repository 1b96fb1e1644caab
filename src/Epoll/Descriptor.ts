/**
 * Descriptors of this library's own making: a number, and whether it may still be used.
 *
 * Every one of them is non-blocking, is not inherited by child processes, and is closed once: by `closeDescriptor`,
 * or with its scope. A number is reused as soon as it is given back, so a closed descriptor is refused here, and
 * never reaches the system.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { invalidArgument, NetworkError, type SocketError } from "../Errors/index.js"
import { EFD_CLOEXEC, EFD_NONBLOCK, O_CLOEXEC, O_NONBLOCK } from "./Constants.js"
import { type Libc, libc } from "./Libc.js"
import { onLinux, systemError } from "./Support.js"

/**
 * @since 0.1.0
 * @category models
 */
export class Descriptor {
  /** The number, for logs and for calls of your own. */
  readonly fd: number
  private open = true

  /** @internal */
  constructor(fd: number) {
    this.fd = fd
  }

  /** Whether it can still be used. */
  get isOpen(): boolean {
    return this.open
  }

  /** @internal */
  close(): void {
    if (!this.open) return
    this.open = false
    // Linux gives the number back whatever `close` answers: there is nothing to do about a failure.
    libc().close(this.fd)
  }
}

/**
 * Closes a descriptor before its scope does. Closing one that is closed does nothing.
 *
 * @since 0.1.0
 * @category descriptors
 */
export const closeDescriptor = (descriptor: Descriptor): Effect.Effect<void> =>
  Effect.sync(() => descriptor.close())

const notOpen = (operation: string): NetworkError =>
  new NetworkError({ operation, reason: "InvalidHandle", advice: "the descriptor is closed" })

/**
 * The number of a descriptor that may be used.
 *
 * @internal
 */
export const numberOf = (
  operation: string,
  descriptor: Descriptor | number
): Effect.Effect<number, NetworkError> => {
  if (typeof descriptor !== "number") {
    return descriptor.isOpen ? Effect.succeed(descriptor.fd) : Effect.fail(notOpen(operation))
  }
  const isNumber = Number.isInteger(descriptor) && descriptor >= 0 && descriptor <= 0x7fff_ffff
  if (isNumber) return Effect.succeed(descriptor)
  return Effect.fail(invalidArgument(operation, "a descriptor is a whole number, not negative"))
}

/**
 * Makes a call with the number of an open descriptor. `use` reads `errno` before anything else where a call failed.
 *
 * @internal
 */
export const withNumber = <A>(
  operation: string,
  descriptor: Descriptor | number,
  use: (fd: number, system: Libc) => Effect.Effect<A, SocketError>
): Effect.Effect<A, SocketError> =>
  onLinux(operation, () => Effect.flatMap(numberOf(operation, descriptor), (fd) => use(fd, libc())))

/**
 * Makes a descriptor that is closed with the scope.
 *
 * @internal
 */
export const scopedDescriptor = (
  operation: string,
  syscall: string,
  open: (system: Libc) => number
): Effect.Effect<Descriptor, NetworkError, Scope.Scope> => {
  const opened = Effect.suspend(() => {
    const fd = open(libc())
    if (fd >= 0) return Effect.succeed(new Descriptor(fd))
    return Effect.fail(systemError(libc().errno(), { operation, syscall }))
  })
  return onLinux(operation, () => Effect.acquireRelease(opened, closeDescriptor))
}

/**
 * Makes two descriptors that are closed with the scope.
 *
 * @internal
 */
export const scopedDescriptors = (
  operation: string,
  syscall: string,
  open: (system: Libc, fds: Int32Array) => number
): Effect.Effect<readonly [Descriptor, Descriptor], NetworkError, Scope.Scope> => {
  const opened = Effect.suspend(() => {
    const fds = new Int32Array(2)
    if (open(libc(), fds) !== 0) {
      return Effect.fail(systemError(libc().errno(), { operation, syscall }))
    }
    const [first = -1, second = -1] = fds
    return Effect.succeed([new Descriptor(first), new Descriptor(second)] as const)
  })
  const close = (both: ReadonlyArray<Descriptor>) => Effect.forEach(both, closeDescriptor, { discard: true })
  return onLinux(operation, () => Effect.acquireRelease(opened, close))
}

/**
 * A pipe.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pipe {
  readonly reader: Descriptor
  readonly writer: Descriptor
}

/**
 * A pipe whose ends are closed with the scope. Calls `pipe2`.
 *
 * @since 0.1.0
 * @category descriptors
 */
export const makePipe: Effect.Effect<Pipe, NetworkError, Scope.Scope> = Effect.map(
  scopedDescriptors("makePipe", "pipe2", (system, fds) => system.pipe2(fds, O_NONBLOCK | O_CLOEXEC)),
  ([reader, writer]) => ({ reader, writer })
)

/**
 * An event counter, closed with the scope: writing 8 bytes adds to it, reading 8 bytes empties it, and it is readable
 * while it is not 0. Calls `eventfd`.
 *
 * @since 0.1.0
 * @category descriptors
 */
export const makeEventCounter: Effect.Effect<Descriptor, NetworkError, Scope.Scope> = scopedDescriptor(
  "makeEventCounter",
  "eventfd",
  (system) => system.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
)
