/**
 * Random programs, and what must hold of each of them.
 *
 * A program is a number of connections, made at once, with a script for each of their two sides. A side writes the
 * bytes of one known stream, so that what the other side has read tells by itself where it stands. What must hold:
 *
 *  - What was read is the beginning of what was written: in order, whole, once.
 *  - Who reads the end of the stream has read all that was written before it.
 *  - Whatever fails does so with a typed error.
 *  - Every operation that was submitted has retired, no socket is open, and every scope closes.
 *
 * It fails within some hundred programs when one of these is broken in the library: what comes too late for a read or
 * an accept that was interrupted is dropped (`Intake.settle` does not land it while somebody drains); a close does not
 * wait for what is in flight (`Lifetime.closeAs` without `drain`); an operation is its submitter's again before it is
 * told so (`Parked.settle` finishes it, rather than `Simulation.deliver`).
 */
import { assert } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as fc from "fast-check"
import { isSocketError, isTimeoutError } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"
import { pattern } from "./programs.js"

type Command =
  | { readonly do: "write"; readonly bytes: number; readonly timeout: number | undefined }
  | { readonly do: "writeInterrupted"; readonly bytes: number; readonly after: number }
  | { readonly do: "read"; readonly maxBytes: number; readonly timeout: number }
  | { readonly do: "readInterrupted"; readonly maxBytes: number; readonly after: number }
  | { readonly do: "pause"; readonly millis: number }
  | { readonly do: "shutdown" | "close" | "abort" }

interface Pair {
  readonly client: ReadonlyArray<Command>
  readonly server: ReadonlyArray<Command>
  /** After so many turns the first try to connect, and to accept, is interrupted, and made again. */
  readonly connectInterrupted: number | undefined
  readonly acceptInterrupted: number | undefined
}

export type Program = ReadonlyArray<Pair>

const maybe = (arbitrary: fc.Arbitrary<number>) => fc.option(arbitrary, { nil: undefined, freq: 2 })
const turns = fc.nat(8)
const millis = fc.nat(3)
const size = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 30 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 500 }) }
)

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("write" as const), bytes: size, timeout: maybe(millis) })
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("writeInterrupted" as const), bytes: size, after: turns })
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("read" as const), maxBytes: size, timeout: millis }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("readInterrupted" as const), maxBytes: size, after: turns })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("pause" as const), millis }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("shutdown" as const, "close" as const, "abort" as const) })
  }
)

const script = fc.array(command, { maxLength: 4 })

export const programs: fc.Arbitrary<Program> = fc.array(
  fc.record({
    client: script,
    server: script,
    connectInterrupted: maybe(turns),
    acceptInterrupted: maybe(turns)
  }),
  { minLength: 1, maxLength: 2 }
)

/** One side of a connection, and what is known of its two streams. */
class Side {
  readonly connection: Net.Connection
  /** How many bytes have been written: at least, and at most, since an interrupted write does not tell. */
  atLeast = 0
  atMost = 0
  private readonly chunks: Array<Uint8Array> = []
  hasEnded = false
  private isWriting = true

  constructor(connection: Net.Connection) {
    this.connection = connection
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks)
  }

  run(next: Command): Effect.Effect<unknown, unknown> {
    switch (next.do) {
      case "write":
        return this.write(next.bytes, next.timeout)
      case "writeInterrupted":
        return this.writeInterrupted(next.bytes, next.after)
      case "read":
        return this.read({ maxBytes: next.maxBytes, timeout: next.timeout })
      case "readInterrupted":
        return interruptedAfter(next.after, this.read({ maxBytes: next.maxBytes }))
      case "pause":
        return Effect.sleep(next.millis)
      case "shutdown":
        this.isWriting = false
        return this.connection.shutdown("write")
      case "close":
        return this.connection.close
      case "abort":
        return this.connection.abort
    }
  }

  /** Lets the peer read to the end, and reads to the end oneself. */
  readonly finish = Effect.suspend(() =>
    Effect.zip(
      Effect.ignore(this.connection.shutdown("write")),
      Effect.ignore(Effect.repeat(this.read({ timeout: "1 minute" }), { until: () => this.hasEnded })),
      { concurrent: true }
    )
  )

  /** What the other side has written is what came here. */
  check(peer: Side): void {
    const { received } = this
    assert.isTrue(received.equals(pattern(received.length)), "bytes are lost, repeated or out of order")
    assert.isAtMost(received.length, peer.atMost, "more came than was written")
    if (this.hasEnded) assert.isAtLeast(received.length, peer.atLeast, "the end came too early")
  }

  private read(options: Net.ReadOptions) {
    return Effect.flatMap(this.connection.readWith(options), (chunk) => {
      if (chunk.length === 0) this.hasEnded = true
      else this.chunks.push(chunk)
      return Effect.void
    })
  }

  /** Always within some time: two sides that write and do not read would wait for each other. */
  private write(bytes: number, timeout: Duration.DurationInput = "1 second") {
    return Effect.suspend(() => {
      if (!this.isWriting) return Effect.void
      const from = this.atLeast
      this.atMost = from + bytes
      return this.connection.writeAll(pattern(bytes, from), { timeout }).pipe(
        Effect.tap(() => this.hasWritten(from + bytes)),
        Effect.tapErrorTag("TimeoutError", ({ bytesTransferred = 0 }) =>
          this.hasWritten(from + bytesTransferred)
        ),
        // What failed in another way may have left in part; the connection is of no use any more.
        Effect.tapErrorTag("ConnectionError", () => this.stopsWriting),
        Effect.tapErrorTag("NetworkError", () => this.stopsWriting)
      )
    })
  }

  /** Nobody is told how far it came, so nothing can be written after it. */
  private writeInterrupted(bytes: number, after: number) {
    return Effect.suspend(() => {
      if (!this.isWriting) return Effect.void
      this.isWriting = false
      this.atMost = this.atLeast + bytes
      return interruptedAfter(after, this.connection.writeAll(pattern(bytes, this.atLeast)))
    })
  }

  private hasWritten(bytes: number): Effect.Effect<void> {
    return Effect.sync(() => {
      this.atLeast = bytes
      this.atMost = bytes
    })
  }

  private readonly stopsWriting = Effect.sync(() => {
    this.isWriting = false
  })
}

/** Runs an effect in a fiber of its own, and interrupts it after so many turns. */
const interruptedAfter = <A, E, R>(count: number, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(effect)
    for (let turn = 0; turn < count; turn++) yield* Effect.yieldNow()
    return yield* Fiber.interrupt(fiber)
  })

/** Only what the library promises to fail with. */
const typedOnly = <A, R>(effect: Effect.Effect<A, unknown, R>) =>
  Effect.catchAll(effect, (failure) => {
    assert.isTrue(isSocketError(failure) || isTimeoutError(failure), `not a typed error: ${String(failure)}`)
    return Effect.void
  })

/** Each accepted connection says first whose it is: accepts of several fibers come in any order. */
const runPair = (pair: Pair, listener: Net.Listener) =>
  Effect.gen(function* () {
    const { address } = listener
    const connect = Net.connect({ host: address.host, port: address.port, timeout: "1 minute" })
    const accept = listener.acceptWith({ timeout: "1 minute" })
    const early = <A, E, R>(count: number | undefined, effect: Effect.Effect<A, E, R>) =>
      count === undefined ? Effect.void : interruptedAfter(count, Effect.scoped(Effect.ignore(effect)))
    yield* Effect.zip(early(pair.connectInterrupted, connect), early(pair.acceptInterrupted, accept), {
      concurrent: true
    })
    const client = new Side(yield* connect)
    const port = (yield* client.connection.localAddress).port
    // Those of interrupted connects are in the queue too.
    for (;;) {
      const accepted = yield* accept
      if (accepted.remoteAddress.port === port) return { client, server: new Side(accepted) }
    }
  })

const runScript = (side: Side, commands: ReadonlyArray<Command>) =>
  Effect.forEach(commands, (next) => typedOnly(side.run(next)), { discard: true })

const runSides = ({ client, server }: { readonly client: Side; readonly server: Side }, pair: Pair) =>
  Effect.gen(function* () {
    const whole = (side: Side, commands: ReadonlyArray<Command>) =>
      Effect.zipRight(runScript(side, commands), side.finish)
    yield* Effect.zip(whole(client, pair.client), whole(server, pair.server), { concurrent: true })
    client.check(server)
    server.check(client)
  })

/** Runs a program, and looks at what must hold. */
export const runProgram = (program: Program) =>
  Effect.gen(function* () {
    const one = (pair: Pair) =>
      Effect.gen(function* () {
        const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
        yield* runSides(yield* runPair(pair, listener), pair)
      }).pipe(Effect.scoped, typedOnly)
    yield* Effect.forEach(program, one, { concurrency: "unbounded" })
    const { inFlight, openSockets, retired, submitted } = yield* Net.statistics
    assert.deepStrictEqual(
      { inFlight, openSockets },
      { inFlight: 0, openSockets: 0 },
      "something stays behind"
    )
    assert.strictEqual(retired, submitted, "operations retired")
  })
