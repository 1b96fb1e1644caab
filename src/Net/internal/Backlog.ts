/**
 * How many connections may wait to be accepted.
 *
 * @since 0.1.0
 */

/** @internal */
export const DEFAULT_BACKLOG = 511

const LARGEST_BACKLOG = 0x7fffffff

/**
 * What is wrong with a backlog, in words.
 *
 * @internal
 */
export const adviceOnBacklog = (backlog: number): string | undefined =>
  Number.isInteger(backlog) && backlog >= 1 && backlog <= LARGEST_BACKLOG
    ? undefined
    : "backlog is a whole number, 1 or more"
