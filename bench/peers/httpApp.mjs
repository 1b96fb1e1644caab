// @ts-check
/** The program that the HTTP servers run here, over whatever server they are given. */
import { HttpRouter, HttpServer, HttpServerResponse } from "@effect/platform"
import { Effect, Layer } from "effect"
import { tellListening } from "./protocol.mjs"

const routes = HttpRouter.empty.pipe(HttpRouter.get("/hello", HttpServerResponse.text("Hello, world!\n")))

/** To be given an `HttpServer`; never ends. */
export const serveApp = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  if (address._tag === "TcpAddress") tellListening(address.port)
  return yield* Layer.launch(HttpServer.serve(routes))
})
