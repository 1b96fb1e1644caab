/**
 * The other end of a connection, when it is not of this library: something that takes bytes and gives bytes, and whose
 * taking half can be ended alone.
 */
import type { Readable, Writable } from "node:stream"
import * as Effect from "effect/Effect"
import type * as Net from "../../src/Net/index.js"
import { concat, readExactly, readToEnd } from "../Net/harness.js"

export interface ForeignEnd {
  readonly send: (bytes: Uint8Array) => Effect.Effect<void, unknown>
  /** Nothing more is sent; what comes from the other side still arrives. */
  readonly finish: Effect.Effect<void, unknown>
  readonly receive: (length: number) => Effect.Effect<Uint8Array, unknown>
  /** What comes until the end of the stream. */
  readonly receiveToEnd: Effect.Effect<Uint8Array, unknown>
  /** Waits until it has nothing left to do, in either direction. Fails unless it ended well. */
  readonly over: Effect.Effect<void, unknown>
}

/** Keeps what a stream gives, and hands it out to one who waits for it. */
class Received {
  private readonly chunks: Array<Uint8Array> = []
  private length = 0
  private isEnded = false
  private failure: Error | undefined
  private attempt: () => void = () => {}

  constructor(stream: Readable) {
    stream.on("data", (chunk: Uint8Array) => {
      this.chunks.push(chunk)
      this.length += chunk.length
      this.attempt()
    })
    stream.on("end", () => {
      this.isEnded = true
      this.attempt()
    })
    stream.on("error", (error) => {
      this.failure ??= error
      this.attempt()
    })
    stream.on("close", () => {
      if (!this.isEnded) this.failure ??= new Error("closed before the end of the stream")
      this.attempt()
    })
  }

  exactly(length: number): Effect.Effect<Uint8Array, Error> {
    const isOver = () => new Error(`the stream ended after ${this.length} bytes of ${length}`)
    return this.when(() =>
      this.length >= length ? this.take(length) : this.isEnded ? isOver() : this.failure
    )
  }

  get toEnd(): Effect.Effect<Uint8Array, Error> {
    return this.when(() => (this.isEnded ? this.take(this.length) : this.failure))
  }

  private take(length: number): Uint8Array {
    const whole = concat(this.chunks.splice(0))
    this.chunks.push(whole.subarray(length))
    this.length = whole.length - length
    return whole.subarray(0, length)
  }

  /** One waits at a time. */
  private when(answer: () => Uint8Array | Error | undefined): Effect.Effect<Uint8Array, Error> {
    return Effect.async((resume) => {
      this.attempt = () => {
        const found = answer()
        if (found === undefined) return
        this.attempt = () => {}
        resume(found instanceof Error ? Effect.fail(found) : Effect.succeed(found))
      }
      this.attempt()
    })
  }
}

const write = (stream: Writable, bytes: Uint8Array): Effect.Effect<void, Error> =>
  Effect.async((resume) => {
    stream.write(bytes, (error) => resume(error ? Effect.fail(error) : Effect.void))
  })

const end = (stream: Writable): Effect.Effect<void> =>
  Effect.async((resume) => {
    stream.end(() => resume(Effect.void))
  })

/** An end made of node's streams. */
export const ofStreams = (
  incoming: Readable,
  outgoing: Writable,
  over: Effect.Effect<void, unknown>
): ForeignEnd => {
  const received = new Received(incoming)
  return {
    send: (bytes) => write(outgoing, bytes),
    finish: end(outgoing),
    receive: (length) => received.exactly(length),
    receiveToEnd: Effect.suspend(() => received.toEnd),
    over
  }
}

/** A connection of this library in the part of the other end, for the tests that run across two lanes. */
export const ofConnection = (connection: Net.Connection): ForeignEnd => ({
  send: (bytes) => connection.writeAll(bytes),
  finish: connection.shutdown("write"),
  receive: (length) => readExactly(connection, length),
  receiveToEnd: readToEnd(connection),
  over: Effect.void
})
