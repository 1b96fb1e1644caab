/** Clients that mean no good, and one that does. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { SocketError, TimeoutError } from "../../../src/Errors/index.js"
import * as Net from "../../../src/Net/index.js"
import { makeRandom } from "../soak/random.js"
import { sized } from "./subject.js"

const PIECE_BYTES = 64 * 1024

export const connectTo = (port: number) => Net.connect({ host: "127.0.0.1", port, timeout: "20 seconds" })

/** Whether a failure says that the server has cut the client off. */
const isCut = (failure: SocketError | TimeoutError): boolean =>
  failure._tag === "ConnectionError" && ["Reset", "Aborted"].includes(failure.reason)

/** An attacker's failures count only if they are not the server's defence. */
const untilCut = (
  attack: Effect.Effect<unknown, SocketError | TimeoutError>
): Effect.Effect<boolean, SocketError> =>
  Effect.matchEffect(attack, {
    onSuccess: () => Effect.succeed(false),
    onFailure: (failure) =>
      failure._tag === "TimeoutError"
        ? Effect.succeed(false)
        : isCut(failure)
          ? Effect.succeed(true)
          : Effect.fail(failure)
  })

/** Reads whatever comes, so that the server is never held up. */
const drain = (connection: Net.Connection): Effect.Effect<void> =>
  Effect.ignore(Effect.repeat(connection.read, { until: (chunk) => chunk.length === 0 }))

/** A byte now and then, never a line's end, until the server cuts it off: `true`, or the pieces are over. */
export const slowLoris = (port: number, bytes: number) =>
  Effect.scoped(
    Effect.flatMap(connectTo(port), (connection) =>
      untilCut(Effect.repeatN(Effect.zipRight(connection.writeString("a"), Effect.sleep("10 millis")), bytes))
    )
  )

/** How long an endless line is: `STRESS_LINE_BYTES=1073741824` for the full gibibyte. */
export const lineBytes = (usual: number): number => sized("STRESS_LINE_BYTES", usual)

/** A line without an end; what comes back is read. Answers whether the server cut it off. */
export const endlessLine = (port: number, bytes: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* connectTo(port)
      yield* Effect.forkScoped(drain(connection))
      const piece = new Uint8Array(PIECE_BYTES).fill(0x61)
      const pieces = Math.ceil(bytes / PIECE_BYTES)
      return yield* untilCut(Effect.repeatN(connection.writeAll(piece), pieces - 1))
    })
  )

/** A line without an end from one who never reads: a server that answers it is held up, and holds the client up. */
export const deafEndlessLine = (port: number, bytes: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* connectTo(port)
      return yield* untilCut(connection.writeAll(new Uint8Array(bytes).fill(0x61), { timeout: "300 millis" }))
    })
  )

/** Bytes without a meaning. */
export const randomBytes = (port: number, seed: number, pieces: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const random = makeRandom(seed)
      const connection = yield* connectTo(port)
      yield* Effect.forkScoped(drain(connection))
      const write = Effect.suspend(() =>
        connection.writeAll(Uint8Array.from({ length: random.between(1, 5000) }, () => random.below(256)))
      )
      return yield* untilCut(Effect.repeatN(write, pieces - 1))
    })
  )

/** Connects, and is gone with a reset. */
export const vanish = (port: number) =>
  Effect.scoped(Effect.flatMap(connectTo(port), (connection) => connection.abort))

/** The well-behaved one: a line there and a line back, `rounds` times over. */
export const converse = (port: number, rounds: number, answer: (line: string) => string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* connectTo(port)
      for (let round = 0; round < rounds; round++) {
        yield* connection.writeString(`line ${round}\n`)
        const line = yield* connection.readLineWith({ timeout: "30 seconds" })
        assert.strictEqual(line._tag === "Some" && line.value, answer(`line ${round}`))
        yield* Effect.sleep("2 millis")
      }
    })
  )
