/**
 * What to be told of about a descriptor, in words rather than bits.
 *
 * @since 0.1.0
 */
import { EPOLLET, EPOLLIN, EPOLLONESHOT, EPOLLOUT, EPOLLPRI, EPOLLRDHUP } from "./Constants.js"

/**
 * What a registration asks for. What is left out is not asked for; that the other side is gone, or that the
 * descriptor has failed, is told in any case.
 *
 * @since 0.1.0
 * @category models
 */
export interface Interest {
  /** A read, or an accept, would not block (`EPOLLIN`). */
  readonly readable?: boolean
  /** A write would not block, or a connect is over (`EPOLLOUT`). */
  readonly writable?: boolean
  /** The peer has shut down its sending half (`EPOLLRDHUP`). */
  readonly peerClosed?: boolean
  /** Urgent data has come (`EPOLLPRI`). */
  readonly priority?: boolean
  /** Told once when it becomes so, rather than for as long as it is so (`EPOLLET`): read until it would block. */
  readonly edgeTriggered?: boolean
  /** Told once, then silent until `modify` (`EPOLLONESHOT`). */
  readonly oneShot?: boolean
}

/**
 * The interest as `epoll_ctl` has it, unsigned.
 *
 * @internal
 */
export const interestBits = (interest: Interest): number => {
  const readiness =
    (interest.readable ? EPOLLIN : 0) |
    (interest.writable ? EPOLLOUT : 0) |
    (interest.peerClosed ? EPOLLRDHUP : 0) |
    (interest.priority ? EPOLLPRI : 0)
  const manner = (interest.edgeTriggered ? EPOLLET : 0) | (interest.oneShot ? EPOLLONESHOT : 0)
  return (readiness | manner) >>> 0
}
