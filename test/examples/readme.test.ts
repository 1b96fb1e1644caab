/**
 * What README.md shows is true: its code compiles and runs, and what it mentions is there.
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { afterAll, beforeAll, vi } from "vitest"
import * as Errors from "../../src/Errors/index.js"
import { type Block, blocks, mentionsModule, moduleOf, reasonRows } from "./readme.js"
import { runCollecting } from "./running.js"
import { runSnippet } from "./snippets.js"

const root = fileURLToPath(new URL("../..", import.meta.url))
const folder = join(root, "build", "readme")
const compiler = join(root, "node_modules", "typescript", "bin", "tsc")
const fileOf = (block: Block) => join(folder, `block${blocks.indexOf(block) + 1}.ts`)

/** Not one of this project's own packages, so it is not run, and compiled against this much. */
const platformNode = `declare module "@effect/platform-node" {
  import type { Effect } from "effect"
  export const NodeRuntime: { readonly runMain: (effect: Effect.Effect<unknown, unknown>) => void }
}
`

const project = {
  extends: "../../tsconfig.json",
  compilerOptions: {
    noEmit: true,
    declaration: false,
    declarationMap: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
    rootDir: "../..",
    paths: {
      "effect-iocp": ["../../src/index.ts"],
      "effect-iocp/HttpClient": ["../../src/Platform/HttpClient.ts"],
      "effect-iocp/HttpServer": ["../../src/Platform/HttpServer.ts"],
      "effect-iocp/*": ["../../src/*/index.ts"]
    }
  },
  include: ["."]
}

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const block of blocks) writeFileSync(fileOf(block), moduleOf(block))
  writeFileSync(join(folder, "mentions.ts"), mentionsModule())
  writeFileSync(join(folder, "platform-node.d.ts"), platformNode)
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project, null, 2))
  // The files that snippets make are made here.
  mkdirSync(join(folder, "current"))
  process.chdir(join(folder, "current"))
})

afterAll(() => {
  process.chdir(root)
  rmSync(folder, { recursive: true, force: true })
})

const importBlock = (block: Block): Promise<unknown> =>
  import(/* @vite-ignore */ pathToFileURL(fileOf(block)).href)

/** Runs a block, and answers the lines it printed. */
const run = async (block: Block): Promise<ReadonlyArray<string>> => {
  if (block.kind === "snippet") {
    const { snippet } = (await importBlock(block)) as { readonly snippet: Parameters<typeof runSnippet>[0] }
    return (await runCollecting(runSnippet(snippet))).lines
  }
  const log = vi.spyOn(console, "log").mockImplementation(() => {})
  try {
    await importBlock(block)
    return log.mock.calls.map((words) => words.join(" "))
  } finally {
    log.mockRestore()
  }
}

describe("README.md", () => {
  // The lane under Wine has no compiler; what compiles here compiles there.
  it.runIf(existsSync(compiler))("compiles, and mentions only what is there", () => {
    const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", folder], { encoding: "utf8" })
    assert.strictEqual(stdout, "")
    assert.strictEqual(status, 0)
  })

  it("has one prelude, programs and snippets", () => {
    const count = (kind: Block["kind"]) => blocks.filter((block) => block.kind === kind).length
    assert.strictEqual(count("prelude"), 1)
    assert.isAtLeast(count("program"), 4)
    assert.isAtLeast(count("snippet"), 8)
  })

  for (const block of blocks) {
    const isElsewhere = block.platform !== undefined && block.platform !== process.platform
    const isOnlyCompiled = block.kind === "prelude" || block.code.includes("@effect/platform-node")
    if (isOnlyCompiled) continue
    it.skipIf(isElsewhere)(`runs: block ${block.name}`, async () => {
      const lines = await run(block)
      if (block.kind === "program") assert.isNotEmpty(lines)
      if (block.name.includes("A first program")) {
        assert.deepStrictEqual(lines, ["Hello from the completion port!"])
      }
    })
  }

  it("names every reason, with codes that have it", () => {
    const reasons = [...Errors.connectionErrorReasons, ...Errors.networkErrorReasons]
    const rows = reasonRows.filter(({ reason }) => reasons.some((known) => known === reason))
    assert.deepStrictEqual(rows.map(({ reason }) => reason).sort(), [...reasons].sort())
    const call = { operation: "read", syscall: "recv" }
    for (const { reason, linux, windows } of rows) {
      for (const { name, code } of linux) {
        const error = Errors.fromErrno(code, call)
        assert.deepStrictEqual([error.codeName, error.reason], [name, reason])
      }
      for (const { name, code } of windows) {
        const error = Errors.fromWsa(code, call)
        assert.deepStrictEqual([error.codeName, error.reason], [name, reason])
      }
    }
  })
})
