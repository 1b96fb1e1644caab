// @ts-check
/**
 * npm run soak: minutes of churn, resets, half-closes, timeouts and interruptions on real sockets, and then a look at
 * what is left. Arguments go to the program, soak/main.ts: --minutes N, --seed S.
 */
import { rmSync } from "node:fs"
import { run } from "./lib/command.mjs"
import { ensureDependencies } from "./lib/dependencies.mjs"
import { inRoot, root } from "./lib/paths.mjs"

const compileSeconds = 300

const compile = async () => {
  rmSync(inRoot("build", "soak"), { recursive: true, force: true })
  const tsc = inRoot("node_modules", "typescript", "bin", "tsc")
  const { code } = await run(process.execPath, [tsc, "-p", "soak"], {
    cwd: root,
    boundSeconds: compileSeconds
  })
  return code === 0
}

/** The program ends by itself. */
const soak = async () => {
  const program = inRoot("build", "soak", "soak", "main.js")
  const { code } = await run(process.execPath, [program, ...process.argv.slice(2)], { cwd: root })
  return code === 0
}

try {
  await ensureDependencies()
  if (!(await compile()) || !(await soak())) process.exitCode = 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
