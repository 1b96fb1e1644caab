/** The memory of this process: looked at after a collection, and judged for growth. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Effect from "effect/Effect"

const exposed = (): (() => void) | undefined => {
  setFlagsFromString("--expose-gc")
  const found: unknown = runInNewContext("gc")
  return typeof found === "function" ? () => void found() : undefined
}

let collect: (() => void) | undefined

/** The bytes that this process has in memory, garbage left out as far as the runtime lets one. */
export const residentBytes = (): number => {
  collect ??= exposed() ?? (() => {})
  collect()
  return process.memoryUsage.rss()
}

/** The bytes that the program itself holds on to: unlike the resident ones, no matter of how pages are kept. */
export const heldBytes = (): number => {
  residentBytes()
  const { external, heapUsed } = process.memoryUsage()
  return heapUsed + external
}

const SAMPLE_MILLISECONDS = 50

/** Runs the effect, and answers by how many bytes the process was larger meanwhile than before, at most. */
export const peakGrowth = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.suspend(() => {
    const before = residentBytes()
    let most = before
    const look = Effect.sync(() => {
      most = Math.max(most, residentBytes())
    })
    const watching = Effect.forever(Effect.delay(look, SAMPLE_MILLISECONDS))
    return Effect.map(Effect.zipRight(Effect.raceFirst(effect, watching), look), () => most - before)
  })

/** Fewer samples than these tell a program that warms up from one that leaks no better than a guess would. */
const LEAST_SAMPLES = 40

/** What allocators and caches may add without anything being lost. */
const TOLERATED_SHARE = 0.1
const TOLERATED_BYTES = 16 * 1024 * 1024

export const median = (values: ReadonlyArray<number>): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

export interface Growth {
  /** The median of the second quarter, in bytes: the first one warms up. */
  readonly before: number
  /** The median of the last quarter. */
  readonly after: number
  readonly isFlat: boolean
}

/** Whether the samples grow; `undefined`: there are too few to say. */
export const growth = (samples: ReadonlyArray<number>): Growth | undefined => {
  if (samples.length < LEAST_SAMPLES) return undefined
  const quarter = Math.floor(samples.length / 4)
  const before = median(samples.slice(quarter, 2 * quarter))
  const after = median(samples.slice(-quarter))
  return { before, after, isFlat: after <= before * (1 + TOLERATED_SHARE) + TOLERATED_BYTES }
}

export const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`
