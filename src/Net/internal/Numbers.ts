/**
 * What is asked of numbers that a program gives.
 *
 * @since 0.1.0
 */

/** @internal */
export const isPositiveInteger = (value: number): boolean => Number.isInteger(value) && value > 0
