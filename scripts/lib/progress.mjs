// @ts-check
/** What is known of a run of vitest while it goes on, and after it died: the notes of `progressReporter.mjs`. */
import { existsSync, readFileSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"

const name = "progress.log"

/** The file of the notes. @param {string} folder The lane's folder */
export const progressFile = (folder) => `${folder}/${name}`

/** @param {string} folder */
export const discardProgress = (folder) => rmSync(join(folder, name), { force: true })

/**
 * @typedef {{ file: string, passed: number, failed: number, skipped: number }} EndedFile
 *
 * @param {string} folder
 * @returns {{ ended: ReadonlyArray<EndedFile>, running: ReadonlyArray<string> }}
 */
export const readProgress = (folder) => {
  const path = join(folder, name)
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : []
  const noted = lines.map((line) => line.split(" "))
  const ended = noted
    .filter(([event]) => event === "end")
    .map(([, file = "", ...counts]) => {
      const [passed = 0, failed = 0, skipped = 0] = counts.map(Number)
      return { file, passed, failed, skipped }
    })
  const started = noted.filter(([event]) => event === "start").map(([, file = ""]) => file)
  return { ended, running: started.filter((file) => ended.every((one) => one.file !== file)) }
}

/**
 * Whether the run has been between two files for that long. It takes seconds; a test that hangs is not this.
 * @param {string} folder
 * @param {number} seconds
 */
export const isBetweenFiles = (folder, seconds) => {
  const { ended, running } = readProgress(folder)
  if (ended.length === 0 || running.length > 0) return false
  return Date.now() - statSync(join(folder, name)).mtimeMs > seconds * 1000
}
