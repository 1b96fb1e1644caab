// @ts-check
/** The programs in C: the load generator, and the peer c-epoll. Compiled when a source is newer than the program. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { run } from "../../scripts/lib/command.mjs"
import { inRoot, root } from "../../scripts/lib/paths.mjs"

const boundSeconds = 120
const folder = inRoot("build", "bench")

export const built = { load: join(folder, "load"), epoll: join(folder, "epoll") }

const findCompiler = () =>
  ["cc", "gcc", "clang"].find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0)

const loadFolder = inRoot("bench", "load")
const loadFiles = readdirSync(loadFolder).map((file) => join(loadFolder, file))
const epollFiles = ["epoll.c", "epollUdp.c", "epollUdp.h"].map((file) => inRoot("bench", "peers", file))

/** @param {string} program @param {ReadonlyArray<string>} sources */
const isFresh = (program, sources) =>
  existsSync(program) && sources.every((source) => statSync(source).mtimeMs < statSync(program).mtimeMs)

/**
 * @param {string} compiler
 * @param {string} program
 * @param {ReadonlyArray<string>} sources
 */
const compile = async (compiler, program, sources) => {
  const units = sources.filter((source) => source.endsWith(".c"))
  const args = ["-O2", "-std=gnu11", "-Wall", "-Wextra", "-o", program, ...units, "-lm"]
  const { code, ending } = await run(compiler, args, { cwd: root, boundSeconds })
  if (code !== 0) throw new Error(`${compiler} could not compile ${program} (${ending})`)
}

/** Throws when there is no compiler, or it fails. */
export const ensurePrograms = async () => {
  const stale = /** @type {const} */ ([
    [built.load, loadFiles],
    [built.epoll, epollFiles]
  ]).filter(([program, sources]) => !isFresh(program, sources))
  if (stale.length === 0) return
  const compiler = findCompiler()
  if (compiler === undefined)
    throw new Error(
      "The load generator is written in C: install a C compiler (on Debian: apt-get install gcc libc6-dev)"
    )
  mkdirSync(folder, { recursive: true })
  for (const [program, sources] of stale) await compile(compiler, program, sources)
}
