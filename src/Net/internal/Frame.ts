/**
 * What the receiving half of a connection is asked for when a frame is to be read.
 *
 * @since 0.1.0
 */

/**
 * What has arrived and not been taken, to be looked at.
 *
 * @internal
 */
export interface Arrived {
  readonly byteLength: number
  /** The first `length` bytes, which must be there. */
  readonly peek: (length: number) => Uint8Array
}

/**
 * Where the frame lies in the bytes that have arrived.
 *
 * @internal
 */
export interface Frame {
  readonly start: number
  readonly length: number
  /** How many bytes are to be taken: the frame, and what marks its borders. */
  readonly total: number
}

/**
 * The frame; or why there will be none; or nothing, as long as it has not all come.
 *
 * @internal
 */
export type Measured = Frame | { readonly tooLong: string } | { readonly invalid: string } | undefined

/** @internal */
export type Measure = (arrived: Arrived) => Measured

/** @internal */
export interface FoundFrame {
  readonly frame: Frame
  readonly taken: Uint8Array
}

/**
 * The frame itself, without what marks its borders.
 *
 * @internal
 */
export const contentOf = ({ frame: { length, start }, taken }: FoundFrame): Uint8Array =>
  taken.subarray(start, start + length)
