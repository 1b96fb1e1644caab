// @ts-check
/** HTTP of @effect/platform over the NodeHttpServer of @effect/platform-node. */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Effect } from "effect"
import { endWithRunner } from "./endWithRunner.mjs"
import { serveApp } from "./httpApp.mjs"
import { host, readArguments } from "./protocol.mjs"

const { port } = readArguments()

endWithRunner()
await Effect.runPromise(
  serveApp.pipe(Effect.provide(NodeHttpServer.layer(() => createServer(), { host, port })))
)
