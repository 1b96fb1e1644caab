/**
 * Making and using epoll instances: `epoll_create1`, `epoll_ctl`, `eventfd`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { invalidArgument, type NetworkError } from "../Errors/index.js"
import { isWord, notAWord } from "../Foreign/Word.js"
import { EBADF, EEXIST, ENOENT, EPERM } from "./Constants.js"
import { type Descriptor, numberOf } from "./Descriptor.js"
import { DEFAULT_CAPACITY, EpollWaiter } from "./EpollWaiter.js"
import { Epoll } from "./Instance.js"
import { type Interest, interestBits } from "./Interest.js"
import type { PostingEpoll } from "./PostingEpoll.js"
import { instanceClosed, systemError } from "./Support.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface EpollOptions {
  /** How many events one call to the system fetches at most. 256 if left out. */
  readonly batch?: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PostOptions {
  /** The event's data, up to 64 bits. 0 if left out. */
  readonly data?: number | bigint
  /** The event's number of bytes, up to 32 bits. 0 if left out. */
  readonly bytes?: number
}

const MAX_BATCH = 4096

/** The 64 bits that a number stands for; `undefined` if it stands for none. */
const word64 = (value: number | bigint): bigint | undefined => (isWord(value, 64) ? BigInt(value) : undefined)

/** Runs `use` on an instance that is open. */
const whileOpen = <A, E>(
  epoll: Epoll,
  operation: string,
  use: () => Effect.Effect<A, E>
): Effect.Effect<A, E | NetworkError> =>
  Effect.suspend(() => (epoll.isOpen ? use() : Effect.fail<E | NetworkError>(instanceClosed(operation))))

const advice: ReadonlyMap<number, string> = new Map([
  [EBADF, "the descriptor is not open"],
  [EEXIST, "the descriptor is registered already; change the registration with modify"],
  [ENOENT, "the descriptor is not registered; closing one ends its registration"],
  [EPERM, "the descriptor is of a kind that is always ready, a file or a directory, and cannot be waited for"]
])

/** What `epoll_ctl` answered, as an effect. */
const controlled = (operation: string, code: number): Effect.Effect<void, NetworkError> =>
  code === 0
    ? Effect.void
    : Effect.fail(systemError(code, { operation, syscall: "epoll_ctl" }, advice.get(code)))

/**
 * An epoll instance that is closed with the scope. Elsewhere than on Linux it fails with the reason `Unsupported`.
 *
 * Calls `epoll_create1`.
 *
 * @since 0.1.0
 * @category instances
 */
export const make = (options: EpollOptions = {}): Effect.Effect<Epoll, NetworkError, Scope.Scope> => {
  const { batch = DEFAULT_CAPACITY } = options
  if (!Number.isInteger(batch) || batch < 1 || batch > MAX_BATCH) {
    return Effect.fail(invalidArgument("make", `batch has to be a whole number between 1 and ${MAX_BATCH}`))
  }
  const open = Effect.map(EpollWaiter.open("make", batch), (waiter) => new Epoll(waiter))
  return Effect.acquireRelease(open, close)
}

/**
 * Closes an instance before its scope does. Those who wait fail with `InvalidHandle`; events that nobody has taken
 * are dropped; the descriptors that were registered stay open. Closing an instance that is closed does nothing.
 *
 * @since 0.1.0
 * @category instances
 */
export const close = (epoll: Epoll): Effect.Effect<void> => Effect.sync(() => epoll.close())

/**
 * From now on the instance tells what happens to the descriptor, together with `data`, of which all 64 bits come
 * back.
 *
 * Call `remove` before closing the descriptor. The system ends a registration by itself only when every duplicate of
 * the descriptor is closed.
 *
 * Calls `epoll_ctl(EPOLL_CTL_ADD)`.
 *
 * @since 0.1.0
 * @category registrations
 */
export const register = (
  epoll: Epoll,
  descriptor: Descriptor | number,
  interest: Interest,
  data: number | bigint = 0
): Effect.Effect<void, NetworkError> =>
  whileOpen(epoll, "register", () => {
    const word = word64(data)
    if (word === undefined) return Effect.fail(notAWord("register", "data", 64))
    return Effect.flatMap(numberOf("register", descriptor), (fd) =>
      controlled("register", epoll.add(fd, interestBits(interest), word))
    )
  })

/**
 * Like `register`; the registration ends with the scope.
 *
 * @since 0.1.0
 * @category registrations
 */
export const registerScoped = (
  epoll: Epoll,
  descriptor: Descriptor | number,
  interest: Interest,
  data: number | bigint = 0
): Effect.Effect<void, NetworkError, Scope.Scope> =>
  Effect.acquireRelease(register(epoll, descriptor, interest, data), () =>
    // Who removed it, or closed the descriptor or the instance, in the meantime has ended it as well.
    Effect.ignore(remove(epoll, descriptor))
  )

/**
 * Changes what is told of a descriptor, and `data` too if it is given. A one-shot registration is armed again.
 *
 * Calls `epoll_ctl(EPOLL_CTL_MOD)`.
 *
 * @since 0.1.0
 * @category registrations
 */
export const modify = (
  epoll: Epoll,
  descriptor: Descriptor | number,
  interest: Interest,
  data?: number | bigint
): Effect.Effect<void, NetworkError> =>
  whileOpen(epoll, "modify", () => {
    const word = data === undefined ? undefined : word64(data)
    if (data !== undefined && word === undefined) return Effect.fail(notAWord("modify", "data", 64))
    return Effect.flatMap(numberOf("modify", descriptor), (fd) =>
      controlled("modify", epoll.modify(fd, interestBits(interest), word))
    )
  })

/**
 * From now on nothing is told of the descriptor, not even what was fetched already.
 *
 * Calls `epoll_ctl(EPOLL_CTL_DEL)`.
 *
 * @since 0.1.0
 * @category registrations
 */
export const remove = (epoll: Epoll, descriptor: Descriptor | number): Effect.Effect<void, NetworkError> =>
  whileOpen(epoll, "remove", () =>
    Effect.flatMap(numberOf("remove", descriptor), (fd) => controlled("remove", epoll.remove(fd)))
  )

/**
 * Puts an event of your own behind those that are there, as `PostQueuedCompletionStatus` does on a completion port.
 * The system has no such call; the event stays in this process, and waiting finds it like any other.
 *
 * Another thread posts to the instance that it has from `open`, through a pipe: while that is full, posting fails with
 * `ResourceExhausted`.
 *
 * @since 0.1.0
 * @category events
 */
export const post = (
  epoll: Epoll | PostingEpoll,
  options: PostOptions = {}
): Effect.Effect<void, NetworkError> =>
  Effect.suspend(() => {
    const { bytes = 0, data = 0 } = options
    if (!epoll.isOpen) return Effect.fail(epoll.refusal("post"))
    const word = word64(data)
    if (word === undefined) return Effect.fail(notAWord("post", "data", 64))
    if (!isWord(bytes, 32)) return Effect.fail(notAWord("post", "bytes", 32))
    const failure = epoll.post(word, bytes)
    return failure === undefined ? Effect.void : Effect.fail(failure)
  })

/**
 * Makes one who waits return with a `WakeEvent`; if nobody waits, the next who does. Wakes that nobody has seen yet
 * count as one.
 *
 * Writes to an `eventfd`.
 *
 * @since 0.1.0
 * @category events
 */
export const wake = (epoll: Epoll): Effect.Effect<void, NetworkError> =>
  whileOpen(epoll, "wake", () => {
    const code = epoll.wake()
    return code === 0 ? Effect.void : Effect.fail(systemError(code, { operation: "wake", syscall: "write" }))
  })
