// @ts-check
/** Installs the project's npm packages, on a fresh clone or after the lock file changed. */
import { existsSync } from "node:fs"
import { basename } from "node:path"
import { run } from "./command.mjs"
import { inRoot, readJson, root } from "./paths.mjs"

/**
 * Runs the npm that runs us, or else the one on the PATH.
 * @param {ReadonlyArray<string>} args
 * @param {import("./command.mjs").Options} [options]
 */
export const npm = (args, options) => {
  const script = process.env["npm_execpath"]
  if (script !== undefined && basename(script).startsWith("npm-cli")) {
    return run(process.execPath, [script, ...args], options)
  }
  // On Windows npm is a batch file, which only a shell can start.
  return process.platform === "win32"
    ? run("npm", args, { ...options, shell: true })
    : run("npm", args, options)
}

/**
 * Whether node_modules holds what package-lock.json asks for. By content and not by date: a checkout touches
 * dates, and reinstalling for that would cost a minute.
 */
const isInstalled = () => {
  if (!existsSync(inRoot("package-lock.json"))) return existsSync(inRoot("node_modules"))
  if (!existsSync(inRoot("node_modules", ".package-lock.json"))) return false
  const wanted = readJson(inRoot("package-lock.json")).packages
  const present = readJson(inRoot("node_modules", ".package-lock.json")).packages
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    if (path === "") return true
    const found = present[path]
    // Optional ones are mostly the binaries of other platforms.
    return found === undefined ? optional === true : found.version === version
  })
}

/** Packages whose binary for each platform is a package of its own. */
const packagesWithBinaries = ["rollup", "@biomejs/biome"]

/**
 * npm installs only those binaries that the lock file names, and a lock file may name only those of the platform it
 * was written on (https://github.com/npm/cli/issues/4828). This finds the ones that are missing here.
 */
const missingBinaries = () =>
  packagesWithBinaries.flatMap((name) => {
    const manifest = readJson(inRoot("node_modules", name, "package.json"))
    const platform = `${process.platform}-${process.arch}`
    /** @type {Array<[string, string]>} */
    const offered = Object.entries(manifest.optionalDependencies ?? {})
    const binaries = offered.filter(([binary]) => new RegExp(`-${platform}(-gnu|-msvc)?$`).test(binary))
    const isPresent = binaries.some(([binary]) => existsSync(inRoot("node_modules", binary)))
    return isPresent ? [] : binaries.map(([binary, version]) => `${binary}@${version}`)
  })

/**
 * Makes node_modules what package-lock.json says it is. Throws when npm cannot.
 *
 * Not by `npm ci`: that refuses a lock file which leaves out an optional binary of some other platform. `--no-save`
 * keeps the lock file as it is, and that npm followed it is checked afterwards.
 */
export const ensureDependencies = async () => {
  const options = { cwd: root, boundSeconds: 1200 }
  const install = ["install", "--no-save", "--no-audit", "--no-fund"]
  if (!isInstalled()) {
    console.log("Installing dependencies")
    const { code, ending } = await npm(install, options)
    if (code !== 0) throw new Error(`npm install failed (${ending})`)
    if (!isInstalled()) throw new Error("npm install left something else than package-lock.json asks for")
  }
  const missing = missingBinaries()
  if (missing.length > 0) {
    console.log(`Installing this platform's binaries: ${missing.join(" ")}`)
    const { code, ending } = await npm([...install, ...missing], options)
    // Not fatal: a tool that misses its binary says so itself, and the others work.
    if (code !== 0) console.warn(`That failed (${ending}); the tools that need them will say so.`)
  }
}
