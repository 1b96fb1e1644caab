/**
 * A network of a program's own (`unshare -n`): loopback alone, which the program may do with as it likes.
 */
import { spawnSync } from "node:child_process"
import { start } from "../process/child.js"
import { absenceOf, unlessRequired } from "./absence.js"

/** In a user namespace too, so that it takes no privilege. */
const unshare = ["--map-root-user", "--net"]

/** Why there is none here; `undefined` if there is. */
export const absenceOfOwnNetwork = (): string | undefined => {
  const absence = absenceOf("unshare") ?? absenceOf("ip")
  if (absence !== undefined) return absence
  const { status } = spawnSync("unshare", [...unshare, "true"], { stdio: "ignore" })
  return unlessRequired(
    "namespaces",
    status === 0 ? undefined : "this system lets nobody make a network namespace"
  )
}

/** Starts a program there, after `setUp`, which is for the shell. */
export const startInOwnNetwork = (setUp: string, cwd: string, file: string) =>
  start({
    program: "unshare",
    args: [...unshare, "sh", "-c", `${setUp} && exec "$@"`, "sh", process.execPath, file],
    cwd
  })
