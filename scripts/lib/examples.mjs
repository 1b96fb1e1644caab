// @ts-check
/** The programs of examples/: which there are, which of them are this platform's, and running them in turn. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { inRoot } from "./paths.mjs"

const boundSeconds = 60

/**
 * @typedef {object} Example
 * @property {string} name The file's name without its ending
 * @property {string | undefined} platform The only platform it runs on; undefined: every one
 * @property {string} title The first line of its first doc comment
 */

/**
 * @param {string} name
 * @param {string} text
 * @returns {Example}
 */
const parse = (name, text) => ({
  name,
  platform: /^\/\/ platform: (\w+)/.exec(text)?.[1],
  title: /\/\*\*[\s*]*([^\n]*?)\s*(\*\/|\n)/.exec(text)?.[1] ?? ""
})

/** @returns {ReadonlyArray<Example>} Every example, by name */
export const findExamples = () => {
  const folder = inRoot("examples")
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((file) => file.endsWith(".ts"))
    .sort()
    .map((file) => parse(file.slice(0, -".ts".length), readFileSync(inRoot("examples", file), "utf8")))
}

/**
 * Runs the examples of a platform one after the other. Returns whether all ended well, and there was one.
 * @param {ReadonlyArray<Example>} examples
 * @param {string} platform
 * @param {import("./windowsLane.mjs").RunNode} node Runs node there, with these arguments
 */
export const runExamples = async (examples, platform, node) => {
  const here = examples.filter((example) => example.platform === undefined || example.platform === platform)
  /** @type {Array<string>} */
  const failures = []
  for (const { name, title } of here) {
    console.log(`\n=== ${name}: ${title}`)
    const { code, ending } = await node([`build/examples/${name}.js`], boundSeconds)
    if (code === 0) continue
    console.log(`!!! ${name}: ${ending}`)
    failures.push(name)
  }
  const elsewhere = examples.filter((example) => !here.includes(example))
  for (const { name, platform: only } of elsewhere) console.log(`\n=== ${name}: only on ${only}, not run`)
  const failed = failures.length === 0 ? "" : ` (${failures.join(", ")})`
  console.log(`\n${here.length - failures.length} examples ended well, ${failures.length} failed${failed}`)
  return failures.length === 0 && here.length > 0
}
