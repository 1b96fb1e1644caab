// @ts-check
/**
 * A server ends when the runner that started it does, however that happened.
 *
 * Natively its standard input is a pipe from the runner, which ends with the runner. Under Wine node.exe has no such
 * pipe: there the runner touches a file (--alive FILE) every few seconds until it is done with the server.
 */
import { statSync } from "node:fs"

const lookEveryMilliseconds = 500
const touchedWithinMilliseconds = 30_000

/** @param {string} path */
const isTouched = (path) => {
  const found = statSync(path, { throwIfNoEntry: false })
  return found !== undefined && Date.now() - found.mtimeMs < touchedWithinMilliseconds
}

/** @param {string} path */
const watchFile = (path) => {
  setInterval(() => {
    if (!isTouched(path)) process.exit(0)
  }, lookEveryMilliseconds).unref()
}

const watchStandardInput = () => {
  process.stdin.on("end", () => process.exit(0))
  process.stdin.on("error", () => process.exit(0))
  process.stdin.resume()
}

export const endWithRunner = () => {
  const flag = process.argv.indexOf("--alive")
  const path = process.argv[flag + 1]
  if (flag >= 0 && path !== undefined) watchFile(path)
  else watchStandardInput()
}
