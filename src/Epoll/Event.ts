/**
 * What waiting on an epoll instance gives.
 *
 * @since 0.1.0
 */
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from "./Constants.js"

/**
 * A registered descriptor is ready for something. That is a hint of the moment in which the system was asked: a call
 * may still find that it would block.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReadyEvent {
  readonly _tag: "ReadyEvent"
  /** What the descriptor was registered with; all 64 bits. */
  readonly data: bigint
  /** The descriptor's number. */
  readonly fd: number
  /** A read, or an accept, would not block; at the end of the stream this is so as well. */
  readonly readable: boolean
  /** A write would not block, or a connect is over. */
  readonly writable: boolean
  /** The peer has shut down its sending half; told only if that was asked for. */
  readonly peerClosed: boolean
  /** Urgent data has come; told only if that was asked for. */
  readonly priority: boolean
  /** Both directions are over (`EPOLLHUP`); told without being asked for. */
  readonly hungUp: boolean
  /** The descriptor has failed (`EPOLLERR`); told without being asked for. */
  readonly failed: boolean
  /** All of that as the system has it. */
  readonly bits: number
}

/**
 * Something that `post` put there.
 *
 * @since 0.1.0
 * @category models
 */
export interface PostedEvent {
  readonly _tag: "PostedEvent"
  readonly data: bigint
  readonly bytes: number
}

/**
 * Somebody called `wake`.
 *
 * @since 0.1.0
 * @category models
 */
export interface WakeEvent {
  readonly _tag: "WakeEvent"
}

/**
 * One event.
 *
 * @since 0.1.0
 * @category models
 */
export type EpollEvent = ReadyEvent | PostedEvent | WakeEvent

/**
 * Whether a registered descriptor is ready.
 *
 * @since 0.1.0
 * @category guards
 */
export const isReady = (event: EpollEvent): event is ReadyEvent => event._tag === "ReadyEvent"

/**
 * Whether the event was posted.
 *
 * @since 0.1.0
 * @category guards
 */
export const isPosted = (event: EpollEvent): event is PostedEvent => event._tag === "PostedEvent"

/**
 * Whether the event is there because of a `wake`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isWake = (event: EpollEvent): event is WakeEvent => event._tag === "WakeEvent"

/** @internal */
export const readyEvent = (fd: number, data: bigint, bits: number): ReadyEvent => ({
  _tag: "ReadyEvent",
  data,
  fd,
  readable: (bits & EPOLLIN) !== 0,
  writable: (bits & EPOLLOUT) !== 0,
  peerClosed: (bits & EPOLLRDHUP) !== 0,
  priority: (bits & EPOLLPRI) !== 0,
  hungUp: (bits & EPOLLHUP) !== 0,
  failed: (bits & EPOLLERR) !== 0,
  bits
})

/** @internal */
export const wakeEvent: WakeEvent = { _tag: "WakeEvent" }
