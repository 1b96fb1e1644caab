/**
 * What the clients of the soak do, each on a connection of its own. A conversation succeeds if everything came out as
 * it must, errors that it provokes included.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { SocketError, TimeoutError } from "../../../src/Errors/index.js"
import * as Net from "../../../src/Net/index.js"
import { type Broken, broken, isGone, readPattern, request } from "./protocol.js"
import { isPattern, pattern, type Random } from "./random.js"

type Outcome = Effect.Effect<void, SocketError | TimeoutError | Broken, Net.Net | Scope.Scope>

export type Conversation = (port: number, random: Random) => Outcome

const host = "127.0.0.1"

/** Nobody listens there: a port of the system's own, long out of use. */
const DEAD_PORT = 1

const connect = (port: number) => Net.connect({ host, port, timeout: "20 seconds" })

const someTurns = (random: Random) => {
  const turns = random.below(6)
  return turns === 5 ? Effect.sleep("1 millis") : Effect.forEach(Array(turns), () => Effect.yieldNow())
}

const expectCount = (connection: Net.Connection, expected: number) =>
  Effect.flatMap(connection.readLineWith({ timeout: "20 seconds" }), (line) =>
    line._tag === "Some" && line.value === String(expected)
      ? Effect.void
      : broken(`${expected} bytes were sent, the peer counted ${line._tag === "Some" ? line.value : "none"}`)
  )

/** Writes and reads at once, ends its half, and reads what is left. */
const echo: Conversation = (port, random) =>
  Effect.gen(function* () {
    const connection = yield* connect(port)
    yield* connection.writeAll(request("echo"))
    const length = random.below(random.chance(0.1) ? 500_000 : 5_000)
    const writing = Effect.gen(function* () {
      for (let at = 0; at < length; ) {
        const end = Math.min(length, at + random.between(1, 40_000))
        yield* connection.writeAll(pattern(length).subarray(at, end))
        at = end
      }
      yield* connection.shutdown("write")
    })
    const [, total] = yield* Effect.all([writing, readPattern(connection)], { concurrency: 2 })
    if (total !== length) return yield* broken(`${total} of ${length} bytes came back`)
  })

const words = ["port", "Straße", "完了", "🚢 and 🚂", "", "x".repeat(300)]

/** Lines, some of them not ASCII, there and back. */
const lines: Conversation = (port, random) =>
  Effect.gen(function* () {
    const connection = yield* connect(port)
    yield* connection.writeAll(request("echo"))
    for (let round = random.between(1, 10); round > 0; round--) {
      const sent = `${words[random.below(words.length)]}${round}`
      yield* connection.writeString(`${sent}\r\n`)
      const line = yield* connection.readLineWith({ timeout: "20 seconds" })
      if (line._tag === "None" || line.value !== sent)
        return yield* broken(`the line ${sent} came back otherwise`)
    }
  })

/** Interrupts reads at any moment while bytes come: not one is lost or repeated. */
const interruptedReads: Conversation = (port, random) =>
  Effect.gen(function* () {
    const connection = yield* connect(port)
    const length = random.between(1, 200_000)
    yield* connection.writeAll(request("stream", length))
    let position = 0
    let isOrdered = true
    for (let rounds = random.between(5, 40); rounds > 0; rounds--) {
      const reading = Effect.flatMap(
        connection.readWith({ maxBytes: random.between(1, 10_000) }),
        (chunk) => {
          isOrdered &&= isPattern(chunk, position)
          position += chunk.length
          return Effect.void
        }
      )
      const reader = yield* Effect.fork(reading)
      yield* someTurns(random)
      const exit = yield* Fiber.interrupt(reader)
      if (Exit.isFailure(exit) && !Exit.isInterrupted(exit)) return yield* exit
    }
    const total = yield* readPattern(connection, position)
    if (!isOrdered || total !== length)
      return yield* broken(`${total} of ${length} bytes after interruptions`)
  })

/** Writes with hardly any time to a peer that does not read, and goes on from where each write came to. */
const lateWrites: Conversation = (port, random) =>
  Effect.gen(function* () {
    const connection = yield* connect(port)
    const length = random.between(1, 1_000_000)
    const bytes = pattern(length)
    yield* connection.writeAll(request("stall"))
    for (let at = 0; at < length; ) {
      const attempt = Effect.as(connection.writeAll(bytes.subarray(at), { timeout: "3 millis" }), length - at)
      at += yield* Effect.catchTag(attempt, "TimeoutError", (late) =>
        Effect.succeed(late.bytesTransferred ?? 0)
      )
    }
    yield* connection.shutdown("write", { timeout: "20 seconds" })
    yield* expectCount(connection, length)
  })

/** Reads that time out take nothing. */
const lateReads: Conversation = (port, random) =>
  Effect.gen(function* () {
    const connection = yield* connect(port)
    yield* connection.writeAll(request("echo"))
    let position = 0
    for (let rounds = random.between(1, 5); rounds > 0; rounds--) {
      const nothing = yield* Effect.either(connection.readWith({ timeout: random.below(3) }))
      if (nothing._tag === "Right") return yield* broken("bytes came that nobody sent")
      if (nothing.left._tag !== "TimeoutError") return yield* nothing.left
      const end = position + random.between(1, 100)
      yield* connection.writeAll(pattern(end).subarray(position))
      while (position < end) {
        const chunk = yield* connection.readWith({ timeout: "20 seconds" })
        if (chunk.length === 0 || !isPattern(chunk, position)) return yield* broken("a late read took bytes")
        position += chunk.length
      }
    }
  })

/** Interrupts a write, perhaps in its middle: then the half is broken and says so, or else nothing happened. */
const interruptedWrite: Conversation = (port, random) =>
  Effect.gen(function* () {
    const connection = yield* connect(port)
    yield* connection.writeAll(request("stall"))
    const writer = yield* Effect.fork(connection.writeAll(pattern(1_000_000)))
    yield* someTurns(random)
    yield* Fiber.interrupt(writer)
    // An empty write sends nothing, and yet is told of a broken half.
    const next = yield* Effect.either(connection.write(new Uint8Array(0)))
    if (next._tag === "Left" && next.left.reason !== "Aborted") return yield* next.left
    yield* connection.abort
  })

/** Resets the connection while the peer sends. */
const resetting: Conversation = (port, random) =>
  Effect.gen(function* () {
    const connection = yield* connect(port)
    yield* connection.writeAll(request("stream", 1_000_000))
    for (let reads = random.below(3); reads > 0; reads--) yield* connection.read
    yield* connection.abort
  })

/** Is reset by the peer: never a hang, never another error. A reset before the read may look like an end. */
const beingReset: Conversation = (port) =>
  Effect.gen(function* () {
    const connection = yield* connect(port)
    const outcome = yield* Effect.either(
      Effect.zipRight(connection.writeAll(request("reset")), connection.read)
    )
    if (outcome._tag === "Left" && !isGone(outcome.left)) return yield* outcome.left
    if (outcome._tag === "Right" && outcome.right.length > 0) return yield* broken("bytes came with a reset")
  })

/** Connects and is gone. */
const vanishing: Conversation = (port, random) =>
  Effect.flatMap(connect(port), (connection) => (random.chance(0.5) ? connection.abort : connection.close))

/** Gives up connecting before it is over. */
const interruptedConnect: Conversation = (port, random) =>
  Effect.gen(function* () {
    const connecting = yield* Effect.fork(Effect.scoped(connect(port)))
    yield* someTurns(random)
    yield* Fiber.interrupt(connecting)
  })

/** A pair of operations, the first of which ends the other. */
const racing: Conversation = (port, random) =>
  Effect.gen(function* () {
    const connection = yield* connect(port)
    yield* connection.writeAll(request("echo"))
    const length = random.between(1, 2_000)
    yield* Effect.race(connection.readLine, someTurns(random))
    yield* connection.writeAll(pattern(length))
    yield* connection.shutdown("write")
    const total = yield* readPattern(connection)
    if (total !== length) return yield* broken(`${total} of ${length} bytes after a race`)
  })

/** Nobody listens: an error of its own. */
const refused: Conversation = () =>
  Effect.gen(function* () {
    const outcome = yield* Effect.either(Effect.scoped(connect(DEAD_PORT)))
    if (outcome._tag === "Right") return yield* broken("a connection to nobody")
    if (outcome.left._tag !== "ConnectionError" || outcome.left.reason !== "Refused")
      return yield* outcome.left
  })

/** All of them, and how often each is chosen, relative to the others. */
const shares: Readonly<Record<string, readonly [share: number, conversation: Conversation]>> = {
  echo: [3, echo],
  lines: [2, lines],
  "interrupted reads": [2, interruptedReads],
  "late writes": [1, lateWrites],
  "late reads": [1, lateReads],
  "interrupted write": [1, interruptedWrite],
  resetting: [3, resetting],
  "being reset": [3, beingReset],
  vanishing: [3, vanishing],
  "interrupted connect": [2, interruptedConnect],
  racing: [2, racing],
  refused: [1, refused]
}

interface Named {
  readonly name: string
  readonly conversation: Conversation
}

const deck: ReadonlyArray<Named> = Object.entries(shares).flatMap(([name, [share, conversation]]) =>
  Array.from({ length: share }, () => ({ name, conversation }))
)

export const pick = (random: Random): Named =>
  deck[random.below(deck.length)] ?? { name: "echo", conversation: echo }
