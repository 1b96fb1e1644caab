/**
 * What some tests need, and a machine may not have: programs, network namespaces. Such a test is skipped there, and says why.
 *
 * Where `CI` is set it fails instead, so that nobody takes for tried what was not. What may be missing there too is named in
 * `MAY_BE_MISSING`, with blanks in between.
 */
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"

/** The reason why it is missing, if there is one; throws where it has to be there. */
export const unlessRequired = (what: string, reason: string | undefined): string | undefined => {
  const isExempt = (process.env["MAY_BE_MISSING"] ?? "").split(" ").includes(what)
  if (reason === undefined || isExempt || !process.env["CI"]) return reason
  throw new Error(`${reason}, and with CI set its tests have to run; or set MAY_BE_MISSING="${what}"`)
}

const isOnPath = (command: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** Why a program of this name cannot run here; `undefined` if it can. */
export const absenceOf = (command: string): string | undefined => {
  if (process.platform !== "linux") return "runs in the native lane on Linux"
  return unlessRequired(command, isOnPath(command) ? undefined : `${command} is not installed`)
}
