/** Programs that a test needs, and that a machine may not have. */
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"

/** Why a program of this name cannot run here; `undefined` if it can. */
export const absenceOf = (command: string): string | undefined => {
  if (process.platform !== "linux") return "runs in the native lane on Linux"
  const isThere = (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
  return isThere ? undefined : `${command} is not installed`
}
