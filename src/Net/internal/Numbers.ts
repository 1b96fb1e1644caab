/**
 * What is asked of numbers that a program gives.
 *
 * @since 0.1.0
 */

/** @internal */
export const isPositiveInteger = (value: number): boolean => Number.isInteger(value) && value > 0

/**
 * A position in a file, or a size.
 *
 * @internal
 */
export const isOffset = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

/** @internal */
export const offsetIs = "is a whole number, 0 to 2^53 - 1"
