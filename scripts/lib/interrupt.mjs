// @ts-check
/**
 * Ctrl-C and its kin. Children run in process groups of their own, so a terminal's Ctrl-C reaches only this
 * process: it passes the signal on, waits for what it started, cleans up, and ends.
 */
import { constants } from "node:os"

/** @typedef {(signal: NodeJS.Signals) => unknown} Cleanup */

/** @type {ReadonlyArray<NodeJS.Signals>} */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"]
/** @type {Set<Cleanup>} */
const cleanups = new Set()
let stopping = false

/** @param {NodeJS.Signals} signal */
const stop = async (signal) => {
  // A second Ctrl-C while the first is being served changes nothing: every cleanup is bounded by itself.
  if (stopping) return
  stopping = true
  // Newest first: what was started last may need what was started before it.
  for (const cleanup of [...cleanups].reverse()) {
    try {
      await cleanup(signal)
    } catch (error) {
      console.error(error)
    }
  }
  process.exit(128 + constants.signals[signal])
}

/** Waits for ever once the person has stopped the run: nothing new may start while it is being undone. */
export const unlessInterrupted = () => (stopping ? new Promise(() => {}) : Promise.resolve())

/**
 * Registers what must be undone when the person stops the run; returns the function that takes it back.
 * @param {Cleanup} cleanup
 */
export const onInterrupt = (cleanup) => {
  if (cleanups.size === 0) for (const signal of signals) process.on(signal, stop)
  cleanups.add(cleanup)
  return () => {
    cleanups.delete(cleanup)
    if (cleanups.size === 0 && !stopping) for (const signal of signals) process.off(signal, stop)
  }
}
