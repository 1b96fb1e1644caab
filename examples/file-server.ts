/**
 * A file server: the files of a folder by HTTP, sent by the system without coming through this program.
 *
 *     node build/examples/file-server.js 8080 some/folder
 *     curl -r 100-199 http://127.0.0.1:8080/a/file          a part of one
 *
 * Without arguments it serves a folder of its own to itself, and ends.
 */
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, sep } from "node:path"
import { Console, Data, Effect, Option, type Scope } from "effect"
import { Address, type Errors, File, Net } from "effect-iocp"
import { runIfStarted } from "./support/runMain.js"

/** What a request is answered with, where it is no file. */
class Refusal extends Data.TaggedError("Refusal")<{ readonly status: string }> {}

const refusal = (status: string) => new Refusal({ status })
const badRequest = refusal("400 Bad Request")
const forbidden = refusal("403 Forbidden")
const notFound = refusal("404 Not Found")
const notSatisfiable = refusal("416 Range Not Satisfiable")

const statusOf = ({ reason }: Errors.FileError): Refusal => {
  switch (reason) {
    case "NotFound":
    case "NotDirectory":
    case "IsDirectory":
    case "InvalidArgument":
      return notFound
    case "PermissionDenied":
    case "Unsupported":
      return forbidden
    default:
      return refusal("500 Internal Server Error")
  }
}

/**
 * Where a request's target is within the folder. Each segment is a plain name: what could lead elsewhere on any system (`..`,
 * separators, drives and streams of Windows, zero bytes) is none. What then leads out of the folder is a link, and is
 * refused by where it ends.
 */
const pathOf = (folder: string, target: string): Effect.Effect<string, Refusal> =>
  Effect.gen(function* () {
    const [encoded = ""] = target.split("?")
    const decoded = yield* Effect.try({ try: () => decodeURIComponent(encoded), catch: () => badRequest })
    const segments = decoded.split("/").slice(1)
    const isPlain = (segment: string) => /^[^\\:\0]+$/.test(segment) && !/^\.*$/.test(segment)
    if (!decoded.startsWith("/") || !segments.every(isPlain)) return yield* notFound
    const find = (path: string) => Effect.tryPromise({ try: () => realpath(path), catch: () => notFound })
    const [root, path] = yield* Effect.all([find(folder), find(join(folder, ...segments))])
    return path.startsWith(root + sep) ? path : yield* forbidden
  })

interface Request {
  readonly method: string
  readonly target: string
  /** What of the file is asked for, as `Range: bytes=` says. */
  readonly range: string | undefined
}

const patience = { maxBytes: 8192, timeout: "10 seconds" } as const

const readRequest = (connection: Net.Connection) =>
  Effect.gen(function* () {
    const first = Option.getOrElse(yield* connection.readLineWith(patience), () => "")
    const [, method = "", target = ""] = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(first) ?? []
    let range: string | undefined
    for (let lines = 0; lines < 100; lines++) {
      const line = Option.getOrElse(yield* connection.readLineWith(patience), () => "")
      if (line === "") return { method, target, range } satisfies Request
      range = /^range: *bytes=(\d+-\d*)$/i.exec(line)?.[1] ?? range
    }
    return yield* badRequest
  })

const respond = (connection: Net.Connection, status: string, headers: ReadonlyArray<string>) =>
  connection.writeString([`HTTP/1.1 ${status}`, "Connection: close", ...headers, "", ""].join("\r\n"))

/** The file, or the part of it that was asked for. */
const sendFile = (connection: Net.Connection, { method, range }: Request, path: string) =>
  Effect.gen(function* () {
    const file = yield* File.open(path, { access: "read" })
    const size = yield* file.size
    const [from, to] = range?.split("-") ?? []
    const offset = Math.min(Number(from ?? 0), size)
    const end = Math.max(offset, Math.min(to ? Number(to) + 1 : size, size))
    const length = end - offset
    if (range !== undefined && length === 0) return yield* notSatisfiable
    const partly = range === undefined ? [] : [`Content-Range: bytes ${offset}-${end - 1}/${size}`]
    const status = range === undefined ? "200 OK" : "206 Partial Content"
    yield* respond(connection, status, [`Content-Length: ${length}`, ...partly])
    if (method === "GET") yield* connection.sendFile(file, { offset, length, timeout: "5 minutes" })
  }).pipe(Effect.scoped)

/** Answers one request with a file of the folder. */
export const answer = (folder: string) => (connection: Net.Connection) =>
  Effect.gen(function* () {
    const request = yield* readRequest(connection)
    const isKnown = request.method === "GET" || request.method === "HEAD"
    const path = yield* isKnown ? pathOf(folder, request.target) : badRequest
    yield* sendFile(connection, request, path)
  }).pipe(
    // Once the head of the answer is sent, a client learns of a failure by getting too little.
    Effect.catchTag("FileError", (failure) =>
      Effect.fail(failure.operation === "sendFile" ? failure : statusOf(failure))
    ),
    Effect.catchTag("Refusal", ({ status }) => respond(connection, status, ["Content-Length: 0"]))
  )

const listen = (port: number) =>
  Effect.tap(Net.listen({ host: "127.0.0.1", port }), ({ address }) =>
    Console.log(`listening on ${Address.format(address)}`)
  )

const serve = (port: number, folder: string) =>
  Effect.flatMap(listen(port), (listener) =>
    listener.serve(answer(folder), { maxConnections: 1000, idleTimeout: "1 minute" })
  )

/** Asks, and tells what the server answers, in one line. */
const ask = (port: number, target: string, range?: string) =>
  Effect.gen(function* () {
    const connection = yield* Net.connect({ host: "127.0.0.1", port })
    const header = range === undefined ? "" : `Range: ${range}\r\n`
    yield* connection.writeString(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n${header}\r\n`)
    const lines: Array<string> = []
    for (;;) {
      const line = yield* connection.readLine
      if (Option.isNone(line)) break
      lines.push(line.value)
    }
    const [status = ""] = lines
    const body = lines.slice(lines.indexOf("") + 1).map((line) => `"${line}"`)
    const asked = range === undefined ? target : `${target}, ${range}`
    yield* Console.log(`${asked}: ${[status.slice("HTTP/1.1 ".length), ...body].join(", ")}`)
  }).pipe(Effect.scoped)

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "file-server-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, maxRetries: 5 }))
)

const serveOneself = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  yield* Effect.promise(() => writeFile(join(folder, "hello world.txt"), "Hello from the page cache!"))
  const listener = yield* listen(0)
  yield* Effect.forkScoped(listener.serve(answer(folder)))
  const { port } = listener.address
  yield* ask(port, "/hello%20world.txt")
  yield* ask(port, "/hello%20world.txt", "bytes=15-24")
  yield* ask(port, "/hello%20world.txt", "bytes=100-")
  yield* ask(port, "/missing.txt")
  for (const outside of ["/../../etc/passwd", "/%2e%2e/secret", "/..%5csecret", "/c:/secret", "/"]) {
    yield* ask(port, outside)
  }
})

const onThisPlatform = <A, E>(effect: Effect.Effect<A, E, Net.Net | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(Net.layer))

export const program = onThisPlatform(serveOneself)

const [port, folder = "."] = process.argv.slice(2)
runIfStarted(import.meta, port === undefined ? program : onThisPlatform(serve(Number(port), folder)))
