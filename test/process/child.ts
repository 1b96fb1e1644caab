/**
 * Programs that a test starts: children of this process, in every lane.
 *
 * A child writes to regular files and reads nothing: node.exe under Wine does not start on pipes. What it has to say
 * it says in lines, which the test looks for in the file; what it has to be told comes in its arguments, or over a
 * socket. A child that is still there when the scope closes is killed, by its own process id.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** How a process ended: its exit code, or the signal that killed it. */
export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Child {
  /** Waits until it ends. */
  readonly ending: Effect.Effect<Ending, Error>
  /** Waits for a line that begins so, and answers what follows. Fails when the child ends without one. */
  readonly line: (start: string) => Effect.Effect<string, Error>
  readonly signal: (name: NodeJS.Signals) => Effect.Effect<void>
  /** What it wrote so far, to read after a failure. */
  readonly output: () => string
  readonly errors: () => string
}

export interface Command {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv
}

/** The folder of the project, or of the lane that has a copy of it. */
export const rootUrl = new URL("../../", import.meta.url)
export const root = fileURLToPath(rootUrl)

class RunningChild implements Child {
  private readonly process: ChildProcess
  private readonly outPath: string
  private readonly errPath: string
  private ended: Ending | Error | undefined

  constructor(command: Command, folder: string) {
    this.outPath = join(folder, "out")
    this.errPath = join(folder, "err")
    const out = openSync(this.outPath, "w")
    const err = openSync(this.errPath, "w")
    const { args, cwd, env, program } = command
    this.process = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", out, err] })
    closeSync(out)
    closeSync(err)
    this.process.once("exit", (code, signal) => {
      this.ended = { code, signal }
    })
    this.process.once("error", (error) => {
      this.ended ??= error
    })
  }

  readonly output = (): string => readFileSync(this.outPath, "utf8")
  readonly errors = (): string => readFileSync(this.errPath, "utf8")

  get ending(): Effect.Effect<Ending, Error> {
    return this.until(() => (this.ended instanceof Error ? undefined : this.ended), "to end")
  }

  line(start: string): Effect.Effect<string, Error> {
    const find = () => {
      const lines = this.output().split(/\r?\n/).slice(0, -1)
      return lines.find((line) => line.startsWith(start))?.slice(start.length)
    }
    return this.until(find, `to say "${start}"`)
  }

  signal(name: NodeJS.Signals): Effect.Effect<void> {
    return Effect.sync(() => {
      this.process.kill(name)
    })
  }

  /** Ends it if it has not ended, and waits until it has. */
  get stop(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.ended === undefined) this.process.kill("SIGKILL")
      // One that could not be started has nothing to wait for.
      return Effect.ignore(this.ending)
    })
  }

  private until<A>(find: () => A | undefined, what: string): Effect.Effect<A, Error> {
    return Effect.suspend(() => {
      // In this order: what a child wrote before it ended is in the file once it has ended.
      const ended = this.ended
      const found = find()
      if (found !== undefined) return Effect.succeed(found)
      if (ended === undefined) {
        return Effect.zipRight(
          Effect.sleep("20 millis"),
          Effect.suspend(() => this.until(find, what))
        )
      }
      const how = ended instanceof Error ? ended.message : `exit code ${ended.code}, signal ${ended.signal}`
      return Effect.fail(
        new Error(`waited for a child ${what}, but: ${how}\n${this.output()}\n${this.errors()}`)
      )
    })
  }
}

/** A folder that is deleted with the scope. */
export const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-iocp-test-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }))
)

/** Starts a program. */
export const start = (command: Command): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.flatMap(temporaryFolder, (folder) =>
    Effect.acquireRelease(
      Effect.sync(() => new RunningChild(command, folder)),
      (child) => child.stop
    )
  )

export interface NodeOptions {
  /** A module that is loaded before the program. */
  readonly preload?: URL
  readonly env?: NodeJS.ProcessEnv
}

/** Starts a program in this node. Programs import the compiled package, by its name. */
export const nodeWith = (
  { env = {}, preload }: NodeOptions,
  program: URL,
  ...args: ReadonlyArray<string>
): Effect.Effect<Child, Error, Scope.Scope> =>
  Effect.suspend(() => {
    const missing = [new URL("dist/index.js", rootUrl), program].find((file) => !existsSync(file))
    if (missing !== undefined) {
      return Effect.fail(new Error(`${fileURLToPath(missing)} is missing; npm test compiles it`))
    }
    const options = preload === undefined ? [] : ["--import", preload.href]
    return start({
      program: process.execPath,
      args: [...options, fileURLToPath(program), ...args],
      cwd: root,
      env
    })
  })

/** Starts a program in this node, with nothing special about it. */
export const node = (program: URL, ...args: ReadonlyArray<string>) => nodeWith({}, program, ...args)
