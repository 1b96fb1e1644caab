/**
 * Listens and connects at a link-local address of the loopback interface, which somebody has given it, and names the interface.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { format } from "effect-iocp/Address"
import * as Net from "effect-iocp/Net"

const host = "fe80::1%lo"

const program = Effect.gen(function* () {
  const listener = yield* Net.listen({ host, port: 0 })
  const { port } = listener.address
  const [client, server] = yield* Effect.all([Net.connect({ host, port }), listener.accept], {
    concurrency: 2
  })
  yield* client.writeString("by name\n")
  const line = yield* server.readLine
  const withoutZone = yield* Effect.either(Net.connect({ host: "fe80::1", port }))
  const unknown = yield* Effect.either(Net.connect({ host: "fe80::1%lo0", port }))
  return {
    line: line._tag === "Some" ? line.value : undefined,
    listening: format(listener.address).replace(`:${port}`, ""),
    connected: format(client.remoteAddress).replace(`:${port}`, ""),
    accepted: format(server.remoteAddress).replace(/:\d+$/, ""),
    withoutZone: Either.match(withoutZone, { onLeft: ({ reason }) => reason, onRight: () => "connected" }),
    unknown: Either.match(unknown, { onLeft: ({ reason }) => reason, onRight: () => "connected" })
  }
})

const result = await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(Net.layer)))
console.log(`result: ${JSON.stringify(result)}`)
