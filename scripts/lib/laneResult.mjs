// @ts-check
/** What a lane can end as, and how the end of a run tells it. */

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 *
 * @typedef {{ state: "ran", name: string, counts: Counts, complaints: ReadonlyArray<string> }} Ran
 * @typedef {{ state: "crashed", name: string, why: string }} Crashed
 * @typedef {{ state: "absent", name: string, why: string }} Absent
 * @typedef {Ran | Crashed | Absent} LaneResult
 */

/** @param {string} name @param {string} why @returns {Crashed} */
export const crashed = (name, why) => ({ state: "crashed", name, why })

/** @param {string} name @param {unknown} error */
export const crashedBy = (name, error) =>
  crashed(name, error instanceof Error ? error.message : String(error))

/** @param {string} name @param {string} why @returns {Absent} */
export const absent = (name, why) => ({ state: "absent", name, why })

/**
 * What a lane adds to the sum. A lane that crashed counts as one failure: it has no true count of its own.
 * @param {LaneResult} lane
 * @returns {Counts}
 */
const countsOf = (lane) => {
  switch (lane.state) {
    case "ran":
      return lane.counts
    case "crashed":
      return { passed: 0, failed: 1, skipped: 0 }
    case "absent":
      return { passed: 0, failed: 0, skipped: 0 }
  }
}

/** @param {LaneResult} lane */
const describe = (lane) => {
  switch (lane.state) {
    case "ran": {
      const { failed, passed, skipped } = lane.counts
      return [`${passed} passed, ${failed} failed, ${skipped} skipped`, ...lane.complaints].join("; ")
    }
    case "crashed":
      return `FAILED: ${lane.why}`
    case "absent":
      return `did not run: ${lane.why}`
  }
}

/**
 * Prints one line for each lane and, last, the sum. Returns whether nothing failed.
 * @param {ReadonlyArray<LaneResult>} lanes
 */
export const summarize = (lanes) => {
  const width = Math.max(...lanes.map(({ name }) => name.length))
  console.log("\nLanes")
  for (const lane of lanes) console.log(`  ${lane.name.padEnd(width)}  ${describe(lane)}`)
  const counts = lanes.map(countsOf)
  const passed = counts.reduce((sum, lane) => sum + lane.passed, 0)
  const failed = counts.reduce((sum, lane) => sum + lane.failed, 0)
  console.log(`\n${passed} passed, ${failed} failed`)
  return failed === 0
}
