/**
 * An `HttpApi` of `@effect/platform`, which asks most of a server, over this one and over `@effect/platform-node`'s.
 */
import * as NodeHttp from "node:http"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as HttpServer from "@effect/platform/HttpServer"
import * as Multipart from "@effect/platform/Multipart"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, beforeAll, describe } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { FormData } from "undici"
import * as Net from "../../src/Net/index.js"
import * as OurHttpServer from "../../src/Platform/HttpServer.js"
import { pattern, test } from "../Net/harness.js"
import { fetched } from "../support/fetching.js"
import { subject } from "./bothLayers.js"

const host = "127.0.0.1"

const portOf = ({ address }: HttpServer.HttpServer): number =>
  address._tag === "TcpAddress" ? address.port : 0

const servers = {
  "effect-iocp": OurHttpServer.layer({ host, port: 0 }),
  "platform-node": NodeHttpServer.layer(() => NodeHttp.createServer(), { host, port: 0 })
}

class Doubled extends Schema.Class<Doubled>("Doubled")({ value: Schema.Number }) {}

const api = HttpApi.make("api").add(
  HttpApiGroup.make("numbers")
    .add(
      HttpApiEndpoint.post("double", "/double")
        .setPayload(Schema.Struct({ value: Schema.Number }))
        .addSuccess(Doubled)
    )
    .add(
      HttpApiEndpoint.post("upload", "/upload")
        .setPayload(HttpApiSchema.Multipart(Schema.Struct({ file: Multipart.SingleFileSchema })))
        .addSuccess(Schema.Struct({ name: Schema.String, bytes: Schema.Number }))
    )
)

const numbers = HttpApiBuilder.group(api, "numbers", (handlers) =>
  handlers
    .handle("double", ({ payload }) => Effect.succeed(new Doubled({ value: payload.value * 2 })))
    .handle("upload", ({ payload }) =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const { size } = yield* Effect.orDie(fs.stat(payload.file.path))
        return { name: payload.file.name, bytes: Number(size) }
      })
    )
)

/** Serves the API with this layer, and asks it all that there is to ask. */
const asked = (layer: (typeof servers)[keyof typeof servers]) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      HttpApiBuilder.serve().pipe(
        Layer.provide(Layer.provide(HttpApiBuilder.api(api), numbers)),
        Layer.provideMerge(layer)
      )
    )
    const port = portOf(Context.get(context, HttpServer.HttpServer))
    const post = (path: string, body: string | FormData) =>
      Effect.promise(() => {
        const headers = typeof body === "string" ? { "content-type": "application/json" } : {}
        return fetched(`http://${host}:${port}${path}`, { method: "POST", body, headers })
      })
    assert.deepStrictEqual(yield* post("/double", `{"value":21}`), { status: 200, body: `{"value":42}` })
    assert.strictEqual((yield* post("/double", `{"value":"many"}`)).status, 400)
    const form = new FormData()
    form.append("file", new Blob([pattern(300_000)]), "some.bin")
    assert.deepStrictEqual(yield* post("/upload", form), {
      status: 200,
      body: `{"name":"some.bin","bytes":300000}`
    })
  })

describe("an HttpApi, by fetch", () => {
  /** The first files of a process open what stays open. */
  beforeAll(() =>
    Effect.runPromise(Effect.scoped(Effect.provide(asked(servers["platform-node"]), Net.layer)))
  )

  for (const [name, layer] of Object.entries(servers)) {
    test(subject, `over ${name}: answers, refuses what its schema does not allow, and takes a file`, () =>
      asked(layer)
    )
  }
})
