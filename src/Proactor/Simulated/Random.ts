/**
 * The one source of chance of a simulation: the same seed gives the same draws, in the same order.
 *
 * @since 0.1.0
 */
import { PCGRandom } from "effect/Utils"

/**
 * From the smallest to the largest, both included.
 *
 * @since 0.1.0
 * @category models
 */
export interface Between<A> {
  readonly min: A
  readonly max: A
}

/** @internal */
export class Random {
  private readonly generator: PCGRandom

  constructor(seed: number) {
    // Both halves of the seed count, so that large seeds differ too.
    this.generator = new PCGRandom(Math.floor(seed / 2 ** 32), seed >>> 0)
  }

  /** A whole number from 0 up to, and without, `limit`. */
  below(limit: number): number {
    return Math.floor(this.generator.number() * limit)
  }

  /** A whole number of the range. */
  wholeOf({ max, min }: Between<number>): number {
    return min >= max ? min : min + this.below(max - min + 1)
  }

  /** A number of the range, fractions included. */
  of({ max, min }: Between<number>): number {
    return min >= max ? min : min + this.generator.number() * (max - min)
  }

  /** Whether something of that probability happens. What is impossible, or certain, takes no draw. */
  chance(probability: number): boolean {
    if (probability <= 0) return false
    return probability >= 1 || this.generator.number() < probability
  }

  /** From 0 up to, and without, 1. */
  next(): number {
    return this.generator.number()
  }
}
