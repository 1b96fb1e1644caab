// @ts-check
/** The server's CPU clock, for the load generators that are not in C. */
import { readFileSync } from "node:fs"

/** sysconf(_SC_CLK_TCK) is 100 on Linux. */
const microsPerTick = 10_000

/**
 * User and system time of a process so far (proc(5), fields 14 and 15); null if there is none to look at.
 * @param {string | undefined} pid
 */
export const serverMicros = (pid) => {
  if (pid === undefined) return null
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ")
  return (Number(fields[11]) + Number(fields[12])) * microsPerTick
}

/** @param {number | null} before @param {number | null} after */
export const between = (before, after) => (before === null || after === null ? null : after - before)
