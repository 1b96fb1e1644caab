/**
 * Programs that speak TCP and are not of this library, each as a client and as a server of one connection.
 *
 * The tests hold both ends: what they give to the program's standard input goes out on its connection, and what comes
 * in on its connection arrives at its standard output.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import type { Readable, Writable } from "node:stream"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { absenceOf, unlessRequired } from "../support/absence.js"
import { type ForeignEnd, ofStreams } from "./foreignEnd.js"

/** Listens on 127.0.0.1 for one connection. */
export interface ForeignServer {
  readonly port: number
  /** Its end of that connection, once there is one. */
  readonly end: Effect.Effect<ForeignEnd, unknown>
}

export interface ForeignPeer {
  readonly name: string
  /** Why it cannot take part here; undefined: it can. */
  readonly absence: string | undefined
  /** As a server it hangs up when our half ends, without saying what it still has to say. */
  readonly hangsUpAsServer: boolean
  readonly connect: (port: number) => Effect.Effect<ForeignEnd, unknown, Scope.Scope>
  readonly listen: Effect.Effect<ForeignServer, unknown, Scope.Scope>
}

type Program = ChildProcess & {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
}

/** Resolves with how the program ended once its pipes are closed too. */
const closed = (child: ChildProcess): Effect.Effect<string> =>
  Effect.async((resume) => {
    const tell = () => resume(Effect.succeed(`exit code ${child.exitCode}, signal ${child.signalCode}`))
    const hasEnded = child.exitCode !== null || child.signalCode !== null
    const streams = [child.stdin, child.stdout, child.stderr]
    if (hasEnded && streams.every((stream) => stream?.closed !== false)) tell()
    else child.once("close", tell)
  })

/** Starts a program; it is killed with the scope if it is still there then. */
export const launch = (
  command: string,
  args: ReadonlyArray<string>
): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] })
      // A write to a program that has ended fails, and says so to the writer; nobody else has to hear of it.
      child.stdin.on("error", () => {})
      return child
    }),
    (child) =>
      Effect.suspend(() => {
        if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL")
        for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
        return closed(child)
      })
  )

export const endOf = (child: Program): ForeignEnd =>
  ofStreams(
    child.stdout,
    child.stdin,
    Effect.flatMap(closed(child), (ending) =>
      ending === "exit code 0, signal null" ? Effect.void : Effect.fail(new Error(ending))
    )
  )

/** What a program announces on its standard error. */
export const announced = (child: Program, announcement: RegExp): Effect.Effect<RegExpExecArray, Error> =>
  Effect.async((resume) => {
    let said = ""
    child.stderr.on("data", (chunk: Uint8Array) => {
      said += Buffer.from(chunk).toString("latin1")
      const match = announcement.exec(said)
      if (match !== null) resume(Effect.succeed(match))
    })
    child.stderr.once("end", () => resume(Effect.fail(new Error(`it announced nothing: ${said}`))))
  })

const announcedPort = (child: Program, announcement: RegExp): Effect.Effect<number, Error> =>
  Effect.map(announced(child, announcement), ([, port]) => Number(port))

interface ProgramPeer {
  readonly name: string
  readonly command: string
  readonly absence: string | undefined
  readonly hangsUpAsServer: boolean
  readonly connectArgs: (port: number) => ReadonlyArray<string>
  readonly listenArgs: ReadonlyArray<string>
  readonly announcement: RegExp
}

const programPeer = (peer: ProgramPeer): ForeignPeer => ({
  name: peer.name,
  absence: peer.absence,
  hangsUpAsServer: peer.hangsUpAsServer,
  connect: (port) =>
    Effect.map(launch(peer.command, peer.connectArgs(port)), (child) => {
      child.stderr.resume()
      return endOf(child)
    }),
  listen: Effect.flatMap(launch(peer.command, peer.listenArgs), (child) =>
    Effect.map(announcedPort(child, peer.announcement), (port) => ({
      port,
      end: Effect.sync(() => endOf(child))
    }))
  )
})

export const absenceOfNc = (): string | undefined =>
  absenceOf("nc") ??
  unlessRequired(
    "nc",
    /OpenBSD/.test(spawnSync("nc", ["-h"], { encoding: "utf8" }).stderr) ? undefined : "nc is not OpenBSD's"
  )

/** socat gives up half a second after one direction ended unless it is told to wait. */
export const SOCAT_PATIENCE = ["-t", "600"]

const socat = programPeer({
  name: "socat",
  command: "socat",
  absence: absenceOf("socat"),
  hangsUpAsServer: false,
  connectArgs: (port) => [...SOCAT_PATIENCE, "-", `TCP:127.0.0.1:${port}`],
  listenArgs: ["-d", "-d", ...SOCAT_PATIENCE, "TCP-LISTEN:0,bind=127.0.0.1", "-"],
  announcement: /listening on .*:(\d+)\s/
})

/** -N: the end of its input is the end of its stream. */
const nc = programPeer({
  name: "nc",
  command: "nc",
  absence: absenceOfNc(),
  hangsUpAsServer: true,
  connectArgs: (port) => ["-N", "127.0.0.1", String(port)],
  listenArgs: ["-N", "-v", "-l", "127.0.0.1", "0"],
  announcement: /Listening on \S+ (\d+)\s/
})

export const pythonProgram = fileURLToPath(new URL("./programs/peer.py", import.meta.url))

const python = programPeer({
  name: "Python's socket",
  command: "python3",
  absence: absenceOf("python3"),
  hangsUpAsServer: false,
  connectArgs: (port) => [pythonProgram, "connect", String(port)],
  listenArgs: [pythonProgram, "listen"],
  announcement: /listening on (\d+)\s/
})

/** Those that are programs of their own. */
export const programs: ReadonlyArray<ForeignPeer> = [socat, nc, python]

/** Starting the first child of a process opens descriptors that stay; leak checks must not take them for leaks. */
export const warmUp = async (): Promise<void> => {
  await once(spawn(process.execPath, ["--version"], { stdio: "ignore" }), "exit")
}
