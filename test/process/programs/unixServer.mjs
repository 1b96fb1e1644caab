/** A server at the path that it is given, until it is told to end. */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import { Net, Unix } from "effect-iocp"

const server = Effect.gen(function* () {
  const listener = yield* Unix.listen({ path: process.argv[2] })
  yield* Console.log(`listening at ${listener.address.path}`)
  return yield* listener.serve((connection) => connection.writeString("served\n"))
})

NodeRuntime.runMain(server.pipe(Effect.scoped, Effect.provide(Net.layer)))
