// @ts-check
/// <reference path="../packages.d.ts" />
/** Tells on stderr what is being measured: a bar on a terminal, a line for every workload elsewhere. */
import cliProgress from "cli-progress"
import { onInterrupt } from "../../scripts/lib/interrupt.mjs"

/**
 * @typedef {object} Progress
 * @property {(doing: string) => void} begin A workload begins
 * @property {(doing: string) => void} step A turn ended
 * @property {() => void} end
 */

/** @param {string} title @param {number} steps @returns {Progress} */
const bar = (title, steps) => {
  const line = new cliProgress.SingleBar({
    format: `${title} {bar} {percentage}% {doing}`,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    // Ctrl-C is served in one place.
    gracefulExit: false
  })
  const forget = onInterrupt(() => line.stop())
  line.start(steps, 0, { doing: "" })
  return {
    begin: (doing) => line.increment(0, { doing }),
    step: (doing) => line.increment(1, { doing }),
    end: () => {
      line.stop()
      forget()
    }
  }
}

/** @param {string} title @returns {Progress} */
const lines = (title) => ({
  begin: (doing) => console.error(`${title}: ${doing}`),
  step: () => {},
  end: () => {}
})

/** @param {string} title @param {number} steps */
export const startProgress = (title, steps) => (process.stderr.isTTY ? bar(title, steps) : lines(title))
