/** Node streams in Effect programs, for the tests of the bridges. */
import type { EventEmitter } from "node:events"
import type { Readable, Writable } from "node:stream"
import * as Effect from "effect/Effect"
import * as Net from "../../src/Net/index.js"
import * as NodeDuplex from "../../src/Platform/NodeDuplex.js"
import { pair, type Subject } from "../Net/harness.js"

export const subject: Subject = {
  name: process.platform === "win32" ? "iocp" : "epoll",
  layer: Net.layer,
  isSlow: process.env["EFFECT_IOCP_LANE"] === "wine"
}

/** The first argument of the next such event. */
export const event = (emitter: EventEmitter, name: string): Effect.Effect<unknown> =>
  Effect.async((resume) => {
    const listener = (value: unknown) => resume(Effect.succeed(value))
    emitter.once(name, listener)
    return Effect.sync(() => emitter.off(name, listener))
  })

/** Like `event`, listening from now on, and not only when the effect runs. */
export const eventFromNow = (emitter: EventEmitter, name: string): Effect.Effect<unknown> => {
  const outcome = new Promise((resolve) => emitter.once(name, resolve))
  return Effect.promise(() => outcome)
}

export const written = (stream: Writable, bytes: Uint8Array | string): Effect.Effect<void, Error> =>
  Effect.async((resume) => {
    stream.write(bytes, (error) => resume(error ? Effect.fail(error) : Effect.void))
  })

/** All that comes, to the end. The stream stays: `for await` alone would destroy it, and what it still has to write. */
export const allOf = (stream: Readable): Effect.Effect<Buffer, Error> =>
  Effect.tryPromise({
    try: async () => {
      const chunks: Array<Buffer> = []
      for await (const chunk of stream.iterator({ destroyOnReturn: false })) chunks.push(chunk)
      return Buffer.concat(chunks)
    },
    catch: (error) => (error instanceof Error ? error : new Error(String(error)))
  })

/** A connection whose one end is a stream. */
export const streamAndPeer = (options?: NodeDuplex.NodeDuplexOptions) =>
  Effect.gen(function* () {
    const { client, listener, server } = yield* pair
    const stream = yield* NodeDuplex.make(client, options)
    return { client, listener, peer: server, stream }
  })

/** A connection both of whose ends are streams. */
export const streams = (options?: NodeDuplex.NodeDuplexOptions) =>
  Effect.gen(function* () {
    const { peer, stream } = yield* streamAndPeer(options)
    return [stream, yield* NodeDuplex.make(peer, options)] as const
  })

/** What Node says of an error. */
export const codeOf = (error: unknown): unknown =>
  typeof error === "object" && error !== null ? Reflect.get(error, "code") : undefined

/** Lets Node's event loop turn a few times. */
export const turns = (count: number): Effect.Effect<void> =>
  Effect.repeatN(
    Effect.async<void>((resume) => {
      setImmediate(() => resume(Effect.void))
    }),
    count
  )
