/**
 * Programs that a test runs in a process of their own, to see how the process ends.
 *
 * A program is TypeScript; it is bundled once, and plain `node` runs the bundle, so that starting it is cheap
 * under Wine too. Its output goes to a file, since node.exe cannot write to a pipe there.
 */
import { spawn } from "node:child_process"
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
}

export interface Program {
  /** The bundle: for a worker thread, say. */
  readonly file: string
  /** Runs the program to its end. */
  readonly run: (...args: ReadonlyArray<string>) => Promise<Ended>
  /** Deletes the bundle. */
  readonly dispose: () => void
}

const packageFolder = fileURLToPath(new URL("../..", import.meta.url))

const runToEnd = (args: ReadonlyArray<string>, output: number) =>
  new Promise<Omit<Ended, "output">>((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", output, output] })
    child.once("error", reject)
    child.once("exit", (code, signal) => resolve({ code, signal }))
  })

/**
 * Bundles a program. The bundle lies inside of the package, where the packages that it requires are found.
 */
export const makeProgram = async (source: URL): Promise<Program> => {
  const parent = join(packageFolder, "node_modules", ".test-programs")
  mkdirSync(parent, { recursive: true })
  const folder = mkdtempSync(join(parent, "p-"))
  const outfile = join(folder, "program.mjs")
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["koffi"],
    logLevel: "error"
  })
  let runs = 0
  return {
    file: outfile,
    dispose: () => rmSync(folder, { recursive: true, force: true }),
    run: async (...args) => {
      runs += 1
      const path = join(dirname(outfile), `output-${runs}`)
      const output = openSync(path, "w")
      try {
        const ended = await runToEnd([outfile, ...args], output)
        return { ...ended, output: readFileSync(path, "utf8") }
      } finally {
        closeSync(output)
      }
    }
  }
}
