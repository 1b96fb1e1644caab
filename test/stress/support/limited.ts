/** Starts a program of `test/stress/programs` with another limit on its open descriptors. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { buildSync } from "esbuild"
import { type Child, root, start } from "../../process/child.js"

/** A folder inside of the package, where the packages are found that a bundle leaves out; deleted with the scope. */
const bundleFolder = Effect.acquireRelease(
  Effect.sync(() => {
    const parent = join(root, "node_modules", ".test-programs")
    mkdirSync(parent, { recursive: true })
    return mkdtempSync(join(parent, "limited-"))
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** One file: node opens the files of a program all at once, which are more than such a limit allows. */
const bundled = (program: string): Effect.Effect<string, Error, Scope.Scope> =>
  Effect.flatMap(bundleFolder, (folder) => {
    const outfile = join(folder, program)
    const source = fileURLToPath(new URL(`../programs/${program}`, import.meta.url))
    // The other way to call it leaves a process behind, and its pipes.
    const bundling = Effect.sync(() =>
      buildSync({
        entryPoints: [source],
        outfile,
        bundle: true,
        platform: "node",
        format: "esm",
        target: "node20",
        external: ["koffi"],
        logLevel: "error"
      })
    )
    return Effect.as(bundling, outfile)
  })

/** `ulimit -n` sets the limit of the shell itself, and `exec` hands it on. */
export const startLimited = (descriptors: number, program: string, ...args: ReadonlyArray<string>) =>
  Effect.flatMap(bundled(program), (file) => {
    const script = `ulimit -n ${descriptors} && exec "$@"`
    return start({ program: "sh", args: ["-c", script, "sh", process.execPath, file, ...args], cwd: root })
  })

/** What the program told in its last line, after it has ended well. */
export const resultOf = (child: Child): Effect.Effect<unknown, Error> =>
  Effect.map(Effect.zipLeft(child.line("result: "), child.ending), (text): unknown => JSON.parse(text))
