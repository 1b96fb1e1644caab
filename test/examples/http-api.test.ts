/**
 * The HTTP API of the examples: the same answers over this server and client and over those of `@effect/platform-node`.
 */
import { createServer, type IncomingHttpHeaders, request } from "node:http"
import { HttpServer } from "@effect/platform"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { conversation, program, serving } from "../../examples/http-api.js"
import * as Net from "../../src/Net/index.js"
import * as OurHttpServer from "../../src/Platform/HttpServer.js"
import { runCollecting } from "./running.js"

const host = "127.0.0.1"

it("answers the same to the same client program over both", async () => {
  const theirs = conversation(
    Layer.merge(
      NodeHttpServer.layer(() => createServer(), { host, port: 0 }),
      NodeHttpClient.layer
    )
  )
  const ours = await runCollecting(program)
  assert.strictEqual(ours.lines.length, 6)
  assert.deepStrictEqual(ours.lines, (await runCollecting(theirs)).lines)
})

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const ada = { authorization: "Bearer Ada-sesame" }
const json = { "content-type": "application/json" }

const requests: ReadonlyArray<
  readonly [method: string, path: string, headers: Record<string, string>, body?: string]
> = [
  ["GET", "/notes", {}],
  ["POST", "/notes", json, '{"title":"one","text":"1"}'],
  ["POST", "/notes", { ...json, ...ada }, '{"title":"one","text":"1"}'],
  ["POST", "/notes", { ...json, ...ada }, '{"title":"one","text":"2"}'],
  ["POST", "/notes", { ...json, ...ada }, '{"title":"","text":"2"}'],
  ["POST", "/notes", { ...json, ...ada }, '{"title":'],
  ["POST", "/notes", ada, ""],
  ["GET", "/notes/1", {}],
  ["GET", "/notes/one", {}],
  ["GET", "/notes/2", {}],
  ["GET", "/notes?author=Bob", {}],
  ["GET", "/download", {}],
  ["HEAD", "/notes", {}],
  ["PUT", "/notes", {}],
  ["GET", "/nowhere", {}],
  ["DELETE", "/notes/1", { authorization: "Bearer nobody" }],
  ["DELETE", "/notes/1", ada],
  ["DELETE", "/notes/1", ada]
]

const send = (port: number, [method, path, headers, body]: (typeof requests)[number]) =>
  Effect.async<Answer, Error>((resume) => {
    const asking = request({ host, port, method, path, headers, agent: false }, (response) => {
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("end", () => {
        const { date: _, ...rest } = response.headers
        resume(
          Effect.succeed({ status: response.statusCode, headers: rest, body: String(Buffer.concat(chunks)) })
        )
      })
    })
    asking.once("error", (error) => resume(Effect.fail(error)))
    asking.end(body)
  })

const answers = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const port = address._tag === "TcpAddress" ? address.port : 0
  return yield* Effect.forEach(requests, (each) => send(port, each))
})

it("gives the same status, headers and bodies to whatever is asked", async () => {
  const ours = OurHttpServer.layer({ host, port: 0 }).pipe(Layer.provide(Net.layer))
  const theirs = NodeHttpServer.layer(() => createServer(), { host, port: 0 })
  const got = await Effect.runPromise(Effect.provide(answers, Layer.provideMerge(serving, ours)))
  const expected = await Effect.runPromise(Effect.provide(answers, Layer.provideMerge(serving, theirs)))
  assert.deepStrictEqual(got, expected)
  assert.deepStrictEqual(
    got.map(({ status }) => status),
    [200, 401, 201, 409, 400, 400, 400, 200, 400, 404, 200, 200, 200, 404, 404, 401, 204, 404]
  )
})
