/** A real `redis-server`, for as long as the scope lasts: on a free port of the loopback interface, without a file. */
import { tmpdir } from "node:os"
import * as Effect from "effect/Effect"
import { freePort, host, reachable, running } from "./server.js"

export const redisServer = Effect.gen(function* () {
  const port = yield* freePort
  const settings = [
    "--port",
    String(port),
    "--bind",
    host,
    "--save",
    "",
    "--appendonly",
    "no",
    "--dir",
    tmpdir()
  ]
  yield* running("redis-server", settings)
  yield* reachable(port)
  return port
})
