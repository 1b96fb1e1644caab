/** Imports every entry point of the package, and tells which native code that loaded. */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"

const require = createRequire(import.meta.url)
const loaded = []
const dlopen = process.dlopen
process.dlopen = (module, ...rest) => {
  // Of ours only: an optional accelerator that a dependency of somebody else's loads by itself is not a foreign library.
  if (module.filename.includes("koffi")) loaded.push(module.filename)
  return dlopen.call(process, module, ...rest)
}

/** What is loaded now, by three witnesses: node's loader, its module cache, and the system. */
const report = () => {
  const cached = Object.keys(require.cache).filter((path) => path.includes("koffi"))
  const mapped = process.platform === "linux" ? readFileSync("/proc/self/maps", "utf8").split("\n") : []
  return {
    loaded: loaded.length,
    cached: cached.length,
    mapped: mapped.filter((line) => line.endsWith("koffi.node")).length
  }
}

const { exports, name } = JSON.parse(readFileSync(process.argv[2], "utf8"))
const entries = Object.keys(exports).filter((path) => path !== "./package.json")
for (const entry of entries) await import(entry.replace(/^\./, name))
console.log(`entries: ${entries.length}`)
console.log(`imported: ${JSON.stringify(report())}`)

// The witnesses are no good unless they see it when it happens.
const Effect = await import("effect/Effect")
const Net = await import("effect-iocp/Net")
await Effect.runPromise(Effect.void.pipe(Effect.provide(Net.layer)))
console.log(`built: ${JSON.stringify(report())}`)
