// @ts-check
/** Compiles the library into dist/, and the examples into build/examples/. */
import { rmSync } from "node:fs"
import { run } from "./command.mjs"
import { findExamples } from "./examples.mjs"
import { inRoot, root } from "./paths.mjs"

const boundSeconds = 300

/**
 * @param {string} project The tsconfig file
 * @returns {Promise<boolean>} Whether it compiled without an error
 */
const compile = async (project) => {
  const tsc = inRoot("node_modules", "typescript", "bin", "tsc")
  const { code, ending } = await run(process.execPath, [tsc, "-p", project], { cwd: root, boundSeconds })
  if (code !== 0) console.error(`tsc -p ${project}: ${ending}`)
  return code === 0
}

/** Clean first, so that a deleted source file cannot live on in dist/. */
export const buildLibrary = () => {
  rmSync(inRoot("dist"), { recursive: true, force: true })
  return compile("tsconfig.build.json")
}

/** Needs dist/: the examples import the package by its own name. */
export const buildExamples = async () => {
  rmSync(inRoot("build", "examples"), { recursive: true, force: true })
  // For tsc, a project without a file is an error.
  if (findExamples().length === 0) return true
  return compile("tsconfig.examples.json")
}
