// @ts-check
/**
 * npm run bench: this library's servers against others, over loopback. --help tells the options.
 *
 * The benchmark itself is bench/; its packages are installed when it is first run.
 */
import { readArguments, usage } from "../bench/lib/arguments.mjs"
import { ensurePackages } from "../bench/lib/packages.mjs"
import { buildLibrary } from "./lib/build.mjs"
import { ensureDependencies } from "./lib/dependencies.mjs"

/** The load generator is for Linux: epoll, and the CPU time of another process. */
const requireLinux = () => {
  if (process.platform === "linux") return
  throw new Error(
    `The benchmark's load generator needs Linux (this is ${process.platform}): nothing was measured`
  )
}

/** The library as it is now is measured, and not one that was built some time ago. */
const ensureLibrary = async () => {
  if (!(await buildLibrary())) throw new Error("The library does not compile")
}

/** @param {import("../bench/lib/arguments.mjs").Request} request */
const bench = async (request) => {
  if (request.kind === "help") return console.log(usage)
  await ensurePackages()
  if (request.kind === "plot") {
    const { drawPlot } = await import("../bench/lib/plot.mjs")
    return drawPlot(request.results, request.svg)
  }
  const { measureAll, measureWindows, showAll } = await import("../bench/main.mjs")
  if (request.kind === "show") return showAll(request)
  requireLinux()
  await ensureDependencies()
  await ensureLibrary()
  return request.kind === "windows" ? measureWindows(request) : measureAll(request)
}

try {
  await bench(readArguments(process.argv.slice(2)))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
