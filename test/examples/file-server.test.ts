/** The file server: what is in its folder, to the byte, and nothing else, whatever is asked for. */
import { execFile } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { answer } from "../../examples/file-server.js"
import * as Net from "../../src/Net/index.js"
import { absenceOf } from "../support/absence.js"
import { pattern, readToEnd, text } from "../support/bytes.js"

const isWindows = process.platform === "win32"
const big = pattern(3_000_000)

/** A folder to be served, next to a file that nobody is to see. */
const folders = Effect.acquireRelease(
  Effect.sync(() => {
    const around = mkdtempSync(join(tmpdir(), "ei-"))
    const folder = join(around, "served")
    mkdirSync(join(folder, "below"), { recursive: true })
    writeFileSync(join(around, "secret"), "the secret")
    mkdirSync(join(around, "served too"))
    writeFileSync(join(around, "served too", "secret"), "the secret")
    writeFileSync(join(folder, "big"), big)
    writeFileSync(join(folder, "below", "small"), "small")
    // Wine and Windows want rights for that.
    if (!isWindows) symlinkSync("../secret", join(folder, "link"))
    if (!isWindows) symlinkSync("../served too", join(folder, "folder"))
    return { around, folder }
  }),
  ({ around }) => Effect.sync(() => rmSync(around, { recursive: true, maxRetries: 20 }))
)

const serving = Effect.gen(function* () {
  const { folder } = yield* folders
  const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
  yield* Effect.forkScoped(listener.serve(answer(folder)))
  return listener.address.port
})

const ask = (port: number, request: string) =>
  Effect.gen(function* () {
    const connection = yield* Net.connect({ host: "127.0.0.1", port })
    yield* connection.writeString(request)
    const answer = Buffer.from(yield* readToEnd(connection))
    const end = answer.indexOf("\r\n\r\n")
    const [status = ""] = text(answer.subarray(0, end)).split("\r\n")
    return { status: status.slice(9), body: answer.subarray(end + 4) }
  }).pipe(Effect.scoped)

const get = (port: number, target: string) => ask(port, `GET ${target} HTTP/1.1\r\n\r\n`)

const run = <A, E>(effect: Effect.Effect<A, E, Net.Net | Scope.Scope>) =>
  Effect.runPromise(effect.pipe(Effect.scoped, Effect.provide(Net.layer)))

describe("the example file-server", () => {
  it("serves what is there", () =>
    run(
      Effect.gen(function* () {
        const port = yield* serving
        const whole = yield* get(port, "/big")
        assert.strictEqual(whole.status, "200 OK")
        assert.isTrue(whole.body.equals(big))
        assert.strictEqual(text((yield* get(port, "/below/small?query")).body), "small")
        assert.strictEqual((yield* ask(port, "HEAD /big HTTP/1.0\r\n\r\n")).body.length, 0)
        const part = yield* ask(port, "GET /big HTTP/1.1\r\nRange: bytes=2000000-\r\n\r\n")
        assert.strictEqual(part.status, "206 Partial Content")
        assert.isTrue(part.body.equals(big.subarray(2_000_000)))
      })
    ))

  it("serves nothing else", () =>
    run(
      Effect.gen(function* () {
        const port = yield* serving
        const wrong = ["/", "/below", "/nothing", "/../secret", "//secret", "/served too/../../secret"]
        for (const target of wrong) assert.match((yield* get(port, target)).status, /^4/, target)
        if (!isWindows) {
          for (const target of ["/link", "/folder/secret"]) {
            assert.strictEqual((yield* get(port, target)).status, "403 Forbidden", target)
          }
        }
        for (const request of [
          "\r\n\r\n",
          "POST /big HTTP/1.1\r\n\r\n",
          "GET /big\r\n\r\n",
          "GET /%zz HTTP/1.1\r\n\r\n"
        ]) {
          assert.strictEqual((yield* ask(port, request)).status, "400 Bad Request", request)
        }
      })
    ))

  it("never serves what is outside, whatever the path", () =>
    run(
      Effect.gen(function* () {
        const port = yield* serving
        const segment = fc.constantFrom(
          ...[
            "..",
            ".",
            "",
            "%2e%2e",
            ".%2e",
            "%2e",
            "below",
            "link",
            "folder",
            "secret",
            "served",
            "served too"
          ],
          ...["..\\", "%5c..", "..%5c..%5csecret", "%00", "c:", "secret::$DATA", "...", "%2f..", "%252e%252e"]
        )
        const target = fc
          .array(segment, { minLength: 1, maxLength: 6 })
          .map((segments) => `/${segments.join("/")}`)
        const runtime = yield* Effect.runtime<Net.Net>()
        yield* Effect.promise(() =>
          fc.assert(
            fc.asyncProperty(target, async (path) => {
              const { body } = await Effect.runPromise(
                Effect.provide(get(port, path.replaceAll(" ", "%20")), runtime)
              )
              assert.notInclude(text(body), "secret", path)
            }),
            { numRuns: process.env["EFFECT_IOCP_LANE"] === "wine" ? 60 : 400 }
          )
        )
      })
    ))

  it.runIf(process.platform === "linux")("serves curl", () => {
    const absence = absenceOf("curl")
    if (absence !== undefined) return assert.fail(absence)
    return run(
      Effect.gen(function* () {
        const port = yield* serving
        const curl = (...args: ReadonlyArray<string>) =>
          Effect.promise(() =>
            promisify(execFile)("curl", ["-s", ...args], { encoding: "buffer", maxBuffer: 2 * big.length })
          )
        assert.isTrue((yield* curl(`http://127.0.0.1:${port}/big`)).stdout.equals(big))
        const part = yield* curl("-r", "10-19", `http://127.0.0.1:${port}/big`)
        assert.isTrue(part.stdout.equals(big.subarray(10, 20)))
      })
    )
  })
})
