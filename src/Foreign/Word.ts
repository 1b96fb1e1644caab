/**
 * Whole numbers of so many bits, as systems have them, given as numbers or bigints.
 *
 * @since 0.1.0
 */
import { invalidArgument, type NetworkError } from "../Errors/index.js"

/**
 * Whether the value is a word of that size, without a sign.
 *
 * @internal
 */
export const isWord = (value: number | bigint, bits: 32 | 64): boolean =>
  typeof value === "bigint"
    ? value >= 0n && BigInt.asUintN(bits, value) === value
    : Number.isSafeInteger(value) && value >= 0 && value < 2 ** bits

/** @internal */
export const notAWord = (operation: string, name: string, bits: 32 | 64): NetworkError =>
  invalidArgument(operation, `${name} has to be a whole number of ${bits} bits, not negative`)
