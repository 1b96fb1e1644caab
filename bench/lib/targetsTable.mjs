// @ts-check
/** The targets of a suite beside what was measured. */
import { targets } from "../targets.mjs"
import { subject } from "./peers.mjs"
import { ratioOf } from "./results.mjs"
import { spreadText, tableText } from "./table.mjs"

/**
 * @typedef {import("../targets.mjs").Target} Target
 * @typedef {import("./results.mjs").Result} Result
 * @typedef {import("./results.mjs").Described} Described
 */

/** @param {ReadonlyArray<Result>} results @param {string} name @param {Partial<Described>} wanted */
const find = (results, name, wanted) =>
  results.find(
    (result) =>
      result.name === name &&
      Object.entries(wanted).every(([key, value]) => result[/** @type {keyof Described} */ (key)] === value)
  )

/** @param {Target} target @param {number} measured */
const isMet = ({ atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }, measured) =>
  measured >= atLeast && measured <= atMost

/** @param {Target} target */
const wish = ({ atLeast, atMost }) => (atLeast === undefined ? `<= ${atMost}` : `>= ${atLeast}`)

/** The row of a target; none if its workload was not measured. @param {Target} target @param {ReadonlyArray<Result>} results */
const row = (target, results) => {
  const { against, base, figure, of, title } = target
  const ours = find(results, subject, of)
  const theirs = find(results, against ?? subject, base ?? of)
  if (ours === undefined || theirs === undefined) return []
  const measured = ratioOf(ours, theirs, figure)
  const verdict = measured === undefined ? "missed" : isMet(target, measured.median) ? "met" : "missed"
  return [
    [title, against ?? "itself beside none", wish(target), spreadText(measured) || "no figure", verdict]
  ]
}

/** @param {import("./results.mjs").Results} results @returns {string} Empty if no target was measured */
export const targetsText = ({ results, suite }) => {
  const rows = targets.filter((target) => target.suite === suite).flatMap((target) => row(target, results))
  return rows.length === 0 ? "" : `\nTargets\n${tableText(["", "against", "ratio", "measured", ""], rows, 3)}`
}
