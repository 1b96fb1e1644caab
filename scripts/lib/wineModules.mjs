// @ts-check
/**
 * What node.exe loads first under Wine: loading modules without looking at the disk for what is known.
 *
 * Under Wine the `stat` of a file takes a millisecond and more, since the volume is asked for its serial number by way of
 * two other processes. Node makes one or two for each import statement: 12 seconds for the modules of `effect`, in every
 * process that a test starts, and 1 to 2 seconds with this. A relative import in a package, with the file's extension, can
 * mean one file only; and what this package, or one that has `dist/esm`, has there is ECMAScript modules. A file that is not
 * there fails all the same.
 */
import { readFileSync } from "node:fs"
import * as Module from "node:module"
import { fileURLToPath } from "node:url"

const own = new URL("../../dist/", import.meta.url).href
const inPackage = /\/node_modules\//
const ofModules = /\/node_modules\/.*\/dist\/esm\/.*\.js$/
const relative = /^\.\.?\/.*\.m?js$/

/** @param {string} url */
const isKnown = (url) => url.startsWith(own) || inPackage.test(url)
/** @param {string} url */
const isModule = (url) => (url.startsWith(own) && url.endsWith(".js")) || ofModules.test(url)

/**
 * What `node:module` has from Node.js 22.15 on; the types that are here are an earlier one's.
 * @typedef {{ conditions: ReadonlyArray<string>, parentURL: string | undefined }} ResolveContext
 * @typedef {(specifier: string, context: ResolveContext) => object} Resolve
 * @typedef {(url: string, context: object) => object} Load
 * @typedef {{
 *   resolve: (specifier: string, context: ResolveContext, next: Resolve) => object,
 *   load: (url: string, context: object, next: Load) => object
 * }} Hooks
 */
const { registerHooks } = /** @type {{ registerHooks: (hooks: Hooks) => void }} */ (
  /** @type {unknown} */ (Module)
)

registerHooks({
  resolve: (specifier, context, next) => {
    const { conditions, parentURL } = context
    const isRelative = relative.test(specifier) && conditions.includes("import")
    if (!isRelative || parentURL === undefined || !isKnown(parentURL)) return next(specifier, context)
    return { url: new URL(specifier, parentURL).href, shortCircuit: true }
  },
  load: (url, context, next) =>
    isModule(url)
      ? { format: "module", source: readFileSync(fileURLToPath(url), "utf8"), shortCircuit: true }
      : next(url, context)
})
