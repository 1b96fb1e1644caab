// @ts-check
/**
 * npm run verify:package: packs the package, installs the tarball with its peers into an empty folder, imports every
 * subpath there, and type-checks a program against its declarations, which skipLibCheck would not look at.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { run } from "./lib/command.mjs"
import { ensureDependencies, npm } from "./lib/dependencies.mjs"
import { onInterrupt } from "./lib/interrupt.mjs"
import { inRoot, readJson, root } from "./lib/paths.mjs"

const manifest = readJson(inRoot("package.json"))
const boundSeconds = 300

/** Every name that a program may import. */
const subpaths = Object.keys(manifest.exports)
  .filter((path) => path !== "./package.json")
  .map((path) => path.replace(/^\./, manifest.name))

/**
 * @param {string} step
 * @param {Promise<import("./lib/command.mjs").Outcome>} running
 */
const must = async (step, running) => {
  const { code, ending } = await running
  if (code !== 0) throw new Error(`${step} failed (${ending})`)
  console.log(`ok  ${step}`)
}

/** The version of an installed package, so that the consumer gets what the tests ran with. @param {string} name */
const installed = (name) => `${name}@${readJson(inRoot("node_modules", name, "package.json")).version}`

/** @param {string} folder @returns {Promise<string>} The tarball's path */
const pack = async (folder) => {
  await must(
    "npm pack",
    npm(["pack", "--pack-destination", folder, "--loglevel=error"], { cwd: root, boundSeconds })
  )
  const tarball = readdirSync(folder).find((file) => file.endsWith(".tgz"))
  if (tarball === undefined) throw new Error("npm pack left no tarball")
  return join(folder, tarball)
}

/** @param {string} consumer @param {string} tarball */
const install = async (consumer, tarball) => {
  mkdirSync(consumer)
  writeFileSync(join(consumer, "package.json"), '{ "private": true, "type": "module" }\n')
  const packages = [
    tarball,
    ...Object.keys(manifest.peerDependencies).map(installed),
    installed("@types/node")
  ]
  const flags = ["--no-audit", "--no-fund", "--loglevel=error"]
  await must(
    "npm install of the tarball",
    npm(["install", ...flags, ...packages], { cwd: consumer, boundSeconds })
  )
}

/** @param {string} consumer */
const importAll = async (consumer) => {
  const lines = subpaths.map(
    (path) =>
      `if (Object.keys(await import("${path}")).length === 0) throw new Error("${path} exports nothing")`
  )
  writeFileSync(join(consumer, "imports.js"), `${lines.join("\n")}\n`)
  await must(
    `import of ${subpaths.join(", ")}`,
    run(process.execPath, ["imports.js"], { cwd: consumer, boundSeconds })
  )
}

/** @param {string} consumer */
const typeCheck = async (consumer) => {
  const lines = subpaths.map((path, index) => `export * as module${index} from "${path}"`)
  writeFileSync(join(consumer, "program.ts"), `${lines.join("\n")}\n`)
  const compilerOptions = {
    target: "ES2022",
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: false,
    types: ["node"]
  }
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }))
  const tsc = inRoot("node_modules", "typescript", "bin", "tsc")
  await must(
    "type check of a program that imports them",
    run(process.execPath, [tsc], { cwd: consumer, boundSeconds })
  )
}

await ensureDependencies()
const folder = mkdtempSync(join(tmpdir(), `${manifest.name}-`))
const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
const forget = onInterrupt(remove)
try {
  const consumer = join(folder, "consumer")
  const tarball = await pack(folder)
  await install(consumer, tarball)
  if (existsSync(join(consumer, "node_modules", manifest.name, "test")))
    throw new Error("the tests are packed")
  await importAll(consumer)
  await typeCheck(consumer)
} catch (error) {
  console.error(`FAILED  ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  remove()
  forget()
}
