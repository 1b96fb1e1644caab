// @ts-check
/** Medians, and ratios with their spread. */

/** @typedef {{ median: number, least: number, most: number }} Spread */

/** @param {ReadonlyArray<number>} values At least one */
const medianOf = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}

/** Null as soon as one value is: half a median would be none. @param {ReadonlyArray<number | null>} values */
export const median = (values) => {
  const present = values.filter((value) => value !== null)
  return present.length === 0 || present.length < values.length ? null : medianOf(present)
}

/** @param {ReadonlyArray<number>} values @returns {Spread | undefined} */
export const spread = (values) =>
  values.length === 0
    ? undefined
    : { median: medianOf(values), least: Math.min(...values), most: Math.max(...values) }

/**
 * The ratios of two peers' figures, round by round: what disturbed the machine in a round disturbed both.
 * @param {ReadonlyArray<number | null>} ours
 * @param {ReadonlyArray<number | null>} theirs
 */
export const ratio = (ours, theirs) => {
  const ratios = ours.map((value, round) => {
    const other = theirs[round]
    return value === null || other === null || other === undefined || other === 0 ? null : value / other
  })
  const present = ratios.filter((value) => value !== null)
  return present.length < ratios.length ? undefined : spread(present)
}
