/**
 * Looking at a descriptor while the thread does other things.
 *
 * @since 0.1.0
 */

/**
 * Calls back, from the event loop, for as long as a descriptor is readable: level-triggered.
 *
 * @internal
 */
export interface Watch {
  /** Begins to look. */
  start(): void
  stop(): void
  /** From here on the process stays alive while the watch is started. */
  ref(): void
  /** From here on it does not; nor is it certain that the watch calls back. So a watch begins. */
  unref(): void
  /** Ends the watch for good. To be called before the descriptor is closed. */
  close(): void
}
