/** What a program tells of itself in its last line: JSON that a test reads. */
import { readdirSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Net from "effect-iocp/Net"

export const openDescriptors = () => readdirSync("/proc/self/fd").length

/** Runs the program with the service, and says what it answered and what it left behind. */
export const runAndTell = async (program) => {
  const warmUp = Effect.scoped(Net.listen({ host: "127.0.0.1", port: 0 }))
  await Effect.runPromise(Effect.provide(warmUp, Net.layer))
  const before = openDescriptors()
  const checked = Effect.zip(Effect.scoped(program), Net.statistics)
  const [answer, statistics] = await Effect.runPromise(Effect.provide(checked, Net.layer))
  // libuv gives its own descriptors back a turn later.
  await new Promise((after) => setTimeout(after, 50))
  const descriptors = openDescriptors() - before
  console.log(`result: ${JSON.stringify({ ...answer, ...statistics, descriptors })}`)
}
