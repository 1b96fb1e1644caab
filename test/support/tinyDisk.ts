/** A file system of a test's own, which is small, and can be taken away. Linux only: see `absenceOf`. */
import { execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { temporaryFolder } from "./folder.js"

// Without the right to mount, a user namespace gives it.
const isRoot = process.geteuid?.() === 0

/**
 * A file system of 1 MiB in a mount namespace of its own, until the scope closes. `afterwards` is done there, in a shell, once
 * it is mounted.
 */
export const tinyDisk = (afterwards = ":") =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const mount = `mount -t tmpfs -o size=1m none "${folder}" && touch "${folder}/ready"`
    const script = `cd "${folder}" && ${mount} && ${afterwards} && exec sleep 60`
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn("unshare", [isRoot ? "-m" : "-Urm", "sh", "-c", script], { stdio: "ignore" })),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    /** As this process sees it. */
    const root = join(`/proc/${child.pid}/root`, folder)
    yield* Effect.suspend(() =>
      fs.existsSync(join(root, "ready")) ? Effect.void : Effect.fail("not mounted yet")
    ).pipe(Effect.retry(Schedule.intersect(Schedule.spaced("20 millis"), Schedule.recurs(250))))
    const into = ["-t", `${child.pid}`, ...(isRoot ? ["-m"] : ["-U", "-m", "--preserve-credentials"])]
    /** Takes it away; throws while anything there is open. */
    const unmount = () => execFileSync("nsenter", [...into, "umount", folder], { stdio: "pipe" })
    return { root, unmount }
  })
