// @ts-check
/**
 * The benchmark's own packages, in a folder of their own: none of them is a dependency of the library.
 *
 * Their peer dependencies are left out: "effect" and "@effect/platform" are then those of the repository, so that both
 * servers written with Effect run on the same one. No install script runs: the binaries are packages.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { npm } from "../../scripts/lib/dependencies.mjs"
import { inRoot } from "../../scripts/lib/paths.mjs"

const folder = inRoot("bench")
const manifest = join(folder, "package.json")
const stamp = join(folder, "node_modules", ".installed")
const boundSeconds = 600

const flags = [
  "--no-save",
  "--no-package-lock",
  "--legacy-peer-deps",
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--loglevel=error"
]

/** Throws when npm cannot. A peer that has no package for this platform is no failure: it will be left out. */
export const ensurePackages = async () => {
  const wanted = readFileSync(manifest, "utf8")
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return
  console.error("Installing the benchmark's packages")
  const stdio = /** @type {const} */ (["ignore", "ignore", "inherit"])
  const { code, ending } = await npm(["install", ...flags], { cwd: folder, stdio: [...stdio], boundSeconds })
  if (code !== 0) throw new Error(`npm install in bench/ failed (${ending})`)
  writeFileSync(stamp, wanted)
}
