// @ts-check
/** HTTP of @effect/platform over this library. */
import { Effect } from "effect"
import { Net } from "../../dist/index.js"
import * as HttpServer from "../../dist/Platform/HttpServer.js"
import { endWithRunner } from "./endWithRunner.mjs"
import { serveApp } from "./httpApp.mjs"
import { host, readArguments } from "./protocol.mjs"

const { port } = readArguments()

endWithRunner()
await Effect.runPromise(
  serveApp.pipe(Effect.provide(HttpServer.layer({ host, port })), Effect.provide(Net.layer))
)
