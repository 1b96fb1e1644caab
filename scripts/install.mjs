// @ts-check
/** npm run setup: installs what package-lock.json asks for, and this platform's binaries where it left them out. */
import { ensureDependencies } from "./lib/dependencies.mjs"

try {
  await ensureDependencies()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
