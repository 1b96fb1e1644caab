/** Randomness that a seed repeats, and bytes whose order shows. */

export interface Random {
  /** 0 to 1, without 1. */
  readonly next: () => number
  /** A whole number, 0 to `limit - 1`. */
  readonly below: (limit: number) => number
  /** A whole number, both ends included. */
  readonly between: (least: number, most: number) => number
  readonly chance: (probability: number) => boolean
}

/** Mulberry32: small, and good enough to choose by. */
export const makeRandom = (seed: number): Random => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    next,
    below,
    between: (least, most) => least + below(most - least + 1),
    chance: (probability) => next() < probability
  }
}

/** The generator of the `index`th thing of a run: what else the run does meanwhile does not change it. */
export const derived = (seed: number, index: number): Random =>
  makeRandom(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35))

const byteAt = (position: number): number => (position * 31 + (position >> 8)) & 0xff

const PATTERN_BYTES = 1 << 20

/** Each byte says where it stands. Made once: a run sends many pieces of it, and no piece is a copy. */
const whole = Uint8Array.from({ length: PATTERN_BYTES }, (_, position) => byteAt(position))

/** The first bytes of the pattern, up to a mebibyte of them. */
export const pattern = (length: number): Uint8Array => whole.subarray(0, length)

/** Whether these are the bytes that belong at that position of the pattern. */
export const isPattern = (bytes: Uint8Array, position: number): boolean =>
  Buffer.compare(bytes, whole.subarray(position, position + bytes.length)) === 0
